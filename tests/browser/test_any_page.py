"""Any pages in Chromium, used in any way while any writers write: what waits is applied, and each equals its reload.

``tests/integration/hub/test_any_view.py`` does the same without a browser, and with more faults.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from random import Random

import pytest
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page

from project.chromium import TAKE_WHAT_WAITS
from realtime.live.definition import definition_named
from realtime.live.lists import LiveList
from tests.anything import LISTS, Anything, Writer, seed_of
from tests.browser.portal import assert_equals_reload
from tests.live_site import LiveSite, make_web
from tests.plugin import SessionServices
from tests.weak_layer.weakness import Weakness

# Which words there are is asked of a database.
pytestmark = pytest.mark.django_db

# The long form: STEPS=3000 SEEDS="7 8" bin/test tests/browser/test_any_page.py
STEPS = int(os.environ.get("STEPS", "80"))
SEEDS = os.environ.get("SEEDS", "any").split()
# Between two comparisons, each of which loads every page.
ROUND = 40
WRITERS = (0.5, 0.3, 0.03)

MIDDLE_OF_A_ROW = """
(n) => {
  const rows = [...document.querySelectorAll("[data-live-row]")];
  const box = rows[n % rows.length]?.getBoundingClientRect();
  return box ? [box.x + box.width / 3, box.y + box.height / 2] : [5, 5];
}
"""
SELECT_A_ROW = """
(n) => {
  const rows = [...document.querySelectorAll("[data-live-row]")];
  if (rows.length) getSelection().selectAllChildren(rows[n % rows.length]);
}
"""
# Whatever a row has at that place: a link, a button, or the row's own focus.
USE_A_ROW = """
([n, selector, verb]) => {
  const found = [...document.querySelectorAll(`[data-live-row] :is(${selector})`)];
  found[n % found.length]?.[verb]();
}
"""
REST = """
() => {
  getSelection().removeAllRanges();
  document.activeElement?.blur();
  scrollTo(0, 0);
}
"""
# The board shows tickets of other tests, too.
CHOOSE = """
([n, word]) => {
  const row = document.querySelector("[data-live-row]:has([data-quick][aria-expanded=true])");
  const items = [...document.querySelectorAll(":popover-open [role=menuitemradio]")];
  if (row?.textContent.includes(word)) items[n % items.length]?.click();
}
"""
STEP = """
(n) => {
  const steps = [...document.querySelectorAll(".pager a, .timeline__steps a, .conversation__step a")];
  return steps[n % steps.length]?.href ?? "";
}
"""
# Never Enter, which chooses. The last two move the focus; on the page of one ticket they would lead away.
KEYS = ("s", "ArrowDown", "Escape", "j", "k")


class Reader:
    """Somebody with a page, and with restless hands."""

    def __init__(self, page: Page, chance: Random, keys: Sequence[str], word: str) -> None:
        self.page = page
        self._word = word
        self._chance = chance
        self._keys = keys
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))

    def do_something(self) -> None:
        page, n = self.page, self._chance.randrange(10_000)
        deeds = ("point", "focus", "select", "menu", "choose", "key", "scroll", "leaf", "take", "rest")
        match self._chance.choice(deeds):
            case "point":
                page.mouse.move(*page.evaluate(MIDDLE_OF_A_ROW, n))
            case "focus":
                page.evaluate(USE_A_ROW, [n, "a, button", "focus"])
            case "select":
                page.evaluate(SELECT_A_ROW, n)
            case "menu":
                page.evaluate(USE_A_ROW, [n, "[data-quick], [data-quick-field]", "click"])
            case "choose":
                page.evaluate(CHOOSE, [n, self._word])
            case "key":
                page.keyboard.press(self._chance.choice(self._keys))
            case "scroll":
                page.evaluate("(n) => scrollTo(0, n % 1500)", n)
            case "leaf":
                if step := page.evaluate(STEP, n):
                    page.goto(step)
            case "take":
                page.evaluate(TAKE_WHAT_WAITS)
            case "rest":
                self.rest()

    def rest(self) -> None:
        self.page.keyboard.press("Escape")
        self.page.mouse.move(5, 5)
        self.page.evaluate(REST)


@pytest.fixture
def weakness(services: SessionServices) -> Weakness:
    return Weakness(services.directory / "any-page-weakness")


@pytest.fixture
def address(live_site: LiveSite, weakness: Weakness) -> Iterator[str]:
    """Another web process of the portal, with a weak channel layer. Browsers have one session for all ports.

    It is reached past any nginx, which has one of its own.
    """
    web = make_web(live_site.environment | weakness.environment, live_site.logs / "any-page.log")
    web.start()
    yield replace(live_site, web=web).web_url
    web.stop()


def any_address(anything: Anything, name: str) -> str:
    definition = definition_named(name)
    assert isinstance(definition, LiveList)
    return reverse(definition.kind.list_name) + definition.query_string(definition.normalise(anything.listing(name)))


@pytest.mark.parametrize("told", SEEDS)
def test_whatever_is_done_on_a_page_it_equals_its_reload(
    context: BrowserContext, live_site: LiveSite, address: str, weakness: Weakness, word: str, told: str
) -> None:
    seed = seed_of(told)
    chance = Random(seed)
    connections = [live_site.connect() for _ in WRITERS]
    people = [str(key) for (key,) in connections[0].execute("select id from accounts_user order by username limit 3")]
    anything = Anything(chance, word, people)
    writers = [Writer(sql, anything, ends) for sql, ends in zip(connections, WRITERS, strict=True)]
    writers[0].furnish(250)
    lists = [any_address(anything, name) for name in (*chance.sample(LISTS, 2), "tickets")]
    ticket, customer = anything.one_of("tickets"), anything.one_of("customers")
    paths = dict.fromkeys((*lists, "/ticketing/board/"), KEYS)
    paths |= dict.fromkeys((f"/ticketing/tickets/{ticket}/", f"/crm/customers/{customer}/"), KEYS[:-2])
    readers = []
    for path, keys in paths.items():
        readers.append(Reader(context.new_page(), chance, keys, word))
        readers[-1].page.goto(address + path)
    for first in range(0, STEPS, ROUND):
        with weakness.on() if chance.random() < 0.5 else nullcontext():
            for _ in range(ROUND):
                chance.choice(writers).step()
                if chance.random() < 0.5:
                    chance.choice(readers).do_something()
        for writer in writers:
            writer.end()
        for reader in readers:
            reader.rest()
            assert_equals_reload(reader.page, live_site)
            assert not reader.errors, f"seed {seed}, step {first}"
    for writer in writers:
        writer.close()
