"""One's own account: signing in, a second factor, a passkey, sessions; in both themes, on a narrow screen."""

import time

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.portal import assert_equals_reload, insert_product, open_live, sign_in, sign_in_on_page, wait_live
from tests.browser.test_axe import assert_axe_finds_nothing
from tests.browser.test_person import PASSWORD, SIGNED_OUT, SOON, Colleague, colleague, content, sign_out
from tests.browser.test_security import WATCH, assert_fits
from tests.live_site import LiveSite

__all__ = ["colleague"]

# Chromium's own, in place of a fingerprint reader.
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def assert_looks_right(page: Page) -> None:
    # Before axe, whose own styles the policy stops.
    assert page.evaluate("window.caught") == []
    assert_axe_finds_nothing(page)
    page.set_viewport_size({"width": 360, "height": 740})
    assert_fits(page, page.url)


def code_of(secret: str, steps: int) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def fill_in(page: Page, name: str) -> None:
    page.fill("[name=username]", name)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")


def test_ending_a_session_takes_the_records_off_its_pages(
    browser: Browser, live_site: LiveSite, colleague: Colleague, word: str
) -> None:
    name = colleague("view_product")
    with live_site.connect() as sql:
        insert_product(sql, f"{word} s{word}")
    with browser.new_context() as here, browser.new_context() as there:
        sign_in(there, live_site, name, PASSWORD)
        page = open_live(there, live_site, f"/crm/products/?q={word}")
        assert f"s{word}" in content(page)
        sign_in(here, live_site, name, PASSWORD)
        mine = open_live(here, live_site, "/account/sessions/")
        mine.locator("main").get_by_role("button", name="Sign out Chrome on Linux").click()
        expect(page.get_by_text(SIGNED_OUT)).to_be_visible(timeout=SOON)
        assert f"s{word}" not in content(page)
        expect(mine.locator("main")).to_contain_text("was signed out")
        expect(mine.locator("html")).to_have_attribute("data-realtime-status", "connected")


def test_a_second_factor_and_a_passkey(browser: Browser, live_site: LiveSite, colleague: Colleague) -> None:
    name = colleague("view_product")
    with browser.new_context(reduced_motion="reduce") as context:
        context.add_init_script(WATCH)
        page = context.new_page()
        keys = context.new_cdp_session(page)
        keys.send("WebAuthn.enable")
        keys.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        # Passkeys belong to a name; an address has none.
        portal = live_site.url.replace("127.0.0.1", "localhost")
        page.goto(f"{portal}/sign-in/?next={live_site.prefix}account/second-factor/")
        assert_looks_right(page)
        fill_in(page, name)
        page.wait_for_url(f"{portal}/account/second-factor/")
        assert_looks_right(page)
        secret = set_up_app(page)
        add_passkey(page, portal)
        sign_in_with_passkey(context, page, portal)
        sign_in_with_code(page, portal, name, secret)


def test_a_profile_follows_its_person_and_patches_speak_its_language(
    browser: Browser, live_site: LiveSite, colleague: Colleague, word: str
) -> None:
    name = colleague("view_customer", "view_interaction", "view_product")
    with live_site.connect() as sql:
        customer = sql.execute("insert into customers (name) values (%s) returning id", [word]).fetchone()
        assert customer is not None
        sql.execute(
            "insert into interactions (customer_id, type, notes, interaction_at)"
            " values (%s, 'call', %s, '2026-01-05 22:30Z')",
            [customer[0], word],
        )
        with browser.new_context(reduced_motion="reduce", timezone_id="America/New_York") as here:
            here.add_init_script(WATCH)
            sign_in_on_page(here, live_site, name, PASSWORD)
            page = open_live(here, live_site, "/profile/")
            assert_looks_right(page)
            page.set_viewport_size({"width": 1280, "height": 800})
            page.fill("[name=first_name]", "Anna")
            page.select_option("[name=time_zone]", "Europe/Berlin")
            page.select_option("[name=locale]", "de-DE")
            page.select_option("[name=density]", "compact")
            page.get_by_role("button", name="Save").click()
            expect(page.locator("main")).to_contain_text("was saved")
            page.locator("details.menu summary").click()
            with page.expect_response("**/profile/choose/"):
                page.get_by_role("button", name="Dark").click()
            with page.expect_response("**/profile/choose/"):
                page.get_by_role("switch", name="Single-key shortcuts").click()
        with browser.new_context(timezone_id="Asia/Tokyo") as there:
            sign_in_on_page(there, live_site, name, PASSWORD)
            page = open_live(there, live_site, f"/crm/interactions/?q={word}")
            expect(page.locator("html")).to_have_attribute("data-theme", "dark")
            expect(page.locator("html")).to_have_attribute("data-density", "compact")
            page.keyboard.press("?")
            expect(page.locator("dialog#keys")).to_be_hidden()
            expect(page.locator("[data-live-row]")).to_contain_text("05.01.2026, 23:30")
            sql.execute("update interactions set interaction_at = '2026-01-06 22:30Z' where notes = %s", [word])
            expect(page.locator("[data-live-row]")).to_contain_text("06.01.2026, 23:30")
            assert_equals_reload(page, live_site)
            sql.execute("insert into products (name, price) values (%s, 1234.5)", [word])
            page.goto(f"{live_site.url}/crm/products/?q={word}")
            wait_live(page)
            expect(page.locator("[data-live-row] [data-column=price]")).to_have_text("1.234,50")
            sql.execute("update products set price = 9876543.2 where name = %s", [word])
            expect(page.locator("[data-live-row] [data-column=price]")).to_have_text("9.876.543,20")
            assert_equals_reload(page, live_site)


def set_up_app(page: Page) -> str:
    page.get_by_role("link", name="Set up an app").click()
    assert_looks_right(page)
    secret = page.locator("#authenticator_secret").input_value()
    page.fill("[name=code]", code_of(secret, 0))
    page.keyboard.press("Enter")
    page.wait_for_url("**/recovery-codes/")
    assert_looks_right(page)
    return secret


def add_passkey(page: Page, portal: str) -> None:
    page.goto(f"{portal}/account/second-factor/webauthn/add/")
    page.fill("[name=name]", "My laptop")
    assert_looks_right(page)
    page.get_by_role("button", name="Add").click()
    page.wait_for_url("**/account/second-factor/")
    page.get_by_role("link", name="Show and change").click()
    expect(page.locator("main")).to_contain_text("My laptop")
    assert_looks_right(page)


def sign_in_with_passkey(context: BrowserContext, page: Page, portal: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{portal}/")
    assert page.evaluate("window.caught") == []


def sign_in_with_code(page: Page, portal: str, name: str, secret: str) -> None:
    sign_out(page)
    fill_in(page, name)
    page.wait_for_url("**/authenticate/")
    assert_looks_right(page)
    page.fill("[name=code]", code_of(secret, 1))
    page.keyboard.press("Enter")
    page.wait_for_url(f"{portal}/")
