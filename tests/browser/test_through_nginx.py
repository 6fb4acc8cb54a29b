"""Somebody works at https://…/portal/, behind the shipped nginx: every address that a script makes is right."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser.portal import insert_product, is_complaint, open_live, row, sign_in_on_page, wait_live
from tests.browser.test_offline import keeps, with_worker
from tests.conftest import unavailable
from tests.live_site import LiveSite
from tests.nginx import MISSING, find_nginx, through_nginx

PREFIX = "/portal/"
# ATTACHMENT_MAX_MB.
LARGEST_BYTES = 25 * 1024**2


@pytest.fixture(scope="module")
def live_site(live_site: LiveSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    if find_nginx() is None:
        unavailable(MISSING)
    with through_nginx(live_site, PREFIX, tmp_path_factory.mktemp("portal")) as site:
        yield site


@pytest.fixture(autouse=True)
def quiet_and_at_home(context: BrowserContext, live_site: LiveSite) -> Iterator[None]:
    """No page asks for anything outside the portal, or complains."""
    found: list[str] = []
    context.on("console", lambda told: found.append(told.text) if is_complaint(told) else None)
    context.on("request", lambda request: None if is_ours(request.url, live_site) else found.append(request.url))
    yield
    assert found == []


def is_ours(url: str, site: LiveSite) -> bool:
    return url.startswith((f"{site.url}/", "data:", "blob:"))


def test_a_list_is_patched_and_a_form_saved(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    with live_site.connect() as sql:
        key = insert_product(sql, f"Lamp {word}")
        page = open_live(context, live_site, f"/crm/products/?q={word}")
        sql.execute("update products set price = 77.25 where id = %s", [key])
        expect(row(page, key)).to_contain_text("77.25")

        form = context.new_page()
        form.goto(f"{live_site.url}/crm/products/{key}/edit/")
        form.fill("[name=name]", f"Chair {word}")
        form.locator("main button[type=submit]").last.click()
        form.wait_for_url(f"{live_site.url}/crm/products/{key}/")
        expect(row(page, key)).to_contain_text(f"Chair {word}")
        row(page, key).locator("a").first.click()
        page.wait_for_url(f"{live_site.url}/crm/products/{key}/")


def test_a_comment_and_the_largest_file_are_sent_to_a_ticket(
    context: BrowserContext, live_site: LiveSite, tmp_path: Path
) -> None:
    with live_site.connect() as sql:
        ticket = sql.execute("select id from tickets where status = 'open' order by created_at limit 1").fetchone()
    assert ticket is not None
    page, name = open_live(context, live_site, f"/ticketing/tickets/{ticket[0]}/"), f"{uuid4().hex}.zip"
    content = os.urandom(LARGEST_BYTES)
    (tmp_path / name).write_bytes(content)
    page.locator("[name=content]").first.fill(f"About {name}")
    page.locator("form:has([name=content]) input[type=file]").first.set_input_files(tmp_path / name)
    page.locator("form:has([name=content]) button[type=submit]").first.click()
    expect(page.locator("main")).to_contain_text(f"About {name}", timeout=60_000)
    address = page.get_by_role("link", name=name, exact=True).first.evaluate("link => link.href")
    assert context.request.get(address).body() == content


def test_what_the_browser_keeps_is_this_portals_own(context: BrowserContext, live_site: LiveSite) -> None:
    page = open_live(context, live_site, "/")
    kept = {cookie["name"]: cookie["path"] for cookie in context.cookies()}
    assert kept.items() >= {("sessionid_portal", PREFIX), ("csrftoken_portal", PREFIX), ("timezone_portal", PREFIX)}
    assert set(kept.values()) == {PREFIX}
    names = page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
    assert [name for name in names if not name.startswith(f"{PREFIX} livedesk")] == []


def test_somebody_signs_in_and_out(context: BrowserContext, live_site: LiveSite) -> None:
    context.clear_cookies()
    page = context.new_page()
    page.goto(f"{live_site.url}/crm/products/")
    page.wait_for_url(f"{live_site.url}/sign-in/?next=**")
    page.fill("[name=username]", live_site.username)
    page.fill("[name=password]", live_site.password)
    page.click("main button[type=submit]")
    page.wait_for_url(f"{live_site.url}/crm/products/")
    wait_live(page)
    page.evaluate("document.querySelector('[action$=\"/sign-out/\"]').requestSubmit()")
    page.wait_for_url(f"{live_site.url}/sign-in/")


def test_pages_can_be_read_without_the_server(browser: Browser, live_site: LiveSite) -> None:
    with browser.new_context(service_workers="allow") as context:
        sign_in_on_page(context, live_site)
        page = with_worker(context, live_site.url)
        assert page.evaluate("navigator.serviceWorker.ready.then(({ scope }) => scope)") == f"{live_site.url}/"
        page.goto(f"{live_site.url}/crm/products/")
        keeps(page, live_site, "/crm/products/")
        names = page.evaluate("caches.keys()")
        assert [name for name in names if not name.startswith(f"{PREFIX} livedesk-")] == []
        # What answers now is nginx: 502.
        live_site.web.stop()
        try:
            page.reload()
            expect(page.locator("realtime-connection-banner")).to_contain_text("Offline. As of ")
            page.goto(f"{live_site.url}/crm/customers/")
            expect(page.locator("[data-offline] h1")).to_have_text("The server can’t be reached")
            page.locator("[data-kept-pages] a", has_text="Products").click()
            page.wait_for_url(f"{live_site.url}/crm/products/")
        finally:
            live_site.web.start()
