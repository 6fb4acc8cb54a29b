"""Many plain WebSocket clients that behave like the browser's live-socket.js, only in more of a hurry."""

import asyncio
import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Origin

from project.chaos.followed_view import FollowedView
from project.chaos.shown import Shown, read_page
from realtime.hub import wire

PING_EVERY = 10.0
PONG_WITHIN = 6.0
STATUS_WITHIN = 25.0
# As in live-view.js: an attach without an answer by then is lost.
ANSWER_WITHIN = 20.0
BACKOFF_CAP = 3.0
# Whether the server wants to know how far a client has read.
ACKNOWLEDGES = "ack" in wire.MESSAGE_TYPES
ACKNOWLEDGE_EVERY = 32
PAGES_AT_ONCE = 4


class Restart(Exception):
    """What arrives can't be trusted any more, or nothing arrives: begin again."""


@dataclass(frozen=True)
class Divergence:
    """A page or socket that differs from what a reload shows, and how."""

    who: str
    path: str
    difference: str

    def __str__(self) -> str:
        return f"{self.who} on {self.path}: {self.difference}"


async def sign_in(address: str, username: str, password: str) -> dict[str, str]:
    """Signs in through the form, as a person would; returns the cookies."""
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as client:
        form = await client.get("/sign-in/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)
        if token is None:
            raise RuntimeError(f"no form to sign in with at {address}")
        fields = {"username": username, "password": password, "csrfmiddlewaretoken": token[1], "next": "/"}
        answer = await client.post("/sign-in/", data=fields, headers={"Referer": f"{address}/sign-in/"})
        if answer.status_code != 302:
            raise RuntimeError(f"signing in as {username} was answered with {answer.status_code}")
        return dict(client.cookies)


class Follower:
    """One socket that follows some of a page's live elements until it is cancelled."""

    def __init__(self, name: str, address: str, path: str, cookies: dict[str, str], counts: Counter[str]) -> None:
        self.name = name
        self.path = path
        self.views: list[FollowedView] = []
        # Who it was last told is at the records that it shows.
        self.presence: dict[str, Any] = {}
        self._status = ""
        self._origin = Origin(address)
        self._uri = f"{address.replace('http', 'ws', 1)}/ws/live/"
        self._cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        self._counts = counts
        self._socket: ClientConnection | None = None
        self._hidden = False
        self._rung = 0
        self._received = 0
        self._pings = 0
        self._next_ping = self._pong_due = self._status_due = self._answer_due = float("inf")

    def show(self, page: Sequence[Shown], indexes: Sequence[int]) -> None:
        """Starts from what a load of the page shows."""
        self.views = [
            FollowedView(number, index, Shown(page[index].token, page[index].is_list, *_copy(page[index])))
            for number, index in enumerate(indexes)
        ]

    async def look(self, hidden: bool) -> None:
        """Somebody looks at the page again, or nobody does any more, as static/js/live/looking.js tells."""
        self._hidden = hidden
        if self._socket is not None:
            # One that breaks just now says it again when it has been opened.
            with suppress(ConnectionClosed):
                await self._send(self._socket, {"type": "look", "hidden": hidden})

    async def run(self) -> None:
        while True:
            try:
                await self._live()
            except Restart as reason:
                self._counts[f"restart: {reason}"] += 1
            except ConnectionClosed as closed:
                self._counts[f"closed {closed.rcvd.code if closed.rcvd else 'without a word'}"] += 1
            except (OSError, TimeoutError, WebSocketException) as error:
                self._counts[f"not opened: {type(error).__name__}"] += 1
            finally:
                self._socket, self._status, self.presence = None, "", {}
                for view in self.views:
                    view.lost()
            await asyncio.sleep(random.uniform(0, min(BACKOFF_CAP, 0.25 * 2**self._rung)))
            self._rung = min(self._rung + 1, 10)

    async def _live(self) -> None:
        async with connect(
            self._uri,
            origin=self._origin,
            additional_headers={"Cookie": self._cookie},
            compression=None,
            ping_interval=None,
            max_size=None,
            open_timeout=10,
            close_timeout=1,
            proxy=None,
        ) as socket:
            self._counts["connections"] += 1
            now = time.monotonic()
            self._received = 0
            self._next_ping, self._status_due = now + random.uniform(0, PING_EVERY), now + STATUS_WITHIN
            self._pong_due = self._answer_due = float("inf")
            self._socket = socket
            if self._hidden:
                await self.look(True)
            while True:
                await self._hear(socket)

    async def _hear(self, socket: ClientConnection) -> None:
        due = min(self._next_ping, self._pong_due, self._status_due, self._answer_due)
        try:
            async with asyncio.timeout(max(0.0, due - time.monotonic())):
                text = await socket.recv()
        except TimeoutError:
            await self._look_at_the_clock(socket)
            return
        self._received += 1
        if ACKNOWLEDGES and self._received % ACKNOWLEDGE_EVERY == 0:
            await self._send(socket, {"type": "ack", "n": self._received})
        await self._take(socket, json.loads(text))

    async def _look_at_the_clock(self, socket: ClientConnection) -> None:
        now = time.monotonic()
        if now >= self._pong_due:
            raise Restart("no pong")
        if now >= self._status_due:
            raise Restart("no status")
        if now >= self._answer_due:
            raise Restart("no answer to an attach")
        if now >= self._next_ping:
            self._pings += 1
            self._next_ping, self._pong_due = now + PING_EVERY, now + PONG_WITHIN
            await self._send(socket, {"type": "ping", "n": self._pings})

    async def _take(self, socket: ClientConnection, frame: dict[str, Any]) -> None:
        kind = frame["type"]
        self._counts[kind] += 1
        if kind == "hello":
            for view in self.views:
                await self._send(socket, view.attach())
        elif kind == "status":
            self._status_due = time.monotonic() + STATUS_WITHIN
            self._status = frame["status"]
            self._rung = 0
        elif kind == "pong":
            if frame["n"] == self._pings:
                self._pong_due = float("inf")
        elif kind == "attached":
            for view in self._by_id(frame["id"]):
                await self._send(socket, view.on_attached(frame))
        elif kind == "patch":
            for view in self._by_key(frame["view"]):
                await self._send(socket, view.on_patch(frame))
        elif kind == "resync":
            for view in self._by_key(frame["view"]):
                await self._send(socket, view.resync())
        elif kind == "refused":
            for view in self._by_id(frame["id"]):
                view.end(f"refused: {frame['reason']}")
        elif kind == "revoked":
            for view in self._by_key(frame["view"]):
                view.end(f"revoked: {frame['reason']}")
        elif kind in ("failed", "healed"):
            for view in self._by_id(frame["id"]) if "id" in frame else self._by_key(frame["view"]):
                view.failed = kind == "failed"
        elif kind == "presence":
            self.presence = frame["at"]
        elif kind == "error":
            self._counts[f"error: {frame['reason']}"] += 1
        if not any(view.waiting and not view.failed for view in self.views):
            self._answer_due = float("inf")
        elif self._answer_due == float("inf"):
            self._answer_due = time.monotonic() + ANSWER_WITHIN

    @property
    def green(self) -> bool:
        """Whether a page with these elements would call itself connected, as static/js/live/page-state.js does."""
        return self._status == "connected" and all(view.attached and not view.failed for view in self.views)

    @staticmethod
    async def _send(socket: ClientConnection, message: dict[str, Any] | None) -> None:
        if message is not None:
            await socket.send(json.dumps(message))

    def _by_id(self, identifier: int) -> Iterator[FollowedView]:
        return (view for view in self.views if view.id == identifier)

    def _by_key(self, key: str) -> list[FollowedView]:
        return [view for view in self.views if view.key == key]

    def difference(self, page: Sequence[Shown]) -> str:
        """How what is shown differs from a load of the page; empty if it doesn't."""
        for view in self.views:
            if view.ended:
                return f"element {view.index} ended: {view.ended}"
            if view.index >= len(page):
                return f"a reload has no element {view.index}"
            if not view.attached:
                return f"element {view.index} is not attached"
            if told := how_it_differs(view.shown, page[view.index]):
                return f"element {view.index} {told}"
        return ""


class Crowd:
    """All plain sockets. They live on one asyncio loop."""

    def __init__(self, addresses: Sequence[str], fresh_address: str, cookies: dict[str, str]) -> None:
        self.counts: Counter[str] = Counter()
        self.followers: list[Follower] = []
        # Seconds from the storm's end to the first look that found it equal to a reload.
        self.healed: dict[str, float] = {}
        self._addresses = addresses
        self._fresh = fresh_address
        self._cookies = cookies
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, number: int, paths: Sequence[str], chance: random.Random) -> None:
        pages = await self.load(paths)
        for index in range(number):
            path = paths[index % len(paths)]
            address = self._addresses[index // len(paths) % len(self._addresses)]
            follower = Follower(f"socket {index}", address, path, self._cookies, self.counts)
            elements = range(len(pages[path]))
            follower.show(pages[path], sorted(chance.sample(elements, k=min(len(elements), chance.randint(1, 3)))))
            self.followers.append(follower)
            self._tasks.append(asyncio.create_task(follower.run()))
            # Spreads the handshakes out: opening is not what is tested here.
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def died(self) -> list[str]:
        """Followers whose task ended because a frame broke the wire's promises."""
        ended = [task for task in self._tasks if task.done() and not task.cancelled()]
        return [f"{type(task.exception()).__name__}: {task.exception()}" for task in ended]

    async def look(self, since: float) -> list[Divergence]:
        """Loads every page afresh, compares, and notes who has healed since the moment ``since``."""
        pages = await self.load(sorted({follower.path for follower in self.followers}))
        divergent = []
        for follower in self.followers:
            if told := follower.difference(pages[follower.path]):
                divergent.append(Divergence(follower.name, follower.path, told))
                self.healed.pop(follower.name, None)
            else:
                self.healed.setdefault(follower.name, time.monotonic() - since)
        return divergent

    async def reload_ended(self) -> None:
        """Does what a person would do with a page that says it can't go on; the round has reported it by then."""
        for follower in self.followers:
            if any(view.ended for view in follower.views):
                page = (await self.load([follower.path]))[follower.path]
                follower.show(page, [view.index for view in follower.views if view.index < len(page)])

    async def load(self, paths: Sequence[str]) -> dict[str, list[Shown]]:
        """What a fresh load of each page shows; nothing of one that can't be loaded."""
        limit = asyncio.Semaphore(PAGES_AT_ONCE)

        async def load(client: httpx.AsyncClient, path: str) -> list[Shown]:
            async with limit:
                with suppress(httpx.HTTPError):
                    answer = await client.get(path)
                    if answer.status_code == 200:
                        return read_page(answer.text)
            return []

        async with httpx.AsyncClient(
            base_url=self._fresh, cookies=self._cookies, trust_env=False, timeout=30
        ) as client:
            pages = await asyncio.gather(*(load(client, path) for path in paths))
        return dict(zip(paths, pages, strict=True))


def _copy(shown: Shown) -> tuple[dict[str, str], str | None, dict[str, str]]:
    return dict(shown.rows), shown.count, dict(shown.parts)


def how_it_differs(live: Shown, fresh: Shown) -> str:
    if live.count != fresh.count:
        return f"counts {live.count!r}, a reload {fresh.count!r}"
    if live.parts != fresh.parts:
        return f"has parts {live.parts}, a reload {fresh.parts}"
    ours, theirs = list(live.rows), list(fresh.rows)
    if missing := [key for key in theirs if key not in live.rows]:
        return f"lacks {len(missing)} rows, the first {missing[0]}"
    if extra := [key for key in ours if key not in fresh.rows]:
        return f"has {len(extra)} rows too many, the first {extra[0]}"
    if ours != theirs:
        first = next(index for index, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b)
        return f"has another order, from place {first} on"
    stale = [key for key, version in live.rows.items() if fresh.rows[key] != version]
    return f"shows {len(stale)} rows in an older version, the first {stale[0]}" if stale else ""
