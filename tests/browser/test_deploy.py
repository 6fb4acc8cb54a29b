"""After a deploy, an unused page takes the new version by itself; one that holds typed text only offers it."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.portal import open_live, wait_live
from tests.live_site import LiveSite

# Headless pages are always visible; and one of the twenty random seconds is enough.
BEFORE_ANY_SCRIPT = """
Object.defineProperty(document, "visibilityState", { get: () => document.looks ?? "visible" });
Math.random = () => 0.05;
"""
HIDE = "(document.looks = 'hidden', document.dispatchEvent(new Event('visibilitychange')))"
# A hidden page is in no hurry to reconnect; the banner's button is.
RECONNECT = "dispatchEvent(new Event('live:reconnect'))"


@pytest.fixture
def deploy(live_site: LiveSite) -> Iterator[Callable[[str], None]]:
    environment = live_site.web.env

    def restart(build: str) -> None:
        live_site.web.env = {**environment, "REALTIME_BUILD": build}
        live_site.web.restart()

    yield restart
    live_site.web.env = environment
    live_site.web.restart()


def open_marked(context: BrowserContext, site: LiveSite, path: str) -> Page:
    page = open_live(context, site, path)
    page.evaluate("window.same = true")
    return page


def is_offered(page: Page) -> None:
    expect(page.locator("live-notice")).to_contain_text("A new version is available.", timeout=30_000)
    expect(page.get_by_role("button", name="Reload", exact=True)).to_be_visible()


def test_an_unused_page_takes_a_new_version_once_and_one_with_typed_text_offers_it(
    context: BrowserContext, live_site: LiveSite, deploy: Callable[[str], None]
) -> None:
    context.add_init_script(BEFORE_ANY_SCRIPT)
    unused = open_marked(context, live_site, "/crm/products/?q=lamp")
    old = unused.locator("html").get_attribute("data-build")
    typed = open_marked(context, live_site, "/crm/products/new/")
    typed.fill("[name=name]", "Half a thought")
    typed.evaluate("document.activeElement.blur()")
    # The page answers a form: the server sent what was typed, so the form looks untouched.
    posted = open_live(context, live_site, "/crm/products/new/")
    posted.evaluate("document.querySelector('main form').noValidate = true")
    posted.fill("[name=description]", "An hour of work")
    posted.click("main form button[type=submit]")
    expect(posted.locator("html")).to_have_attribute("data-posted", "")
    expect(posted.locator("[name=description]")).to_have_value("An hour of work")
    wait_live(posted)
    posted.evaluate("window.same = true, document.activeElement.blur()")
    for page in (unused, typed, posted):
        page.evaluate(HIDE)

    deploy("another-build")
    for page in (typed, posted):
        page.evaluate(RECONNECT)
        is_offered(page)
    # This page hears of it last: once it has taken the new version, the others have had their chance.
    unused.evaluate(RECONNECT)
    expect(unused.locator("html")).to_have_attribute("data-build", "another-build", timeout=30_000)
    wait_live(unused)
    expect(unused.locator("live-notice")).to_be_hidden()
    assert unused.evaluate("window.same") is None
    for page in (typed, posted):
        assert page.evaluate("window.same") is True
    assert typed.input_value("[name=name]") == "Half a thought"
    assert posted.input_value("[name=description]") == "An hour of work"

    # The old build answers once more, as in a rolling deploy: a new tab takes it, but a tab that had it isn't called
    # back.
    fresh = open_marked(context, live_site, "/crm/products/")
    for page in (unused, fresh):
        page.evaluate(f"window.same = true, {HIDE}")
    deploy(old or "")
    unused.evaluate(RECONNECT)
    is_offered(unused)
    fresh.evaluate(RECONNECT)
    expect(fresh.locator("html")).to_have_attribute("data-build", old or "", timeout=30_000)
    assert unused.evaluate("window.same") is True
    expect(unused.locator("html")).to_have_attribute("data-build", "another-build")
    wait_live(unused)
