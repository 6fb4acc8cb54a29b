"""Two portals on one host: whoever works in both is signed in to both, and neither sees what the other one keeps.

They have one database here, so one person: names that both used would meet at once.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.portal import insert_product, open_live, row, sign_in_on_page, wait_live
from tests.conftest import unavailable
from tests.live_site import LiveSite, make_web
from tests.nginx import MISSING, Nginx, behind, find_nginx
from tests.prepared import static_files

PAIRS = {"beside each other": ("/portal/", "/other/"), "below the other": ("/", "/other/")}
KEPT = """
async () => {
  const found = { storage: [], databases: [], pages: {} };
  found.storage = [...Object.keys(localStorage), ...Object.keys(sessionStorage)];
  found.databases = (await indexedDB.databases()).map(({ name }) => name);
  for (const name of await caches.keys()) {
    found.pages[name] = (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname);
  }
  return found;
}
"""

Portals = tuple[LiveSite, LiveSite]


@pytest.fixture(scope="module", params=PAIRS)
def portals(
    request: pytest.FixtureRequest, live_site: LiveSite, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Portals]:
    if find_nginx() is None:
        unavailable(MISSING)
    directory = tmp_path_factory.mktemp("two-portals")
    prefixes = PAIRS[request.param]
    environments = [live_site.environment | behind(prefix) for prefix in prefixes]
    webs = [make_web(environment, directory / f"web-{number}.log") for number, environment in enumerate(environments)]
    nginx = Nginx(directory / "etc", [webs[0].address], static_files(), prefixes[0])
    addresses = [nginx.address, nginx.add_portal(webs[1].address, prefixes[1])]
    services = [*webs, nginx.service]
    try:
        for service in services:
            service.start()
        first, second = (
            replace(live_site, web=web, environment=environment, address=address)
            for web, environment, address in zip(webs, environments, addresses, strict=True)
        )
        yield first, second
    finally:
        for service in reversed(services):
            service.stop()


@pytest.fixture
def worker(browser: Browser, portals: Portals) -> Iterator[BrowserContext]:
    """Somebody in both portals with one browser that keeps pages."""
    with browser.new_context(service_workers="allow") as context:
        context.set_default_timeout(20_000)
        for portal in portals:
            sign_in_on_page(context, portal)
        yield context


def of_name(name: str, portals: Portals) -> LiveSite:
    """The portal whose scripts have called something so."""
    first, second = portals
    return second if name.startswith(second.own("")) else first


def of_path(path: str, portals: Portals) -> LiveSite:
    first, second = portals
    return second if path.startswith(second.prefix) else first


def reload_with_worker(page: Page) -> None:
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    wait_live(page)


def test_both_are_signed_in_to_and_signing_out_of_one_leaves_the_other(
    worker: BrowserContext, portals: Portals, word: str
) -> None:
    first, second = portals
    with first.connect() as sql:
        key = insert_product(sql, word)
        pages = [open_live(worker, portal, f"/crm/products/?q={word}") for portal in portals]
        for page in pages:
            reload_with_worker(page)
        cookies = {cookie["name"]: cookie["path"] for cookie in worker.cookies()}
        for portal in portals:
            for name in ("sessionid", "csrftoken", "timezone", "known_browser"):
                assert cookies[f"{name}{portal.cookie_suffix}"] == portal.prefix
        # A form of one still has its token after the other's sign-out.
        form = open_live(worker, first, f"/crm/products/{key}/edit/")
        form.fill("[name=description]", "Written beside a sign-out")
        pages[1].evaluate("document.querySelector('[action$=\"/sign-out/\"]').requestSubmit()")
        pages[1].wait_for_url(f"{second.url}/sign-in/")
        form.locator("main form.card button[type=submit]:not([name])").click()
        form.wait_for_url(f"{first.url}/crm/products/{key}/")
        sql.execute("update products set price = 77.25 where id = %s", [key])
        expect(row(pages[0], key)).to_contain_text("77.25")
        pages[0].reload()
        wait_live(pages[0])
        assert f"sessionid{second.cookie_suffix}" not in {cookie["name"] for cookie in worker.cookies()}


def test_what_is_typed_waits_or_is_kept_in_one_is_not_the_others(
    worker: BrowserContext, portals: Portals, word: str
) -> None:
    first, second = portals
    with first.connect() as sql:
        typed, waiting = insert_product(sql, f"{word} typed"), insert_product(sql, f"{word} waiting")
        pages = [open_live(worker, portal, f"/crm/products/{waiting}/edit/") for portal in portals]
        for page in pages:
            reload_with_worker(page)
        # The same tab, the same person, the same form.
        tab = open_live(worker, first, f"/crm/products/{typed}/edit/")
        tab.fill("[name=description]", "Only typed")
        tab.goto(f"{second.url}/crm/products/{typed}/edit/")
        wait_live(tab)
        expect(tab.locator(".typed-note")).to_have_count(0)
        tab.goto(f"{first.url}/crm/products/{typed}/edit/")
        expect(tab.locator(".typed-note")).to_contain_text("kept")
        worker.set_offline(True)
        pages[0].fill("[name=description]", "Written in a tunnel")
        pages[0].locator("main form.card button[type=submit]:not([name])").click()
        expect(pages[0].locator("[data-outbox-count]")).to_have_text("1")
        pages[1].locator("[data-theme-choice=dark]").dispatch_event("click")
        expect(pages[1].locator("html")).to_have_attribute("data-theme", "dark")
        expect(pages[1].locator("[data-outbox-button]")).to_be_hidden()
        expect(pages[0].locator("html")).not_to_have_attribute("data-theme", "dark")
        worker.set_offline(False)
        expect(pages[0].locator("[data-outbox-button]")).to_be_hidden()
        for page in pages:
            found = page.evaluate(KEPT)
            names = [*found["storage"], *found["databases"], *found["pages"]]
            assert [name for name in names if "livedesk" not in name] == []
            assert {of_name(name, portals).prefix for name in found["databases"]} == {first.prefix, second.prefix}
            for name, paths in found["pages"].items():
                strangers = [path for path in paths if of_path(path, portals) is not of_name(name, portals)]
                assert strangers == [], name
