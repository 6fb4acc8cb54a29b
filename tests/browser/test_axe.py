"""axe-core finds nothing on any kind of page, in either theme, wide or narrow; and a row is one large link."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.portal import open_live, sign_in
from tests.live_site import LiveSite

AXE = (Path(__file__).parent / "vendor/axe-core/axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# The page follows the theme and the width of its window by itself.
LOOKS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 1280), ("dark", 1280), ("light", 390))
PATHS = (
    "/",
    "/crm/products/",
    "/crm/customers/",
    "/crm/acquisitions/",
    "/crm/interactions/",
    "/ticketing/tickets/",
    "/ticketing/board/",
    "/crm/products/{product}/",
    "/crm/customers/{customer}/",
    "/ticketing/tickets/{ticket}/",
    "/crm/products/{product}/edit/",
    "/crm/customers/{customer}/delete/",
    "/crm/acquisitions/new/",
    "/crm/interactions/new/",
    "/ticketing/tickets/new/",
    "/crm/products/?q=nothing-has-this-name",
    "/search/?q=lamp",
    "/history/",
    "/history/?record=ticket/{ticket}",
    "/crm/nothing-here/",
)
# What opens over a page: the keys that open it, after the first row was reached.
OPENED = ("Control+k", "?", "s", "a")


# Three quarters of its time, axe describes what it finds right, each element with a selector of its own.
FIND = """async (tags) => {
  const options = { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"], selectors: false };
  const { violations } = await axe.run(options);
  return violations.flatMap(({ id, nodes }) => nodes.slice(0, 3).map(({ html }) => `${id}: ${html.slice(0, 160)}`));
}"""


def found_by_axe(page: Page) -> list[str]:
    found: list[str] = page.evaluate(FIND, RULES)
    return found


@pytest.fixture(scope="module")
def keys(live_site: LiveSite) -> dict[str, str]:
    with live_site.connect() as sql:
        rows = {}
        for name in ("product", "customer", "ticket"):
            row = sql.execute(f"select id from {name}s order by created_at limit 1").fetchone()
            assert row is not None
            rows[name] = str(row[0])
    return rows


@pytest.fixture(scope="module")
def looker(browser: Browser, live_site: LiveSite) -> Iterator[Page]:
    # Without motion a new theme is there at once, not at the end of a transition.
    with browser.new_context(reduced_motion="reduce") as context:
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.goto(f"{live_site.url}/sign-in/")
        assert_axe_finds_nothing(page)
        sign_in(context, live_site)
        yield page


@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_nothing(looker: Page, live_site: LiveSite, keys: dict[str, str], path: str) -> None:
    looker.goto(live_site.url + path.format(**keys))
    if looker.locator("[data-live-state]").count():
        expect(looker.locator("[data-live-state]:not([data-live-state=connected])")).to_have_count(0)
    assert_axe_finds_nothing(looker)


@pytest.mark.parametrize("key", OPENED)
def test_axe_finds_nothing_in_what_opens(looker: Page, live_site: LiveSite, key: str) -> None:
    looker.goto(f"{live_site.url}/ticketing/tickets/")
    looker.keyboard.press("j")
    looker.keyboard.press(key)
    expect(looker.locator("dialog[open], :popover-open:not(nav)")).to_be_visible()
    assert_axe_finds_nothing(looker)


def assert_axe_finds_nothing(page: Page) -> None:
    page.evaluate(AXE)
    found = {}
    for theme, width in LOOKS:
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 800})
        found[f"{theme}, {width} px"] = found_by_axe(page)
    assert not any(found.values()), found


def test_a_whole_row_opens_its_record_and_a_link_inside_stays_one(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        row = sql.execute(
            "insert into customers (name, email) values (%s, 'anna@example.org') returning id", [word]
        ).fetchone()
        assert row is not None
    page = open_live(context, live_site, f"/crm/customers/?q={word}")
    shown = page.locator("[data-live-row]")
    page.get_by_role("link", name="anna@example.org").click()
    assert page.url.endswith(f"?q={word}")
    with context.expect_page() as opened:
        shown.locator("td:last-child").click(button="middle")
    assert opened.value.url.endswith(f"/crm/customers/{row[0]}/")
    with context.expect_page() as opened:
        shown.locator("td:last-child").click(modifiers=["Control"])
    assert opened.value.url.endswith(f"/crm/customers/{row[0]}/")
    shown.locator("td:last-child").click()
    page.wait_for_url(f"**/crm/customers/{row[0]}/")
    page.go_back()
    page.locator("[data-live-row] .table__name").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/crm/customers/{row[0]}/")
