"""What people write into rows stays text: in loaded pages, in patched pages, and on the narrowest screen."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg
import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from tests.browser.portal import assert_equals_reload, insert_product, is_complaint, open_live, row, wait_live
from tests.live_site import LiveSite

# Each would call `executed` if a page took it for more than text.
HOSTILE = [
    "<script>executed('script')</script>",
    "<img src=x onerror=executed('img')>",
    "<svg onload=executed('svg')><animate onbegin=executed('animate') attributeName=x dur=1s>",
    "</template><script>executed('template')</script>",
    "</tbody></table></textarea></title><script>executed('closing')</script>",
    "{{ executed('braces') }} {% include 'x' %} ${executed('literal')}",
    "\"' onfocus=executed('attribute') autofocus x=\"",
    "javascript:executed('address')",
    "<a href=\"javascript:executed('link')\">x</a><iframe srcdoc='<script>parent.executed(1)</script>'>",
    "<form action=//evil.example><input name=q autofocus onfocus=executed('input')>",
    "<live-notice data-live-list=x data-live-row data-live-announce='forged'></live-notice>",
]
WATCH = """
window.caught = [];
window.executed = (what) => window.caught.push(`executed: ${what}`);
document.addEventListener("securitypolicyviolation", (event) =>
  window.caught.push(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""


@dataclass
class Watched:
    """Everything that a browser complained about, on any of its pages."""

    complaints: list[str] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        self.pages.append(page)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

    def _hear(self, message: ConsoleMessage) -> None:
        if is_complaint(message):
            self.complaints.append(f"console: {message.text} ({message.location.get('url')})")

    def take(self) -> list[str]:
        """The complaints since the last call, and what the open pages caught."""
        caught = [found for page in self.pages if not page.is_closed() for found in page.evaluate("window.caught")]
        told, self.complaints = self.complaints + caught, []
        return told

    def assert_quiet(self) -> None:
        assert self.take() == []


@pytest.fixture
def watched(context: BrowserContext) -> Watched:
    watched = Watched()
    context.add_init_script(WATCH)
    context.on("page", watched.watch)
    return watched


@pytest.fixture
def sql(live_site: LiveSite) -> Iterator["psycopg.Connection[Any]"]:
    with live_site.connect() as connection:
        yield connection


@pytest.fixture
def tidy(sql: "psycopg.Connection[Any]", word: str) -> Iterator[None]:
    """Removes rows that would stretch or fill other tests' dashboards."""
    yield
    sql.execute("delete from products where name like %s or description like %s", [f"%{word}%", f"%{word}%"])


def test_the_watch_itself_sees_what_runs_and_what_the_policy_stops(
    context: BrowserContext, live_site: LiveSite, watched: Watched
) -> None:
    page = open_live(context, live_site, "/crm/products/")
    watched.assert_quiet()
    # No event marks that something did NOT happen, so the probe must be known to catch what does.
    page.evaluate(
        "() => { const at = document.createElement('div'); document.body.append(at);"
        " at.innerHTML = '<img src=x onerror=executed(1)>'; }"
    )
    page.wait_for_function("() => window.caught.some((text) => text.startsWith('policy: script-src'))")
    page.evaluate("executed('by hand')")
    assert "executed: by hand" in page.evaluate("window.caught")


@pytest.mark.usefixtures("tidy")
def test_nothing_written_into_a_row_runs_on_a_page_as_loaded(
    context: BrowserContext, live_site: LiveSite, watched: Watched, sql: "psycopg.Connection[Any]", word: str
) -> None:
    page = context.new_page()
    for hostile in HOSTILE:
        key = insert_product(sql, f"{word} {hostile}", description=f"{hostile} {word}")
        for address in (f"/crm/products/{key}/", f"/crm/products/{key}/edit/", "/"):
            page.goto(f"{live_site.url}{address}")
            wait_live(page)
            if address.endswith("/edit/"):
                expect(page.locator("[name=name]")).to_have_value(f"{word} {hostile}")
                expect(page.locator("[name=description]")).to_have_value(f"{hostile} {word}")
            else:
                expect(page.get_by_text(f"{word} {hostile}").first).to_be_visible()
            watched.assert_quiet()
        page.goto(f"{live_site.url}/crm/products/{key}/delete/")
        wait_live(page)
        expect(page.locator(".quote__title")).to_have_text(f"{word} {hostile}")
        watched.assert_quiet()
    # The list has them all.
    page.goto(f"{live_site.url}/crm/products/?q={word}")
    wait_live(page)
    for hostile in HOSTILE:
        expect(page.get_by_text(f"{word} {hostile}").first).to_be_visible()
    watched.assert_quiet()


@pytest.mark.usefixtures("tidy")
def test_nothing_written_into_a_row_runs_on_a_page_as_patched(
    context: BrowserContext, live_site: LiveSite, watched: Watched, sql: "psycopg.Connection[Any]", word: str
) -> None:
    key = insert_product(sql, f"{word} harmless", description="harmless")
    paths = (f"/crm/products/?q={word}", f"/crm/products/{key}/", f"/crm/products/{key}/edit/", "/")
    listing, detail, editing, dashboard = pages = [open_live(context, live_site, path) for path in paths]
    for hostile in HOSTILE:
        name = f"{word} {hostile}"
        sql.execute("update products set name = %s, description = %s where id = %s", [name, hostile, key])
        fresh = insert_product(sql, f"{name} new", description=hostile)
        expect(row(listing, key).locator(".table__name")).to_have_text(name)
        expect(row(listing, fresh).locator(".table__name")).to_have_text(f"{name} new")
        expect(detail.get_by_text(name, exact=True).first).to_be_visible()
        expect(editing.locator("[data-live-region] ins").first).to_have_text(name)
        expect(dashboard.get_by_text(f"{name} new", exact=True).first).to_be_visible()
    for page in (listing, detail, dashboard):
        assert_equals_reload(page, live_site)
    for page in pages:
        assert page.locator("script:not([src]), iframe, main img, main [onerror], main [onload]").count() == 0
    watched.assert_quiet()


@pytest.mark.usefixtures("tidy")
def test_a_conflict_and_a_message_show_hostile_texts_as_text(
    context: BrowserContext, live_site: LiveSite, watched: Watched, sql: "psycopg.Connection[Any]", word: str
) -> None:
    key = insert_product(sql, f"{word} harmless")
    page = open_live(context, live_site, f"/crm/products/{key}/edit/")
    # Typed first: what is only shown becomes theirs, also while the page is open.
    page.fill("[name=name]", f"{word} {HOSTILE[4]}")
    sql.execute("update products set name = %s where id = %s", [f"{word} {HOSTILE[1]}", key])
    with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        page.click("main form button[type=submit]")
    assert answered.value.status == 409
    expect(page.locator(".choose")).to_contain_text(HOSTILE[1])
    expect(page.locator(".choose")).to_contain_text(HOSTILE[4])
    # Chromium itself reports a main document with an error status; that isn't the page's fault.
    watched.complaints = [told for told in watched.complaints if "409 (Conflict)" not in told]
    watched.assert_quiet()
    page.get_by_role("button", name="Save as chosen").click()
    expect(page.locator(".messages")).to_contain_text(HOSTILE[4])
    watched.assert_quiet()


@pytest.mark.usefixtures("tidy")
def test_no_page_breaks_the_policy_or_logs_an_error(
    context: BrowserContext, live_site: LiveSite, watched: Watched, sql: "psycopg.Connection[Any]", word: str
) -> None:
    key = insert_product(sql, f"{word} {HOSTILE[0]}", description=HOSTILE[1])
    found: dict[str, object] = {}
    page = context.new_page()
    for address in (
        "/",
        "/crm/products/",
        f"/crm/products/?q={word}",
        "/crm/products/?q=nothing+has+this",
        "/crm/products/?sort=-price&size=25&price_min=x&created=week",
        "/crm/products/new/",
        f"/crm/products/{key}/",
        f"/crm/products/{key}/edit/",
        f"/crm/products/{key}/delete/",
        "/admin/",
        "/admin/crm/product/",
        f"/admin/crm/product/?q={word}",
        f"/admin/crm/product/{key}/change/",
        f"/admin/crm/product/{key}/history/",
        f"/admin/crm/product/{key}/delete/",
        "/admin/crm/product/add/",
        "/admin/accounts/user/",
        "/admin/accounts/user/add/",
        "/admin/password_change/",
    ):
        answer = page.goto(f"{live_site.url}{address}")
        assert answer is not None
        if not address.startswith("/admin/"):
            wait_live(page)
        if (told := watched.take()) or answer.status != 200:
            found[address] = [answer.status, *told]
    assert found == {}


SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LONG = {
    "one word": "W" * 490,
    "many words": "lamp " * 98,
    "right to left": "منتجطويلجدا" * 44,
    "right to left with spaces": "منتج طويل جدا " * 35,
    "overriding": "\u202e" + "reversed" * 60,
    "combining": "a\u0301\u0302\u0303" * 122,
    "no break": "no\u00a0break" * 60,
}


@pytest.mark.usefixtures("tidy")
def test_the_longest_names_fit_the_narrowest_screen(
    context: BrowserContext, live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str
) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": 360, "height": 740})
    for kind, text in LONG.items():
        key = insert_product(sql, f"{text[:489]}{word[:11]}", "9999999999.99", description=f"{text * 4} {word}")
        for address in (
            "/",
            f"/crm/products/?q={word}",
            f"/crm/products/{key}/",
            f"/crm/products/{key}/edit/",
            f"/crm/products/{key}/delete/",
        ):
            page.goto(f"{live_site.url}{address}")
            if address.endswith("/edit/"):
                sql.execute("update products set name = reverse(name), price = 0 where id = %s", [key])
                expect(page.locator("[data-live-region] ins").first).to_be_visible()
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                assert_fits(page, f"{kind} on {address} in {scheme}")
        sql.execute("delete from products where id = %s", [key])


def assert_fits(page: Page, where: str) -> None:
    # The page may not scroll sideways, and nothing may be cut off by a parent that hides what overflows the screen.
    widths = page.evaluate(
        "() => [document.documentElement.scrollWidth, document.body.scrollWidth, innerWidth,"
        " [...document.querySelectorAll('main *')].filter((element) =>"
        "   element.getBoundingClientRect().right > innerWidth + 1 && element.checkVisibility()"
        "   && !element.closest('.visually-hidden'))"
        " .slice(0, 3).map((element) => element.outerHTML.slice(0, 120))]"
    )
    assert widths[0] <= widths[2], f"{where}: {widths}"
    assert widths[3] == [], f"{where}: beyond the right edge: {widths[3]}"
