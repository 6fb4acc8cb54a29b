"""Undo and redo in the browser: by the notice, by key, across pages, and from the history."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.portal import assert_equals_reload, open_live, row, wait_live
from tests.live_site import LiveSite

Sql = psycopg.Connection[Any]


@pytest.fixture
def sql(live_site: LiveSite) -> Iterator[Sql]:
    with live_site.connect() as connection:
        yield connection


def one(sql: Sql, statement: str, *values: object) -> str:
    found = sql.execute(statement.encode(), values).fetchone()
    assert found is not None
    return str(found[0])


def notice(page: Page) -> Any:
    return page.locator("[data-undo-notice]")


def test_what_was_done_is_undone_and_redone_by_key_and_from_the_notice(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    key = one(sql, "insert into tickets (title) values (%s) returning id", f"{word} one")
    page = open_live(context, live_site, f"/ticketing/tickets/?q={word}")
    status = row(page, key).locator("[data-quick-field=status]")
    status.click()
    page.get_by_role("menuitemradio", name="Resolved").click()
    expect(notice(page)).to_contain_text("The ticket is resolved now.")
    expect(status).to_have_text("Resolved")
    # Text has an undo of its own.
    search = page.get_by_role("searchbox").first
    search.press_sequentially("x")
    search.press("Control+z")
    expect(notice(page)).to_contain_text("resolved now")
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("Control+z")
    expect(status).to_have_text("Open")
    expect(notice(page)).to_contain_text(f"Put back: Status of “{word} one”.")
    page.keyboard.press("Control+Shift+z")
    expect(status).to_have_text("Resolved")
    # It is as near on the next page of this tab, also after a sentence that came with one.
    page.goto(f"{live_site.url}/ticketing/tickets/{key}/edit/")
    page.get_by_label("Title").fill(f"{word} two")
    page.get_by_role("button", name="Save changes").click()
    expect(page.locator(".messages")).to_contain_text("was saved")
    wait_live(page)
    page.keyboard.press("Control+z")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{word} one")
    page.keyboard.press("Control+z")
    expect(page.locator("[data-live-principal]")).to_contain_text("Open")
    notice(page).get_by_role("button", name="Redo").click()
    expect(page.locator("[data-live-principal]")).to_contain_text("Resolved")
    notice(page).get_by_role("button", name="Dismiss").click()
    expect(notice(page)).to_be_hidden()
    assert_equals_reload(page, live_site)


def test_the_history_is_live_and_what_was_changed_since_is_asked_about(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    key = one(sql, "insert into customers (name, phone) values (%s, '1') returning id", f"{word} Ada")
    page = open_live(context, live_site, f"/crm/customers/{key}/edit/")
    page.get_by_label("Name").fill(f"{word} Eve")
    page.get_by_label("Phone").fill("2")
    page.get_by_role("button", name="Save changes").click()
    history = open_live(context, live_site, f"/history/?record=customer/{key}")
    mine = history.locator("[data-doing^=portal]")
    expect(mine).to_contain_text("changed the customer")
    sql.execute("update customers set phone = '3' where id = %s", [key])
    expect(history.locator("[data-doing^=tx]").first).to_contain_text("by SQL")
    assert_equals_reload(history, live_site)
    mine.get_by_role("button", name="Undo").click()
    expect(notice(history)).to_contain_text("Phone: somebody outside Livedesk changed it since to “3”.")
    notice(history).get_by_role("link", name="See what").click()
    expect(history.get_by_role("heading", level=1)).to_have_text("Put back the rest?")
    history.get_by_role("button", name="Put back the rest").click()
    expect(history.locator(".messages")).to_contain_text("Put back: Name of")
    assert one(sql, "select name || ' ' || phone from customers where id = %s", key) == f"{word} Ada 3"
    # A field alone, of what somebody else did.
    history.goto(f"{live_site.url}/history/?record=customer/{key}")
    wait_live(history)
    history.locator("[data-doing^=tx]").first.get_by_role("button", name="Put back Phone").click()
    expect(notice(history)).to_contain_text("Put back: Phone of")
    assert one(sql, "select phone from customers where id = %s", key) == "2"
    # Deleted from its page, and back.
    history.goto(f"{live_site.url}/crm/customers/{key}/delete/")
    history.get_by_role("button", name="Delete customer").click()
    sentence = history.locator(".messages")
    expect(sentence).to_contain_text("was deleted")
    wait_live(history)
    sentence.get_by_role("button", name="Undo").click()
    expect(notice(history)).to_contain_text(f"“{word} Ada” is back.")
    expect(row(history, key)).to_be_visible()
