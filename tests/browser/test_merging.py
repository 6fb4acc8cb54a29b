"""Two people in two browsers save the same record, by every way to save, in either order (design rule 30)."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.portal import insert_product, open_live, sign_in
from tests.browser.test_axe import assert_axe_finds_nothing
from tests.live_site import LiveSite

Sql = psycopg.Connection[Any]
TEXT = "First paragraph.\n\nSecond paragraph.\n\nThird paragraph."


@pytest.fixture
def sql(live_site: LiveSite) -> Iterator[Sql]:
    with live_site.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def dana(browser: Browser, live_site: LiveSite) -> Iterator[BrowserContext]:
    with browser.new_context(reduced_motion="reduce") as context:
        context.set_default_timeout(20_000)
        sign_in(context, live_site)
        yield context


@pytest.fixture(scope="module")
def lucia(browser: Browser, live_site: LiveSite) -> Iterator[BrowserContext]:
    with browser.new_context() as context:
        context.set_default_timeout(20_000)
        sign_in(context, live_site, "lucia", live_site.password)
        yield context


def make_ticket(sql: Sql, word: str) -> str:
    made = sql.execute("insert into tickets (title, description) values (%s, %s) returning id", [word, TEXT])
    return str((made.fetchone() or [""])[0])


# Each way: where it is, and how a value is chosen there and sent.


def save_form(page: Page, key: str, field: str, value: str) -> None:
    control = page.locator(f"[name={field}]")
    control.fill(value) if field == "description" else control.select_option(value)
    page.locator("main form:has([name=title]) [type=submit]:not([name]), #ticket_form [name=_save]").click()


def choose_in_menu(page: Page, key: str, field: str, value: str) -> None:
    page.locator(f"[data-id='{key}'] [data-quick]").click()
    page.locator(f"#ticket-menu [data-{field}={value}][role=menuitemradio]").click()


def move_card(page: Page, key: str, field: str, value: str) -> None:
    page.locator(f"[data-id='{key}'] .table__name").focus()
    page.keyboard.press("Shift+ArrowRight")


def press_button(page: Page, key: str, field: str, value: str) -> None:
    page.locator(f"[form=ticket-actions][name={field}][value={value}]").click()


Save = Callable[[Page, str, str, str], None]
WAYS: dict[str, tuple[str, Save]] = {
    "form": ("/ticketing/tickets/{key}/edit/", save_form),
    "admin": ("/admin/ticketing/ticket/{key}/change/", save_form),
    "menu": ("/ticketing/tickets/?q={word}", choose_in_menu),
    "board": ("/ticketing/board/", move_card),
    "page": ("/ticketing/tickets/{key}/", press_button),
}


class Person:
    """Somebody who has opened the record one way. The page isn't live, or it would know of the other's change."""

    def __init__(self, context: BrowserContext, site: LiveSite, way: str, key: str, word: str) -> None:
        address, self._save = WAYS[way]
        self.key = key
        self.page = context.new_page()
        self.page.route_web_socket(re.compile("/ws/live/"), lambda socket: None)
        self.page.goto(site.url + address.format(key=key, word=word))

    def save(self, field: str, value: str) -> bool:
        """Whether it was saved: forms lead on, clicks are answered with a sentence."""
        self.page.evaluate("window.isOpened = true")
        with self.page.expect_response(lambda answer: answer.request.method == "POST") as answered:
            self._save(self.page, self.key, field, value)
        answer = answered.value
        is_saved = answer.status == 302 or (answer.status == 200 and "json" in answer.headers["content-type"])
        if is_saved:
            # A form leads on, and a page that isn't live loads itself again. Chromium forgets to close one on its way.
            self.page.wait_for_function("() => window.isOpened === undefined")
        return is_saved


def stored(sql: Sql, key: str) -> tuple[str, ...]:
    row = sql.execute("select status, priority, description from tickets where id = %s", [key]).fetchone()
    return tuple(row or ())


@pytest.mark.parametrize("dana_first", [True, False], ids=["first", "second"])
@pytest.mark.parametrize("way", WAYS)
def test_only_a_field_that_both_changed_differently_asks(
    dana: BrowserContext, lucia: BrowserContext, live_site: LiveSite, sql: Sql, word: str, way: str, dana_first: bool
) -> None:
    for field, value, result in (
        ("priority", "urgent", ("pending", "urgent", TEXT)),
        ("status", "pending", ("pending", "normal", TEXT)),
        ("status", "closed", None),
    ):
        name = f"{word}{field}{value}"
        key = make_ticket(sql, name)
        mine, theirs = Person(dana, live_site, way, key, name), Person(lucia, live_site, "form", key, name)
        saves = [(mine, "status", "pending"), (theirs, field, value)]
        (first, *change), (second, *later) = saves if dana_first else saves[::-1]
        assert first.save(*change)
        assert second.save(*later) == (result is not None)
        assert stored(sql, key) == (result or ("pending" if dana_first else "closed", "normal", TEXT))
        if result is None:
            who = "Dana Moreau" if dana_first else "Lucía Fernández Ortega"
            expect(second.page.get_by_text(re.compile(f"{who} changed")).first).to_be_visible()
        for person in (mine, theirs):
            person.page.close()


@pytest.mark.parametrize(("way", "dana_first"), [("form", True), ("admin", False)])
def test_paragraphs_of_both_are_kept(
    dana: BrowserContext, lucia: BrowserContext, live_site: LiveSite, sql: Sql, word: str, way: str, dana_first: bool
) -> None:
    key = make_ticket(sql, word)
    mine, theirs = Person(dana, live_site, way, key, word), Person(lucia, live_site, "form", key, word)
    saves = [(mine, TEXT.replace("First", "My first")), (theirs, TEXT.replace("Third", "Their third"))]
    for person, text in saves if dana_first else saves[::-1]:
        assert person.save("description", text)
        person.page.close()
    assert stored(sql, key)[2] == "My first paragraph.\n\nSecond paragraph.\n\nTheir third paragraph."


# The live form


def note(page: Page, field: str) -> Any:
    return page.locator(f"[data-field={field}] [data-told]")


def test_a_live_form_becomes_theirs_where_untouched_and_asks_where_touched(
    dana: BrowserContext, lucia: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    key = make_ticket(sql, word)
    page = open_live(dana, live_site, f"/ticketing/tickets/{key}/edit/")
    page.fill("[name=title]", f"{word} mine")
    page.fill("[name=description]", "My own words")
    page.evaluate("document.querySelector('[name=description]').setSelectionRange(3, 6)")
    other = open_live(lucia, live_site, f"/ticketing/tickets/{key}/edit/")
    other.fill("[name=title]", f"{word} theirs")
    other.fill("[name=description]", "Their words")
    other.select_option("[name=priority]", "urgent")
    other.get_by_role("combobox", name="Assigned to").fill("dana")
    other.locator(":popover-open [role=option]").first.click()
    other.click("main form button[type=submit]:not([name])")
    other.wait_for_url(f"**/{key}/")

    # Untouched: theirs, with a mark.
    expect(page.locator("[name=priority]")).to_have_value("urgent")
    expect(note(page, "priority")).to_have_text("Lucía Fernández Ortega changed this")
    expect(page.get_by_role("combobox", name="Assigned to")).to_have_value(re.compile("Dana Moreau"))
    # Touched: mine, with their value to take. Text, focus and caret are where they were.
    expect(note(page, "title")).to_contain_text(f"Lucía Fernández Ortega changed this to “{word} theirs”")
    expect(page.locator("[name=title]")).to_have_value(f"{word} mine")
    assert page.input_value("[name=description]") == "My own words"
    caret = "[document.activeElement.name, document.activeElement.selectionStart, document.activeElement.selectionEnd]"
    assert page.evaluate(caret) == ["description", 3, 6]
    assert_axe_finds_nothing(page)
    page.set_viewport_size({"width": 1280, "height": 800})

    note(page, "description").get_by_role("button", name="Keep mine").click()
    expect(note(page, "description")).to_have_count(0)
    note(page, "title").get_by_role("button", name="Take it").click()
    expect(page.locator("[name=title]")).to_have_value(f"{word} theirs")
    expect(page.locator("[name=title]")).to_be_focused()
    # What was taken isn't touched: it goes on being theirs, but not under the focus.
    sql.execute("update tickets set title = %s, status = 'pending' where id = %s", [f"{word} third", key])
    expect(page.locator("[name=status]")).to_have_value("pending")
    expect(page.locator("[name=title]")).to_have_value(f"{word} theirs")
    page.locator("[name=description]").focus()
    expect(page.locator("[name=title]")).to_have_value(f"{word} third")
    # Changed back, it is as it was opened.
    sql.execute("update tickets set status = 'open' where id = %s", [key])
    expect(page.locator("[name=status]")).to_have_value("open")
    expect(note(page, "status")).to_have_count(0)
    page.click("main form button[type=submit]:not([name])")
    page.wait_for_url(f"**/{key}/")
    title = sql.execute("select title from tickets where id = %s", [key]).fetchone()
    assert (title, stored(sql, key)) == ((f"{word} third",), ("open", "urgent", "My own words"))


def test_the_dialog_of_a_conflict_lets_choose_for_each_field_and_edit(
    dana: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    key = insert_product(sql, f"{word} lamp", "12.50", description="Warm light")
    page = open_live(dana, live_site, f"/crm/products/{key}/edit/")
    page.fill("[name=name]", f"{word} mine")
    page.fill("[name=description]", "Mine")
    sql.execute("update products set name = %s, description = 'Theirs', price = 99 where id = %s", [word, key])
    expect(note(page, "name")).to_be_visible()
    page.click("main form button[type=submit]:not([name])")
    dialog = page.get_by_role("alert")
    for shown in ("Mine", "Theirs", "Warm light"):
        expect(dialog.get_by_role("group", name="Description")).to_contain_text(shown)
    expect(dialog.get_by_role("group")).to_have_count(2)
    expect(page.locator("[name=price]")).to_have_value("99.00")
    assert_axe_finds_nothing(page)
    page.set_viewport_size({"width": 1280, "height": 800})

    dialog.get_by_role("group", name="Name").get_by_role("radio", name="Take theirs").check()
    description = dialog.get_by_role("group", name="Description")
    description.get_by_role("radio", name="Take theirs").check()
    page.fill("[name=description]", "Both")
    # Going on with one's own text is a choice.
    expect(description.get_by_role("radio", name="Keep mine")).to_be_checked()
    page.get_by_role("button", name="Save as chosen").click()
    page.wait_for_url(f"**/{key}/")
    found = sql.execute("select name, description, price::text from products where id = %s", [key]).fetchone()
    assert found == (word, "Both", "99.00")
