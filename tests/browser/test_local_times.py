"""People type times in their own zone."""

from datetime import UTC, datetime

from playwright.sync_api import Browser, expect

from tests.browser.portal import open_live, sign_in_on_page, wait_live
from tests.live_site import LiveSite


def test_an_interactions_time_is_the_readers_own(browser: Browser, live_site: LiveSite, word: str) -> None:
    with live_site.connect() as sql:
        row = sql.execute("insert into customers (name) values (%s) returning id", [word]).fetchone()
        assert row is not None
        with browser.new_context(timezone_id="Europe/Berlin", locale="de-DE") as context:
            sign_in_on_page(context, live_site)
            page = open_live(context, live_site, f"/crm/interactions/new/?customer={row[0]}")
            expect(page.get_by_text("In your time zone (Europe/Berlin).")).to_be_visible()
            # The field starts with the current time.
            assert page.input_value("[name=interaction_at]")
            page.fill("[name=interaction_at]", "2026-07-01T12:34")
            page.fill("[name=notes]", word)
            page.get_by_role("button", name="Create interaction").click()
            expect(page.locator("main")).to_contain_text("01.07.2026, 12:34")
            stored = "select interaction_at, revision from interactions where notes = %s"
            first = sql.execute(stored, [word]).fetchone()
            assert first is not None
            assert first[0] == datetime(2026, 7, 1, 10, 34, tzinfo=UTC)
            # Saved again untouched by somebody who has travelled.
            page.get_by_role("link", name="Edit").click()
            expect(page.locator("[name=interaction_at]")).to_have_value("2026-07-01T12:34")
            context.add_cookies([{"name": "timezone", "value": "Asia/Tokyo", "url": live_site.url}])
            page.get_by_role("button", name="Save changes").click()
            expect(page.locator("main")).to_contain_text("01.07.2026, 12:34")
            assert sql.execute(stored, [word]).fetchone() == first
            # An hour that the clocks skip.
            page.get_by_role("link", name="Edit").click()
            page.locator("[name=interaction_at-zone]").evaluate("zone => { zone.value = 'Europe/Berlin'; }")
            page.fill("[name=interaction_at]", "2026-03-29T02:30")
            page.get_by_role("button", name="Save changes").click()
            expect(page.get_by_text("doesn’t exist in Europe/Berlin")).to_be_visible()
            expect(page.locator("[name=interaction_at]")).to_have_value("2026-03-29T02:30")
            # A colleague changes it while the form is open: shown in the zone of the form.
            page.goto(page.url)
            wait_live(page)
            sql.execute("update interactions set interaction_at = '2026-08-01 10:00:05Z' where notes = %s", [word])
            expect(page.locator("[name=interaction_at]")).to_have_value("2026-08-01T12:00:05")
            page.get_by_role("button", name="Save changes").click()
            expect(page.locator("main")).to_contain_text("was saved.")
            assert (sql.execute(stored, [word]).fetchone() or [None])[0] == datetime(2026, 8, 1, 10, 0, 5, tzinfo=UTC)
