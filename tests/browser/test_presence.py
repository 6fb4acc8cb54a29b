"""Who else is there, in Chromium: on a row, a card, a page and before a reply (design rule 32)."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.portal import assert_equals_reload, open_live, row, sign_in, wait_live
from tests.browser.test_axe import AXE, found_by_axe
from tests.browser.test_person import PASSWORD, Colleague, colleague
from tests.live_site import LiveSite

__all__ = ["colleague"]

# Once a second, between processes and again to the page; after that, patience with a busy machine.
SOON = 20_000
RIGHTS = ("view_ticket", "change_ticket", "view_comment", "add_comment", "view_customer")
GO_AWAY = """
() => {
  Object.defineProperty(document, "hidden", { get: () => true });
  document.dispatchEvent(new Event("visibilitychange"));
}
"""


@pytest.fixture
def anna(browser: Browser, live_site: LiveSite, colleague: Colleague) -> Iterator[BrowserContext]:
    """Somebody else's browser; everybody calls her Anna Berg."""
    name = colleague(*RIGHTS)
    with live_site.connect() as sql:
        sql.execute("update accounts_user set first_name = 'Anna', last_name = 'Berg' where username = %s", [name])
    with browser.new_context() as context:
        context.set_default_timeout(SOON)
        sign_in(context, live_site, name, PASSWORD)
        yield context


@pytest.fixture
def ticket(live_site: LiveSite, word: str) -> str:
    with live_site.connect() as sql:
        found = sql.execute("insert into tickets (title) values (%s) returning id", [f"{word} lamp"]).fetchone()
    assert found is not None
    return str(found[0])


def there(page: Page, ticket: str, where: str) -> Locator:
    return page.locator(f".presence--{where}[data-presence='tickets/{ticket}']")


def shows(place: Locator, words: str) -> None:
    expect(place).to_contain_text(words, timeout=SOON)


def test_a_colleague_in_three_tabs_is_shown_once_everywhere_until_the_last_one_closes(
    context: BrowserContext, anna: BrowserContext, live_site: LiveSite, word: str, ticket: str
) -> None:
    path = f"/ticketing/tickets/{ticket}/"
    listing = open_live(context, live_site, f"/ticketing/tickets/?q={word}")
    alone = row(listing, ticket).bounding_box()
    tabs = [open_live(anna, live_site, path) for _ in range(3)]
    in_list = there(listing, ticket, "row")
    shows(in_list, "Anna Berg is here")
    expect(in_list.locator(".presence__face")).to_have_count(1)
    expect(in_list.locator(".presence__face")).to_have_text("AB")
    assert row(listing, ticket).bounding_box() == alone, "nothing jumps when somebody comes"
    # By keyboard: the words come with the focus in the row, without a tab stop of their own, and Escape puts them away.
    names = in_list.locator(".presence__words")
    hidden = names.bounding_box()
    listing.keyboard.press("Tab")
    row(listing, ticket).locator(".table__name").focus()
    assert names.bounding_box() != hidden
    assert in_list.locator("a, button, [tabindex]").count() == 0
    listing.keyboard.press("Escape")
    assert names.bounding_box() == hidden

    detail, board = open_live(context, live_site, path), open_live(context, live_site, "/ticketing/board/")
    shows(there(detail, ticket, "page"), "Anna Berg is here")
    shows(there(board, ticket, "row"), "Anna Berg is here")
    # Two pages of the same person are no company.
    expect(there(detail, ticket, "page").locator(".presence__face")).to_have_count(1)
    shows(there(tabs[0], ticket, "page"), "is here")
    expect(there(tabs[0], ticket, "page")).not_to_contain_text("Anna")

    # A patched row still says who is there, and is otherwise what a reload shows.
    with live_site.connect() as sql:
        sql.execute("update tickets set priority = 'urgent' where id = %s", [ticket])
    expect(row(listing, ticket)).to_contain_text("Urgent")
    shows(in_list, "Anna Berg is here")
    assert_equals_reload(listing, live_site)

    tabs[1].goto(f"{live_site.url}{path}edit/")
    wait_live(tabs[1])
    tabs[1].focus("[name=title]")
    shows(there(detail, ticket, "page"), "Anna Berg is editing the title")
    tabs[1].get_by_role("combobox", name=re.compile("Assigned")).focus()
    shows(there(detail, ticket, "page"), "Anna Berg is editing the assignee")
    expect(in_list.locator("[data-state=editing]")).to_have_count(1, timeout=SOON)
    for tab in tabs:
        tab.evaluate(GO_AWAY)
    shows(in_list, "Anna Berg is editing the assignee, but idle")
    expect(in_list.locator("[data-state=idle]")).to_have_count(1)
    for page in (listing, detail, board):
        page.evaluate(AXE)
        assert found_by_axe(page) == []

    # A page whose own connection is away shows nobody, rather than who was there.
    context.set_offline(True)
    expect(in_list).to_be_empty(timeout=SOON)
    context.set_offline(False)
    wait_live(listing)
    shows(in_list, "Anna Berg")
    tabs[0].close()
    tabs[1].close()
    shows(in_list, "Anna Berg is idle")
    tabs[2].close()
    expect(in_list).to_be_empty(timeout=SOON)


def test_whoever_sends_a_reply_is_asked_once_when_somebody_else_writes_or_has_written_one(
    context: BrowserContext, anna: BrowserContext, live_site: LiveSite, ticket: str
) -> None:
    path = f"/ticketing/tickets/{ticket}/"
    mine, hers = open_live(context, live_site, path), open_live(anna, live_site, path)
    box, her_box = (page.locator("#comment-form textarea") for page in (mine, hers))
    her_box.fill("Her answer")
    shows(there(mine, ticket, "reply"), "Anna Berg is writing a reply")
    shows(there(mine, ticket, "page"), "Anna Berg is writing a reply")
    box.fill("My answer")
    shows(there(hers, ticket, "reply"), "is writing a reply")
    box.press("Control+Enter")
    question = mine.get_by_role("group", name="Anna Berg is writing a reply, too. Send anyway?")
    expect(question.get_by_role("button", name="Send anyway")).to_be_focused()
    mine.keyboard.press("Escape")
    expect(question).to_have_count(0)
    expect(box).to_be_focused()
    expect(box).to_have_value("My answer")
    expect(mine.locator(".comment")).to_have_count(0)
    # It has been said once; a second question would say nothing new.
    box.press("Control+Enter")
    expect(mine.locator(".comment")).to_have_count(1)
    expect(there(hers, ticket, "reply")).to_be_empty(timeout=SOON)

    expect(hers.locator(".comment")).to_have_count(1, timeout=SOON)
    her_box.press("Control+Enter")
    question = hers.get_by_role("group", name=re.compile("has replied since you began. Send anyway"))
    expect(question).to_be_visible()
    expect(her_box).to_have_value("Her answer")
    hers.keyboard.press("Enter")
    expect(hers.locator(".comment")).to_have_count(2)
    expect(her_box).to_have_value("")
    # With nobody else at it there is nothing to ask.
    her_box.fill("And one more thing")
    her_box.press("Control+Enter")
    expect(hers.locator(".comment")).to_have_count(3)
