"""From page to page: what somebody is about to open is there already, and what they come back to is current."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from project.chromium import ARGUMENTS
from tests.browser.portal import assert_equals_reload, insert_product, open_live, row, sign_in, wait_live
from tests.live_site import LiveSite

TRANSFERRED = "performance.getEntriesByType('navigation')[0].transferSize"
WHOLE = "performance.getEntriesByType('navigation')[0].decodedBodySize"


@pytest.fixture
def going_back(browser: Browser, chromium: Path, live_site: LiveSite) -> Iterator[BrowserContext]:
    """A browser that keeps the pages it has left, which Playwright switches off."""
    kind = browser.browser_type
    switched_off = ["--disable-back-forward-cache"]
    launched = kind.launch(executable_path=chromium, args=list(ARGUMENTS), ignore_default_args=switched_off)
    with launched.new_context() as context:
        sign_in(context, live_site)
        yield context
    launched.close()


def prefetched(page: Page) -> list[str]:
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url) if "livedesk-prefetch" in request.headers else None)
    return found


def test_a_link_that_is_pointed_at_or_focused_is_fetched_and_opening_it_transfers_nothing(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        keys = [insert_product(sql, f"{word} {number}") for number in range(3)]
    page = open_live(context, live_site, f"/crm/products/?q={word}")
    found = prefetched(page)
    with page.expect_response(f"**/crm/products/{keys[0]}/") as fetched:
        row(page, keys[0]).locator("a").first.hover()
    fetched.value.finished()
    with page.expect_response(f"**/crm/products/{keys[1]}/"):
        row(page, keys[1]).locator("a").first.focus()
    # Neither what a press would do, nor a file, nor where somebody is.
    for address in ("/crm/products/new/", f"/crm/products/export.csv?q={word}", "/crm/products/import/"):
        link = page.locator(f"a[href='{live_site.prefix[:-1]}{address}']")
        if link.count():
            link.first.dispatch_event("touchstart")
    row(page, keys[0]).locator("a").first.click()
    wait_live(page)
    assert page.evaluate(TRANSFERRED) < 1_000 < page.evaluate(WHOLE)
    assert {url.split("/")[-2] for url in found} == set(keys[:2])
    assert_equals_reload(page, live_site)


def test_what_has_changed_since_it_was_fetched_is_shown_as_it_is(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        key = insert_product(sql, f"{word} before")
        page = open_live(context, live_site, f"/crm/products/?q={word}")
        with page.expect_response(f"**/crm/products/{key}/") as fetched:
            row(page, key).locator("a").first.hover()
        fetched.value.finished()
        sql.execute("update products set name = %s where id = %s", [f"{word} after", key])
    link = page.locator(f"[data-live-row][data-id='{key}'] a").first
    # The first paint, before any socket is open.
    page.route_web_socket("**/ws/live/", lambda socket: None)
    link.click()
    expect(page.locator("main")).to_contain_text(f"{word} after")


def test_nothing_is_fetched_for_somebody_who_saves_data(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        key = insert_product(sql, word)
    context.add_init_script("Object.defineProperty(navigator, 'connection', { value: { saveData: true } })")
    page = open_live(context, live_site, f"/crm/products/?q={word}")
    found = prefetched(page)
    link = row(page, key).locator("a").first
    link.dispatch_event("touchstart")
    link.hover()
    # Longer than a pointer has to rest: another timer of the page comes after it.
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 200))")
    assert found == []


def test_going_back_and_forward_shows_what_is_there_now(
    going_back: BrowserContext, live_site: LiveSite, word: str
) -> None:
    """From the browser's memory where it has one (the headless shell has none), else from its cache."""
    with live_site.connect() as sql:
        key = insert_product(sql, f"{word} before")
        page = open_live(going_back, live_site, f"/crm/products/?q={word}")
        page.click(f"[data-live-row][data-id='{key}'] a")
        wait_live(page)
        sql.execute("update products set name = %s where id = %s", [f"{word} after", key])
        page.go_back()
        expect(row(page, key)).to_contain_text(f"{word} after")
        assert_equals_reload(page, live_site)
        sql.execute("update products set name = %s where id = %s", [f"{word} at last", key])
        page.go_forward()
    expect(page.locator("main")).to_contain_text(f"{word} at last")
    wait_live(page)
    assert_equals_reload(page, live_site)
