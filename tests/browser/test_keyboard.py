"""The Tab key reaches everything that can be used."""

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.portal import open_live
from tests.live_site import LiveSite

# What is visible and can be used; Tab reaches one radio button of a group, the arrow keys reach the others.
USABLE = """
() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
  .filter(element => !element.disabled && element.type !== "hidden" && element.getClientRects().length
    && element.checkVisibility({visibilityProperty: true}) && !element.closest("details:not([open]) > :not(summary)"))
"""


def missed(page: Page) -> list[str]:
    """What can be used but Tab never reaches."""
    page.evaluate(f"window.usable = ({USABLE})(); window.reached = new Set(); document.activeElement.blur()")
    steps = page.evaluate("window.usable.length") + 5
    for _ in range(steps):
        page.keyboard.press("Tab")
        page.evaluate("window.reached.add(document.activeElement)")
    left_out: list[str] = page.evaluate(
        """window.usable.filter(element => !window.reached.has(element)
            && !(element.type === "radio" && [...window.reached].some(other => other.name === element.name)))
            .map(element => element.outerHTML.slice(0, 200))"""
    )
    return left_out


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/crm/products/?q=nothing-has-this-name",
        "/crm/customers/?q=nothing-has-this-name",
        "/crm/acquisitions/?q=nothing-has-this-name",
        "/crm/interactions/?q=nothing-has-this-name",
        "/ticketing/tickets/?q=nothing-has-this-name",
        "/crm/customers/new/",
        "/crm/acquisitions/new/",
        "/ticketing/tickets/new/",
    ],
)
def test_tab_reaches_everything_on_a_page(context: BrowserContext, live_site: LiveSite, path: str) -> None:
    page = open_live(context, live_site, path)
    assert missed(page) == []


def test_tab_reaches_everything_on_a_tickets_page(context: BrowserContext, live_site: LiveSite) -> None:
    with live_site.connect() as sql:
        row = sql.execute("insert into tickets (title) values ('By keyboard') returning id").fetchone()
    assert row is not None
    page = open_live(context, live_site, f"/ticketing/tickets/{row[0]}/")
    assert missed(page) == []
