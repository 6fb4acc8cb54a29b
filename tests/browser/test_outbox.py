"""What is written while the server can't be reached waits in the browser, and is done once (design rule 36)."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page, expect

from project.chromium import ARGUMENTS
from tests.anything import seed_of
from tests.browser.cut_line import CutLine
from tests.browser.portal import assert_equals_reload, insert_product, open_live, row, sign_in_on_page, wait_live
from tests.browser.test_axe import AXE, found_by_axe
from tests.browser.test_person import PASSWORD, Colleague, colleague
from tests.live_site import LiveSite

__all__ = ["colleague"]

# The long form: STEPS=300 SEEDS="1 2" bin/test tests/browser/test_outbox.py -k any_byte
STEPS = int(os.environ.get("STEPS", "8"))
SEEDS = os.environ.get("SEEDS", "any").split()
# More bytes than a write and its answer have.
LONGEST = 6_000

Sql = psycopg.Connection[Any]

STORE = "livedesk-outbox"
WAITING = """
(name) => new Promise((resolve) => {
  const asked = indexedDB.open(name, 1);
  asked.onerror = () => resolve(-1);
  asked.onsuccess = () => {
    const counted = asked.result.transaction("writes").objectStore("writes").count();
    counted.onsuccess = () => { asked.result.close(); resolve(counted.result); };
  };
})
"""


@pytest.fixture
def sql(live_site: LiveSite) -> Iterator[Sql]:
    with live_site.connect() as connection:
        yield connection


@pytest.fixture
def line(live_site: LiveSite) -> Iterator[CutLine]:
    # Where a write begins can't be read in what nginx gets, so this line leads past it.
    with CutLine(live_site.web_url).running() as line:
        yield line


class Machine:
    """Somebody's browser, which can be killed; what it has stored is still there when it is started again."""

    def __init__(self, browser: Browser, executable: Path, profile: Path, url: str, store: str) -> None:
        self._start = lambda: browser.browser_type.launch_persistent_context(
            profile, executable_path=executable, args=list(ARGUMENTS), service_workers="block"
        )
        self._profile = profile
        self.url = url
        self._store = store
        self.errors: list[str] = []
        self.context: BrowserContext = self._start()
        self._listen()

    def _listen(self) -> None:
        self.context.set_default_timeout(20_000)
        self.context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def open(self, path: str) -> Page:
        page = self.context.new_page()
        page.goto(self.url + path)
        return page

    def kill(self) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if f"--user-data-dir={self._profile}".encode() in (process / "cmdline").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGKILL)
        with suppress(Error):
            self.context.close()
        self.context = self._start()
        self._listen()

    def sign_in_on_page(self, site: LiveSite) -> None:
        """Where that is still needed: a killed browser may have lost its newest cookies."""
        page = self.open("/")
        if "/sign-in/" in page.url:
            sign_in_on_page(self.context, site, url=self.url)
        page.close()

    def waiting(self) -> int:
        return int(self.context.pages[-1].evaluate(WAITING, self._store))

    def wait_for(self, condition: Callable[[], bool], otherwise: str) -> None:
        """Bounded by tries. A page that is being left can't answer, and asks again."""
        for _ in range(300):
            with suppress(Error):
                if condition():
                    return
            with suppress(Error):
                self.context.pages[-1].wait_for_timeout(100)
        raise AssertionError(otherwise)


# Kinds of writes: each opens its page, and returns how it is sent and how often it has been done.
Way = tuple[str, Callable[[], None], Callable[[], int]]


def ticket(sql: Sql, word: str) -> str:
    row = sql.execute("insert into tickets (title) values (%s) returning id", [word]).fetchone()
    assert row is not None
    return str(row[0])


def count(sql: Sql, query: str, *values: object) -> int:
    row = sql.execute(query, list(values)).fetchone()
    assert row is not None
    return int(row[0])


def edit(machine: Machine, sql: Sql, word: str) -> Way:
    key = insert_product(sql, word)
    page = machine.open(f"/crm/products/{key}/edit/")
    page.fill("[name=description]", f"text of {word}")
    done = "select count(*) from realtime_change where row_key = %s and op = 'UPDATE' and new->>'description' = %s"
    return f"/products/{key}/", lambda: submit(page), lambda: count(sql, done, key, f"text of {word}")


def submit(page: Page) -> None:
    press(page.locator("main form button[type=submit]:not([name])").last)


def press(button: Locator) -> None:
    """By key: the banner of a lost connection moves what somebody is about to click."""
    button.press("Enter", no_wait_after=True)


def create(machine: Machine, sql: Sql, word: str) -> Way:
    page = machine.open("/crm/products/new/")
    page.fill("[name=name]", word)
    page.fill("[name=price]", "3")
    done = "select count(*) from products where name = %s"
    return "/products/new/", lambda: submit(page), lambda: count(sql, done, word)


def delete(machine: Machine, sql: Sql, word: str) -> Way:
    key = insert_product(sql, word)
    page = machine.open(f"/crm/products/{key}/delete/")
    done = "select count(*) from realtime_change where row_key = %s and op = 'DELETE'"
    return f"/products/{key}/", lambda: submit(page), lambda: count(sql, done, key)


def comment(machine: Machine, sql: Sql, word: str) -> Way:
    key = ticket(sql, word)
    page = machine.open(f"/ticketing/tickets/{key}/")
    page.fill("#comment-form [name=content]", f"about {word}")
    file = {"name": f"{word}.txt", "mimeType": "text/plain", "buffer": b"smoke " * 200}
    page.set_input_files("#comment-form [type=file]", file)  # type: ignore[arg-type]
    done = (
        "select (select count(*) from comments where content = %s)"
        " * (select count(*) from attachments where file_name = %s)"
    )
    send = page.get_by_role("button", name="Add comment")
    return f"/tickets/{key}/", lambda: press(send), lambda: count(sql, done, f"about {word}", f"{word}.txt")


def status(machine: Machine, sql: Sql, word: str) -> Way:
    key = ticket(sql, word)
    page = machine.open(f"/ticketing/tickets/{key}/")
    done = "select count(*) from realtime_change where row_key = %s and op = 'UPDATE' and new->>'status' = 'resolved'"
    button = page.locator("[data-key=s] button[value=resolved]")
    return f"/tickets/{key}/", lambda: press(button), lambda: count(sql, done, key)


def priority(machine: Machine, sql: Sql, word: str) -> Way:
    key = ticket(sql, word)
    page = machine.open(f"/ticketing/tickets/?q={word}")
    page.click(f"[data-id='{key}'] [data-quick]")
    done = "select count(*) from realtime_change where row_key = %s and op = 'UPDATE' and new->>'priority' = 'urgent'"
    item = page.locator("#ticket-menu [data-priority=urgent][role=menuitemradio]")
    return f"/tickets/{key}/", lambda: press(item), lambda: count(sql, done, key)


WAYS = (edit, create, delete, comment, status, priority)


@pytest.mark.parametrize("seed", SEEDS)
def test_cut_at_any_byte_each_write_is_done_once(
    browser: Browser, chromium: Path, live_site: LiveSite, line: CutLine, sql: Sql, tmp_path: Path, seed: str
) -> None:
    chance = Random(seed_of(seed))
    machine = Machine(browser, chromium, tmp_path, line.url, live_site.own(STORE))
    machine.sign_in_on_page(live_site)
    done: list[tuple[str, Callable[[], int]]] = []
    for step in range(STEPS):
        way = WAYS[step % len(WAYS)]
        about, send, effects = way(machine, sql, f"w{uuid4().hex[:10]}")
        is_down = chance.random() < 0.25
        if is_down:
            line.go_down()
        else:
            line.cut_next_write(about, chance.randrange(1, LONGEST))
        send()
        told = f"step {step}: {way.__name__}"
        machine.wait_for(lambda: machine.waiting() > 0 or effects() > 0, f"{told} is neither kept nor done")  # noqa: B023
        match chance.choice(("stay", "reload", "tab", "kill")):
            case "reload":
                with suppress(Error):
                    machine.context.pages[-1].reload(wait_until="commit")
            case "tab" if not is_down:
                with suppress(Error):
                    machine.open("/crm/products/")
            case "kill":
                machine.kill()
        line.come_back()
        machine.sign_in_on_page(live_site)
        machine.open("/crm/products/")
        machine.wait_for(lambda: machine.waiting() == 0, f"{told} isn't sent")
        done.append((told, effects))
        for page in machine.context.pages[:-1]:
            page.close()
    assert [(told, effects()) for told, effects in done] == [(told, 1) for told, _ in done]
    assert machine.errors == []
    machine.context.close()


def test_what_is_written_to_one_record_keeps_its_order(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    """Also where both change the same: whoever writes twice means the second on top of the first."""
    product, of_ticket = insert_product(sql, word), ticket(sql, word)
    pages = [open_live(context, live_site, f"/crm/products/{product}/edit/") for _ in range(3)]
    choices = open_live(context, live_site, f"/ticketing/tickets/{of_ticket}/")
    context.set_offline(True)
    for number, page in enumerate(pages):
        page.fill("[name=description]", f"number {number}")
        submit(page)
        expect(page.locator("[data-kept-note]")).to_contain_text("kept in this browser")
    for value in ("resolved", "open", "closed"):
        press(choices.locator(f"[data-key=s] button[value={value}]"))
        expect(choices.locator("background-form:has(#ticket-actions) [data-form-note]")).to_contain_text(
            "kept in this browser"
        )
    context.set_offline(False)
    for page in (*pages, choices):
        expect(page.locator("[data-outbox-button]")).to_be_hidden()
    query = "select new->>%s from realtime_change where row_key = %s and op = 'UPDATE' order by revision"
    texts = sql.execute(query, ["description", product]).fetchall()
    assert texts == [("number 0",), ("number 1",), ("number 2",)]
    states = sql.execute(query, ["status", of_ticket]).fetchall()
    assert states == [("resolved",), ("open",), ("closed",)]


def test_nothing_is_sent_with_another_persons_session(
    browser: Browser, live_site: LiveSite, sql: Sql, word: str, colleague: Colleague
) -> None:
    anna, ben = (colleague("view_product", "change_product") for _ in range(2))
    key = insert_product(sql, word)
    with browser.new_context() as context:
        context.set_default_timeout(20_000)
        sign_in_on_page(context, live_site, anna, PASSWORD)
        page = open_live(context, live_site, f"/crm/products/{key}/edit/")
        page.fill("[name=description]", "Anna’s own")
        context.set_offline(True)
        submit(page)
        expect(page.locator("[data-outbox-count]")).to_have_text("1")
        page.close()
        context.clear_cookies()
        context.set_offline(False)
        sign_in_on_page(context, live_site, ben, PASSWORD)
        others = open_live(context, live_site, f"/crm/products/{key}/")
        # His own write goes the same way, and hers stays.
        others.goto(f"{live_site.url}/crm/products/{key}/edit/")
        others.fill("[name=name]", f"{word} of Ben")
        submit(others)
        others.wait_for_url(f"**/crm/products/{key}/")
        expect(others.locator("[data-outbox-button]")).to_be_hidden()
        assert others.evaluate(WAITING, live_site.own(STORE)) == 1
        assert sql.execute("select description from products where id = %s", [key]).fetchone() == ("",)
        others.close()
        context.clear_cookies()
        sign_in_on_page(context, live_site, anna, PASSWORD)
        hers = open_live(context, live_site, "/crm/products/")
        expect(hers.locator("[data-outbox-button]")).to_be_hidden()
        assert hers.evaluate(WAITING, live_site.own(STORE)) == 0
        row = sql.execute("select name, description from products where id = %s", [key]).fetchone()
        assert row == (f"{word} of Ben", "Anna’s own")
        query = "select actor from realtime_change where row_key = %s and op = 'UPDATE' order by revision"
        actors = [str(actor) for (actor,) in sql.execute(query, [key])]
        assert len(set(actors)) == 2


def test_a_conflict_asks_and_what_is_refused_can_be_edited_or_dropped(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    asked, gone = insert_product(sql, f"{word} asked"), insert_product(sql, f"{word} gone")
    pages = [open_live(context, live_site, f"/crm/products/{key}/edit/") for key in (asked, gone)]
    context.set_offline(True)
    for page in pages:
        page.fill("[name=description]", "mine")
        submit(page)
        expect(page.locator("[data-kept-note]")).to_contain_text("kept in this browser")
    sql.execute("update products set description = 'theirs' where id = %s", [asked])
    sql.execute("delete from products where id = %s", [gone])
    pages[1].close()
    context.set_offline(False)
    listing = open_live(context, live_site, f"/crm/products/?q={word}")
    mark = row(listing, asked).locator("write-mark")
    expect(mark).to_contain_text("asks which to keep")
    # The same after a reload: it comes from what is kept, not from what has happened on this page.
    listing.reload()
    expect(mark).to_contain_text("asks which to keep")
    wait_live(listing)
    assert_equals_reload(listing, live_site)
    mark.get_by_role("button").click()
    writes = listing.locator("#outbox [data-key]")
    expect(writes).to_have_count(2)
    listing.evaluate(AXE)
    assert found_by_axe(listing) == []
    refused = writes.filter(has_text="not saved")
    expect(refused).to_contain_text("Somebody deleted this product meanwhile")
    for act in ("ask", "keep", "ask", "drop"):
        refused.locator(f"[data-act={act}]").click()
    expect(writes).to_have_count(1)
    writes.locator("[data-act=open]").click()
    listing.wait_for_url("**/edit/*")
    expect(listing.locator("[name=description]")).to_have_value("mine")
    listing.locator("[data-outbox-button]").click()
    writes.locator("[data-act=retry]").click()
    expect(writes).to_contain_text("asks which to keep")
    writes.locator("[data-act=settle]").click()
    listing.locator("[name=choose-description][value=mine]").check()
    listing.get_by_role("button", name="Save as chosen").click()
    expect(listing.locator("main")).to_contain_text("was saved")
    expect(listing.locator("[data-outbox-button]")).to_be_hidden()
    assert sql.execute("select description from products where id = %s", [asked]).fetchone() == ("mine",)
