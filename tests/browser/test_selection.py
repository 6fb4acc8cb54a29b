"""Rows are chosen by box, range, key and search; the choice outlives patches and pages; reports are exact."""

import os
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.portal import assert_equals_reload, insert_product, open_live, open_next, row, wait_live
from tests.live_site import LiveSite

# Pictures of what somebody sees, for whoever looks at them: SHOTS=/tmp/shots
SHOTS = os.environ.get("SHOTS", "")


def bar(page: Page) -> Locator:
    return page.locator("[data-bulk-bar]")


def box(page: Page, key: str) -> Locator:
    return row(page, key).locator("input[data-select]")


def chosen(page: Page, words: str) -> None:
    expect(page.locator("[data-bulk-count]")).to_have_text(words)


def picture(page: Page, name: str) -> None:
    if not SHOTS:
        return
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 800})
            page.screenshot(path=Path(SHOTS) / f"{name}-{theme}-{width}.png")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 720})


def test_a_choice_outlives_patches_and_pages_and_says_who_has_left(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        keys = [insert_product(sql, f"{word} {number:02}", number) for number in range(30)]
        page = open_live(context, live_site, f"/crm/products/?q={word}&sort=price&size=25")
        expect(bar(page)).to_be_hidden()
        box(page, keys[1]).click()
        box(page, keys[4]).click(modifiers=["Shift"])
        chosen(page, "4 selected")
        page.keyboard.press("Escape")
        expect(bar(page)).to_be_hidden()

        # Without the mouse.
        row(page, keys[2]).locator(".table__name").focus()
        page.keyboard.press("x")
        page.keyboard.press("Shift+ArrowDown")
        page.keyboard.press("Shift+ArrowDown")
        chosen(page, "3 selected")
        expect(box(page, keys[4])).to_be_checked()
        picture(page, "list")

        # Patches leave it alone, and a chosen row that goes is named.
        sql.execute("update products set name = name || ' told' where id = %s", [keys[3]])
        expect(row(page, keys[3])).to_contain_text("told")
        expect(box(page, keys[3])).to_be_checked()
        sql.execute("delete from products where id = %s", [keys[2]])
        chosen(page, "3 selected, one has left this list")
        page.locator("[data-live-apply]").click()
        expect(row(page, keys[2])).to_have_count(0)
        chosen(page, "3 selected, one has left this list")

        following = open_next(page, live_site)
        page.goto(following.url)
        following.close()
        wait_live(page)
        chosen(page, "3 selected")
        box(page, keys[27]).click()
        chosen(page, "4 selected")
        page.goto(f"{live_site.url}/crm/products/?q={word}&sort=price&size=25")
        wait_live(page)
        chosen(page, "4 selected")
        page.locator("[data-select-page]").first.check()
        chosen(page, "27 selected")
        page.locator("[data-select-all]").click()
        chosen(page, "All 29 selected")
        box(page, keys[5]).click()
        chosen(page, "24 selected")
        page.locator("[data-select-none]").click()
        expect(bar(page)).to_be_hidden()
        assert_equals_reload(page, live_site)


def test_many_are_changed_reported_and_put_back(
    context: BrowserContext, other_context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        sql.execute(
            "insert into tickets (title, status, priority) select %s || ' ' || n, 'open', 'low'"
            " from generate_series(1, 120) n",
            [word],
        )
        theirs = open_live(other_context, live_site, f"/ticketing/tickets/?q={word}")
        page = open_live(context, live_site, f"/ticketing/tickets/?q={word}")
        page.locator("[data-select-page]").first.check()
        page.locator("[data-select-all]").click()
        chosen(page, "All 120 selected")
        bar(page).get_by_role("button", name="Change").click()
        expect(page.locator("h1")).to_have_text("Change all 120 tickets")
        page.get_by_role("button", name="Change them").click()
        expect(page.get_by_role("alert")).to_contain_text("tick at least one field")
        page.locator("[name=priority]").select_option("urgent")
        # What is filled in is meant.
        expect(page.locator("[name=set][value=priority]")).to_be_checked()
        picture(page, "begin")
        page.get_by_role("button", name="Change them").click()
        page.wait_for_url("**/bulk/*/")
        expect(page.locator("#bulk-title")).to_have_text("120 of 120 tickets changed", timeout=60_000)
        picture(page, "report")
        expect(theirs.locator("[data-live-row] .priority[data-priority=urgent]")).to_have_count(50)
        assert_equals_reload(theirs, live_site)
        # Nothing is chosen any more.
        page.goto(f"{live_site.url}/ticketing/tickets/?q={word}")
        wait_live(page)
        expect(bar(page)).to_be_hidden()
        page.go_back()
        page.get_by_role("button", name="Undo").first.click()
        expect(page.locator("[data-undo-text]")).to_have_text("Putting back 120 tickets.")
        expect(theirs.locator("[data-live-row] .priority[data-priority=low]")).to_have_count(50, timeout=60_000)
        assert_equals_reload(theirs, live_site)


def test_a_hidden_page_is_as_current_as_a_reload_when_somebody_looks_again(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        key = insert_product(sql, f"{word} before")
        page = context.new_page()
        told: list[Any] = []
        page.on("websocket", lambda socket: socket.on("framesent", lambda frame: told.append(frame)))
        page.clock.install()
        page.add_init_script(
            "Object.defineProperty(document, 'visibilityState', {get: () => document.looks ?? 'visible'});"
        )
        page.goto(f"{live_site.url}/crm/products/?q={word}")
        page.clock.resume()
        wait_live(page)
        page.evaluate("(document.looks = 'hidden', document.dispatchEvent(new Event('visibilitychange')))")
        page.clock.fast_forward(6_000)
        while not any('"hidden":true' in frame for frame in told):
            page.wait_for_timeout(50)
        sql.execute("update products set name = %s where id = %s", [f"{word} after", key])
        page.evaluate("(document.looks = 'visible', document.dispatchEvent(new Event('visibilitychange')))")
        expect(row(page, key)).to_contain_text("after")
        assert_equals_reload(page, live_site)
