"""What browser tests share: signing in, reading what a page shows, and comparing it with its reload."""

import json
import re
from typing import Any

import psycopg
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from project.chromium import READ_PAGE, TAKE_WHAT_WAITS
from tests.live_site import LiveSite

# Chromium's own when a page is left while its socket is still opening; Playwright's where no service worker may be.
BESIDE_US = ("closed before the connection is established", "Service Worker registration blocked by Playwright")


def is_complaint(message: ConsoleMessage) -> bool:
    """Whether the console says something about our page that nobody should see there."""
    return message.type in ("error", "warning") and not any(words in message.text for words in BESIDE_US)


def sign_in(context: BrowserContext, site: LiveSite, username: str = "", password: str = "") -> None:
    """Signs in with the form's two requests alone: two pages that are drawn take most of a second of a core."""
    address = f"{site.url}/sign-in/"
    context.request.get(address)
    cookies = {cookie["name"]: cookie["value"] for cookie in context.cookies(address)}
    form = {
        "username": username or site.username,
        "password": password or site.password,
        "csrfmiddlewaretoken": cookies[f"csrftoken{site.cookie_suffix}"],
    }
    answer = context.request.post(address, form=form, headers={"Referer": address}, max_redirects=0)
    assert (answer.status, answer.headers.get("location")) == (302, site.prefix), answer.text()


def sign_in_on_page(
    context: BrowserContext, site: LiveSite, username: str = "", password: str = "", url: str = ""
) -> None:
    """Signs in as people do, for tests of what other tabs make of it, and of what the page tells of the browser.

    ``url`` is another way to the site than its own.
    """
    page, url = context.new_page(), url or site.url
    page.goto(f"{url}/sign-in/")
    page.fill("[name=username]", username or site.username)
    page.fill("[name=password]", password or site.password)
    page.click("main button[type=submit]")
    page.wait_for_url(f"{url}/")
    page.close()


def open_live(context: BrowserContext, site: LiveSite, path: str) -> Page:
    """Opens a page and waits until the page itself says that it follows the database."""
    page = context.new_page()
    page.goto(f"{site.url}{path}")
    wait_live(page)
    return page


def open_next(page: Page, site: LiveSite) -> Page:
    """Opens the page that follows a list's page, beside it."""
    following = page.locator(".pager [rel=next]").get_attribute("href")
    return open_live(page.context, site, page.url.removeprefix(site.url).partition("?")[0] + str(following))


def wait_live(page: Page) -> None:
    expect(page.locator("html")).to_have_attribute("data-realtime-status", "connected", timeout=30_000)
    expect(page.locator("[data-live-state]:not([data-live-state=connected])")).to_have_count(0, timeout=15_000)


def shown(page: Page) -> list[str]:
    content: list[str] = page.evaluate(READ_PAGE)
    return content


def shown_ids(page: Page) -> list[str]:
    ids: list[str] = page.eval_on_selector_all("[data-live-row]", "rows => rows.map(row => row.dataset.id)")
    return ids


def assert_equals_reload(page: Page, site: LiveSite) -> None:
    """Waits until a fresh load of the same address shows the same as ``page``, and fails if it never does."""
    fresh = page.context.new_page()
    # No socket for this one: attaching with newer versions would make the hub re-read the view, which would heal the
    # very page under test.
    fresh.route_web_socket(re.compile("/ws/live/"), lambda socket: None)
    try:
        live, reloaded = [""], ["-"]
        # Bounded by tries, and every try is a whole page load: this allows about 15 s of healing.
        for _ in range(60):
            page.evaluate(TAKE_WHAT_WAITS)
            live = shown(page)
            fresh.goto(page.url)
            reloaded = shown(fresh)
            if live == reloaded:
                return
            page.wait_for_timeout(200)
        differing = [(a, b) for a, b in zip(live, reloaded, strict=False) if a != b][:2]
        raise AssertionError(
            f"live page and reload differ: {len(live)} and {len(reloaded)} pieces, first differences {differing}"
        )
    finally:
        fresh.close()


def insert_product(connection: "psycopg.Connection[Any]", name: str, price: object = "1.00", **more: object) -> str:
    row = connection.execute(
        "insert into products (name, price, description) values (%s, %s, %s) returning id",
        [name, price, more.get("description", "")],
    ).fetchone()
    assert row is not None
    return str(row[0])


def row(page: Page, key: str) -> Any:
    return page.locator(f"[data-live-row][data-id='{key}']")


def compact(value: object) -> str:
    return json.dumps(value)[:200]
