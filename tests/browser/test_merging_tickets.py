"""Merging and linking tickets in the browser: by keyboard, live for everybody, and nobody loses a word."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.portal import assert_equals_reload, open_live
from tests.browser.test_axe import assert_axe_finds_nothing
from tests.browser.test_drafts import kept
from tests.live_site import LiveSite

Sql = psycopg.Connection[Any]


@pytest.fixture
def sql(live_site: LiveSite) -> Iterator[Sql]:
    with live_site.connect() as connection:
        yield connection


def new_ticket(sql: Sql, title: str, *comments: str) -> str:
    row = sql.execute("insert into tickets (title) values (%s) returning id", [title]).fetchone()
    assert row is not None
    for comment in comments:
        sql.execute("insert into comments (ticket_id, content) values (%s, %s)", [row[0], comment])
    return str(row[0])


def address(key: str) -> str:
    return f"/ticketing/tickets/{key}/"


def reply(page: Page) -> Any:
    return page.locator("#comment-form textarea")


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_merge_by_keyboard_is_live_and_what_others_were_writing_goes_along(
    context: BrowserContext, other_context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    lamp, desk = new_ticket(sql, f"{word} lamp", "It hums"), new_ticket(sql, f"{word} desk", "It is dark")
    # On the other ticket there is half a reply already, from another day.
    before = open_live(other_context, live_site, address(desk))
    reply(before).fill(f"{word} first")
    kept(sql, word)(before, "first")
    before.close()
    page = open_live(context, live_site, address(lamp))
    # Without motion a new theme is there at once, not at the end of a transition.
    page.emulate_media(reduced_motion="reduce")
    target = open_live(context, live_site, address(desk))
    viewer = open_live(other_context, live_site, address(lamp))
    reply(viewer).fill(f"{word} second")

    opener = page.get_by_role("link", name="Merge", exact=True)
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Merge into another ticket")
    expect(dialog.get_by_role("combobox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("combobox")).to_be_focused()
    page.keyboard.type(f"{word} de")
    expect(page.locator(":popover-open [role=option]")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(dialog.locator(".merge__side")).to_have_count(2)
    expect(dialog.locator(".merge__side").last).to_contain_text(f"{word} desk")
    assert_axe_finds_nothing(page)
    page.set_viewport_size({"width": 360, "height": 780})
    assert fits(page)
    assert dialog.evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth")
    page.set_viewport_size({"width": 1440, "height": 900})
    confirm = dialog.get_by_role("button", name=re.compile("^Merge into"))
    for _ in range(4):
        if not confirm.evaluate("button => button === document.activeElement"):
            page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    expect(page.locator("[data-undo-notice]")).to_contain_text(f"“{word} lamp” was merged into “{word} desk”.")

    # Whoever looks on sees it at once, and keeps what they have typed.
    expect(viewer.locator(".merged")).to_contain_text(f"Merged into {word} desk")
    expect(reply(viewer)).to_be_hidden()
    expect(reply(viewer)).to_have_value(f"{word} second")
    expect(target.locator(".comment")).to_have_count(2)
    expect(target.locator(".comment__from")).to_have_text(f"from “{word} lamp”")
    expect(target.locator(".event").last).to_contain_text(f"merged into this ticket: {word} lamp")
    for each in (page, target):
        assert_equals_reload(each, live_site)
    assert_axe_finds_nothing(page)
    page.set_viewport_size({"width": 360, "height": 780})
    assert fits(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    viewer.get_by_role("link", name="Reply there").click()
    viewer.wait_for_url(re.compile(desk))
    expect(reply(viewer)).to_have_value(f"{word} first\n\n{word} second")
    viewer.get_by_role("button", name="Add comment").click()
    expect(target.locator(".comment__text").last).to_contain_text("second")
    left = "select count(*) from realtime_draft where kept like %s"
    assert sql.execute(left, [f"%{word}%"]).fetchone() == (0,)

    page.get_by_role("button", name="Undo the merge").click()
    expect(page.locator(".merged")).to_have_count(0)
    expect(reply(page)).to_be_visible()
    expect(page.locator(".comment")).to_have_count(1)
    expect(target.locator(".comment__from")).to_have_count(0)
    for each in (page, target):
        assert_equals_reload(each, live_site)


def test_links_are_live_on_both_tickets_and_removing_one_can_be_undone(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    lamp, desk = new_ticket(sql, f"{word} lamp"), new_ticket(sql, f"{word} desk")
    page, other = (open_live(context, live_site, address(key)) for key in (lamp, desk))
    page.bring_to_front()
    page.emulate_media(reduced_motion="reduce")
    page.get_by_text("Link a ticket").click()
    page.get_by_label("This ticket is").select_option("a duplicate of")
    page.get_by_role("combobox", name="Ticket", exact=True).fill(f"{word} desk")
    page.locator(":popover-open [role=option]").click()
    page.get_by_role("button", name="Link", exact=True).click()
    expect(page.locator(".links__item")).to_contain_text("Duplicate of")
    expect(other.locator(".links__item")).to_contain_text("Duplicated by")
    expect(other.locator(".links__item")).to_contain_text(f"{word} lamp")
    sql.execute("update tickets set title = %s, status = 'resolved' where id = %s", [f"{word} table", desk])
    expect(page.locator(".links__item")).to_contain_text(f"{word} table")
    expect(page.locator(".links__item")).to_contain_text("Resolved")
    assert_axe_finds_nothing(page)
    # A duplicate is near to being merged.
    page.get_by_role("link", name="Merge into it").click()
    dialog = page.get_by_role("dialog", name="Merge into another ticket")
    expect(dialog.locator(".merge__side")).to_have_count(2)
    page.keyboard.press("Escape")
    for each in (page, other):
        assert_equals_reload(each, live_site)
    other.bring_to_front()
    other.get_by_role("button", name="Remove the link").click()
    expect(page.locator(".links__item")).to_have_count(0)
    other.locator("[data-undo-notice]").get_by_role("button", name="Undo").click()
    expect(page.locator(".links__item")).to_have_count(1)
    # Another program takes the whole ticket away.
    sql.execute("delete from tickets where id = %s", [desk])
    expect(page.locator(".links__item")).to_have_count(0)
    assert_equals_reload(page, live_site)
