"""Presence over several web processes whose messages get lost, doubled and late: everybody ends up with the truth."""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from realtime.hub import presence as module
from realtime.hub.live_socket import LiveSocket
from realtime.hub.live_view import LiveView
from realtime.hub.presence import Presence
from realtime.hub.rights import Rights
from realtime.live import app_columns
from realtime.live.definition import definition_named
from realtime.live.snapshot import Snapshot
from realtime.live.whereabouts import Doing

VIEW, EVERYTHING = Rights(frozenset({"ticketing.view_ticket"})), Rights(everything=True)
PAUSE = 0.02
PATIENCE = 10.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> "Layer":
    """The same clockwork, fifty times as fast, on a layer that is in the test's hands."""
    for name in ("PAUSE", "REPEAT", "SILENCE", "LOOK", "LINGER"):
        monkeypatch.setattr(module, f"{name}_SECONDS", getattr(module, f"{name}_SECONDS") * PAUSE)
    layer = Layer()
    monkeypatch.setattr(module, "get_channel_layer", lambda: layer)
    # There is no database that could have been adopted.
    monkeypatch.setattr(app_columns, "is_adopted_table", lambda table: False)
    return layer


@dataclass
class Layer:
    """Hands messages to every process; while it is weak it loses, doubles and delays some."""

    processes: "list[Process]" = field(default_factory=list)
    chance: random.Random | None = None
    late: list[dict[str, Any]] = field(default_factory=list)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        told = [json.loads(json.dumps(message))]
        if self.chance is not None:
            told = told * self.chance.choice((0, 1, 1, 2))
            self.late.append(message)
            if self.chance.random() < 0.3:
                told.append(self.chance.choice(self.late))
        for one in told:
            for process in self.processes:
                process.presence.hear(one)


class Process:
    """A web process with its sockets and views; it begins when it is made."""

    def __init__(self, layer: Layer) -> None:
        self.views: dict[str, LiveView] = {}
        self.sockets: set[LiveSocket] = set()
        self.presence = Presence(self.sockets, self.views)
        self.frames: defaultdict[LiveSocket, list[str]] = defaultdict(list)
        self._layer = layer
        layer.processes.append(self)
        self._tasks: list[asyncio.Task[None]] = [
            asyncio.create_task(part()) for part in (self.presence.say, self.presence.tell)
        ]

    def kill(self) -> None:
        self._layer.processes.remove(self)
        for task in self._tasks:
            task.cancel()

    def join(self, user: str, rights: Rights = EVERYTHING, reads: bool = True) -> LiveSocket:
        socket = LiveSocket("session")
        socket.user, socket.name, socket.rights = user, f"name of {user}", rights
        self.sockets.add(socket)
        if reads:
            socket.wake = partial(read, socket, self.frames[socket])
        return socket

    def leave(self, socket: LiveSocket) -> None:
        self.presence.away(socket)
        self.sockets.discard(socket)
        socket.views.clear()
        self.presence.moved()

    def go(self, socket: LiveSocket, number: int, doing: Doing = Doing.VIEWING) -> None:
        """Opens the page of a ticket."""
        name, params = "ticket", {"id": str(UUID(int=number))}
        key = f"{name} {number}"
        self.views.setdefault(key, LiveView(key, definition_named(name), params))
        socket.views = {key}
        self.presence.stay(socket, key, doing, False, "")

    def list_of(self, socket: LiveSocket, numbers: range) -> None:
        """Opens a list that shows these tickets, and a customer of one of them."""
        keys = frozenset({("tickets", str(UUID(int=number))) for number in numbers} | {("customers", str(UUID(int=1)))})
        self.views["list"] = LiveView("list", definition_named("tickets"), {}, snapshot=Snapshot(keys=keys))
        socket.views = {"list"}
        self.presence.shown()


def told(socket: LiveSocket) -> dict[str, list[str]]:
    """What a page shows, by record."""
    at = json.loads(socket.presence)["at"]
    return {record: sorted(one["name"] for one in there["people"]) for record, there in at.items()}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - the condition is about what pages were sent
            await asyncio.sleep(PAUSE / 4)


def read(socket: LiveSocket, frames: list[str]) -> None:
    while (frame := socket.next_frame()) is not None:
        frames.append(frame)
        socket.acknowledge(len(frames))


@pytest.mark.parametrize("seed", range(4))
def test_after_any_storm_every_page_is_told_who_is_where(quick: Layer, seed: int) -> None:
    async def scenario() -> None:
        chance = quick.chance = random.Random(seed)
        processes = [Process(quick) for _ in range(3)]
        watcher = processes[0].join("watcher")
        processes[0].list_of(watcher, range(200))
        at: dict[LiveSocket, tuple[Process, int]] = {}
        for step in range(400):
            process, number = chance.choice(processes), chance.randrange(200)
            socket = chance.choice([None, *at]) if at else None
            if socket is None:
                socket = process.join(f"user {chance.randrange(20)}")
                at[socket] = process, number
            elif chance.random() < 0.2:
                at.pop(socket)[0].leave(socket)
                continue
            process = at[socket][0]
            process.go(socket, number, chance.choice(list(Doing)))
            at[socket] = process, number
            if step % 40 == 0:
                await asyncio.sleep(PAUSE)
            if step == 200:
                processes[2].kill()
                at = {one: where for one, where in at.items() if where[0] is not processes[2]}
                processes[2] = Process(quick)
        # The last that is said of the storm gets lost or comes late, too.
        said = len(quick.late)
        await until(lambda: len(quick.late) > said + 2 * len(processes))
        quick.chance = None
        truth: defaultdict[str, set[str]] = defaultdict(set)
        for socket, (_, number) in at.items():
            truth[f"tickets/{UUID(int=number)}"].add(socket.name)
        await until(lambda: told(watcher) == {record: sorted(names) for record, names in truth.items()})

    asyncio.run(scenario())


def test_fifty_people_who_hop_cost_a_page_one_frame_a_turn(quick: Layer) -> None:
    async def scenario() -> None:
        process = Process(quick)
        watcher = process.join("watcher")
        process.list_of(watcher, range(200))
        hoppers = [process.join(f"user {number}") for number in range(50)]
        chance, began = random.Random(1), asyncio.get_running_loop().time()
        for _ in range(2_000):
            process.go(chance.choice(hoppers), chance.randrange(200))
            if chance.random() < 0.05:
                await asyncio.sleep(PAUSE / 20)
        turns = (asyncio.get_running_loop().time() - began) / PAUSE + 1
        assert len(process.frames[watcher]) <= turns + 1
        await until(lambda: sum(map(len, told(watcher).values())) == 50)

    asyncio.run(scenario())


def test_nobody_is_shown_or_told_without_the_right(quick: Layer) -> None:
    async def scenario() -> None:
        here, there = Process(quick), Process(quick)
        anna, ben, outsider = here.join("anna", VIEW), there.join("ben", VIEW), there.join("outsider", Rights())
        # Whoever loses the right is detached from the view a moment later.
        for process, socket in ((here, anna), (there, ben), (there, outsider)):
            process.go(socket, 7)
        record = f"tickets/{UUID(int=7)}"
        await until(lambda: told(ben) == told(anna) == {record: ["name of anna", "name of ben"]})
        assert told(outsider) == {}
        ben.rights = Rights()
        await until(lambda: told(anna) == {record: ["name of anna"]} and told(ben) == {})

    asyncio.run(scenario())


def test_a_list_is_not_told_of_the_customers_it_only_names(quick: Layer) -> None:
    async def scenario() -> None:
        process = Process(quick)
        watcher, anna, ben = (process.join(name) for name in ("watcher", "anna", "ben"))
        process.list_of(watcher, range(3))
        customer = LiveView("c", definition_named("customer"), {"id": str(UUID(int=1))})
        process.views["c"] = customer
        anna.views = {"c"}
        process.presence.stay(anna, "c", Doing.VIEWING, False, "")
        process.go(ben, 2)
        await until(lambda: told(watcher) == {f"tickets/{UUID(int=2)}": ["name of ben"]})
        await until(lambda: told(anna) == {f"customers/{UUID(int=1)}": ["name of anna"]})

    asyncio.run(scenario())


def test_a_page_that_does_not_read_gets_the_state_later_and_no_backlog(quick: Layer) -> None:
    async def scenario() -> None:
        process, frames = Process(quick), list[str]()
        slow, anna = process.join("slow", reads=False), process.join("anna")
        process.list_of(slow, range(200))
        process.go(anna, 0)
        await until(lambda: slow.is_behind)
        for number in range(1, 100):
            process.go(anna, number)
            await asyncio.sleep(PAUSE / 10)
        slow.wake = partial(read, slow, frames)
        slow.wake()
        await until(lambda: told(slow) == {f"tickets/{UUID(int=99)}": ["name of anna"]})
        await until(lambda: not slow.is_behind)
        assert len(frames) <= 3

    asyncio.run(scenario())


def test_a_process_of_another_version_is_not_understood_and_does_no_harm(quick: Layer) -> None:
    async def scenario() -> None:
        process = Process(quick)
        watcher, anna = process.join("watcher"), process.join("anna")
        process.list_of(watcher, range(3))
        strange = [
            ["suppliers", "1", "u", "n", "viewing", False, ""],
            ["tickets", "1", "u", "n", "dreaming", False, ""],
            [1],
        ]
        for number, one in enumerate(strange):
            process.presence.hear({"type": "realtime.presence", "process": "x", "n": number, "people": [one]})
        process.go(anna, 2)
        await until(lambda: told(watcher) == {f"tickets/{UUID(int=2)}": ["name of anna"]})

    asyncio.run(scenario())


def test_somebody_who_leaves_lingers_until_another_page_says_where_they_are(quick: Layer) -> None:
    async def scenario() -> None:
        process = Process(quick)
        watcher, anna = process.join("watcher"), process.join("anna")
        process.list_of(watcher, range(3))
        process.go(anna, 1)
        first, second = (f"tickets/{UUID(int=number)}" for number in (1, 2))
        await until(lambda: told(watcher) == {first: ["name of anna"]})
        process.leave(anna)
        anna = process.join("anna")
        process.go(anna, 1, Doing.EDITING)
        await until(lambda: '"editing"' in watcher.presence)
        process.leave(anna)
        process.go(process.join("anna"), 2)
        await until(lambda: second in told(watcher))
        assert told(watcher) == {second: ["name of anna"]}
        # Reloading was never seen as going.
        assert '{"at":{}}' not in "".join(process.frames[watcher])

    asyncio.run(scenario())


def test_what_comes_late_changes_nothing(quick: Layer) -> None:
    async def scenario() -> None:
        process = Process(quick)
        watcher = process.join("watcher")
        process.list_of(watcher, range(3))
        for number, key in ((2, 2), (1, 1)):
            there = [["tickets", str(UUID(int=key)), "u", "name of anna", "viewing", False, ""]]
            process.presence.hear({"type": "realtime.presence", "process": "x", "n": number, "people": there})
        await until(lambda: told(watcher) == {f"tickets/{UUID(int=2)}": ["name of anna"]})

    asyncio.run(scenario())
