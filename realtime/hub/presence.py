"""Who is at which record (design rule 32): hears it from this process's sockets and from the other processes.

Presence is state, not events. Each process says every few seconds who is where on it, and at once when that changes;
who isn't repeated is gone. So there is nothing to clean up, whatever dies, and nothing is stored. Where a socket is
follows from the view it follows, and what it is told from the views it follows: neither asks for more rights than those
that the hub checks anyway.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import redis
from channels.layers import get_channel_layer

from realtime.groups import PRESENCE_GROUP
from realtime.hub import wire
from realtime.hub.frame import Frame
from realtime.hub.live_socket import LiveSocket
from realtime.hub.live_view import LiveView
from realtime.live.people import avatar_colour, initials
from realtime.live.person import person_hash
from realtime.live.records import field_words, seeing
from realtime.live.whereabouts import Doing, Record, Stay, Whereabouts, gathered
from realtime.status import metrics
from realtime.waiting import wait_for_event

# Between two frames to a page, and between two messages to the other processes.
PAUSE_SECONDS = 1.0
REPEAT_SECONDS = 5.0
# A process that says nothing for this long is dead or cut off, and its people have gone with it.
SILENCE_SECONDS = 15.0
# Rights and names change without a word, and other processes fall silent.
LOOK_SECONDS = 2.0
# Somebody who goes on to the record's next page, or reloads, is back by then: others needn't see them go.
LINGER_SECONDS = 2.0
# If Redis takes longer to answer, it is away.
ANSWER_SECONDS = 4.0
# Of those at one record; the others are only counted.
PEOPLE_TOLD = 20

People = Mapping[Record, list[Whereabouts]]


@dataclass(frozen=True, slots=True)
class Heard:
    """What another process last said, its number, and when it was heard (monotonic clock)."""

    number: int
    at: float
    people: tuple[Whereabouts, ...]


class Presence:
    def __init__(self, sockets: Set[LiveSocket], views: Mapping[str, LiveView]) -> None:
        self._sockets, self._views = sockets, views
        self._process = uuid4().hex
        self._number = 0
        self._heard: dict[str, Heard] = {}
        self._lingering: list[tuple[float, Whereabouts]] = []
        # Somebody here has moved; somebody anywhere has, or a page shows other records.
        self._moved, self._news = asyncio.Event(), asyncio.Event()
        # Another process knows nothing of this one yet.
        self._asked = True

    # What sockets say

    def stay(self, socket: LiveSocket, view: str, doing: Doing, idle: bool, field: str) -> None:
        """Somebody is at the record that a view is about. Words for a field that its table doesn't have are none."""
        followed = self._views.get(view)
        record = followed.definition.record(followed.params) if followed else None
        if record is not None:
            socket.stay = view, Stay(doing, idle, field_words(record[0], field))
            # Back already, here or at another record.
            self._lingering = [(until, at) for until, at in self._lingering if at.user != socket.user]
            self.moved()

    def moved(self) -> None:
        """Somebody who is connected here came, went or does something else."""
        self._moved.set()
        self._news.set()

    def shown(self) -> None:
        """A page shows other records than before, or a new page shows some."""
        self._news.set()

    def away(self, socket: LiveSocket) -> None:
        """A page was closed or left; its person may be back in a moment. Call it before the views are left."""
        at = self._whereabouts(socket)
        if at is not None:
            self._lingering.append((time.monotonic() + LINGER_SECONDS, at))
            self.moved()

    def _here(self) -> Iterator[Whereabouts]:
        now = time.monotonic()
        self._lingering = [(until, at) for until, at in self._lingering if until > now]
        yield from (at for _, at in self._lingering)
        for socket in self._sockets:
            if (at := self._whereabouts(socket)) is not None:
                yield at

    def _whereabouts(self, socket: LiveSocket) -> Whereabouts | None:
        if socket.stay is None:
            return None
        key, stay = socket.stay
        view = self._views.get(key) if key in socket.views else None
        record = view.record if view else None
        if record is None or not socket.rights.allow(seeing(record[0])):
            return None
        return Whereabouts(record, socket.user, socket.name, stay)

    # Between the processes

    async def say(self) -> None:
        """Tells the other processes who is where on this one, until cancelled."""
        layer = get_channel_layer()
        last: list[Any] | None = None
        said_at = 0.0
        while True:
            self._moved.clear()
            people = [one.packed() for some in gathered(self._here()).values() for one in some]
            people.sort()
            now = time.monotonic()
            if people != last or self._asked or now - said_at >= REPEAT_SECONDS:
                last, said_at = people, now
                self._asked = False
                await self._send(layer, people)
            await asyncio.sleep(PAUSE_SECONDS)
            await wait_for_event(self._moved, LOOK_SECONDS)

    async def _send(self, layer: Any, people: list[Any]) -> None:
        self._number += 1
        message = {"type": "realtime.presence", "process": self._process, "n": self._number, "people": people}
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await layer.group_send(PRESENCE_GROUP, message)
        except (redis.RedisError, OSError, TimeoutError):
            # The listener says so, and it is repeated anyway.
            return

    def joined(self) -> None:
        """The others are heard from now on, and may not have heard this process for a while."""
        self._ask()

    def hear(self, message: dict[str, Any]) -> None:
        """What a process says, this one's own words included."""
        process, number = message["process"], message["n"]
        before = self._heard.get(process)
        if process == self._process or (before is not None and number <= before.number):
            return
        try:
            people = tuple(Whereabouts.unpacked(told) for told in message["people"])
            for one in people:
                seeing(one.record[0])
        except (KeyError, TypeError, ValueError):
            # From a process of another version, during a deploy.
            return
        self._heard[process] = Heard(number, time.monotonic(), people)
        if before is None:
            # It has just begun, or has just been cut off: it waits to hear who is here.
            self._ask()
        if before is None or before.people != people:
            self._news.set()

    def _ask(self) -> None:
        self._asked = True
        self._moved.set()

    def _elsewhere(self) -> Iterator[Whereabouts]:
        now = time.monotonic()
        for process, heard in list(self._heard.items()):
            if now - heard.at > SILENCE_SECONDS:
                del self._heard[process]
            else:
                yield from heard.people

    # What sockets are told

    async def tell(self) -> None:
        """Tells each page who is at the records it shows, when that changes; until cancelled."""
        while True:
            await wait_for_event(self._news, PAUSE_SECONDS if self._lingering else LOOK_SECONDS)
            self._news.clear()
            self._tell()
            await asyncio.sleep(PAUSE_SECONDS)

    def _tell(self) -> None:
        people = gathered([*self._here(), *self._elsewhere()])
        metrics.PEOPLE_PRESENT.set(len({one.user for some in people.values() for one in some}))
        occupied = frozenset(people)
        at: dict[str, frozenset[Record]] = {}
        frames: dict[tuple[frozenset[Record], frozenset[str]], Frame] = {}
        for socket in self._sockets:
            if socket.is_behind:
                # It gets the state when it has read what it was sent before.
                self._news.set()
                continue
            records = self._told_to(socket, occupied, at) if occupied else occupied
            frame = records, _with_hidden_columns(socket)
            if frame not in frames:
                frames[frame] = wire.presence(_told(people, *frame)) if records else wire.NOBODY
            if frames[frame] != socket.presence:
                socket.presence = frames[frame]
                socket.send(socket.presence)

    def _told_to(
        self, socket: LiveSocket, occupied: frozenset[Record], at: dict[str, frozenset[Record]]
    ) -> frozenset[Record]:
        found: set[Record] = set()
        for key in socket.views:
            if key not in at:
                at[key] = _occupied_in(self._views[key], occupied) if key in self._views else frozenset()
            found.update(record for record in at[key] if socket.rights.allow(seeing(record[0])))
        return frozenset(found)


def _occupied_in(view: LiveView, occupied: frozenset[Record]) -> frozenset[Record]:
    """The records that a view shows and somebody is at: the one it is about, or a list's own rows."""
    if view.definition.record(view.params) is not None:
        return occupied & {view.record} if view.record is not None else frozenset()
    if view.snapshot is None:
        return frozenset()
    table = view.definition.own_table
    return frozenset(record for record in view.snapshot.keys & occupied if record[0] == table)


def _with_hidden_columns(socket: LiveSocket) -> frozenset[str]:
    """The tables of which somebody doesn't see every column."""
    return frozenset(key.partition("/")[0] for key in socket.sight.hidden) if socket.sight is not None else frozenset()


def _told(people: People, records: frozenset[Record], partly_seen: frozenset[str]) -> dict[str, Any]:
    told = {}
    for table, key in sorted(records):
        there = people[table, key]
        shown = [_one_told(one) for one in there[:PEOPLE_TOLD]]
        if table in partly_seen:
            # A page says in its own words which field is edited, and it may be one of the hidden.
            shown = [one | {"field": ""} for one in shown]
        told[f"{table}/{key}"] = {"people": shown, "more": len(there) - len(shown)}
    return told


def _one_told(one: Whereabouts) -> dict[str, Any]:
    """Nobody's key, but the hash by which a page knows its own person."""
    return {
        "person": person_hash(one.user),
        "name": one.name,
        "initials": initials(one.name),
        "colour": avatar_colour(one.user),
        "doing": one.stay.doing.value,
        "idle": one.stay.idle,
        "field": one.stay.field,
    }
