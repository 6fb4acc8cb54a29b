"""What somebody typed survives everything except being sent, and belongs to nobody else."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.contrib.auth.hashers import make_password
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.portal import insert_product, open_live, sign_in, sign_in_on_page, wait_live
from tests.live_site import LiveSite

Sql = psycopg.Connection[Any]
WORK = "An hour of work"
LOCKED = "Something else is working on the same records"
BACK = "What you typed is back."


@pytest.fixture
def sql(live_site: LiveSite) -> Iterator[Sql]:
    with live_site.connect() as connection:
        yield connection


@pytest.fixture
def plain(browser: Browser, live_site: LiveSite) -> Iterator[BrowserContext]:
    """Signed in, in a browser without scripts."""
    with browser.new_context(java_script_enabled=False) as context:
        sign_in(context, live_site)
        yield context


@pytest.fixture(params=["scripts", "no scripts"])
def person(request: pytest.FixtureRequest) -> BrowserContext:
    found: BrowserContext = request.getfixturevalue("context" if request.param == "scripts" else "plain")
    return found


@pytest.fixture
def colleague(sql: Sql) -> str:
    """Somebody else with an account here who may do everything."""
    username = f"ben-{uuid4().hex[:8]}"
    sql.execute(
        "insert into accounts_user (id, password, is_superuser, username, first_name, last_name, email, is_staff,"
        " is_active, date_joined) values (%s, %s, true, %s, 'Ben', '', '', false, true, now())",
        [str(uuid4()), make_password("ben"), username],
    )
    return username


@dataclass
class Form:
    path: str
    control: str
    fill: dict[str, str]
    saved: Callable[[], list[Any]]
    # The table to lock so that the form can't be saved.
    table: str

    def open(self, context: BrowserContext, site: LiveSite) -> Page:
        page = context.new_page()
        page.goto(f"{site.url}{self.path}")
        for name, value in self.fill.items():
            page.fill(f"form[method=post] [name={name}]", value)
        return page

    @property
    def text(self) -> str:
        return self.fill[self.control]


@pytest.fixture(params=["edit", "new", "comment"])
def form(request: pytest.FixtureRequest, sql: Sql, word: str) -> Form:
    text = f"{word} {WORK}"

    def found(question: str) -> Callable[[], list[Any]]:
        return lambda: sql.execute(question.encode(), [text]).fetchall()

    if request.param == "edit":
        key = insert_product(sql, f"{word} lamp", "12.50", description="Warm light")
        question = "select 1 from products where description = %s"
        return Form(f"/crm/products/{key}/edit/", "description", {"description": text}, found(question), "products")
    if request.param == "new":
        told = {"name": word, "description": text, "price": "3"}
        question = "select 1 from products where description = %s"
        return Form("/crm/products/new/", "description", told, found(question), "products")
    ticket = sql.execute("insert into tickets (title) values (%s) returning id", [word]).fetchone()
    assert ticket is not None
    question = "select 1 from comments where content = %s"
    return Form(f"/ticketing/tickets/{ticket[0]}/", "content", {"content": text}, found(question), "comments")


def send(page: Page, form: Form) -> None:
    page.locator(f"form[method=post]:has([name={form.control}]) button[type=submit]:not([name])").click()


def session_key(context: BrowserContext, site: LiveSite) -> str:
    name = f"sessionid{site.cookie_suffix}"
    return next(cookie["value"] for cookie in context.cookies() if cookie["name"] == name)


def end_session(context: BrowserContext, site: LiveSite, sql: Sql) -> None:
    sql.execute("delete from django_session where session_key = %s", [session_key(context, site)])


def end_session_on_post(page: Page, key: str, sql: Sql) -> None:
    """While the form is on its way: earlier, a page might hear of it and put the form away before it is sent."""

    def end(route: Route) -> None:
        if route.request.method == "POST":
            sql.execute("delete from django_session where session_key = %s", [key])
        route.continue_()

    page.route("**/*", end)


def await_saved(page: Page, form: Form) -> None:
    for _ in range(100):
        if form.saved():
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"not saved; the page says: {page.locator('main').inner_text()}")


def has_scripts(request: pytest.FixtureRequest) -> bool:
    return "no scripts" not in request.node.name


def test_after_a_new_sign_in_in_another_tab_the_form_can_be_sent(
    person: BrowserContext, live_site: LiveSite, sql: Sql, form: Form, request: pytest.FixtureRequest
) -> None:
    page = form.open(person, live_site)
    end_session(person, live_site, sql)
    sign_in_on_page(person, live_site)
    send(page, form)
    if not has_scripts(request):
        # The token of the new session can't reach the old page by itself.
        expect(page.locator("h1")).to_have_text("This form is out of date")
        expect(page.locator(f"[name={form.control}]")).to_have_value(form.text)
        page.get_by_role("button", name="Send it again").click()
    await_saved(page, form)


def test_a_form_of_an_ended_session_waits_for_the_next_sign_in(
    person: BrowserContext, live_site: LiveSite, sql: Sql, form: Form, request: pytest.FixtureRequest
) -> None:
    page = form.open(person, live_site)
    end_session_on_post(page, session_key(person, live_site), sql)
    send(page, form)
    in_background = form.control == "content" and has_scripts(request)
    if in_background:
        note = page.locator("background-form:has([name=content]) [data-form-note]")
        expect(note).to_contain_text("Your session has ended.")
        expect(note.get_by_role("link", name="Sign in in another tab")).to_be_visible()
    else:
        expect(page.locator("h1")).to_have_text("Your session has ended")
    for name, value in form.fill.items():
        expect(page.locator(f"form[method=post] [name={name}]")).to_have_value(value)
        expect(page.locator(f"form[method=post] [name={name}]")).to_be_editable()
    assert not form.saved()
    sign_in_on_page(person, live_site)
    if in_background:
        send(page, form)
    else:
        page.get_by_role("button", name="Send it again").click()
        if not has_scripts(request):
            expect(page.locator(f"[name={form.control}]")).to_have_value(form.text)
            page.get_by_role("button", name="Send it again").click()
    await_saved(page, form)


def test_nothing_of_it_is_sent_or_shown_as_somebody_else(
    person: BrowserContext, live_site: LiveSite, sql: Sql, form: Form, colleague: str, request: pytest.FixtureRequest
) -> None:
    page = form.open(person, live_site)
    end_session(person, live_site, sql)
    sign_in_on_page(person, live_site, colleague, "ben")
    if has_scripts(request):
        # The page knows by itself that nothing is left to send.
        expect(page.get_by_text("Somebody else has signed in", exact=True)).to_be_visible(timeout=30_000)
        expect(page.locator("main form")).to_have_count(0)
    else:
        send(page, form)
        expect(page.locator("h1")).to_have_text("This form is somebody else’s")
    assert WORK not in page.content()
    page.goto(f"{live_site.url}{form.path}")
    page.reload()
    expect(page.locator(f"form[method=post] [name={form.control}]")).not_to_have_value(form.text)
    assert WORK not in page.content()
    assert not form.saved()


def test_a_refusal_of_the_database_leaves_it_on_the_screen(
    person: BrowserContext, live_site: LiveSite, sql: Sql, form: Form, request: pytest.FixtureRequest
) -> None:
    page = form.open(person, live_site)
    with sql.transaction():
        sql.execute(f"lock table {form.table} in exclusive mode".encode())
        send(page, form)
        if form.control == "content" and has_scripts(request):
            note = page.locator("background-form:has([name=content]) [data-form-note]")
            expect(note).to_contain_text(LOCKED, timeout=30_000)
        else:
            expect(page.locator("main")).to_contain_text(LOCKED, timeout=30_000)
        expect(page.locator(f"form[method=post] [name={form.control}]")).to_have_value(form.text)
    assert not form.saved()
    if form.control == "content" and has_scripts(request):
        send(page, form)
    else:
        page.get_by_role("button", name="Send it again").click()
    await_saved(page, form)


def test_it_is_back_after_a_refusal_and_back_or_a_reload(
    context: BrowserContext, live_site: LiveSite, sql: Sql, form: Form
) -> None:
    page = form.open(context, live_site)
    control = page.locator(f"form[method=post] [name={form.control}]")
    page.reload()
    expect(control).to_have_value(form.text)
    expect(page.locator(".typed-note")).to_contain_text(BACK)
    page.goto(f"{live_site.url}/")
    page.go_back()
    expect(control).to_have_value(form.text)
    if form.control == "content":
        return
    with sql.transaction():
        sql.execute(f"lock table {form.table} in exclusive mode".encode())
        send(page, form)
        expect(page.locator("h1")).to_have_text("Not right now", timeout=30_000)
    page.go_back()
    expect(control).to_have_value(form.text)
    expect(page.locator(".typed-note")).to_contain_text(BACK)
    send(page, form)
    await_saved(page, form)


def test_an_error_that_is_none_of_ours_is_no_answer(
    context: BrowserContext, live_site: LiveSite, key: str, sql: Sql
) -> None:
    page = open_live(context, live_site, f"/crm/products/{key}/edit/")
    page.route("**/edit/", lambda route: route.fulfill(status=502, body="bad gateway", content_type="text/html"))
    page.fill("[name=description]", WORK)
    page.click("main form button[type=submit]:not([name])")
    expect(page.locator("[data-kept-note]")).to_contain_text("kept in this browser")
    expect(page.locator("[data-outbox-count]")).to_have_text("1")
    page.unroute("**/edit/")
    expect(page.locator("[data-outbox-button]")).to_be_hidden()
    assert sql.execute("select description from products where id = %s", [key]).fetchone() == (WORK,)


def test_once_sent_nothing_comes_back(context: BrowserContext, live_site: LiveSite, form: Form) -> None:
    page = form.open(context, live_site)
    send(page, form)
    await_saved(page, form)
    if form.control != "content":
        expect(page.locator("main")).to_contain_text("“")
        page.wait_for_load_state()
    else:
        expect(page.locator("[name=content]")).to_have_value("")
    page.goto(f"{live_site.url}{form.path}")
    expect(page.locator("html")).to_have_attribute("data-realtime-status", "connected")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-realtime-status", "connected")
    expect(page.locator(".typed-note")).to_have_count(0)


@pytest.fixture
def key(sql: Sql, word: str) -> str:
    return insert_product(sql, f"{word} lamp", "12.50", description="Warm light")


def test_what_comes_back_is_measured_by_the_row_it_was_typed_over(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str, key: str
) -> None:
    page = open_live(context, live_site, f"/crm/products/{key}/edit/")
    page.fill("[name=description]", WORK)
    page.wait_for_timeout(500)
    sql.execute("update products set description = 'theirs' where id = %s", [key])
    page.reload()
    expect(page.locator("[name=description]")).to_have_value(WORK)
    page.click("main form button[type=submit]:not([name])")
    expect(page.locator(".choose")).to_contain_text("theirs")
    # Typing goes on beside the comparison, then Back: nothing is lost, and the question comes again.
    page.fill("[name=description]", f"{WORK} and more")
    page.wait_for_timeout(500)
    page.go_back()
    expect(page.locator("[name=description]")).to_have_value(f"{WORK} and more")
    page.click("main form button[type=submit]:not([name])")
    expect(page.locator(".choose")).to_contain_text("theirs")
    page.get_by_role("link", name="Discard mine").click()
    expect(page.locator("[name=description]")).to_have_value("theirs")
    expect(page.locator(".typed-note")).to_have_count(0)


def test_whoever_comes_back_by_a_link_is_offered_it(context: BrowserContext, live_site: LiveSite, key: str) -> None:
    page = open_live(context, live_site, f"/crm/products/{key}/edit/")
    page.fill("[name=description]", WORK)
    page.goto(f"{live_site.url}/crm/products/")
    page.goto(f"{live_site.url}/crm/products/{key}/edit/")
    note = page.locator(".typed-note")
    expect(note).to_contain_text("kept")
    expect(page.locator("[name=description]")).to_have_value("Warm light")
    note.get_by_role("button", name="Put it back").click()
    expect(page.locator("[name=description]")).to_have_value(WORK)
    note.get_by_role("button", name="Start over").click()
    expect(page.locator("[name=description]")).to_have_value("Warm light")
    page.reload()
    wait_live(page)
    expect(page.locator(".typed-note")).to_have_count(0)


def test_cancelling_is_wanting_none_of_it(context: BrowserContext, live_site: LiveSite, key: str) -> None:
    page = open_live(context, live_site, f"/crm/products/{key}/edit/")
    page.fill("[name=description]", WORK)
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url(f"**/crm/products/{key}/")
    page.goto(f"{live_site.url}/crm/products/{key}/edit/")
    wait_live(page)
    expect(page.locator(".typed-note")).to_have_count(0)


def test_a_tab_that_keeps_nothing_works_all_the_same(
    context: BrowserContext, live_site: LiveSite, sql: Sql, key: str
) -> None:
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', {get() { throw new DOMException('no', 'SecurityError') }})"
    )
    page.goto(f"{live_site.url}/crm/products/{key}/edit/")
    page.fill("[name=description]", WORK)
    page.click("main form button[type=submit]:not([name])")
    expect(page.locator("main")).to_contain_text("was saved")
    assert errors == []
