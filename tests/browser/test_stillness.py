"""Nothing moves under the pointer, the focus or a selection; it comes when the list is at rest, or on request."""

import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.portal import assert_equals_reload, insert_product, open_live, open_next, row, shown_ids
from tests.live_site import LiveSite


def pending(page: Page, words: "str | re.Pattern[str]") -> None:
    expect(page.locator("[data-live-pending]")).to_be_visible()
    expect(page.locator("[data-live-apply]")).to_have_text(words)


def test_under_the_pointer_rows_stay_and_the_click_lands_where_it_was_meant(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        keys = [insert_product(sql, f"{word} {number}", number) for number in range(6)]
        page = open_live(context, live_site, f"/crm/products/?q={word}&sort=price")
        row(page, keys[3]).hover()
        new = [insert_product(sql, f"{word} new {number}", "0.50") for number in range(3)]
        sql.execute("update products set price = 100 where id = %s", [keys[0]])
        sql.execute("delete from products where id = %s", [keys[1]])
        sql.execute("update products set name = name || ' told' where id = %s", [keys[3]])
        pending(page, "Show 3 new, 1 moved, 1 gone")
        # What moves nothing is shown at once, and so is the count.
        expect(row(page, keys[3])).to_contain_text("told")
        expect(page.locator("[data-live-count]").first).to_have_text("8")
        assert shown_ids(page) == keys
        expect(row(page, keys[1])).to_have_attribute("data-live-gone", "")
        page.mouse.click(*_middle(page, keys[3]))
        page.wait_for_url(f"**/crm/products/{keys[3]}/")
        page.go_back()
        expect(row(page, new[0])).to_be_visible()
        page.mouse.move(5, 5)
        expect(page.locator("[data-live-pending]")).to_be_hidden()
        assert_equals_reload(page, live_site)


def _middle(page: Page, key: str) -> tuple[float, float]:
    box = row(page, key).locator("a").first.bounding_box()
    assert box is not None
    return box["x"] + 10, box["y"] + box["height"] / 2


def test_it_comes_in_by_itself_when_the_hands_are_off(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    with live_site.connect() as sql:
        keys = [insert_product(sql, f"{word} {number}") for number in range(3)]
        page = open_live(context, live_site, f"/crm/products/?q={word}")
        row(page, keys[1]).locator("a").first.focus()
        sql.execute("delete from products where id = %s", [keys[1]])
        pending(page, "Show 1 gone")
        assert shown_ids(page) == keys[::-1]
        assert page.evaluate("document.activeElement.closest('[data-live-row]').dataset.id") == keys[1]
        page.evaluate("document.activeElement.blur()")
        expect(row(page, keys[1])).to_have_count(0)
        assert_equals_reload(page, live_site)


def test_on_a_later_page_it_comes_on_request(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    with live_site.connect() as sql:
        keys = [insert_product(sql, f"{word} {number}", number) for number in range(40)]
        first = open_live(context, live_site, f"/crm/products/?q={word}&sort=price&size=25")
        second = open_next(first, live_site)
        assert shown_ids(second) == keys[25:]
        new = insert_product(sql, f"{word} between", "30.50")
        pending(second, "Show 1 new")
        assert shown_ids(second) == keys[25:]
        second.locator("[data-live-apply]").click()
        expect(row(second, new)).to_be_visible()
        expect(second.locator("[data-live-pending]")).to_have_attribute("data-live-pending", "0")
        assert_equals_reload(second, live_site)


def test_a_reader_chooses_the_pace_and_it_stays_chosen(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    with live_site.connect() as sql:
        key = insert_product(sql, f"{word} one")
        page = open_live(context, live_site, f"/crm/products/?q={word}")
        page.locator(".app-header .menu > summary").click()
        page.get_by_role("button", name="Paused").click()
        page.keyboard.press("Escape")
        page.goto(page.url)
        expect(page.locator("html")).to_have_attribute("data-realtime-status", "connected", timeout=30_000)
        expect(page.locator("section[data-live-list]")).to_have_attribute("data-live-state", "connected")
        sql.execute("update products set name = %s where id = %s", [f"{word} two", key])
        insert_product(sql, f"{word} three")
        pending(page, "Show 1 new, 1 changed")
        expect(row(page, key)).to_contain_text(f"{word} one")
        page.locator("[data-live-apply]").click()
        expect(row(page, key)).to_contain_text(f"{word} two")
        assert_equals_reload(page, live_site)


def test_a_flood_that_waits_is_fetched_when_it_is_asked_for(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        keys = [insert_product(sql, f"{word} {number}", number) for number in range(30)]
        page = open_live(context, live_site, f"/crm/products/?q={word}&sort=-price")
        row(page, keys[20]).hover()
        for turn in range(21):
            # Upside down each time; what is withheld soon fills more than the page keeps.
            sql.execute(
                "update products set price = 1000 - price, description = %s where name like %s",
                [f"turn {turn}.", f"{word}%"],
            )
            expect(row(page, keys[20])).to_contain_text(f"turn {turn}.")
        pending(page, re.compile("moved"))
        assert shown_ids(page) == keys[::-1]
        page.locator("[data-live-apply]").click()
        page.mouse.move(5, 5)
        assert_equals_reload(page, live_site)


def test_what_left_came_back_and_changed_again_is_shown_as_it_is(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        keys = [insert_product(sql, f"{word} {number}", number) for number in range(3)]
        page = open_live(context, live_site, f"/crm/products/?q={word}&sort=price")
        row(page, keys[0]).hover()
        for name, price in (("away", 1), (f"{word} back", 1), (f"{word} back", 77)):
            sql.execute("update products set name = %s, price = %s where id = %s", [name, price, keys[1]])
            # A row that stays tells when the change has arrived.
            sql.execute("update products set description = %s where id = %s", [f"{name} {price}.", keys[2]])
            expect(row(page, keys[2])).to_contain_text(f"{name} {price}.")
        page.mouse.move(5, 5)
        expect(page.locator("[data-live-pending]")).to_be_hidden()
        expect(row(page, keys[1])).to_contain_text("77.00")
        assert_equals_reload(page, live_site)
