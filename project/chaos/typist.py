"""Somebody who types for half an hour while the session ends and is renewed: not a word may be lost."""

from collections.abc import Callable

import psycopg
from playwright.sync_api import BrowserContext, Error, Page, expect

from project.chaos.fault import Fault
from project.chaos.site import WEBS, Site

TYPED = "half an hour of typing"
FIELD = "[name=description]"
WITHIN_MS = 20_000


class Typist:
    """A page with a form that is never sent, in its own browser context."""

    def __init__(self, context: BrowserContext, sign_in: Callable[[BrowserContext], None], address: str) -> None:
        self._context = context
        self._sign_in = sign_in
        self._address = address
        self._signed_out = False
        self.page: Page | None = None

    def open(self, path: str) -> None:
        self._sign_in(self._context)
        self.page = self._context.new_page()
        self.page.goto(f"{self._address}{path}")
        self.page.fill(FIELD, TYPED)

    def fault(self, site: Site) -> Fault:
        touches = frozenset({WEBS[0], "postgres", f"{WEBS[0]} postgres"})
        return Fault("a session ended under typing", touches, (2, 8), lambda *_: self._end(site), self.renew)

    def _end(self, site: Site) -> None:
        (session,) = [cookie["value"] for cookie in self._context.cookies() if cookie["name"] == "sessionid"]
        with site.connect() as sql:
            sql.execute("delete from django_session where session_key = %s", [session])
        self._signed_out = True

    def renew(self) -> None:
        """Signs in again in another tab, as the page advises. Retries once the portal is whole."""
        if not self._signed_out:
            return
        try:
            self._sign_in(self._context)
        except Error as error:
            raise psycopg.OperationalError(f"nobody could sign in: {error.message.splitlines()[0]}") from None
        self._signed_out = False

    def problems(self) -> list[str]:
        """What is wrong with the page after the storm; empty when it is live and holds what was typed."""
        assert self.page is not None
        try:
            self.renew()
            self.page.evaluate("window.dispatchEvent(new Event('focus'))")
            # The dot doesn't count: without a Realtime server it is never green.
            behind = self.page.locator("[data-live-state]:not([data-live-state=connected])")
            expect(behind).to_have_count(0, timeout=WITHIN_MS)
            expect(self.page.locator(FIELD)).to_have_value(TYPED)
            expect(self.page.get_by_role("button", name="Save changes")).to_be_visible()
        except (AssertionError, Error, psycopg.Error) as error:
            return [f"the page with a form: {str(error).splitlines()[0]}"]
        return []
