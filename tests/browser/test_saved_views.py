"""A view is saved, pinned and followed live from any page; columns are chosen, and rows that come keep to them."""

import re
from uuid import uuid4

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.portal import assert_equals_reload, insert_product, open_live, open_next, row, wait_live
from tests.browser.test_axe import assert_axe_finds_nothing
from tests.live_site import LiveSite


def menu(page: Page, word: str) -> None:
    page.locator(".filter-bar summary", has_text=word).click()


def press(page: Page, word: str) -> None:
    """Leads to a page, which a script asks for once the server has answered."""
    page.evaluate("window.isOpened = true")
    page.get_by_role("button", name=word, exact=True).click()
    page.wait_for_function("() => window.isOpened === undefined")
    wait_live(page)


def pinned(page: Page, name: str) -> Locator:
    return page.locator(".app-nav__pinned .app-nav__link", has_text=name)


def test_a_view_is_saved_pinned_followed_changed_renamed_and_deleted(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    name = f"View {word}"
    with live_site.connect() as sql:
        keys = [insert_product(sql, f"{word} {number}", number) for number in range(30)]
        page = open_live(context, live_site, f"/crm/products/?q={word}&sort=price&size=25")
        page.emulate_media(reduced_motion="reduce")
        menu(page, "Save view")
        page.fill("#view-name", name)
        page.check("#view-pinned")
        press(page, "Save view")
        # Where something is unread, the title counts it.
        expect(page).to_have_title(re.compile(rf"^(\(\d+\+?\) )?{word} · {name} · Products · Livedesk$"))
        expect(page.get_by_role("heading", level=1)).to_have_text(f"{name} 30")
        expect(pinned(page, name)).to_have_attribute("aria-current", "page")
        # Its count is live on a page that shows no product, and the list's own on the next page.
        elsewhere = open_live(context, live_site, "/crm/customers/?q=nobody-is-called-this")
        second = open_next(page, live_site)
        expect(second.get_by_role("heading", level=1)).to_contain_text(name)
        expect(pinned(elsewhere, name)).to_contain_text("30")
        insert_product(sql, f"{word} new", 99)
        sql.execute("delete from products where id = any(%s)", [keys[:3]])
        for other in (page, elsewhere, second):
            expect(pinned(other, name)).to_contain_text("28")
            assert_equals_reload(other, live_site)
        second.close()
        # Other filters can be kept, as its own or under another name.
        page.locator("a.chip__remove").click()
        wait_live(page)
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"{name} changed")
        press(page, "Save changes")
        expect(page.locator("[aria-label='Filters that are on'] .chip")).to_have_count(0)
        expect(page.get_by_role("heading", level=1)).not_to_contain_text("changed")
        menu(page, "Views")
        page.get_by_role("link", name="Rename or share").click()
        page.fill("#view-name", "")
        press(page, "Save changes")
        expect(page.locator(".errorlist")).to_have_text("Give the view a name.")
        page.fill("#view-name", f"{name} again")
        press(page, "Save changes")
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"{name} again")
        # By default, until it is gone.
        menu(page, "Views")
        press(page, "Open this view by default")
        page.goto(f"{live_site.url}/crm/products/")
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"{name} again")
        page.get_by_role("link", name="All products").first.click()
        wait_live(page)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Products")
        menu(page, "Views")
        page.locator(".list-menu__link", has_text=f"{name} again").click()
        menu(page, "Views")
        page.locator(".list-menu__panel").get_by_role("link", name="Delete").click()
        assert_axe_finds_nothing(page)
        press(page, "Delete view")
        expect(pinned(page, name)).to_have_count(0)
        page.goto(f"{live_site.url}/crm/products/")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Products")


HEADINGS = """
() => {
  const seen = (cells) => [...cells].filter((cell) => cell.checkVisibility())
    .sort((a, b) => a.getBoundingClientRect().x - b.getBoundingClientRect().x)
    .filter((cell) => cell.dataset.column)
    .map((cell) => [cell.dataset.column, Math.round(cell.getBoundingClientRect().x)]);
  const [head, ...rows] = document.querySelectorAll("table tr");
  return [seen(head.cells), ...rows.map((row) => seen(row.cells))];
}
"""


def columns_shown(page: Page) -> list[str]:
    """The columns from left to right, after a look at whether every row's cells stand under their headings."""
    head, *rows = page.evaluate(HEADINGS)
    assert rows
    assert all(cells == head for cells in rows), (head, rows)
    return [key for key, _ in head]


def test_columns_are_hidden_and_moved_and_rows_that_come_keep_to_it(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        sql.execute("insert into tickets (title) values (%s)", [f"{word} one"])
        page = open_live(context, live_site, f"/ticketing/tickets/?q={word}")
        page.emulate_media(reduced_motion="reduce")
        every = ["ticket", "status", "priority", "assigned-to", "comments", "last-activity"]
        assert columns_shown(page) == every
        try:
            menu(page, "Columns")
            assert_axe_finds_nothing(page)
            page.set_viewport_size({"width": 1280, "height": 800})
            page.uncheck("[name=show-priority]")
            up = page.get_by_role("button", name="Move Comments up")
            up.focus()
            for _ in range(5):
                page.keyboard.press("Enter")
            expect(up).to_be_focused()
            expect(page.locator("[data-columns-said]")).to_have_text("Comments, 2 of 6")
            press(page, "Show these")
            expect(page).to_have_url(f"{live_site.url}/ticketing/tickets/?q={word}")
            chosen = ["ticket", "comments", "status", "assigned-to", "last-activity"]
            assert columns_shown(page) == chosen
            key = str(uuid4())
            sql.execute("insert into tickets (id, title) values (%s, %s)", [key, f"{word} two"])
            expect(row(page, key)).to_be_visible()
            assert columns_shown(page) == chosen
            assert_equals_reload(page, live_site)
            # In between, the table has no room for the number of comments; below, a row is a stack of lines.
            page.set_viewport_size({"width": 900, "height": 800})
            assert columns_shown(page) == ["ticket", "status", "assigned-to", "last-activity"]
            page.set_viewport_size({"width": 390, "height": 800})
            expect(row(page, key).locator("[data-column=priority]")).to_be_hidden()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.set_viewport_size({"width": 1280, "height": 800})
            menu(page, "Columns")
            press(page, "Reset")
            assert columns_shown(page) == every
        finally:
            sql.execute("delete from realtime_list_preference")


def test_without_javascript_a_view_is_saved_and_a_column_moved(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    plain = context.browser.new_context(java_script_enabled=False, storage_state=context.storage_state())  # type: ignore[union-attr]
    with plain:
        page = plain.new_page()
        page.goto(f"{live_site.url}/crm/interactions/?type=call&q={word}")
        menu(page, "Save view")
        page.fill("#view-name", f"Calls {word}")
        page.check("#view-pinned")
        page.get_by_role("button", name="Save view", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Calls {word} 0")
        expect(pinned(page, word)).to_contain_text("0")
        menu(page, "Columns")
        page.get_by_role("button", name="Move When up").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Columns of interactions")
        expect(page.locator(".columns-form__item label")).to_have_text(["Interaction", "When", "Customer"])
        page.get_by_role("button", name="Reset").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"Calls {word}")
        menu(page, "Views")
        page.locator(".list-menu__panel").get_by_role("link", name="Delete").click()
        page.get_by_role("button", name="Delete view").click()
        expect(pinned(page, word)).to_have_count(0)
