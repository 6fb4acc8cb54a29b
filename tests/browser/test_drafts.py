"""What is typed is kept for its person on any device, until it is sent; and nothing that happens meanwhile moves it."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.portal import insert_product, open_live, sign_in_on_page, wait_live
from tests.browser.test_axe import assert_axe_finds_nothing
from tests.live_site import LiveSite

WORK = "half a sentence and more"
SOON = 30_000


def kept(sql: Any, word: str) -> Callable[[Page, str], None]:
    """Waits until the server has a draft with these words."""

    def wait(page: Page, text: str) -> None:
        for _ in range(100):
            if sql.execute("select 1 from realtime_draft where kept like %s", [f"%{word} {text}%"]).fetchone():
                return
            page.wait_for_timeout(100)
        raise AssertionError(f"the server never got “{text}”")

    return wait


def test_what_was_typed_on_one_device_is_offered_on_another_until_it_is_sent(
    context: BrowserContext, other_context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        key = insert_product(sql, f"{word} lamp", "12.50", description="Warm light")
        address = f"/crm/products/{key}/edit/"
        wait = kept(sql, word)
        here = open_live(context, live_site, address)
        box = here.locator("[name=description]")
        box.fill(f"{word} one")
        wait(here, "one")
        # Nobody answers: it is in the tab, and goes when somebody does.
        context.set_offline(True)
        with here.expect_event("requestfailed"):
            box.fill(f"{word} two")
        context.set_offline(False)
        wait(here, "two")
        sql.execute("update products set name = %s where id = %s", [f"{word} lantern", key])

        there = other_context.new_page()
        there.goto(f"{live_site.url}/drafts/")
        expect(there.locator(".draft")).to_contain_text(f"{word} lamp")
        there.get_by_text("What you typed", exact=True).click()
        expect(there.locator(".draft__text dd")).to_have_text(f"{word} two")
        assert_axe_finds_nothing(there)
        there.goto(live_site.url + address)
        note = there.locator(".typed-note")
        expect(note).to_contain_text("kept")
        expect(there.locator("[name=description]")).to_have_value("Warm light")
        note.get_by_role("button", name="Put it back").click()
        there.locator("[name=description]").press_sequentially(" three")
        wait(there, "two three")
        # The newest of both is offered on the device that was left behind.
        here.reload()
        here.locator(".typed-note").get_by_role("button", name="Put it back").click()
        expect(box).to_have_value(f"{word} two three")

        here.click("main form.card button[type=submit]:not([name])")
        expect(here.locator("main")).to_contain_text("was saved")
        row = sql.execute("select name, description from products where id = %s", [key]).fetchone()
        assert row == (f"{word} lantern", f"{word} two three")
        there.goto(live_site.url + address)
        wait_live(there)
        expect(there.locator(".typed-note")).to_have_count(0)


def test_whatever_happens_to_the_page_text_and_caret_stay(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        ticket = sql.execute("insert into tickets (title) values (%s) returning id", [word]).fetchone()
        assert ticket is not None
        page = open_live(context, live_site, f"/ticketing/tickets/{ticket[0]}/")
        box = page.locator("#comment-form textarea")

        def type_half() -> None:
            box.fill(f"{word} {WORK}")
            box.evaluate("box => { box.focus(); box.setSelectionRange(4, 8, 'backward'); window.same = box; }")

        def untouched() -> None:
            state = "box => [box.value, box.selectionStart, box.selectionEnd, box.selectionDirection,"
            state += " document.activeElement === box, window.same === box]"
            assert box.evaluate(state) == [f"{word} {WORK}", 4, 8, "backward", True, True]

        type_half()
        kept(sql, word)(page, WORK)
        untouched()
        sql.execute("insert into comments (ticket_id, content) values (%s, 'By somebody')", [ticket[0]])
        expect(page.locator(".comment__text")).to_contain_text("By somebody")
        untouched()
        page.evaluate("window.dispatchEvent(new Event('live:reconnect'))")
        wait_live(page)
        untouched()
        live_site.web.restart()
        wait_live(page)
        untouched()
        # The draft is thrown away elsewhere: what is still on this screen stays, and is kept again with the next key.
        other = context.new_page()
        other.goto(f"{live_site.url}/drafts/")
        other.get_by_role("button", name="Throw away").click()
        expect(other.locator("main")).to_contain_text("No drafts")
        untouched()
        sql.execute("delete from django_session")
        expect(page.get_by_text("You are signed out", exact=True)).to_be_visible(timeout=SOON)
        expect(box).to_have_value(f"{word} {WORK}")
        sign_in_on_page(context, live_site)
        page.bring_to_front()
        wait_live(page)
        untouched()
        page.keyboard.press("End")
        page.keyboard.type(" words")
        kept(sql, word)(page, f"{WORK} words")
        page.reload()
        expect(box).to_have_value(f"{word} {WORK} words")
        page.get_by_role("button", name="Add comment").click()
        expect(page.locator(".comment__text").last).to_contain_text(f"{WORK} words")
        assert sql.execute("select 1 from realtime_draft where kept <> ''").fetchone() is None

        # Without the right the ticket goes from the screen, and what was typed doesn't.
        type_half()
        sql.execute("update accounts_user set is_superuser = false where username = 'demo'")
        try:
            expect(page.locator("h1")).to_have_text("You may not see this any more", timeout=SOON)
            untouched()
        finally:
            sql.execute("update accounts_user set is_superuser = true where username = 'demo'")


def form_of_one_record(sql: Any, word: str) -> str:
    return f"/crm/products/{insert_product(sql, word)}/edit/"


def form_of_many_records(sql: Any, word: str) -> str:
    insert_product(sql, word)
    return f"/crm/products/bulk/?do=change&all=1&query=%3Fq%3D{word}"


def has_none(page: Page, site: LiveSite, address: str) -> None:
    """Neither the tab nor the server offers anything at this form, now or when it is opened once more."""
    assert page.evaluate("Object.keys(sessionStorage).filter((name) => name.includes('livedesk.typed'))") == []
    for _ in range(2):
        page.goto(site.url + address)
        wait_live(page)
        expect(page.locator(".typed-note")).to_have_count(0)
    with site.connect() as sql:
        assert sql.execute("select title from realtime_draft where kept <> ''").fetchall() == []


@pytest.mark.parametrize("form", [form_of_one_record, form_of_many_records])
def test_what_is_sent_before_the_server_has_a_draft_of_it_leaves_none(
    context: BrowserContext, live_site: LiveSite, word: str, form: Callable[[Any, str], str]
) -> None:
    with live_site.connect() as sql:
        address = form(sql, word)
        page = open_live(context, live_site, address)
        # However slow this machine is: the second of quiet that comes before a draft isn't over.
        page.clock.install()
        page.locator("main form.card [name=description]").fill(f"{word} {WORK}")
        page.locator("main form.card button[type=submit]:not([name])").click()
        page.wait_for_url(lambda url: not url.endswith(address))
        page.wait_for_load_state()
        has_none(page, live_site, address)


def test_a_draft_that_arrives_behind_its_form_is_none(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    with live_site.connect() as sql:
        address = form_of_one_record(sql, word)
        page = open_live(context, live_site, address)
        late: list[Route] = []
        answers: list[int] = []

        def hold_the_first(draft: Route) -> None:
            if late or answers:
                draft.continue_()
            else:
                late.append(draft)

        def let_it_go_behind(form: Route) -> None:
            if form.request.method != "POST":
                form.continue_()
                return
            saved = form.fetch(max_redirects=0)
            draft = late.pop()
            answer = draft.fetch()
            answers.append(answer.status)
            draft.fulfill(response=answer)
            form.fulfill(response=saved)

        page.route("**/drafts/here/", hold_the_first)
        page.route(f"**{address}", let_it_go_behind)
        page.fill("main form.card [name=description]", f"{word} {WORK}")
        while not late:
            page.wait_for_timeout(50)
        page.locator("main form.card button[type=submit]:not([name])").click()
        page.wait_for_url(lambda url: not url.endswith(address))
        page.wait_for_load_state()
        assert answers == [409]
        has_none(page, live_site, address)
