"""A list in Chromium over uvicorn, where frames are shared, and where the browser has them compressed after all."""

import dataclasses
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from playwright.sync_api import BrowserContext, expect

from project.web_server import WebServer
from tests.browser.portal import assert_equals_reload, insert_product, open_live, row
from tests.live_site import LiveSite, served_by
from tests.nginx import nginx_before


@pytest.fixture(scope="module", params=["shared frames", "compressed frames"])
def frames(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def live_site(live_site: LiveSite, frames: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    with served_by(live_site, WebServer.UVICORN) as site:
        if frames == "compressed frames":
            web = site.web
            argv = ["true" if word == "false" else word for word in map(str, web.argv)]
            web.stop()
            site = dataclasses.replace(site, web=dataclasses.replace(web, argv=argv))
            site.web.start()
        fronted = nginx_before(site, tmp_path_factory.mktemp("uvicorn")) if site.address else nullcontext(site)
        try:
            with fronted as reached:
                yield reached
        finally:
            site.web.stop()


def test_a_list_follows_and_catches_up_after_a_restart(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    page = open_live(context, live_site, f"/crm/products/?q={word}")
    with live_site.connect() as sql:
        key = insert_product(sql, f"{word} lamp")
        expect(row(page, key)).to_be_visible()
        for price in range(40):
            sql.execute("update products set price = %s where id = %s", [1000 + price, key])
        expect(row(page, key)).to_contain_text("1,039.00")
        assert_equals_reload(page, live_site)
        live_site.web.stop()
        sql.execute("update products set price = 7 where id = %s", [key])
        live_site.web.start()
        expect(row(page, key)).to_contain_text("7.00", timeout=60_000)
        assert_equals_reload(page, live_site)
