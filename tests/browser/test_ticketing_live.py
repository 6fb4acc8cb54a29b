"""Tickets in Chromium: every page equals its reload, and what somebody types or chooses is never touched."""

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, expect

from tests.browser.portal import assert_equals_reload, is_complaint, open_live, row, sign_in, wait_live
from tests.live_site import LiveSite

Sql = psycopg.Connection[Any]


@pytest.fixture
def sql(live_site: LiveSite) -> Iterator[Sql]:
    """Another writer."""
    with live_site.connect() as connection:
        yield connection


@pytest.fixture
def quiet(context: BrowserContext) -> Iterator[None]:
    """No page of the test may complain: no script error, no policy violation."""
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        # Chromium also logs answers such as 409.
        if is_complaint(message) and "Failed to load resource" not in message.text:
            said.append(message.text)

    context.on("console", hear)
    context.on("weberror", lambda error: said.append(str(error.error)))
    yield
    assert said == []


def insert(sql: Sql, table: str, **columns: object) -> str:
    names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
    found = sql.execute(f"insert into {table} ({names}) values ({places}) returning id", [*columns.values()]).fetchone()
    assert found is not None
    return str(found[0])


def update(sql: Sql, table: str, key: str, **columns: object) -> None:
    assignments = ", ".join(f"{name} = %s" for name in columns)
    sql.execute(f"update {table} set {assignments} where id = %s", [*columns.values(), key])


def last_touched(sql: Sql, table: str, key: str, when: str) -> None:
    """Sets a time long ago, so that the row's next change shows; bypasses the trigger, which owns the column.

    It gives no new revision either, so an open page needn't learn of it.
    """
    sql.execute(f'alter table {table} disable trigger "~realtime_stamp"')
    sql.execute(f"update {table} set updated_at = %s where id = %s", [when, key])
    sql.execute(f'alter table {table} enable always trigger "~realtime_stamp"')


def delete(sql: Sql, table: str, key: str) -> None:
    sql.execute(f"delete from {table} where id = %s", [key])


def user_id(sql: Sql, username: str) -> str:
    found = sql.execute("select id from accounts_user where username = %s", [username]).fetchone()
    assert found is not None
    return str(found[0])


# Lists


def test_a_ticket_comes_changes_and_goes_in_its_list(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str, quiet: None
) -> None:
    page = open_live(context, live_site, f"/ticketing/tickets/?q={word}")
    key = insert(sql, "tickets", title=f"{word} smokes")
    expect(row(page, key)).to_contain_text("Nobody")
    assert_equals_reload(page, live_site)
    update(sql, "tickets", key, status="pending", priority="urgent", assigned_to=user_id(sql, "demo"))
    expect(row(page, key)).to_contain_text("Dana Moreau")
    expect(row(page, key)).to_contain_text("Urgent")
    assert_equals_reload(page, live_site)
    update(sql, "tickets", key, assigned_to=str(uuid4()))
    expect(row(page, key)).to_contain_text("Unknown")
    assert_equals_reload(page, live_site)
    delete(sql, "tickets", key)
    expect(row(page, key)).to_have_count(0)
    assert_equals_reload(page, live_site)


def test_a_renamed_customer_is_renamed_in_the_rows_of_its_tickets(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    customer = insert(sql, "customers", name=f"Smoky {word}")
    key = insert(sql, "tickets", title=f"{word} smokes", customer_id=customer)
    status = sql.execute("select count(*) from tickets where status = 'open'").fetchone()
    assert status is not None
    pages = [
        open_live(context, live_site, path)
        for path in (f"/ticketing/tickets/?q={word}", f"/ticketing/tickets/{key}/", "/ticketing/board/")
    ]
    for page in pages:
        expect(page.get_by_text(f"Smoky {word}")).to_be_visible()
    update(sql, "customers", customer, name=f"Clear {word}")
    for page in pages:
        expect(page.get_by_text(f"Clear {word}")).to_be_visible()
        assert_equals_reload(page, live_site)


def test_a_renamed_colleague_is_renamed_wherever_staff_are_named(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    """People aren't a live table, but what rows show of them is live."""
    colleague = user_id(sql, "jonas")
    key = insert(sql, "tickets", title=f"{word} smokes", assigned_to=colleague)
    insert(sql, "comments", ticket_id=key, author_id=colleague, content=f"{word} said")
    paths = (f"/ticketing/tickets/?q={word}", f"/ticketing/tickets/{key}/", "/ticketing/board/")
    pages = [open_live(context, live_site, path) for path in paths]
    try:
        sql.execute("update accounts_user set last_name = %s where id = %s", [word, colleague])
        for page in pages:
            expect(page.get_by_text(re.compile(word + "$")).first).to_be_visible()
            assert_equals_reload(page, live_site)
    finally:
        sql.execute("update accounts_user set last_name = 'Weber' where id = %s", [colleague])


def test_a_customers_name_lets_a_ticket_into_a_search(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    customer = insert(sql, "customers", name="Somebody")
    key = insert(sql, "tickets", title="Something", customer_id=customer)
    page = open_live(context, live_site, f"/ticketing/tickets/?q={word}")
    expect(row(page, key)).to_have_count(0)
    update(sql, "customers", customer, name=f"Somebody {word}")
    expect(row(page, key)).to_be_visible()
    assert_equals_reload(page, live_site)


def test_comments_count_in_their_tickets_row_and_are_its_last_activity(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    key = insert(sql, "tickets", title=f"{word} smokes")
    last_touched(sql, "tickets", key, "2020-02-02 10:00Z")
    page = open_live(context, live_site, f"/ticketing/tickets/?q={word}")
    comments, activity = row(page, key).locator(".ticket-comments"), row(page, key).locator("time")
    expect(comments).to_have_text("0 comments")
    expect(activity).to_contain_text("2020")
    comment = insert(sql, "comments", ticket_id=key, content="Water?")
    expect(comments).to_have_text("1 comment")
    expect(activity).not_to_contain_text("2020")
    assert_equals_reload(page, live_site)
    last_touched(sql, "comments", comment, "2021-02-02 10:00Z")
    page.reload()
    wait_live(page)
    expect(activity).to_contain_text("2021")
    update(sql, "comments", comment, content="No water!")
    expect(activity).not_to_contain_text("2021")
    assert_equals_reload(page, live_site)
    delete(sql, "comments", comment)
    expect(comments).to_have_text("0 comments")
    expect(activity).to_contain_text("2020")
    assert_equals_reload(page, live_site)


def test_tickets_enter_and_leave_the_filters(context: BrowserContext, live_site: LiveSite, sql: Sql, word: str) -> None:
    key = insert(sql, "tickets", title=f"{word} smokes", status="open")
    pending = open_live(context, live_site, f"/ticketing/tickets/?q={word}&status=pending")
    mine = open_live(context, live_site, f"/ticketing/tickets/?q={word}&assigned=me")
    nobodys = open_live(context, live_site, f"/ticketing/tickets/?q={word}&assigned=nobody")
    expect(row(nobodys, key)).to_be_visible()
    update(sql, "tickets", key, status="pending", assigned_to=user_id(sql, "demo"))
    expect(row(pending, key)).to_be_visible()
    expect(row(mine, key)).to_be_visible()
    expect(row(nobodys, key)).to_have_count(0)
    for page in (pending, mine, nobodys):
        assert_equals_reload(page, live_site)


def test_a_ticket_moves_over_the_board(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str, quiet: None
) -> None:
    page = open_live(context, live_site, "/ticketing/board/")
    key = insert(sql, "tickets", title=f"{word} smokes")
    for status in ("open", "pending", "resolved", "closed"):
        update(sql, "tickets", key, status=status)
        column = page.locator(f".board__column[data-column={status}]")
        expect(column.locator(f"[data-id='{key}']")).to_be_visible()
        expect(row(page, key)).to_have_count(1)
        assert_equals_reload(page, live_site)
    delete(sql, "tickets", key)
    expect(row(page, key)).to_have_count(0)
    assert_equals_reload(page, live_site)


def test_the_customers_page_and_the_dashboard_follow_their_tickets(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    customer = insert(sql, "customers", name=f"Smoky {word}")
    pages = [open_live(context, live_site, path) for path in (f"/crm/customers/{customer}/", "/")]
    key = insert(sql, "tickets", title=f"{word} smokes", customer_id=customer)
    latest = pages[1].locator(".summary__item", has_text=f"{word} smokes")
    for shown in (pages[0].get_by_text(f"{word} smokes").first, latest):
        expect(shown).to_be_visible()
    for page in pages:
        assert_equals_reload(page, live_site)
    update(sql, "tickets", key, status="closed")
    # In the block and on the timeline.
    expect(pages[0].locator(".badge")).to_have_text(["Closed", "Closed"])
    expect(latest).to_have_count(0)
    for page in pages:
        assert_equals_reload(page, live_site)
    delete(sql, "tickets", key)
    expect(pages[0].get_by_text(f"{word} smokes")).to_have_count(0)
    assert_equals_reload(pages[0], live_site)


# The ticket's page


def comment_box(page: Page) -> Any:
    return page.locator("#comment-form textarea")


def type_half_a_comment(page: Page) -> Callable[[], None]:
    """Leaves the caret in the middle; the returned function asserts that nothing of it changed."""
    box = comment_box(page)
    box.fill("half a sentence and more")
    box.evaluate("box => { box.focus(); box.setSelectionRange(4, 8, 'backward'); }")

    def untouched() -> None:
        state = box.evaluate(
            "box => [box.value, box.selectionStart, box.selectionEnd, box.selectionDirection,"
            " document.activeElement === box]"
        )
        assert state == ["half a sentence and more", 4, 8, "backward", True]

    return untouched


def test_the_whole_page_follows_while_somebody_types(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str, quiet: None
) -> None:
    key = insert(sql, "tickets", title=f"{word} smokes")
    page = open_live(context, live_site, f"/ticketing/tickets/{key}/")
    untouched = type_half_a_comment(page)
    box = comment_box(page).element_handle()

    comment = insert(sql, "comments", ticket_id=key, content="By SQL", author_id=user_id(sql, "demo"))
    expect(row(page, comment)).to_contain_text("Dana Moreau")
    expect(row(page, comment)).to_contain_text("By SQL")
    untouched()
    update(sql, "comments", comment, content="By SQL, changed")
    expect(row(page, comment)).to_contain_text("By SQL, changed")
    untouched()
    update(sql, "tickets", key, status="pending", title=f"{word} burns", assigned_to=user_id(sql, "demo"))
    expect(page.locator("h1")).to_have_text(f"{word} burns")
    expect(page.locator("button[name=status][value=pending]")).to_have_attribute("aria-pressed", "true")
    untouched()
    insert(
        sql, "attachments", ticket_id=key, comment_id=comment, file_name="in.pdf", file_url="https://files.example/in"
    )
    expect(row(page, comment).get_by_role("link", name="in.pdf")).to_be_visible()
    untouched()
    delete(sql, "comments", comment)
    expect(row(page, comment)).to_have_count(0)
    untouched()
    assert comment_box(page).evaluate("(now, before) => now === before", box)
    assert_equals_reload(page, live_site)


def test_the_attachments_of_a_ticket_are_live(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str, quiet: None
) -> None:
    key = insert(sql, "tickets", title=f"{word} smokes")
    page = open_live(context, live_site, f"/ticketing/tickets/{key}/")
    expect(page.get_by_text("No attachments yet.")).to_be_visible()
    link = insert(sql, "attachments", ticket_id=key, file_name="plan.pdf", file_url="https://files.example/plan.pdf")
    evil = insert(
        sql, "attachments", ticket_id=key, file_name="click.pdf", file_url="javascript:alert(document.domain)"
    )
    expect(row(page, link).get_by_role("link", name="plan.pdf", exact=True)).to_have_attribute(
        "rel", "noopener noreferrer nofollow"
    )
    expect(row(page, evil)).to_contain_text("not linked, its address is unsafe")
    expect(row(page, evil).get_by_role("link", name="click.pdf", exact=True)).to_have_count(0)
    assert page.locator("a[href^='javascript']").count() == 0
    assert_equals_reload(page, live_site)
    update(sql, "attachments", evil, file_url="https://files.example/click.pdf")
    expect(row(page, evil).get_by_role("link", name="click.pdf", exact=True)).to_be_visible()
    assert_equals_reload(page, live_site)
    delete(sql, "attachments", link)
    delete(sql, "attachments", evil)
    expect(page.get_by_text("No attachments yet.")).to_be_visible()
    assert_equals_reload(page, live_site)


def test_a_ticket_that_goes_leaves_what_was_typed_and_the_page_of_its_reload(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    key = insert(sql, "tickets", title=f"{word} smokes")
    insert(sql, "comments", ticket_id=key, content="Water?")
    page = open_live(context, live_site, f"/ticketing/tickets/{key}/")
    idle = open_live(context, live_site, f"/ticketing/tickets/{key}/")
    untouched = type_half_a_comment(page)
    delete(sql, "tickets", key)
    expect(page.locator("[data-gone]")).to_be_visible()
    expect(page.get_by_role("button", name="Add comment")).to_be_hidden()
    expect(page.get_by_role("button", name="Pending")).to_be_hidden()
    untouched()
    assert_equals_reload(page, live_site)
    # Only text that somebody has begun keeps the form on the page.
    expect(page.locator("#comment-form")).to_be_visible()
    expect(idle.locator("[data-gone]")).to_be_visible()
    expect(idle.locator("#comment-form")).to_be_hidden()


@pytest.mark.usefixtures("quiet")
def test_a_ticket_that_comes_back_has_the_conversation_of_now(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    ticket = insert(sql, "tickets", title=word)
    comment = insert(sql, "comments", ticket_id=ticket, content="before")
    page = open_live(context, live_site, f"/ticketing/tickets/{ticket}/")
    for table, key in (("comments", comment), ("tickets", ticket)):
        sql.execute(f"delete from {table} where id = %s", [key])
    expect(page.locator("[data-gone]")).to_be_visible()
    # What is told of its conversation finds none on the page.
    insert(sql, "tickets", id=ticket, title=f"{word} again")
    insert(sql, "comments", ticket_id=ticket, content="afterwards")
    expect(page.get_by_text("afterwards")).to_be_visible()
    assert_equals_reload(page, live_site)


def test_a_comment_is_sent_without_leaving_the_page_and_seen_by_a_colleague(
    context: BrowserContext, other_context: BrowserContext, live_site: LiveSite, sql: Sql, word: str, quiet: None
) -> None:
    key = insert(sql, "tickets", title=f"{word} smokes")
    page = open_live(context, live_site, f"/ticketing/tickets/{key}/")
    colleague = open_live(other_context, live_site, f"/ticketing/tickets/{key}/")
    untouched = type_half_a_comment(colleague)
    page.evaluate("window.stayed = true")
    comment_box(page).fill("<b>Water</b>\n\nor sand?")
    page.get_by_role("button", name="Add comment").click()
    for seen in (page, colleague):
        expect(seen.locator(".comment__text")).to_contain_text("<b>Water</b>")
    expect(page.locator("#comment-form [data-form-note]")).to_have_text("Your comment was added.")
    expect(comment_box(page)).to_have_value("")
    assert page.evaluate("window.stayed")
    untouched()
    assert_equals_reload(page, live_site)


def test_one_click_after_another_is_never_stale_and_touches_no_text(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str, quiet: None
) -> None:
    key = insert(sql, "tickets", title=f"{word} smokes")
    page = open_live(context, live_site, f"/ticketing/tickets/{key}/")
    comment_box(page).fill("half a sentence")
    for button in ("Pending", "Urgent", "To me", "Resolved", "To nobody"):
        revision = page.locator("input[name=revision]").input_value()
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.locator("input[name=revision]")).not_to_have_value(revision)
    page.get_by_role("combobox", name="Member of staff").fill("dana")
    page.locator(":popover-open [role=option]").click()
    page.get_by_role("button", name="Assign", exact=True).click()
    expect(page.locator("article dl").first).to_contain_text("Dana Moreau")
    expect(comment_box(page)).to_have_value("half a sentence")
    found = sql.execute("select status, priority, assigned_to::text from tickets where id = %s", [key]).fetchone()
    assert found == ("resolved", "urgent", user_id(sql, "demo"))
    assert_equals_reload(page, live_site)


def test_a_click_on_an_old_revision_is_refused_in_words(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    key = insert(sql, "tickets", title=f"{word} smokes")
    page = open_live(context, live_site, f"/ticketing/tickets/{key}/")
    page.locator("input[name=revision]").evaluate("input => (input.value = '1')")
    page.get_by_role("button", name="Closed", exact=True).click()
    expect(page.locator("#ticket-actions [data-form-note]")).to_contain_text(
        "Somebody changed the status to “Open” in the meantime"
    )
    assert sql.execute("select status from tickets where id = %s", [key]).fetchone() == ("open",)


def test_a_session_that_ended_is_said_and_the_text_stays(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    key = insert(sql, "tickets", title=f"{word} smokes")
    page = open_live(context, live_site, f"/ticketing/tickets/{key}/")
    comment_box(page).fill("An hour of typing")
    context.clear_cookies(name=f"sessionid{live_site.cookie_suffix}")
    page.get_by_role("button", name="Add comment").click()
    expect(page.locator("#comment-form [data-form-note]")).to_contain_text("Your session has ended")
    expect(comment_box(page)).to_have_value("An hour of typing")


# Uploads


def test_an_upload_shows_how_far_it_is_arrives_live_and_comes_back_whole(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str, tmp_path: Path, quiet: None
) -> None:
    key = insert(sql, "tickets", title=f"{word} smokes")
    page = open_live(context, live_site, f"/ticketing/tickets/{key}/")
    comment_box(page).fill("half a sentence")
    content = random.Random(1).randbytes(3_000_000)
    path = tmp_path / "Übersicht <b>.zip"
    path.write_bytes(content)
    slow = context.new_cdp_session(page)
    slow.send("Network.enable")
    slow.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 1_500_000},
    )
    page.evaluate(
        """() => {
          window.seen = new Set();
          const bar = document.querySelector("#upload-form progress");
          const look = () => { window.seen.add(bar.value); requestAnimationFrame(look); };
          look();
        }"""
    )
    page.locator("#upload-form input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Attach", exact=True).click()
    expect(page.locator("#upload-form [data-progress]")).to_be_visible()
    expect(page.locator(".attachments .attachment")).to_contain_text("Übersicht <b>.zip")
    expect(page.locator("#upload-form [data-form-note]")).to_have_text("“Übersicht <b>.zip” was attached.")
    expect(page.locator("#upload-form [data-progress]")).to_be_hidden()
    assert page.evaluate("[...window.seen].some(value => value > 0 && value < 100)")
    expect(comment_box(page)).to_have_value("half a sentence")
    assert_equals_reload(page, live_site)

    with page.expect_download() as download:
        page.get_by_role("link", name="Übersicht <b>.zip", exact=True).click()
    assert Path(download.value.path()).read_bytes() == content
    page.get_by_role("link", name="Delete Übersicht").click()
    page.get_by_role("button", name="Delete attachment").click()
    expect(page.get_by_text("No attachments yet.")).to_be_visible()


def test_a_file_that_is_too_large_is_told_before_it_is_sent(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str, tmp_path: Path
) -> None:
    key = insert(sql, "tickets", title=f"{word} smokes")
    page = open_live(context, live_site, f"/ticketing/tickets/{key}/")
    path = tmp_path / "film.mp4"
    with path.open("wb") as film:
        film.truncate(50 * 1024 * 1024)
    sent: list[Response] = []
    page.on("response", lambda response: sent.append(response))
    page.locator("#upload-form input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Attach", exact=True).click()
    expect(page.locator("#upload-form [data-form-note]")).to_contain_text("too large: it has 50 MB, and 25 MB is")
    assert not [response for response in sent if response.request.method == "POST"]

    # The server refuses it too, when the browser didn't check.
    page.locator("#upload-form input[type=file]").evaluate("input => delete input.dataset.maxBytes")
    page.get_by_role("button", name="Attach", exact=True).click()
    expect(page.locator("#upload-form [data-form-note]")).to_contain_text("it has 50\u00a0MB", timeout=60_000)
    assert sql.execute("select count(*) from attachments where ticket_id = %s", [key]).fetchone() == (0,)


def test_a_cancelled_upload_leaves_nothing_and_the_form_as_it_was(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str, tmp_path: Path
) -> None:
    key = insert(sql, "tickets", title=f"{word} smokes")
    page = open_live(context, live_site, f"/ticketing/tickets/{key}/")
    path = tmp_path / "film.mp4"
    path.write_bytes(bytes(5_000_000))
    slow = context.new_cdp_session(page)
    slow.send("Network.enable")
    slow.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000},
    )
    comment_box(page).fill("With a film")
    page.locator("#comment-form input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Add comment").click()
    page.locator("#comment-form [data-progress-cancel]").click()
    expect(page.locator("#comment-form [data-form-note]")).to_have_text("Cancelled. Nothing was saved.")
    expect(comment_box(page)).to_have_value("With a film")
    expect(comment_box(page)).to_be_editable()
    assert sql.execute("select count(*) from comments where ticket_id = %s", [key]).fetchone() == (0,)


# Without JavaScript, and whose is what


def test_everything_works_without_javascript(
    browser: Browser, live_site: LiveSite, sql: Sql, word: str, tmp_path: Path
) -> None:
    key = insert(sql, "tickets", title=f"{word} smokes")
    path = tmp_path / "page.html"
    path.write_text("<script>alert(1)</script>")
    with browser.new_context(java_script_enabled=False) as context:
        sign_in(context, live_site)
        page = context.new_page()
        page.goto(f"{live_site.url}/ticketing/tickets/{key}/")
        page.get_by_role("button", name="Pending", exact=True).click()
        expect(page.get_by_text("The ticket is pending now.")).to_be_visible()
        page.get_by_role("button", name="To me", exact=True).click()
        expect(page.get_by_text("Assigned to Dana Moreau.")).to_be_visible()
        comment_box(page).fill("Plain as paper")
        page.locator("#comment-form input[type=file]").set_input_files(path)
        page.get_by_role("button", name="Add comment").click()
        expect(page.locator(".messages")).to_contain_text("“page.html” can’t be attached")
        expect(comment_box(page)).to_have_value("Plain as paper")
        page.get_by_role("button", name="Add comment").click()
        expect(page.get_by_text("Your comment was added.")).to_be_visible()
        expect(page.locator(".comment")).to_contain_text("Plain as paper")
        expect(page.locator("[data-progress]").first).to_be_hidden()


def test_buttons_stand_at_own_comments_only_unless_one_manages(
    browser: Browser, context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    live_site.manage(
        "shell",
        "-c",
        "from django.contrib.auth import get_user_model; from django.contrib.auth.models import Group;"
        f"get_user_model().objects.create_user('{word}', password='right')"
        ".groups.add(Group.objects.get(name='Support agents'))",
    )
    key = insert(sql, "tickets", title=f"{word} smokes")
    with browser.new_context() as agents:
        sign_in(agents, live_site, word, "right")
        page = open_live(agents, live_site, f"/ticketing/tickets/{key}/")
        own = insert(sql, "comments", ticket_id=key, content="Mine", author_id=user_id(sql, word))
        other = insert(sql, "comments", ticket_id=key, content="Not mine", author_id=user_id(sql, "demo"))
        # In live rows too: they are the same for everybody, and the reader's own stylesheet tells them apart.
        expect(row(page, own).get_by_role("link", name="Edit this comment")).to_be_visible()
        expect(row(page, other)).to_be_visible()
        expect(row(page, other).get_by_role("link", name="Edit this comment")).to_be_hidden()
        assert_equals_reload(page, live_site)
        row(page, own).get_by_role("link", name="Edit this comment").click()
        page.fill("textarea", "Mine, edited")
        page.click("main form button[type=submit]")
        expect(row(page, own)).to_contain_text("Mine, edited")
    manager = open_live(context, live_site, f"/ticketing/tickets/{key}/")
    for comment in (own, other):
        expect(row(manager, comment).get_by_role("link", name="Delete this comment")).to_be_visible()


def test_a_comment_that_is_edited_by_two_says_so_beside_the_form(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    key = insert(sql, "tickets", title=f"{word} smokes")
    comment = insert(sql, "comments", ticket_id=key, content="First")
    page = open_live(context, live_site, f"/ticketing/comments/{comment}/edit/")
    page.fill("textarea", "Mine")
    update(sql, "comments", comment, content="Theirs")
    expect(page.get_by_text("Changed by someone else while you edit")).to_be_visible()
    page.click("main form button[type=submit]")
    expect(page.get_by_text("Nothing was saved yet: Somebody changed the same field")).to_be_visible()
    expect(page.locator("textarea")).to_have_value("Mine")
    delete(sql, "comments", comment)
    expect(page.locator("[data-gone]")).to_contain_text("This comment was deleted while you edit it")
    expect(page.locator("textarea")).to_have_value("Mine")
