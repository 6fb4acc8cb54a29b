"""Where the two paths of a change meet: each committed change comes out once, complete, whichever path was first.

Synchronous and free of I/O but for the change log; the worker runs it on its one database thread.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from realtime.database import change_log
from realtime.database.change_log import Change, Deletes, Watermark
from realtime.events import EventPath, Gap, PersonalChange, RealtimeEvent, RealtimeEventType, TableReset
from realtime.keys import Key
from realtime.worker.event_dispatcher import EventError, RealtimeEventDispatcher

Emission = RealtimeEvent[dict[str, Any]] | PersonalChange | TableReset

# An event can arrive before its commit is visible (rule 2: always, under synchronous replication). After this many
# seconds nothing waits for it any longer, because the sweep will bring it.
VISIBILITY_PATIENCE = 2.0
# If a swept change hasn't come through Realtime by then, the table is deaf (rule 14).
DEAF_SECONDS = 10.0

WATERMARK_NAME = "worker"
# The stored position may lag this far: losing one in a crash repeats some work, storing each would cost every sweep a
# commit.
STORE_SECONDS = 1.0
# An unchanged one is stored again this often, so that the retention sees that it is in use.
STORE_ANYWAY_SECONDS = 60.0


@dataclass(slots=True)
class Heard:
    """A Realtime event that awaits its entry in the change log."""

    table: str
    key: Key
    kind: RealtimeEventType
    revision: int | None
    # The row as Realtime sent it; for a delete, only its key.
    record: Mapping[str, Any]
    deadline: float


@dataclass(slots=True)
class TableCounters:
    realtime: int = 0
    swept: int = 0
    duplicates: int = 0
    unusable: int = 0
    last_event_at: float | None = None
    deaf_since: float | None = None


@dataclass
class Intake:
    """Holds the position in the log and what Realtime emitted beyond it."""

    tables: tuple[str, ...]
    related: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    watermark: Watermark | None = None
    pending: list[Heard] = field(default_factory=list)
    gap: Gap | None = None
    # Rows that Realtime reported in a way that the log doesn't bear out; the guard takes them and looks closer.
    suspects: set[tuple[str, Key]] = field(default_factory=set)
    # Tables whose changes Realtime doesn't all report under their own name; they are never called deaf.
    half_heard: frozenset[str] = frozenset()
    # Emitted beyond the position, by Realtime or by a sweep that was cut off. Every complete sweep empties it; the log
    # itself answers for anything older.
    _ahead: set[int] = field(default_factory=set)
    _swept_now: list[int] = field(default_factory=list)
    _fresh_start: Watermark | None = None
    _stored: Watermark | None = None
    _stored_at: float = 0.0
    _unconfirmed: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.counters = {table: TableCounters() for table in self.tables}

    def open(self) -> list[TableReset]:
        """Finds the position to continue from; if no position is valid, returns a reset of every table.

        The caller must emit the resets, then call ``opened()``: a worker that loses the lead in between has told
        nobody anything. This worker's own position counts as well as the stored one, which lags a little: its handlers
        must not get what it has already emitted a second time.
        """
        current = change_log.current_watermark()
        stored = change_log.stored_watermark(WATERMARK_NAME)
        pruned = change_log.stored_watermark(change_log.PRUNED)
        problem: str | None = "nothing was ever read from the change log"
        usable: list[Watermark] = []
        for position in filter(None, (stored, self.watermark)):
            problem = change_log.invalid_because(position, current, pruned)
            if problem is None:
                usable.append(position)
        if usable:
            self.watermark = max(usable, key=lambda position: (position.xmax, position.xmin))
            # What lies behind the position needn't be remembered.
            behind = change_log.look_up(self._ahead, self.watermark)
            self._ahead.difference_update(revision for revision, entry in behind.items() if entry.swept)
            return []
        self._fresh_start = change_log.latest_watermark(current, pruned)
        return [TableReset(table, problem or "") for table in (*self.tables, *self.related, *self.personal)]

    def opened(self) -> None:
        """Moves to the new position, once the resets that make up for the lost one have been emitted."""
        assert self._fresh_start is not None
        self._ahead.clear()
        self.watermark = self._fresh_start

    # From Realtime

    def hear(self, table: str, raw: Mapping[str, Any]) -> None:
        """Takes a raw event. An unusable one sets ``gap``: the sweep will find out what happened."""
        counters = self.counters[table]
        counters.last_event_at = time.time()
        self.hears(table)
        try:
            event = RealtimeEventDispatcher.parse_event(raw, table)
        except EventError:
            counters.unusable += 1
            self.gap = Gap.UNUSABLE
            return
        deadline = time.monotonic() + VISIBILITY_PATIENCE
        self.pending.append(Heard(table, event.key, event.type, event.revision, event.data, deadline))

    def resolve(self) -> list[Emission]:
        """Completes heard events from the change log; keeps those that aren't visible yet for a while."""
        assert self.watermark is not None
        heard, self.pending = self.pending, []
        entries = change_log.look_up([h.revision for h in heard if h.revision is not None], self.watermark)
        deletes = self._delete_entries(heard)
        emissions: list[Emission] = []
        taken: set[int] = set()
        for item in heard:
            entry = self._entry(item, entries, deletes, taken)
            # Again, because a sweep may have run since the event was heard.
            self.hears(item.table)
            if entry is None:
                self._wait(item)
                continue
            if self._is_another(item, entry, deletes):
                self.suspects.add((item.table, item.key))
            if self._is_emitted(entry, taken):
                self.counters[item.table].duplicates += 1
            else:
                taken.add(entry.revision)
                emissions.append(_emission(entry, EventPath.REALTIME))
        return emissions

    def emitted(self, event: RealtimeEvent[dict[str, Any]]) -> None:
        """Notes what handlers have received. Not before: a read whose result nobody took has told nobody anything."""
        assert event.revision is not None
        self._ahead.add(event.revision)
        counters = self.counters[event.table]
        if event.path is EventPath.REALTIME:
            counters.realtime += 1
        else:
            counters.swept += 1
            if event.table not in self.half_heard:
                self._unconfirmed.setdefault(event.table, time.monotonic())

    def _delete_entries(self, heard: list[Heard]) -> dict[tuple[str, Key], Deletes]:
        assert self.watermark is not None
        by_table: dict[str, set[Key]] = {}
        for item in heard:
            if item.kind is RealtimeEventType.DELETE:
                by_table.setdefault(item.table, set()).add(item.key)
        return {
            (table, key): told
            for table, keys in by_table.items()
            for key, told in change_log.look_up_deletes(table, keys, self.watermark).items()
        }

    def _entry(
        self,
        item: Heard,
        entries: dict[int, Change],
        deletes: dict[tuple[str, Key], Deletes],
        taken: set[int],
    ) -> Change | None:
        if item.revision is not None:
            return entries.get(item.revision)
        # Realtime keeps commit order, so the first delete of this key that wasn't emitted is the one meant. If all
        # were, this is an echo of one of them, or of one not visible yet, which the sweep will bring.
        told = deletes.get((item.table, item.key))
        known = told.entries if told else []
        return next((entry for entry in known if not self._is_emitted(entry, taken)), known[-1] if known else None)

    @staticmethod
    def _is_another(item: Heard, entry: Change, deletes: dict[tuple[str, Key], Deletes]) -> bool:
        """Whether this event contradicts the entry: then somebody may have written past the log (rule 26).

        Only a suspicion: a late event for a key that was deleted and inserted again looks the same.
        """
        if item.revision is None:
            told = deletes.get((item.table, item.key))
            return told is not None and not told.is_last
        return entry.new is not None and any(
            name in entry.new and not _same(value, entry.new[name]) for name, value in item.record.items()
        )

    def _is_emitted(self, entry: Change, taken: set[int]) -> bool:
        return entry.swept or entry.revision in self._ahead or entry.revision in taken

    def _wait(self, item: Heard) -> None:
        if time.monotonic() < item.deadline:
            self.pending.append(item)
        else:
            self.gap = Gap.INVISIBLE
            self.suspects.add((item.table, item.key))

    # From the change log

    def sweep(self) -> Iterator[list[Emission]]:
        """Pages of what came since the last sweep and wasn't emitted yet. The position moves with ``settle()``."""
        assert self.watermark is not None
        self._swept_now.clear()
        with change_log.sweep(self.watermark) as (self._following, pages):
            for page in pages:
                self._swept_now.extend(change.revision for change in page)
                yield [emission for change in page if (emission := self._swept(change))]

    def settle(self) -> None:
        """Moves the position past the last complete sweep, once all of it has been published."""
        self._ahead.difference_update(self._swept_now)
        self._swept_now.clear()
        self.watermark = self._following

    @property
    def store_is_due(self) -> bool:
        age = time.monotonic() - self._stored_at
        return age >= (STORE_ANYWAY_SECONDS if self.watermark == self._stored else STORE_SECONDS)

    def store(self) -> None:
        assert self.watermark is not None
        change_log.store_watermark(WATERMARK_NAME, self.watermark)
        self._stored, self._stored_at = self.watermark, time.monotonic()

    def _swept(self, change: Change) -> Emission | None:
        if change.revision in self._ahead:
            return None
        if change.op == "RESET":
            if change.table in self.personal and isinstance(change.key, UUID):
                return PersonalChange(change.table, change.key, change.revision, change.actor)
            if change.table in (*self.related, *self.personal):
                return TableReset(change.table, "something in it changed")
        if change.table not in self.counters:
            return None
        if change.op == "RESET":
            return TableReset(change.table, "its words changed")
        if change.op == "TRUNCATE":
            return TableReset(change.table, "the table was emptied")
        return _emission(change, EventPath.SWEEP)

    def hears(self, table: str) -> None:
        """Realtime sent something for this table, or has just confirmed a fresh subscription: it isn't deaf."""
        self._unconfirmed.pop(table, None)
        self.counters[table].deaf_since = None

    def mark_deaf(self) -> list[str]:
        """Tables whose swept changes Realtime hasn't reported within ``DEAF_SECONDS``."""
        now = time.monotonic()
        for table, since in self._unconfirmed.items():
            if now - since > DEAF_SECONDS and self.counters[table].deaf_since is None:
                self.counters[table].deaf_since = time.time()
        return [table for table, counters in self.counters.items() if counters.deaf_since is not None]


def _same(told: Any, noted: Any) -> bool:
    """Whether Realtime's JSON value of a column and the log's mean the same; False when in doubt."""
    if told == noted or str(told) == str(noted):
        return True
    try:
        if isinstance(noted, str):
            return datetime.fromisoformat(str(told)) == datetime.fromisoformat(noted)
        return Decimal(str(told)) == Decimal(str(noted))
    except (ValueError, TypeError, ArithmeticError):
        return False


def _emission(change: Change, path: EventPath) -> Emission:
    assert change.key is not None
    return RealtimeEvent(
        type=RealtimeEventType(change.op.lower()),
        data=(change.old if change.op == "DELETE" else change.new) or {},
        table=change.table,
        timestamp=change.at,
        key=change.key,
        revision=change.revision,
        actor=change.actor,
        changed=change.changed,
        path=path,
    )
