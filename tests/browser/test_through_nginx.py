"""Somebody works at https://…/portal/, behind the shipped nginx: every address that a script makes is right."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, expect

from tests.browser.portal import insert_product, is_complaint, open_live, row, sign_in_on_page
from tests.conftest import unavailable
from tests.live_site import LiveSite, make_web
from tests.nginx import MISSING, find_nginx, through_nginx

PREFIX = "/portal/"
# A draft whose form has been sent meanwhile.
ENDED = "status of 409"
KEPT = """async () => {
  for (const name of await caches.keys()) {
    const keys = await (await caches.open(name)).keys();
    if (keys.some(({ url }) => url.endsWith("/portal/crm/products/"))) return true;
  }
  return false;
}"""


@pytest.fixture(scope="module")
def site(live_site: LiveSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    if find_nginx() is None:
        unavailable(MISSING)
    with through_nginx(live_site, PREFIX, tmp_path_factory.mktemp("portal")) as site:
        yield site


@pytest.fixture
def at_portal(browser: Browser, site: LiveSite) -> Iterator[BrowserContext]:
    complaints: list[str] = []
    strays: list[str] = []
    with browser.new_context() as context:
        context.set_default_timeout(20_000)
        context.on("console", lambda told: complaints.append(told.text) if is_bad(told) else None)
        context.on("request", lambda request: None if is_ours(request.url, site) else strays.append(request.url))
        sign_in_on_page(context, site)
        yield context
    assert (complaints, strays) == ([], [])


def is_bad(told: ConsoleMessage) -> bool:
    return is_complaint(told) and ENDED not in told.text


def is_ours(url: str, site: LiveSite) -> bool:
    return url.startswith((f"{site.url}/", "data:", "blob:"))


def test_a_list_is_patched_and_a_form_saved(at_portal: BrowserContext, site: LiveSite, word: str) -> None:
    with site.connect() as sql:
        key = insert_product(sql, f"Lamp {word}")
        page = open_live(at_portal, site, f"/crm/products/?q={word}")
        sql.execute("update products set price = 77.25 where id = %s", [key])
        expect(row(page, key)).to_contain_text("77.25")

        form = at_portal.new_page()
        form.goto(f"{site.url}/crm/products/{key}/edit/")
        form.fill("[name=name]", f"Chair {word}")
        form.locator("main button[type=submit]").last.click()
        form.wait_for_url(f"{site.url}/crm/products/{key}/")
        expect(row(page, key)).to_contain_text(f"Chair {word}")
        row(page, key).locator("a").first.click()
        page.wait_for_url(f"{site.url}/crm/products/{key}/")


def test_a_comment_and_a_file_are_sent_to_a_ticket(at_portal: BrowserContext, site: LiveSite) -> None:
    with site.connect() as sql:
        ticket = sql.execute("select id from tickets where status = 'open' order by created_at limit 1").fetchone()
    assert ticket is not None
    page, name = open_live(at_portal, site, f"/ticketing/tickets/{ticket[0]}/"), f"{uuid4().hex}.txt"
    page.locator("[name=content]").first.fill(f"About {name}")
    page.locator("form:has([name=content]) input[type=file]").first.set_input_files(
        {"name": name, "mimeType": "text/plain", "buffer": b"some words"}
    )
    page.locator("form:has([name=content]) button[type=submit]").first.click()
    expect(page.locator("main")).to_contain_text(f"About {name}")
    link = page.get_by_role("link", name=name, exact=True).first
    expect(link).to_be_visible()
    # Chromium itself saves nothing from where it doesn't know who has signed the certificate.
    answer = at_portal.request.get(f"{site.address.removesuffix(PREFIX[:-1])}{link.get_attribute('href')}")
    assert answer.body() == b"some words"


def test_what_the_browser_keeps_is_this_portals_own(at_portal: BrowserContext, site: LiveSite) -> None:
    page = open_live(at_portal, site, "/")
    kept = {cookie["name"]: cookie["path"] for cookie in at_portal.cookies()}
    assert kept.items() >= {("sessionid_portal", PREFIX), ("csrftoken_portal", PREFIX), ("timezone_portal", PREFIX)}
    assert set(kept.values()) == {PREFIX}
    names = page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
    assert [name for name in names if not name.startswith(f"{PREFIX} livedesk")] == []


def test_pages_can_be_read_without_the_server(browser: Browser, live_site: LiveSite, tmp_path: Path) -> None:
    """Beside nginx: browsers want a service worker from an address that they trust, as this machine's own."""
    environment = live_site.environment | {"URL_PREFIX": PREFIX}
    web = make_web(environment, tmp_path / "web.log")
    site = replace(live_site, web=web, environment=environment, address="")
    try:
        web.start()
        with browser.new_context(service_workers="allow") as context:
            sign_in_on_page(context, site)
            page = open_live(context, site, "/crm/products/")
            assert page.evaluate("navigator.serviceWorker.ready.then(({ scope }) => scope)") == f"{site.url}/"
            page.wait_for_function("navigator.serviceWorker.controller !== null")
            page.reload()
            page.wait_for_function(KEPT)
            names = page.evaluate("caches.keys()")
            assert [name for name in names if not name.startswith(f"{PREFIX} livedesk-")] == []
            web.stop()
            page.reload()
            expect(page.locator("realtime-connection-banner")).to_contain_text("Offline. As of ")
            page.goto(f"{site.url}/crm/customers/")
            expect(page.locator("[data-offline] h1")).to_have_text("The server can’t be reached")
            page.locator("[data-kept-pages] a", has_text="Products").click()
            page.wait_for_url(f"{site.url}/crm/products/")
    finally:
        web.stop()
