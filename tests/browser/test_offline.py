"""Pages that were opened lately can be read without a network; they say how old they are, and go with the sign-out."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.cut_line import CutLine
from tests.browser.portal import insert_product, row, sign_in_on_page, wait_live
from tests.browser.test_person import PASSWORD, Colleague, colleague
from tests.live_site import LiveSite

__all__ = ["colleague"]

KEPT = """
async ([own, root]) => {
  const pages = (await caches.keys()).filter((name) => name.startsWith(own));
  const requests = await Promise.all(pages.map(async (name) => (await caches.open(name)).keys()));
  return requests.flat().map(({ url }) => new URL(url).pathname.replace(root, "/"));
}
"""


@pytest.fixture
def line(live_site: LiveSite) -> Iterator[CutLine]:
    with CutLine(live_site.url).running() as line:
        yield line


@pytest.fixture
def reader(browser: Browser, live_site: LiveSite, line: CutLine) -> Iterator[BrowserContext]:
    with browser.new_context(service_workers="allow") as context:
        context.set_default_timeout(20_000)
        sign_in_on_page(context, live_site, url=line.url)
        yield context


def with_worker(context: BrowserContext, url: str) -> Page:
    """A page whose addresses a service worker answers."""
    page = context.new_page()
    page.goto(url)
    # The worker answers pages that are asked for once it is there.
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    assert page.evaluate("navigator.serviceWorker.controller !== null")
    return page


def kept(page: Page, site: LiveSite) -> list[str]:
    """The paths of what this browser has, below the portal's root."""
    paths: list[str] = page.evaluate(KEPT, [site.own("livedesk-pages-"), site.prefix])
    return paths


def keeps(page: Page, site: LiveSite, path: str, is_so: bool = True) -> None:
    wait_for(page, lambda: (path in kept(page, site)) is is_so)


def wait_for(page: Page, condition: Callable[[], bool]) -> None:
    """Bounded by tries; the policy of our pages keeps Playwright from asking again by itself."""
    for _ in range(200):
        if condition():
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"it never came at {page.url}")


def test_what_was_opened_can_be_read_and_written_to_without_the_server(
    reader: BrowserContext, live_site: LiveSite, line: CutLine, word: str
) -> None:
    with live_site.connect() as sql:
        key = insert_product(sql, word)
        page = with_worker(reader, line.url)
        edit, listing = f"/crm/products/{key}/edit/", f"/crm/products/?q={word}"
        for path in (edit, listing):
            page.goto(line.url + path)
            wait_live(page)
            keeps(page, live_site, path.partition("?")[0])
        line.go_down()
        page.reload()
        expect(row(page, key)).to_be_visible()
        banner = page.locator("realtime-connection-banner")
        expect(banner).to_contain_text("Offline. As of ")
        expect(page.locator("html")).not_to_have_attribute("data-realtime-status", "connected")
        sql.execute("update products set price = 7 where id = %s", [key])
        page.goto(line.url + edit)
        expect(banner).to_contain_text("Offline. As of ")
        page.fill("[name=description]", "Read and written in a tunnel")
        page.locator("main form button[type=submit]:not([name])").last.press("Enter")
        expect(page.locator("[data-kept-note]")).to_be_visible()
        # What wasn't opened can't be read, and says what can.
        page.goto(f"{line.url}/crm/customers/")
        expect(page.locator("[data-offline] h1")).to_have_text("The server can’t be reached")
        page.locator("[data-kept-pages] a", has_text="Products").click()
        expect(row(page, key)).to_be_visible()
        line.come_back()
        # The page heals by itself, like any other that was cut off.
        wait_live(page)
        expect(banner).to_be_hidden()
        expect(row(page, key)).to_contain_text("7")
        expect(page.locator("[data-outbox-button]")).to_be_hidden()
        found = sql.execute("select description, price from products where id = %s", [key]).fetchone()
        assert found is not None
        assert (found[0], int(str(found[1]).partition(".")[0])) == ("Read and written in a tunnel", 7)
        # While the server can be reached, nothing that is kept is shown.
        sql.execute("update products set price = 8 where id = %s", [key])
        page.reload(wait_until="commit")
        expect(row(page, key)).to_contain_text("8")
        assert page.locator("html").get_attribute("data-as-of") is None


def test_kept_pages_go_with_the_sign_out_and_before_another_person(
    reader: BrowserContext, live_site: LiveSite, line: CutLine, colleague: Colleague
) -> None:
    page = with_worker(reader, line.url)
    page.goto(f"{line.url}/crm/products/")
    keeps(page, live_site, "/crm/products/")
    for left_out in ("/profile/", "/admin/", "/crm/customers/import/"):
        page.goto(line.url + left_out)
    assert {path for path in kept(page, live_site) if not path.endswith(".css")} == {"/", "/crm/products/"}
    # The session ends behind the browser's back, and somebody else signs in.
    reader.clear_cookies()
    sign_in_on_page(reader, live_site, colleague("view_customer"), PASSWORD, url=line.url)
    page.goto(f"{line.url}/crm/customers/")
    keeps(page, live_site, "/crm/customers/")
    assert "/crm/products/" not in kept(page, live_site)
    page.evaluate("document.querySelector('[action$=\"/sign-out/\"]').requestSubmit()")
    page.wait_for_url("**/sign-in/")
    keeps(page, live_site, "/crm/customers/", is_so=False)
    line.go_down()
    page.goto(f"{line.url}/crm/customers/")
    expect(page.locator("[data-offline]")).to_be_visible()
    line.come_back()
