"""Real browsers that watch: what each of their pages shows, and what a reload of it would show."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Error, Page, sync_playwright

from project.chaos.crowd import Divergence
from project.chaos.typist import Typist
from project.chromium import ARGUMENTS, READ_PAGE, TAKE_WHAT_WAITS, find_chromium

# A portal under faults may not answer; waiting longer would hold up the storm.
PATIENCE_MS = 8_000
STATES = """
() => [document.documentElement.dataset.realtimeStatus,
  ...[...document.querySelectorAll("[data-live-state]")].map((element) => element.dataset.liveState)].join(" ")
"""


@dataclass
class _Watched:
    name: str
    path: str
    page: Page
    healed: float | None = None


class Browsers:
    """One context for each group of paths. This is sync Playwright, so everything runs on one thread."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self._watched: list[_Watched] = []
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(
            executable_path=find_chromium(),
            args=list(ARGUMENTS),
            # The main program handles signals, and closes the browser in order.
            handle_sigint=False,
            handle_sigterm=False,
        )

    def open(self, addresses: Sequence[str], groups: Sequence[Sequence[str]], username: str, password: str) -> None:
        for number, paths in enumerate(groups):
            context = self._browser.new_context()
            address = addresses[number % len(addresses)]
            _sign_in(context, address, username, password)
            for path in paths:
                page = context.new_page()
                page.on("pageerror", self._noting(path))
                page.goto(f"{address}{path}")
                self._watched.append(_Watched(f"browser {number}", path, page))

    def typist(self, address: str, path: str, username: str, password: str) -> Typist:
        """Somebody who types into the form at ``path``."""
        context = self._browser.new_context()
        context.set_default_timeout(PATIENCE_MS)
        typist = Typist(context, lambda context: _sign_in(context, address, username, password), address)
        typist.open(path)
        return typist

    def _noting(self, path: str) -> Callable[[Error], None]:
        return lambda error: self.errors.append(f"{path}: {error}")

    def stop(self) -> None:
        self._browser.close()
        self._playwright.stop()

    def pause(self, seconds: float) -> None:
        """Waits, and lets Playwright handle the browsers' events meanwhile."""
        self._watched[0].page.wait_for_timeout(seconds * 1000)

    def forget_healing(self) -> None:
        for watched in self._watched:
            watched.healed = None

    @property
    def number(self) -> int:
        return len(self._watched)

    @property
    def healed(self) -> list[float]:
        return [watched.healed for watched in self._watched if watched.healed is not None]

    def look(self, since: float) -> list[Divergence]:
        """Compares each page with a load of the same address in the same context."""
        return [told for watched in self._watched if (told := self._look_at(watched, since))]

    def _look_at(self, watched: _Watched, since: float) -> Divergence | None:
        try:
            fresh = watched.page.context.new_page()
            try:
                fresh.goto(watched.page.url)
                watched.page.evaluate(TAKE_WHAT_WAITS)
                live, reloaded = watched.page.evaluate(READ_PAGE), fresh.evaluate(READ_PAGE)
            finally:
                fresh.close()
            states = watched.page.evaluate(STATES)
        except Error as error:
            return Divergence(watched.name, watched.path, f"can't be read: {error.message.splitlines()[0]}")
        told = _difference(live, reloaded)
        if not told and set(states.split()[1:]) - {"connected"}:
            told = "equals a reload but doesn't say so of itself"
        if told:
            watched.healed = None
            return Divergence(watched.name, watched.path, f"{told} [{states}]")
        if watched.healed is None:
            watched.healed = time.monotonic() - since
        return None


def _difference(live: list[str], reloaded: list[str]) -> str:
    if live == reloaded:
        return ""
    pairs = enumerate(zip(live, reloaded, strict=False))
    first = next(((index, pair) for index, pair in pairs if pair[0] != pair[1]), None)
    told = f"{len(live)} pieces, a reload {len(reloaded)}"
    if first is not None:
        told += f"; piece {first[0]} is {_cut(*first[1])}"
    return told


def _cut(live: str, reloaded: str) -> str:
    pairs = enumerate(zip(live, reloaded, strict=False))
    same = next((index for index, (a, b) in pairs if a != b), min(len(live), len(reloaded)))
    start = max(0, same - 80)
    return f"…{live[start : same + 120]}… and of a reload …{reloaded[start : same + 120]}…"


def _sign_in(context: BrowserContext, address: str, username: str, password: str) -> None:
    page = context.new_page()
    try:
        page.goto(f"{address}/sign-in/")
        # An answer that came too late may have signed them in all the same: then there is no form any more.
        if page.url != f"{address}/":
            page.fill("[name=username]", username)
            page.fill("[name=password]", password)
            page.click("main button[type=submit]")
            page.wait_for_url(f"{address}/")
    finally:
        page.close()
