"""The guide's checklist works: a table that the portal never heard of is live after following it."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, expect

from realtime.local.stack import LocalStack
from tests.browser.conftest import as_asked
from tests.browser.portal import assert_equals_reload, open_live, row, sign_in
from tests.conftest import QUICK
from tests.live_site import LiveSite, make_live_site
from tests.plugin import SessionServices


@pytest.fixture
def site_with_eighth_table(services: SessionServices, postgres_url: str) -> Iterator[LiveSite]:
    directory = services.directory / "eighth"
    stack = LocalStack(directory, database="eighth", postgres=services.postgres, realtime=QUICK)
    site = make_live_site(stack, directory / "logs", extra={"DJANGO_SETTINGS_MODULE": "tests.eighth.settings"})
    try:
        site.start_stack()
        site.manage("migrate", "--noinput")
        site.web.start()
        site.worker.start()
        with as_asked(site, directory) as reached:
            yield reached
    finally:
        site.stop()


def test_an_eighth_table_is_live(browser: Browser, site_with_eighth_table: LiveSite) -> None:
    site, key = site_with_eighth_table, str(uuid4())
    with browser.new_context() as context, site.connect() as sql:
        sign_in(context, site)
        listing = open_live(context, site, "/eighth/suppliers/")
        expect(listing.get_by_text("No suppliers yet")).to_be_visible()
        sql.execute("insert into suppliers (id, name) values (%s, 'Acme')", [key])
        expect(row(listing, key)).to_contain_text("Acme")
        detail = open_live(context, site, f"/eighth/suppliers/{key}/")
        sql.execute("update suppliers set name = 'Acme & sons' where id = %s", [key])
        for page in (listing, detail):
            expect(page.get_by_text("Acme & sons").first).to_be_visible()
            assert_equals_reload(page, site)
        sql.execute("delete from suppliers")
        expect(row(listing, key)).to_have_count(0)
        for page in (listing, detail):
            assert_equals_reload(page, site)
