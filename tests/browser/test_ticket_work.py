"""Tickets worked on from the list and the board, by mouse and by keyboard alone, while others work too."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.portal import assert_equals_reload, open_live, row, shown_ids, sign_in
from tests.live_site import LiveSite

Sql = psycopg.Connection[Any]


@pytest.fixture
def sql(live_site: LiveSite) -> Iterator[Sql]:
    with live_site.connect() as connection:
        yield connection


def make_ticket(sql: Sql, title: str, **more: object) -> str:
    columns = {"title": title} | more
    names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
    statement = f"insert into tickets ({names}) values ({places}) returning id"
    found = sql.execute(statement.encode(), [*columns.values()]).fetchone()
    assert found is not None
    return str(found[0])


def status_of(sql: Sql, key: str) -> str:
    found = sql.execute("select status from tickets where id = %s", [key]).fetchone()
    assert found is not None
    return str(found[0])


def focused(page: Page) -> str | None:
    key: str | None = page.evaluate("document.activeElement.closest('[data-live-row]')?.dataset.id ?? null")
    return key


def test_a_status_is_changed_by_a_click_in_the_row_and_shows_at_once_under_the_pointer(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    first, second = make_ticket(sql, f"{word} one"), make_ticket(sql, f"{word} two")
    page = open_live(context, live_site, f"/ticketing/tickets/?q={word}&status=open")
    row(page, first).locator("[data-quick-field=status]").click()
    # What others do waits while a menu is open.
    third = make_ticket(sql, f"{word} three")
    expect(page.locator("[data-live-apply]")).to_have_text("Show 1 new")
    page.get_by_role("menuitemradio", name="Resolved").click()
    # One's own change comes at once, and brings along what has waited.
    expect(row(page, first)).to_have_count(0)
    assert shown_ids(page) == [third, second]
    assert status_of(sql, first) == "resolved"
    assert_equals_reload(page, live_site)


def test_a_menu_that_moves_on_to_another_row_leaves_the_first_at_rest(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    first, second = make_ticket(sql, f"{word} one"), make_ticket(sql, f"{word} two")
    page = open_live(context, live_site, f"/ticketing/tickets/?q={word}")
    for key in (first, second):
        row(page, key).locator("[data-quick]").click()
        expect(row(page, key).locator("[data-quick]")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(page.locator("[data-quick][aria-expanded=true]")).to_have_count(0)


def test_by_keyboard_alone_a_row_is_found_changed_assigned_and_left(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    keys = [make_ticket(sql, f"{word} {number}") for number in range(3)][::-1]
    page = open_live(context, live_site, f"/ticketing/tickets/?q={word}&status=open")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert focused(page) == keys[1]
    page.keyboard.press("a")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(row(page, keys[1])).to_contain_text("Dana Moreau")
    assert focused(page) == keys[1]
    page.keyboard.press("s")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    # It leaves the list, and the next row has the focus.
    expect(row(page, keys[1])).to_have_count(0)
    assert status_of(sql, keys[1]) == "pending"
    assert focused(page) == keys[2]
    page.keyboard.press("k")
    assert focused(page) == keys[0]
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/tickets/{keys[0]}/")
    page.keyboard.press("j")
    page.wait_for_url(f"**/tickets/{keys[2]}/?*")
    page.keyboard.press("u")
    page.wait_for_url(f"**/tickets/?q={word}&status=open")
    page.keyboard.press("g")
    page.keyboard.press("b")
    page.wait_for_url("**/board/")
    # Switched off, they are ordinary letters.
    page.get_by_text("Dana Moreau", exact=True).first.click()
    page.get_by_role("switch", name="Single-key shortcuts").click()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_stale_choice_is_refused_in_words_and_changes_nothing(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    key = make_ticket(sql, f"{word} one")
    page = open_live(context, live_site, f"/ticketing/tickets/?q={word}")
    page.evaluate("document.querySelector('[data-quick]').dataset.revision = 1")
    row(page, key).locator("[data-quick]").click()
    page.get_by_role("menuitemradio", name="Closed").click()
    expect(page.locator("live-notice")).to_contain_text("Nothing was changed: Somebody changed the status to “Open”")
    assert status_of(sql, key) == "open"


def test_who_may_only_look_has_no_menu(browser: Browser, live_site: LiveSite, sql: Sql, word: str) -> None:
    key = make_ticket(sql, f"{word} one")
    with browser.new_context() as context:
        sign_in(context, live_site, "viktor", live_site.password)
        for path in (f"/ticketing/tickets/?q={word}", "/ticketing/board/"):
            page = open_live(context, live_site, path)
            expect(row(page, key).locator("[data-quick]")).to_be_hidden()
            expect(page.locator("#ticket-menu")).to_have_count(0)


def test_a_card_is_dragged_or_sent_by_key_and_yields_to_the_truth(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    key = make_ticket(sql, f"{word} card")
    page = open_live(context, live_site, "/ticketing/board/")
    card = page.locator(f"[data-live-rows] > [data-id='{key}']")
    column = page.locator("[data-column]")
    card.drag_to(column.nth(1))
    expect(column.nth(1).locator(f"[data-live-rows] > [data-id='{key}']")).to_be_visible()
    expect(page.locator("[data-ghost]")).to_have_count(0)
    assert status_of(sql, key) == "pending"
    assert_equals_reload(page, live_site)
    card.locator(".table__name").focus()
    page.keyboard.press("Shift+ArrowRight")
    expect(column.nth(2).locator(f"[data-live-rows] > [data-id='{key}']")).to_be_visible()
    expect(card.locator(".table__name")).to_be_focused()
    assert status_of(sql, key) == "resolved"
    # Somebody else was quicker: the card goes back to where it is.
    page.evaluate(f"document.querySelector('[data-id=\"{key}\"] [data-quick]').dataset.revision = 1")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("live-notice")).to_contain_text("Nothing was changed")
    expect(card).to_be_visible()
    expect(page.locator("[data-ghost]")).to_have_count(0)
    assert status_of(sql, key) == "resolved"


def test_a_card_that_goes_on_at_once_keeps_its_ghost_and_the_focus(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    key = make_ticket(sql, f"{word} card")
    context.clock.install()
    page = open_live(context, live_site, "/ticketing/board/")
    card = page.locator(f"[data-live-rows] > [data-id='{key}']")
    column = page.locator("[data-column]")
    card.locator(".table__name").focus()
    page.keyboard.press("Shift+ArrowRight")
    expect(column.nth(1).locator(f"[data-live-rows] > [data-id='{key}']")).to_be_visible()
    expect(card.locator(".table__name")).to_be_focused()
    with live_site.connect() as other, other.transaction():
        other.execute("select from tickets where id = %s for update", [key])
        page.keyboard.press("Shift+ArrowRight")
        expect(page.locator("[data-ghost]")).to_have_count(1)
        # The first move's time is over, the second one's isn't.
        context.clock.fast_forward(8_000)
        assert page.locator("[data-ghost]").count() == 1
    # For a moment it may be in both columns: each follows by itself.
    expect(column.nth(2).locator(f"[data-live-rows] > [data-id='{key}'] .table__name")).to_be_focused()


def test_others_changes_say_who_did_what_and_ones_own_dont(
    context: BrowserContext, browser: Browser, live_site: LiveSite, sql: Sql, word: str
) -> None:
    key = make_ticket(sql, f"{word} one")
    mine = open_live(context, live_site, f"/ticketing/tickets/?q={word}")
    with browser.new_context() as other:
        sign_in(other, live_site, "lucia", live_site.password)
        theirs = open_live(other, live_site, f"/ticketing/tickets/?q={word}")
        row(theirs, key).locator("[data-quick-field=status]").click()
        theirs.get_by_role("menuitemradio", name="Pending").click()
        expect(row(mine, key).locator("live-update-indicator")).to_contain_text("Status Open → Pending")
        expect(row(mine, key).locator("live-update-indicator")).to_contain_text("Lucía")
        expect(row(theirs, key)).to_contain_text("Pending")
        expect(row(theirs, key).locator("live-update-indicator")).to_be_hidden()
        assert_equals_reload(mine, live_site)


def test_the_conversation_tells_what_was_changed_and_by_whom(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    key = make_ticket(sql, f"{word} one")
    page = open_live(context, live_site, f"/ticketing/tickets/{key}/")
    page.keyboard.press("p")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    log = page.get_by_role("log")
    expect(log).to_contain_text("Dana Moreau changed the priority from Normal to High")
    page.keyboard.press("c")
    page.keyboard.insert_text("Asked **them**")
    page.keyboard.press("Control+Enter")
    expect(log.locator("strong")).to_have_text("them")
    sql.execute("update tickets set title = title || ' told', status = 'closed' where id = %s", [key])
    expect(log).to_contain_text(f"renamed the ticket to {word} one told")
    assert_equals_reload(page, live_site)


def test_files_are_pasted_and_dropped_listed_and_taken_back(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    key = make_ticket(sql, f"{word} one")
    page = open_live(context, live_site, f"/ticketing/tickets/{key}/")
    page.keyboard.press("c")
    page.evaluate(
        """(word) => {
          const held = (name) => {
            const data = new DataTransfer();
            data.items.add(new File(["x"], name, { type: "text/plain" }));
            return data;
          };
          const box = document.querySelector("#comment-form textarea");
          box.dispatchEvent(new ClipboardEvent("paste", { clipboardData: held(`${word} a.txt`), bubbles: true }));
          // Beside every form: the browser would leave the page for it.
          for (const name of ["dragover", "drop"]) {
            const event = new DragEvent(name, { dataTransfer: held(`${word} b.txt`), bubbles: true, cancelable: true });
            document.querySelector("h1").dispatchEvent(event);
            if (!event.defaultPrevented) throw new Error(`${name} would leave the page`);
          }
        }""",
        word,
    )
    form = page.locator("#comment-form")
    expect(form.locator(".file-drop__list li")).to_have_count(2)
    form.get_by_role("button", name=f"Remove {word} a.txt").click()
    expect(form.locator(".file-drop__list li")).to_have_count(1)
    form.locator("textarea").fill("see there")
    form.get_by_role("button", name="Add comment").click()
    expect(page.get_by_role("log")).to_contain_text(f"{word} b.txt")
    expect(form.locator(".file-drop__list li")).to_have_count(0)
    assert_equals_reload(page, live_site)


def test_the_palette_finds_records_and_pages_and_keeps_nothing(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    key = make_ticket(sql, f"{word} smokes")
    page = open_live(context, live_site, "/")
    page.keyboard.press("Control+k")
    page.keyboard.type(word)
    expect(page.get_by_role("option", name=f"{word} smokes")).to_be_visible()
    page.keyboard.press("Escape")
    assert word not in page.locator("#palette [role=listbox]").inner_html()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option", name="Board G B")).to_be_visible()
    page.keyboard.type(f"{word} smo")
    expect(page.get_by_role("option", name=f"{word} smokes")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/tickets/{key}/")
