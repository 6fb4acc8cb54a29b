"""The bell is live in one person's browsers and nobody else's, and a colleague is mentioned by the keyboard alone."""

from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.portal import assert_equals_reload, open_live, sign_in, wait_live
from tests.browser.test_axe import assert_axe_finds_nothing
from tests.live_site import LiveSite

GRANT = """
insert into accounts_user_groups (user_id, group_id)
select u.id, g.id from accounts_user as u, auth_group as g where u.username = %s and g.name = 'Support agents'
"""


@pytest.fixture
def addressee(live_site: LiveSite) -> str:
    """The username of an agent whom nobody has told of anything; signs in as ``demo`` does."""
    username = f"a{uuid4().hex[:10]}"
    with live_site.connect() as sql:
        sql.execute(
            "insert into accounts_user (id, username, password, first_name, last_name, email, is_staff, is_active,"
            " is_superuser, date_joined)"
            " select gen_random_uuid(), %s, password, 'Ada', %s, '', false, true, false, now()"
            " from accounts_user where username = 'demo'",
            [username, username],
        )
        sql.execute(GRANT, [username])
    return username


def ticket(sql: Any, word: str, assignee: str = "") -> str:
    (key,) = sql.execute(
        "insert into tickets (title, assigned_to)"
        " values (%s, (select id from accounts_user where username = %s)) returning id",
        [f"{word} printer", assignee],
    ).fetchone()
    return str(key)


def count(page: Page) -> Any:
    return page.locator(".bell__count")


def test_the_bell_is_live_in_every_browser_of_its_person_and_in_nobody_elses(
    browser: Browser, context: BrowserContext, live_site: LiveSite, word: str, addressee: str
) -> None:
    with live_site.connect() as sql, browser.new_context() as theirs, browser.new_context() as elsewhere:
        sign_in(theirs, live_site, addressee)
        sign_in(elsewhere, live_site, addressee)
        here = open_live(theirs, live_site, "/ticketing/tickets/")
        there = open_live(elsewhere, live_site, "/notifications/")
        expect(count(here)).to_have_count(0)
        expect(there.locator("main .empty__title")).to_have_text("No notifications")
        key = ticket(sql, word, addressee)
        for page in (here, there):
            expect(count(page)).to_have_text("1")
            expect(page).to_have_title(f"(1) {'Tickets' if page is here else 'Notifications'} · Livedesk")

        # A colleague mentions them without touching the mouse.
        writer = open_live(context, live_site, f"/ticketing/tickets/{key}/")
        # Without motion a new theme is there at once.
        writer.emulate_media(reduced_motion="reduce")
        box = writer.locator("#comment-form textarea")
        box.focus()
        box.press_sequentially(f"See @{addressee[:6]}")
        offered = writer.locator(".mentions").get_by_role("option")
        expect(offered).to_have_count(1)
        assert box.get_attribute("aria-activedescendant") == offered.get_attribute("id")
        assert_axe_finds_nothing(writer)
        box.press("Escape")
        expect(offered).to_be_hidden()
        box.press_sequentially(addressee[6:8])
        expect(offered).to_be_hidden()
        box.press_sequentially(" @ada")
        expect(offered.first).to_be_visible()
        box.press("ArrowDown")
        box.press("ArrowUp")
        box.press_sequentially(f" {addressee[8:]}")
        expect(offered.first).to_be_hidden()
        box.fill("")
        box.press_sequentially(f"Please look @{addressee}")
        expect(offered).to_have_count(1)
        box.press("Enter")
        expect(box).to_have_value(f"Please look @{addressee} ")
        box.press("Control+Enter")
        expect(writer.locator(".mention")).to_have_attribute("title", f"Ada {addressee}")
        expect(count(here)).to_have_text("2")

        # Reading it in one browser is seen in the other; a click opens the comment.
        here.locator(".bell__open").click()
        expect(here.locator(".bell__panel .told--unread")).to_have_count(2)
        expect(here.locator(".bell__panel .told").first).to_contain_text(f"mentioned you in {word} printer")
        sql.execute("update tickets set title = %s where id = %s", [f"{word} copier", key])
        expect(here.locator(".bell__panel .told").first).to_contain_text(f"{word} copier")
        here.locator(".bell__panel .told a").first.click()
        expect(here.locator(".mention")).to_be_visible()
        assert "#comment-" in here.url
        expect(count(there)).to_have_text("1")
        assert_equals_reload(there, live_site)
        there.locator("main .told--unread").get_by_role("button").click()
        expect(count(there)).to_have_count(0)
        expect(there).to_have_title("Notifications · Livedesk")
        there.locator("main .told").first.get_by_role("button").click()
        expect(count(here)).to_have_text("1")
        there.get_by_role("button", name="Mark all as read").last.click()
        expect(count(here)).to_have_count(0)
        there.emulate_media(reduced_motion="reduce")
        there.locator(".bell__open").click()
        assert_axe_finds_nothing(there)
        there.set_viewport_size({"width": 360, "height": 800})
        assert there.evaluate("document.documentElement.scrollWidth") <= 360
        there.keyboard.press("Escape")
        expect(there.locator(".bell__panel")).to_be_hidden()

        # Another person's token is worth nothing, even to somebody with every right.
        token = there.locator("[data-told-newest]").get_attribute("data-live-aside")
        wait_live(writer)
        writer.evaluate(
            """token => {
                const stolen = document.createElement("div");
                stolen.id = "stolen";
                Object.assign(stolen.dataset, { liveRegion: token, version: "", liveState: "connecting" });
                document.querySelector("[data-page]").append(stolen);
                stolen.dispatchEvent(new CustomEvent("live:patched", { bubbles: true, detail: { rows: 0 } }));
            }""",
            token,
        )
        expect(writer.get_by_text("You may not see this list")).to_be_visible()
        expect(writer.locator("#stolen")).to_be_empty()

        # Whoever loses the right has no bell any more.
        sql.execute(
            "delete from accounts_user_groups using accounts_user where user_id = accounts_user.id and username = %s",
            [addressee],
        )
        expect(there.locator(".bell__panel .told")).to_have_count(0)
        expect(there.locator("main .told")).to_have_count(0)


def test_one_tab_tells_outside_the_page_of_what_comes_while_nobody_looks(
    browser: Browser, live_site: LiveSite, word: str, addressee: str
) -> None:
    """Headless Chromium shows no notifications and hides no tabs: the page is told both."""
    with live_site.connect() as sql, browser.new_context() as theirs:
        theirs.add_init_script(
            """
            window.shown = [];
            window.Notification = class extends EventTarget {
              static permission = "default";
              static async requestPermission() { return (Notification.permission = "granted"); }
              constructor(title, { body }) { super(); window.shown.push(body); }
            };
            Object.defineProperty(document, "hidden", { get: () => window.behind ?? false });
            """
        )
        sign_in(theirs, live_site, addressee)
        pages = [open_live(theirs, live_site, "/notifications/") for _ in range(2)]
        pages[0].get_by_role("button", name="Show them in this browser").click()
        expect(pages[0].locator("[data-told-outside-state]")).to_contain_text("while Livedesk is in the background")
        for page in pages:
            page.evaluate("() => { window.Notification.permission = 'granted'; window.behind = true; }")
        ticket(sql, word, addressee)
        for page in pages:
            expect(count(page)).to_have_text("1")
            # Each has had its turn by then.
            page.evaluate(
                "() => navigator.locks.request(`livedesk-told-${document.documentElement.dataset.person}`, () => {})"
            )
        told = [body for page in pages for body in page.evaluate("window.shown")]
        assert told == [f"Somebody outside the portal assigned {word} printer to you"]
