"""What is written while the server can't be reached waits in the browser, and is done once (design rule 36)."""

import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.portal import assert_equals_reload, insert_product, open_live, wait_live
from tests.live_site import LiveSite


def test_a_form_saved_without_a_network_waits_and_is_saved_later(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        key = insert_product(sql, word)
    page = open_live(context, live_site, f"/crm/products/{key}/edit/")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.fill("[name=description]", "Written in a tunnel")
    context.set_offline(True)
    page.click("main form button[type=submit]:not([name])")
    expect(page.locator("[data-kept-note]")).to_contain_text("kept in this browser")
    expect(page.locator("[data-outbox-count]")).to_have_text("1")
    expect(page.locator("write-mark").first).to_contain_text("waits to be sent")
    context.set_offline(False)
    expect(page.locator("[data-outbox-button]")).to_be_hidden()
    with live_site.connect() as sql:
        row = sql.execute("select description from products where id = %s", [key]).fetchone()
    assert row == ("Written in a tunnel",)
    assert errors == []
