"""The largest values have room: numbers stay in one piece, columns side by side, and no page scrolls sideways."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.portal import open_live
from tests.live_site import LiveSite

LARGEST_QUANTITY, LARGEST_TOTAL, LARGEST_PRICE = 2_147_483_647, "999999999999.99", "9999999999.99"


@pytest.fixture
def customer(live_site: LiveSite) -> Iterator[str]:
    """A customer with the largest possible purchase and a long conversation."""
    keys = {table: str(uuid4()) for table in ("customers", "products", "acquisitions", "interactions")}
    with psycopg.connect(live_site.database_url, autocommit=True) as sql:
        sql.execute("insert into customers (id, name) values (%s, 'Largest')", [keys["customers"]])
        sql.execute("insert into products (id, name, price) values (%s, 'Dear', %s)", [keys["products"], LARGEST_PRICE])
        sql.execute(
            "insert into acquisitions (id, customer_id, product_id, quantity, total_amount)"
            " values (%s, %s, %s, %s, %s)",
            [keys["acquisitions"], keys["customers"], keys["products"], LARGEST_QUANTITY, LARGEST_TOTAL],
        )
        sql.execute(
            "insert into interactions (id, customer_id, notes) values (%s, %s, %s)",
            [keys["interactions"], keys["customers"], "words " * 200],
        )
        yield keys["customers"]
        for table in ("interactions", "acquisitions", "products", "customers"):
            sql.execute(f"delete from {table} where id = %s", [keys[table]])  # type: ignore[call-overload]


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


# The cells that are too narrow for what is in them, and how many lines each one has.
MEASURE = """
(cells) => [
  cells.filter(cell => cell.scrollWidth > Math.max(cell.clientWidth, cell.offsetWidth)).map(cell => cell.textContent),
  cells.map(cell => {
    const all = document.createRange();
    all.selectNodeContents(cell);
    return new Set([...all.getClientRects()].map(line => Math.round(line.bottom))).size;
  }),
]
"""


@pytest.mark.parametrize("width", [1440, 1000, 660, 360])
def test_the_largest_numbers_are_whole(context: BrowserContext, live_site: LiveSite, customer: str, width: int) -> None:
    page = open_live(context, live_site, "/crm/acquisitions/")
    page.set_viewport_size({"width": width, "height": 800})
    for address in ("/crm/acquisitions/", "/crm/products/", f"/crm/customers/{customer}/"):
        page.goto(live_site.url + address)
        assert not scrolls_sideways(page), address
        numbers = page.locator("td.table__number, .related__number, .figures strong").filter(visible=True)
        cut, lines = numbers.evaluate_all(MEASURE)
        assert lines, address
        assert (cut, set(lines)) == ([], {1}), address


def test_the_columns_of_the_board_stand_beside_each_other(context: BrowserContext, live_site: LiveSite) -> None:
    page = open_live(context, live_site, "/ticketing/board/")
    page.set_viewport_size({"width": 1280, "height": 800})
    tops = page.locator(".board__column:visible").evaluate_all("columns => columns.map(column => column.offsetTop)")
    assert len(tops) == 4
    assert len(set(tops)) == 1


def test_the_administration_of_a_row_with_others_inside_has_room(
    context: BrowserContext, live_site: LiveSite, customer: str
) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 800})
    with live_site.connect() as sql:
        ticket = sql.execute("select ticket_id from comments limit 1").fetchone()
    assert ticket is not None
    for address in (f"crm/customer/{customer}", f"ticketing/ticket/{ticket[0]}"):
        page.goto(f"{live_site.url}/admin/{address}/change/")
        assert not scrolls_sideways(page), address
