"""One distinct list or region with its parameters, shown by any number of sockets.

It has one state, one sequence number and no task of its own: the hub re-reads, and everything that follows from a
reading happens here without an await, so that an attach and a patch can't overtake each other (design rule 7).
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from realtime.hub import wire
from realtime.hub.frame import Frame
from realtime.hub.live_socket import LiveSocket
from realtime.live.accounts import Account
from realtime.live.definition import Concern, Definition, Params
from realtime.live.membership import Question
from realtime.live.snapshot import Operation, Shown, Snapshot, difference
from realtime.sight import Sight, deciders, seeing

Changed = set[tuple[str, str]] | None

# Over so long the rate of a view's changes is averaged: a hundred rows changed in one go are no burst.
RATE_SECONDS = 0.5


@dataclass(slots=True)
class Attaching:
    socket: LiveSocket
    identifier: int
    shown: Shown


@dataclass(slots=True, eq=False)
class LiveView:
    key: str
    definition: Definition
    params: Params
    # What those who follow it see; None for every row.
    sight: Sight | None = None
    snapshot: Snapshot | None = None
    seq: int = 0
    dirty: bool = True
    # Whether it is dirty only because it was read long ago.
    aged: bool = False
    # The rows that it shows, as (table, key), if nothing but these has changed; None where more may have.
    touched: Changed = None
    # While a reading runs: what it is to find changed, and what has changed meanwhile, which it may show as it was.
    reading: bool = False
    looking_at: Changed = None
    changed_meanwhile: set[tuple[str, str]] = field(default_factory=set)
    # Whether it is read apart from the others: it waits for a lock, or takes long.
    aside: bool = False
    # Readings in a row that failed, when the next may begin (monotonic clock), and what its pages are told meanwhile.
    failures: int = 0
    retry_at: float = 0.0
    problem: str = ""
    # When the last reading that succeeded began (monotonic clock).
    read_at: float = 0.0
    # When its pages were last sent a patch (monotonic clock).
    spoke_at: float = -math.inf
    # Changes a second that concern it, lately; those heard since they were last counted, and when that was.
    rate: float = 0.0
    heard: int = 0
    counted_at: float = -math.inf
    sockets: set[LiveSocket] = field(default_factory=set)
    waiting: list[Attaching] = field(default_factory=list)
    # What its definition has prepared for reading it again.
    memo: dict[Any, Any] = field(default_factory=dict)
    concerns: Mapping[str, Concern] = field(init=False)
    # What the snapshot shows; and the last answer to an attach, with what it answered.
    _shown: Shown | None = None
    _answer: tuple[tuple[int, int, Shown], Snapshot, Frame] | None = None
    # By table: asked about the page as it was last read; made when they are needed.
    _questions: dict[str, Question | None] = field(default_factory=dict)
    # Those who waited when the current reading began; later ones may show something newer.
    joining: list[Attaching] = field(default_factory=list)

    def __post_init__(self) -> None:
        with seeing(self.sight):
            self.concerns = seen_with(self.sight, self.definition, self.definition.concerns(self.params))

    @property
    def record(self) -> tuple[str, str] | None:
        """The record that it is about; None too where its followers may not see that one."""
        is_shown = self.sight is None or (self.snapshot is not None and self.snapshot.is_there)
        return self.definition.record(self.params) if is_shown else None

    def question(self, table: str) -> Question | None:
        """Asks whether changed rows of a table matter to what was last read; None where only reading can tell."""
        if table not in self._questions and self.snapshot is not None:
            with seeing(self.sight):
                self._questions[table] = self.definition.question(self.params, self.snapshot, table)
        return self._questions.get(table)

    @property
    def turned(self) -> bool:
        """Whether the clock alone has changed who is in the list: a day has begun, say."""
        at = self.snapshot.turns_at if self.snapshot else None
        return at is not None and at <= datetime.now(UTC)

    @property
    def overtaken(self) -> set[tuple[str, str]]:
        """The rows that it shows, that changed while it was read, and that no next reading is to look at yet."""
        if self.snapshot is None or (self.dirty and self.touched is None):
            return set()
        return (self.changed_meanwhile & self.snapshot.keys) - (self.touched or set())

    @property
    def unused(self) -> bool:
        return not self.sockets and not self.waiting and not self.joining

    @property
    def interval(self) -> float:
        """Seconds between two patches at least."""
        return self.definition.pace.interval(self.rate)

    @property
    def rests_until(self) -> float:
        """When it may be read again (monotonic clock). Whatever changes until then goes into one patch."""
        return max(self.read_at + self.definition.pause, max(self.read_at, self.spoke_at) + self.interval)

    def attach(self, attaching: Attaching) -> None:
        """Joins a socket at once if it shows exactly this state, otherwise after the next reading."""
        fresh = self.snapshot is not None and not self.dirty and not self.failures
        if fresh and attaching.shown == self._shown:
            self._join(attaching)
            return
        self.waiting.append(attaching)
        if not self.dirty:
            # Those who follow it already might get a patch from this reading.
            self.retry_at = max(self.retry_at, self.spoke_at + self.interval)
        self.dirty = True
        # What a page was painted with may be newer than anything heard here.
        self.touched = None
        if self.problem:
            attaching.socket.send(wire.failed(self.key, self.problem, attaching.identifier))

    def detach(self, socket: LiveSocket) -> None:
        self.sockets.discard(socket)
        self.waiting = [attaching for attaching in self.waiting if attaching.socket is not socket]
        self.joining = [attaching for attaching in self.joining if attaching.socket is not socket]

    def touch(self, row: tuple[str, str] | None) -> None:
        """A row that it shows has changed; None where that isn't all."""
        self.heard += 1
        if row is None:
            self.touched = None
        elif self.touched is not None:
            self.touched.add(row)

    def begin_reading(self) -> None:
        """Before the reading: a change or an attach that comes while it runs marks the view again."""
        self.dirty, self.reading = False, True
        self.looking_at, self.touched = self.touched, set()
        self.changed_meanwhile.clear()
        self.joining, self.waiting = self.joining + self.waiting, []
        self._count()

    def _count(self) -> None:
        now = time.monotonic()
        self.rate = self.rate * math.exp((self.counted_at - now) / RATE_SECONDS) + self.heard / RATE_SECONDS
        self.heard, self.counted_at = 0, now

    def reading_failed(self) -> None:
        """Nothing was read, so the view stays dirty."""
        self.dirty, self.reading, self.touched = True, False, None

    def fail(self, problem: str, retry_at: float) -> None:
        """The view can't be read: its pages go stale, and are told so (design rule 27)."""
        self.reading_failed()
        self.failures, self.retry_at = self.failures + 1, retry_at
        if self.problem == problem:
            return
        self.problem = problem
        for socket in self.sockets:
            socket.send(wire.failed(self.key, problem))
        for attaching in (*self.waiting, *self.joining):
            attaching.socket.send(wire.failed(self.key, problem, attaching.identifier))

    def take(self, snapshot: Snapshot, accounts: Mapping[str, Account]) -> int:
        """Moves to what was read: one frame to every socket, a difference to each that waits. Returns frames sent.

        ``accounts`` says of changed rows who did what.
        """
        frames = 0
        if self.snapshot is not None:
            operations = difference(self._shown or self.snapshot.shown, snapshot)
            if operations:
                frames = self._patch([told(operation, accounts) for operation in operations])
        if self.problem:
            for socket in self.sockets:
                socket.send(wire.healed(self.key))
        self.snapshot, self.reading = snapshot, False
        self._shown = snapshot.shown
        self._questions.clear()
        self.failures, self.problem = 0, ""
        self.retry_at = self.rests_until if self.dirty else 0.0
        joining, self.joining = self.joining, []
        for attaching in joining:
            self._join(attaching)
        return frames + len(joining)

    def _patch(self, operations: list[Operation]) -> int:
        """One frame to every socket that takes it; the others attach again when they can. Returns frames sent."""
        self.seq += 1
        self.spoke_at = time.monotonic()
        frame, pace = wire.patch(self.key, self.seq, operations), self.definition.pace
        taking = 0
        for socket in self.sockets:
            if socket.take_patch(frame, pace):
                taking += 1
            else:
                socket.missed.add(self.key)
        return taking

    def _join(self, attaching: Attaching) -> None:
        assert self.snapshot is not None
        asked = attaching.identifier, self.seq, attaching.shown
        # When all pages come back at once, most of them show the same.
        if self._answer is None or self._answer[0] != asked or self._answer[1] is not self.snapshot:
            operations = difference(attaching.shown, self.snapshot)
            answer = wire.attached(attaching.identifier, self.key, self.seq, operations)
            self._answer = asked, self.snapshot, answer
        attaching.socket.missed.discard(self.key)
        attaching.socket.send(self._answer[2])
        self.sockets.add(attaching.socket)


def told(operation: Operation, accounts: Mapping[str, Account]) -> Operation:
    account = accounts.get(operation.get("id", "")) if operation["op"] == "put" else None
    return operation if account is None else operation | {"by": account.told}


def seen_with(sight: Sight | None, definition: Definition, concerns: Mapping[str, Concern]) -> Mapping[str, Concern]:
    """With the changes that decide what its followers see of the view's tables.

    Where other rows decide that, PostgreSQL can't be asked about a changed row alone.
    """
    found = dict(concerns)
    for table in definition.tables | concerns.keys():
        for decider in deciders(table, sight):
            known = found.get(decider.table, Concern(frozenset(), coming=False, shown=frozenset()))
            found[decider.table] = replace(
                known,
                deciding=None if known.deciding is None else known.deciding | decider.columns,
                coming=known.coming or not decider.by_row,
                asks=known.asks and decider.by_row,
            )
    return found
