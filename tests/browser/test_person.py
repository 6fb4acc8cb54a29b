"""A page belongs to the person it was painted for, and only while that person is signed in (rule 35)."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import make_password
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.portal import (
    assert_equals_reload,
    insert_product,
    open_live,
    sign_in,
    sign_in_on_page,
    wait_live,
)
from tests.live_site import LiveSite

PASSWORD = "not a secret"
SIGNED_OUT = "You are signed out"
# When a right is lost or a session ends, records go within five seconds; the rest is patience with a busy machine.
SOON = 30_000

THEIRS = (
    "accounts_user_user_permissions",
    "accounts_user_groups",
    "usersessions_usersession",
    "mfa_authenticator",
    "accounts_preferences",
)

Colleague = Callable[..., str]


@pytest.fixture
def colleague(live_site: LiveSite) -> Iterator[Colleague]:
    """Makes users with the rights they are given; returns the name to sign in with."""
    names: list[str] = []

    def make(*rights: str) -> str:
        name = f"user-{uuid4().hex[:10]}"
        with live_site.connect() as sql:
            sql.execute(
                "insert into accounts_user (id, password, is_superuser, username, first_name, last_name, email,"
                " is_staff, is_active, date_joined) values (%s, %s, false, %s, '', '', '', false, true, now())",
                [str(uuid4()), make_password(PASSWORD), name],
            )
            sql.execute(
                "insert into accounts_user_user_permissions (user_id, permission_id) select u.id, p.id"
                " from accounts_user u, auth_permission p where username = %s and codename = any(%s)",
                [name, list(rights)],
            )
        names.append(name)
        return name

    yield make
    with live_site.connect() as sql:
        theirs = "in (select id from accounts_user where username = any(%s))"
        for table in THEIRS:
            sql.execute(f"delete from {table} where user_id {theirs}", [names])
        for table in ("realtime_draft", "realtime_keyed_write"):
            sql.execute(f"delete from {table} where owner_id {theirs}", [names])
        sql.execute("delete from accounts_user where username = any(%s)", [names])


def content(page: Page) -> str:
    """Everything that anybody could read off the page, including its source, but not what is typed."""
    return page.content() + page.title()


def sign_out(page: Page) -> None:
    page.locator("details.menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in/**")


@pytest.mark.parametrize("path", ["/crm/products/?q={word}", "/crm/products/{key}/", "/crm/products/{key}/edit/"])
def test_signing_out_takes_the_records_off_every_page(
    context: BrowserContext, live_site: LiveSite, word: str, path: str
) -> None:
    with live_site.connect() as sql:
        key = insert_product(sql, f"{word} s{word}", description=f"{word} deep")
    page = open_live(context, live_site, path.format(word=word, key=key))
    other = open_live(context, live_site, "/")
    sign_out(other)
    expect(page.get_by_text(SIGNED_OUT)).to_be_visible(timeout=SOON)
    assert f"s{word}" not in content(page)
    assert "demo" not in page.locator("header").inner_text()
    # The same person again: everything comes back, including what changed meanwhile.
    with live_site.connect() as sql:
        sql.execute("update products set price = 77 where id = %s", [key])
    sign_in_on_page(context, live_site)
    wait_live(page)
    expect(page.get_by_text(SIGNED_OUT)).to_be_hidden()
    if "edit" not in path:
        expect(page.locator("main")).to_contain_text("77.00")
        assert_equals_reload(page, live_site)


def test_what_was_typed_stays_when_the_session_ends(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    with live_site.connect() as sql:
        key = insert_product(sql, f"{word} s{word}")
    page = open_live(context, live_site, f"/crm/products/{key}/edit/")
    page.fill("[name=description]", "half an hour of typing")
    with live_site.connect() as sql:
        sql.execute("delete from django_session")
    expect(page.get_by_text(SIGNED_OUT)).to_be_visible(timeout=SOON)
    expect(page.locator("[name=description]")).to_have_value("half an hour of typing")
    assert f"s{word}" not in content(page)
    sign_in_on_page(context, live_site)
    wait_live(page)
    expect(page.locator("[name=name]")).to_have_value(f"{word} s{word}")
    expect(page.locator("[name=description]")).to_have_value("half an hour of typing")


def test_back_after_signing_out_shows_nothing(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    with live_site.connect() as sql:
        key = insert_product(sql, f"{word} s{word}")
    page = open_live(context, live_site, f"/crm/products/?q={word}")
    page.goto(f"{live_site.url}/crm/products/{key}/")
    wait_live(page)
    sign_out(page)
    for _ in range(2):
        page.go_back()
        page.wait_for_function(
            "() => document.body.innerText.includes('igned out') || document.querySelector('[type=password]')"
        )
        assert f"s{word}" not in content(page)


def test_a_page_of_another_person_shows_nothing(
    browser: Browser, live_site: LiveSite, colleague: Colleague, word: str
) -> None:
    first, second = (colleague("view_product", "change_product") for _ in range(2))
    with live_site.connect() as sql:
        key = insert_product(sql, f"{word} s{word}")
    with browser.new_context() as context:
        sign_in(context, live_site, first, PASSWORD)
        page = open_live(context, live_site, f"/crm/products/{key}/")
        sign_out(open_live(context, live_site, "/"))
        sign_in_on_page(context, live_site, second, PASSWORD)
        expect(page.locator("html")).to_have_attribute("data-realtime-status", "disconnected", timeout=SOON)
        expect(page.get_by_text("Somebody else has signed in", exact=True)).to_be_visible(timeout=2 * SOON)
        assert f"s{word}" not in content(page)
        assert first not in content(page)
        assert page.locator("html").get_attribute("data-realtime-status") == "disconnected"
        page.get_by_role("button", name="Load this page").click()
        wait_live(page)
        assert word in content(page)
        assert second in content(page)


def test_rights_that_went_while_the_page_was_away_take_what_they_showed(
    browser: Browser, live_site: LiveSite, colleague: Colleague, word: str
) -> None:
    name = colleague("view_product", "change_product")
    with live_site.connect() as sql:
        key = insert_product(sql, f"{word} s{word}")
    with browser.new_context() as context:
        sign_in(context, live_site, name, PASSWORD)
        paths = (f"/crm/products/?q={word}", f"/crm/products/{key}/", f"/crm/products/{key}/edit/")
        pages = [open_live(context, live_site, path) for path in paths]
        pages[2].fill("[name=description]", "mine")
        context.set_offline(True)
        for page in pages:
            expect(page.locator("html")).to_have_attribute("data-realtime-status", "disconnected")
        with live_site.connect() as sql:
            sql.execute(
                "delete from accounts_user_user_permissions where user_id ="
                " (select id from accounts_user where username = %s)",
                [name],
            )
        context.set_offline(False)
        for page in pages:
            expect(page.get_by_text("You may not see this any more", exact=True)).to_be_visible(timeout=SOON)
            assert f"s{word}" not in content(page)
        expect(pages[2].locator("[name=description]")).to_have_value("mine")
        # A new connection brings none of it back.
        for page in pages:
            page.evaluate("window.dispatchEvent(new Event('online'))")
            expect(page.locator("html")).to_have_attribute("data-realtime-status", "connected")
            assert f"s{word}" not in content(page)


def test_the_tools_of_a_record_go_with_it(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    with live_site.connect() as sql:
        row = sql.execute("insert into tickets (title) values (%s) returning id", [word]).fetchone()
        assert row is not None
        page = open_live(context, live_site, f"/ticketing/tickets/{row[0]}/")
        assert page.get_by_role("link", name="Edit", exact=True).count() == 1
        sql.execute("delete from tickets where id = %s", [row[0]])
    expect(page.locator("[data-gone]")).to_be_visible()
    tools = page.get_by_role("link", name="Edit", exact=True).or_(page.get_by_role("link", name="Delete", exact=True))
    expect(tools).to_have_count(0)
    assert page.locator("main form").count() == 0
    assert_equals_reload(page, live_site)
