"""The whole way of an import, with scripts and without: the open list simply shows the rows."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.portal import assert_equals_reload, open_live, shown_ids, sign_in
from tests.browser.test_axe import assert_axe_finds_nothing
from tests.live_site import LiveSite


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_the_whole_way(
    browser: Browser, context: BrowserContext, live_site: LiveSite, word: str, scripts: bool
) -> None:
    with browser.new_context(java_script_enabled=scripts, reduced_motion="reduce") as other:
        other.set_default_timeout(20_000)
        sign_in(other, live_site)
        go(other.new_page(), context, live_site, word, assert_axe_finds_nothing if scripts else lambda page: None)


def go(importer: Page, context: BrowserContext, live_site: LiveSite, word: str, look: Callable[[Page], None]) -> None:
    list_page = open_live(context, live_site, f"/crm/customers/?q={word}")
    expect(list_page.locator("[data-live-row]")).to_have_count(0)
    lines = [
        "Kunde;E-Mail;Telefon",
        *(f"{word} Müller {number};m{number}@example.com;030{number}" for number in range(30)),
    ]

    importer.goto(f"{live_site.url}/crm/customers/")
    importer.get_by_role("link", name="Import").click()
    look(importer)
    for content in ("\r\n".join([*lines, f"{word};no address;1"]), "\r\n".join(lines)):
        file = {"name": "kunden.csv", "mimeType": "text/csv", "buffer": content.encode("cp1252")}
        importer.get_by_label("File").set_input_files(file)  # type: ignore[arg-type]
        importer.get_by_role("button", name="Upload").click()
        expect(importer.get_by_text("Western European (Windows-1252), cells separated by semicolons")).to_be_visible()
        expect(importer.get_by_role("cell", name=f"{word} Müller 0")).to_be_visible()
        expect(importer.get_by_label("Phone")).to_have_value("2")
        look(importer)
        importer.get_by_label("Name").select_option(label="Kunde")
        importer.get_by_role("button", name="Check the rows").click()
        if "no address" in content:
            row = importer.get_by_role("row").filter(has_text="no address")
            expect(row).to_contain_text("Enter a valid email address")
            expect(row.get_by_role("rowheader")).to_have_text("32")
            look(importer)
            importer.get_by_role("link", name="Choose another file").click()

    expect(importer.get_by_text("All 30 rows are fine")).to_be_visible()
    expect(list_page.locator("[data-live-row]")).to_have_count(0)
    importer.get_by_role("button", name="Import 30 rows").click()
    expect(importer.get_by_role("heading", name="Imported")).to_be_visible()
    look(importer)
    expect(list_page.locator("[data-live-row]")).to_have_count(30)
    assert_equals_reload(list_page, live_site)
    importer.get_by_role("link", name="Show the customers").click()
    assert set(shown_ids(list_page)) <= set(
        importer.locator("[data-live-row]").evaluate_all("rows => rows.map(row => row.dataset.id)")
    )
