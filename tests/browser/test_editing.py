"""Two people and one product: nobody's text is lost, and nobody overwrites unknowingly."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.contrib.auth.hashers import make_password
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.portal import insert_product, open_live, sign_in, wait_live
from tests.live_site import LiveSite

NOTICE = "Changed by someone else while you edit"
CONFLICT = "Nothing was saved yet"


@pytest.fixture
def sql(live_site: LiveSite) -> Iterator["psycopg.Connection[Any]"]:
    with live_site.connect() as connection:
        yield connection


@pytest.fixture
def anna(context: BrowserContext) -> BrowserContext:
    return context


@pytest.fixture
def ben(browser: Browser, live_site: LiveSite, sql: "psycopg.Connection[Any]") -> Iterator[BrowserContext]:
    """Another user, with only the rights that the work needs."""
    username, key = f"ben-{uuid4().hex[:8]}", str(uuid4())
    sql.execute(
        "insert into accounts_user (id, password, is_superuser, username, first_name, last_name, email, is_staff,"
        " is_active, date_joined) values (%s, %s, false, %s, 'Ben', '', '', false, true, now())",
        [key, make_password("ben"), username],
    )
    sql.execute(
        "insert into accounts_user_user_permissions (user_id, permission_id)"
        " select %s, id from auth_permission where codename in ('view_product', 'change_product', 'delete_product')",
        [key],
    )
    with browser.new_context() as context:
        sign_in(context, live_site, username, "ben")
        yield context


@pytest.fixture
def key(sql: "psycopg.Connection[Any]", word: str) -> str:
    return insert_product(sql, f"{word} lamp", "12.50", description="Warm light")


def open_form(context: BrowserContext, site: LiveSite, key: str) -> Page:
    return open_live(context, site, f"/crm/products/{key}/edit/")


def save(page: Page) -> None:
    page.click("main form button[type=submit]")


def saved(sql: "psycopg.Connection[Any]", key: str) -> tuple[object, ...] | None:
    return sql.execute("select name, description, price::text from products where id = %s", [key]).fetchone()


def test_what_one_types_is_never_overwritten_by_what_another_saves(
    anna: BrowserContext, ben: BrowserContext, live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str, key: str
) -> None:
    mine, theirs = open_form(anna, live_site, key), open_form(ben, live_site, key)
    mine.fill("[name=description]", "")
    # Text is typed and the caret is in the middle: neither may move.
    mine.type("[name=description]", "My own words")
    mine.evaluate("document.querySelector('[name=description]').setSelectionRange(3, 6)")

    theirs.fill("[name=name]", f"{word} floor lamp")
    theirs.fill("[name=description]", "Cold light")
    save(theirs)
    expect(theirs.locator("main")).to_contain_text("was saved.")

    notice = mine.locator("[data-live-region]")
    expect(notice).to_contain_text(NOTICE)
    expect(notice.locator("ins")).to_contain_text([f"{word} floor lamp", "Cold light"])
    expect(notice.locator("del")).to_contain_text([f"{word} lamp", "Warm light"])
    assert mine.input_value("[name=description]") == "My own words"
    # A field that nobody typed into is theirs, and says so: what the user sees is what is saved.
    expect(mine.locator("[name=name]")).to_have_value(f"{word} floor lamp")
    expect(mine.locator("[data-field=name]")).to_contain_text("Ben changed this")
    assert mine.evaluate("document.activeElement.name") == "description"
    caret = "[document.activeElement.selectionStart, document.activeElement.selectionEnd]"
    assert mine.evaluate(caret) == [3, 6]

    save(mine)
    expect(mine.get_by_role("alert")).to_contain_text(CONFLICT)
    assert mine.input_value("[name=description]") == "My own words"
    assert saved(sql, key) == (f"{word} floor lamp", "Cold light", "12.50")
    compared = mine.get_by_role("alert").get_by_role("group")
    expect(compared).to_have_count(1)
    for words in ("Description", "My own words", "Cold light", "Warm light"):
        expect(compared).to_contain_text(words)

    mine.fill("[name=name]", f"{word} agreed")
    mine.get_by_role("button", name="Save as chosen").click()
    expect(mine.locator("main")).to_contain_text("was saved.")
    assert saved(sql, key) == (f"{word} agreed", "My own words", "12.50")


def test_a_third_change_while_a_conflict_is_read_is_noticed_too(
    anna: BrowserContext, live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str, key: str
) -> None:
    mine = open_form(anna, live_site, key)
    # First: what theirs was when one began to type over it, one has seen.
    mine.fill("[name=description]", "mine")
    sql.execute("update products set description = 'second' where id = %s", [key])
    save(mine)
    expect(mine.get_by_role("alert")).to_contain_text(CONFLICT)
    wait_live(mine)
    # What the conflict already said isn't repeated beside it.
    expect(mine.locator("[data-live-region]")).not_to_contain_text(NOTICE)
    sql.execute("update products set description = 'third' where id = %s", [key])
    expect(mine.locator("[data-live-region] ins")).to_have_text("third")
    expect(mine.locator("[data-live-region] del")).to_have_text("second")
    mine.get_by_role("button", name="Save as chosen").click()
    expect(mine.locator(".choose")).to_contain_text("third")
    assert saved(sql, key) == (f"{word} lamp", "third", "12.50")


def test_discarding_shows_the_form_as_it_is_now(
    anna: BrowserContext, live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str, key: str
) -> None:
    mine = open_form(anna, live_site, key)
    mine.fill("[name=name]", f"{word} mine")
    sql.execute("update products set name = %s, price = 99 where id = %s", [f"{word} theirs", key])
    save(mine)
    mine.get_by_role("link", name="Discard mine").click()
    expect(mine.locator("[name=name]")).to_have_value(f"{word} theirs")
    expect(mine.locator("[name=price]")).to_have_value("99.00")
    expect(mine.locator(".choose")).to_have_count(0)


def test_a_change_that_is_taken_back_leaves_no_notice(
    anna: BrowserContext, live_site: LiveSite, sql: "psycopg.Connection[Any]", key: str
) -> None:
    mine = open_form(anna, live_site, key)
    sql.execute("update products set description = 'other' where id = %s", [key])
    expect(mine.locator("[data-live-region]")).to_contain_text(NOTICE)
    sql.execute("update products set description = 'Warm light' where id = %s", [key])
    expect(mine.locator("[data-live-region]")).not_to_contain_text(NOTICE)


def test_a_product_deleted_while_it_is_edited_says_so_and_what_was_typed_stays(
    anna: BrowserContext, ben: BrowserContext, live_site: LiveSite, sql: "psycopg.Connection[Any]", key: str
) -> None:
    mine = open_form(anna, live_site, key)
    mine.fill("[name=description]", "An hour of work")
    theirs = ben.new_page()
    theirs.goto(f"{live_site.url}/crm/products/{key}/delete/")
    save(theirs)
    expect(theirs.locator("main")).to_contain_text("was deleted.")
    expect(mine.locator("[data-gone]")).to_contain_text("was deleted while you edit it")
    expect(mine.locator("[name=description]")).to_have_value("An hour of work")
    assert saved(sql, key) is None


def test_saving_a_product_that_was_deleted_meanwhile_still_shows_what_was_typed(
    anna: BrowserContext, live_site: LiveSite, sql: "psycopg.Connection[Any]", key: str
) -> None:
    mine = open_form(anna, live_site, key)
    mine.fill("[name=description]", "An hour of work")
    sql.execute("delete from products where id = %s", [key])
    expect(mine.locator("[data-gone]")).to_be_visible()
    # The button is gone by now, but the Enter key still sends the form.
    with mine.expect_navigation():
        mine.press("[name=name]", "Enter")
    expect(mine.locator("[name=description]")).to_have_value("An hour of work")
    assert saved(sql, key) is None


def test_a_delete_is_confirmed_for_the_row_as_it_was_shown(
    anna: BrowserContext, live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str, key: str
) -> None:
    page = anna.new_page()
    page.goto(f"{live_site.url}/crm/products/{key}/delete/")
    sql.execute("update products set name = %s where id = %s", [f"{word} precious now", key])
    save(page)
    expect(page.get_by_role("alert")).to_contain_text("Not deleted")
    expect(page.locator(".quote")).to_contain_text("precious now")
    assert saved(sql, key) is not None
    save(page)
    expect(page.locator("main")).to_contain_text("was deleted.")
    assert saved(sql, key) is None


def test_the_search_box_keeps_focus_text_and_caret_while_rows_come_and_go(
    anna: BrowserContext, live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str, key: str
) -> None:
    page = open_live(anna, live_site, f"/crm/products/?q={word}")
    box = page.get_by_role("searchbox")
    box.fill("half a thought")
    box.evaluate("box => box.setSelectionRange(4, 7)")
    for number in range(5):
        new = insert_product(sql, f"{word} {number}")
        expect(page.locator(f"[data-id='{new}']")).to_be_visible()
        sql.execute("update products set price = price + 1 where id = %s", [key])
        sql.execute("delete from products where id = %s", [new])
        expect(page.locator(f"[data-id='{new}']")).to_have_count(0)
    expect(box).to_be_focused()
    expect(box).to_have_value("half a thought")
    assert box.evaluate("box => [box.selectionStart, box.selectionEnd]") == [4, 7]
    page.keyboard.press("Enter")
    page.wait_for_url("**/crm/products/?q=half+a+thought*")


def test_a_focused_row_keeps_the_focus_when_it_changes_and_moves(
    anna: BrowserContext, live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str, key: str
) -> None:
    page = open_live(anna, live_site, f"/crm/products/?q={word}")
    page.locator(f"[data-id='{key}'] a").focus()
    insert_product(sql, f"{word} above")
    sql.execute("update products set name = %s where id = %s", [f"{word} renamed", key])
    expect(page.locator(f"[data-id='{key}']")).to_contain_text("renamed")
    assert page.evaluate("document.activeElement.closest('[data-id]').dataset.id") == key
