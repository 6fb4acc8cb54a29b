"""The dashboard's charts show what their tables say, in either theme, and are never part of what is patched."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.portal import assert_equals_reload, open_live, sign_in, wait_live
from tests.browser.test_axe import assert_axe_finds_nothing
from tests.live_site import LiveSite

CHARTS = ("ticket-flow", "ticket-queue", "ticket-people", "sales-over-time", "sales-by-product")
# What the table says, in the form in which a chart notes what it has drawn.
TABLE = """(panel) => {
  const rows = [...panel.querySelector("[data-chart-table]").tBodies[0].rows];
  const value = (column) => (row) => Number(row.cells[column].dataset.value);
  const columns = [...rows[0].cells].slice(1).map((_, column) => rows.map(value(column + 1)));
  return [rows.map((row) => row.cells[0].textContent.trim()), ...columns];
}"""
# How many pixels of the chart have each of its colours.
COLOURS = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const told = {};
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] === 255) told[data.slice(at, at + 3).join()] = (told[data.slice(at, at + 3).join()] ?? 0) + 1;
  }
  return Object.entries(told).sort((one, other) => other[1] - one[1]).slice(0, 4).map(([colour]) => colour);
}"""


@pytest.fixture
def page(browser: Browser, live_site: LiveSite) -> Iterator[Page]:
    with browser.new_context(reduced_motion="reduce") as context:
        context.set_default_timeout(20_000)
        sign_in(context, live_site)
        with live_site.connect() as sql:
            product = sql.execute("insert into products (name) values ('Charted') returning id").fetchone()
            customer = sql.execute("insert into customers (name) values ('Charted') returning id").fetchone()
            assert product is not None
            assert customer is not None
            sql.execute(
                "insert into acquisitions (customer_id, product_id, total_amount) values (%s, %s, 900000000)",
                [customer[0], product[0]],
            )
            sql.execute(
                "insert into tickets (title, priority, assigned_to) select 'Charted', 'urgent', id from accounts_user"
            )
            yield open_live(context, live_site, "/")
            sql.execute("delete from acquisitions where product_id = %s", [product[0]])
            sql.execute("delete from products where id = %s", [product[0]])
            sql.execute("delete from tickets where title = 'Charted'")


def panel(page: Page, region: str) -> Any:
    return page.locator(f"[data-block={region}]")


def assert_drawn_as_the_table_says(page: Page) -> None:
    for region in CHARTS:
        chart = panel(page, region).locator("live-chart")
        expect(chart).to_have_attribute(
            "data-drawn", json.dumps(panel(page, region).evaluate(TABLE), separators=(",", ":"), ensure_ascii=False)
        )
        expect(chart.locator("canvas")).to_be_visible()


def test_charts_are_drawn_from_their_tables_and_drawn_again(page: Page, live_site: LiveSite) -> None:
    for region in CHARTS:
        expect(panel(page, region).locator("live-chart[data-drawn]")).to_be_visible()
    assert_drawn_as_the_table_says(page)
    canvases = page.locator("live-chart canvas").element_handles()
    drawn = [panel(page, region).locator("live-chart").get_attribute("data-drawn") for region in CHARTS]
    with live_site.connect() as sql:
        sql.execute("update tickets set status = 'resolved', priority = 'low' where title = 'Charted'")
        sql.execute("update acquisitions set total_amount = 800000000 where total_amount = 900000000")
    for region, before in zip(CHARTS, drawn, strict=True):
        expect(panel(page, region).locator("live-chart")).not_to_have_attribute("data-drawn", str(before))
    assert_drawn_as_the_table_says(page)
    # Each is the same canvas: no patch has met it.
    assert all(canvas.evaluate("canvas => canvas.isConnected") for canvas in canvases)
    assert_equals_reload(page, live_site)


def test_charts_follow_the_theme_the_width_and_the_systems_own_colours(page: Page) -> None:
    chart = panel(page, "ticket-queue").locator("live-chart")
    expect(chart.locator("canvas")).to_be_visible()
    light = chart.locator("canvas").evaluate(COLOURS)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        f"([canvas, before]) => String(({COLOURS})(canvas)) !== String(before)",
        arg=[chart.locator("canvas").element_handle(), light],
    )
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_function("() => document.querySelector('live-chart canvas').getBoundingClientRect().width < 390")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.emulate_media(forced_colors="active")
    for region in CHARTS:
        expect(panel(page, region).locator("canvas")).to_have_count(0)
        expect(panel(page, region).locator("[data-chart-table]")).to_be_visible()
    page.emulate_media(forced_colors="none")
    expect(chart.locator("canvas")).to_be_visible()
    # With its tables open, too.
    assert_axe_finds_nothing(page)


def test_a_chart_goes_with_the_right_to_see_its_figures(page: Page, live_site: LiveSite) -> None:
    chart = panel(page, "sales-over-time").locator("live-chart")
    expect(chart.locator("canvas")).to_be_visible()
    region = panel(page, "sales-over-time").locator("[data-live-region]")
    # As when a right is taken away: what is shown is taken out of the region.
    region.evaluate("region => region.replaceChildren()")
    expect(chart.locator("canvas")).to_have_count(0)
    assert chart.get_attribute("data-drawn") is None


def test_sales_are_by_week_or_by_month(page: Page) -> None:
    sales = panel(page, "sales-over-time")
    expect(sales.get_by_role("link", name="Weeks")).to_have_attribute("aria-current", "true")
    sales.get_by_role("link", name="Months").click()
    wait_live(page)
    expect(sales.get_by_role("link", name="Months")).to_have_attribute("aria-current", "true")
    sales.get_by_text("Show as a table").click()
    expect(sales.locator("tbody tr")).to_have_count(12)
    expect(sales.get_by_role("columnheader", name="Month")).to_be_visible()
    assert_drawn_as_the_table_says(page)
