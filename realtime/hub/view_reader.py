"""Reads the hub's views: those that changed, together; those that hold up the others, apart from them.

There are two lanes, each with a database thread of its own. In the quick lane, all marked views are read in one
transaction. A view that waits for a lock or takes long is set aside into the other lane, so that it holds up only its
own pages (design rule 40). No view is given up while somebody follows it (rule 27).
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, InterfaceError, connection, transaction
from psycopg.errors import LockNotAvailable, QueryCanceled

from realtime.database.thread import DatabaseThread
from realtime.database.words import READ_WORDS, forget_words_here, note_words_here, signature
from realtime.hub.live_view import Changed, LiveView
from realtime.live.accounts import ROWS_LIMIT, Account
from realtime.live.definition import Definition, Params, QuickReread
from realtime.live.snapshot import Snapshot
from realtime.sight import Sight, seeing
from realtime.status import metrics
from realtime.waiting import until_one_ends

logger = logging.getLogger(__name__)

# Views that change one after the other share readings: between the beginnings of two lies this much at least.
GATHER_SECONDS = 0.02
# While the database is away.
RETRY_SECONDS = 1.0
# A view that can't be read is tried again after 1, 2, 4, … seconds.
FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 30.0
# No reading of many views goes on for longer: what is left takes its turn again, behind what others wait for.
BUDGET_SECONDS = 2.0
# Every view is reread this often, so that an unreported change is on screen within the minute (rule 38).
AGE_SECONDS = 50.0
AGE_LOOK_SECONDS = 1.0
SPREAD_LOOKS = 10
# At most this share of the time goes into that. With very many views, they take turns and each waits longer.
AGE_SHARE = 0.1
# A view that reads this quickly needn't stay aside.
QUICK_SECONDS = 0.5

# So many views are read in one message at most.
ONE_GO_LIMIT = 20

SET = (
    "set transaction isolation level repeatable read read only;"
    " set local lock_timeout = %s; set local statement_timeout = %s"
)

WAITS = "This list waits for its table, which is being worked on. It will catch up by itself."
TAKES_LONG = "This list takes too long to read just now. It will catch up by itself."
CANT_BE_READ = "This list can’t be read just now. It will catch up by itself."


@dataclass(frozen=True, slots=True)
class Lane:
    """How long one query may wait for a lock, and how long it may take in all; in PostgreSQL's words."""

    name: str
    lock_timeout: str
    statement_timeout: str


QUICK = Lane("realtime-hub", "300ms", "2s")
# Below the patience of the database thread, beyond which a connection counts as dead.
ASIDE = Lane("realtime-hub-aside", "1s", "15s")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A view to be read, and at which revisions it showed its rows before.

    ``before`` and ``touched`` are for ``Definition.reread``, where only rows that it shows have changed.
    """

    definition: Definition
    params: Params
    revisions: Mapping[str, int]
    before: Snapshot | None = None
    touched: Changed = None
    sight: Sight | None = None
    memo: dict[Any, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, view: LiveView) -> "Wanted":
        rows = view.snapshot.rows if view.snapshot else ()
        revisions = {row.id: row.revision for row in rows}
        return cls(view.definition, view.params, revisions, view.snapshot, view.looking_at, view.sight, view.memo)

    def read(self) -> Snapshot:
        with seeing(self.sight):
            if self.before is None or self.touched is None:
                return self.definition.snapshot(self.params)
            return self.definition.reread(self.params, self.before, self.touched)

    def quick(self) -> QuickReread | None:
        if self.before is None or self.touched is None:
            return None
        with seeing(self.sight):
            return self.definition.quick_reread(self.params, self.before, self.touched, self.memo)

    def changed(self, snapshot: Snapshot) -> dict[str, int]:
        """The rows that it showed already and that have changed since, at their new revisions."""
        return {
            row.id: row.revision for row in snapshot.rows if row.revision > self.revisions.get(row.id, row.revision)
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """What a view shows now, or why it couldn't be read; the seconds it took; and who changed which of its rows."""

    told: Snapshot | Exception
    seconds: float
    accounts: Mapping[str, Account] = field(default_factory=dict)


class ViewReader:
    """Marks, reads and rereads ``views``.

    ``on_read`` gets each view that was read; ``on_all_read`` the start time of each successful reading of all of them.
    """

    def __init__(
        self,
        views: Mapping[str, LiveView],
        on_read: Callable[[LiveView], None],
        on_all_read: Callable[[float], None],
    ) -> None:
        self._views = views
        self._on_read = on_read
        self._on_all_read = on_all_read
        self.quick = DatabaseThread(QUICK.name)
        self._aside = DatabaseThread(ASIDE.name)
        self.reading: set[LiveView] = set()
        self._wakes = {False: asyncio.Event(), True: asyncio.Event()}
        self._failing = False
        # When the last reading of each lane began (monotonic clock).
        self._began = {False: -math.inf, True: -math.inf}
        # Seconds that reading a view takes, as a moving average.
        self._cost = 0.0

    async def run(self) -> None:
        await until_one_ends(self._read_quickly(), self._read_aside(), self._mark_the_old())

    def mark(self, view: LiveView, row: tuple[str, str] | None = None) -> None:
        """The view may be out of date: it is reread soon. With ``row``, it shows that one, and nothing else changed."""
        if not view.dirty:
            view.retry_at = max(view.retry_at, view.rests_until)
        view.dirty, view.aged = True, False
        view.touch(row)
        self.wake()

    def wake(self) -> None:
        for event in self._wakes.values():
            event.set()

    # Lanes

    async def _read_quickly(self) -> None:
        while True:
            due = await self._due(aside=False)
            if due:
                await self._read(due, self.quick, QUICK)

    async def _read_aside(self) -> None:
        while True:
            # One by one: the first must not keep the second from being shown.
            for view in (await self._due(aside=True))[:1]:
                await self._read([view], self._aside, ASIDE)

    async def _due(self, aside: bool) -> list[LiveView]:
        """Waits until there may be something to read, and returns it."""
        await self._wakes[aside].wait()
        if (rest := self._began[aside] + GATHER_SECONDS - time.monotonic()) > 0:
            await asyncio.sleep(rest)
        self._wakes[aside].clear()
        now = time.monotonic()
        waiting = [view for view in self._views.values() if view.dirty and not view.reading and view.aside is aside]
        later = [view.retry_at for view in waiting if view.retry_at > now]
        if later:
            asyncio.get_running_loop().call_later(min(later) - now, self._wakes[aside].set)
        return sorted((view for view in waiting if view.retry_at <= now), key=lambda view: view.read_at)

    async def _read(self, due: list[LiveView], database: DatabaseThread, lane: Lane) -> None:
        began, clock = time.time(), time.monotonic()
        self._began[lane is ASIDE] = clock
        for view in due:
            view.begin_reading()
        self.reading.update(due)
        try:
            readings = await database.run(read_views, [Wanted.of(view) for view in due], lane)
        except (DatabaseError, InterfaceError) as error:
            await self._without_database(due, error)
            return
        except BaseException:
            for view in due:
                view.reading_failed()
            raise
        finally:
            self.reading.difference_update(due)
        if self._failing:
            logger.info("views can be read again")
            self._failing = False
        metrics.VIEW_READINGS.observe(time.time() - began)
        try:
            self._take(due, readings, clock)
        finally:
            for view in due:
                if view.reading:
                    view.reading_failed()
        # A view that changed meanwhile may belong in the other lane now.
        self.wake()
        if len(readings) == len(due) == len(self._views) and not any(view.failures for view in due):
            self._on_all_read(began)

    def _take(self, due: list[LiveView], readings: list[Reading], clock: float) -> None:
        # There are fewer readings where time ran out.
        for view, reading in zip(due, readings, strict=False):
            told = reading.told
            if isinstance(told, Snapshot):
                view.read_at, view.aside = clock, reading.seconds > QUICK_SECONDS
                self._cost += (reading.seconds - self._cost) / 10
                if view.aged and view.snapshot is not None and view.snapshot.shown != told.shown:
                    metrics.DRIFTS.inc()
                metrics.FRAMES.inc(view.take(told, reading.accounts))
                self._on_read(view)
            else:
                self._failed(view, told)

    async def _without_database(self, due: list[LiveView], error: Exception) -> None:
        if not self._failing:
            logger.warning("views can't be read (%s): trying again", type(error).__name__)
        self._failing = True
        for view in due:
            view.reading_failed()
        await asyncio.sleep(RETRY_SECONDS)
        self.wake()

    def _failed(self, view: LiveView, error: Exception) -> None:
        if not view.failures:
            logger.warning("view '%s' can't be read (%s): trying again", view.definition.name, type(error).__name__)
        problem = _words(error)
        view.aside = view.aside or problem != CANT_BE_READ
        wait = min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(view.failures, 10))
        view.fail(problem, time.monotonic() + wait)

    # Unreported changes

    async def _mark_the_old(self) -> None:
        while True:
            await asyncio.sleep(AGE_LOOK_SECONDS)
            for view in self._views.values():
                if not view.dirty and view.turned:
                    self.mark(view)
            now = time.monotonic()
            old = [v for v in self._views.values() if not v.dirty and not v.reading and now - v.read_at > AGE_SECONDS]
            affordable = max(1, int(AGE_SHARE * AGE_LOOK_SECONDS / self._cost)) if self._cost else 1
            # Otherwise views that came together would be read together every time.
            few = -(-len(self._views) // SPREAD_LOOKS)
            for view in sorted(old, key=lambda view: view.read_at)[: min(affordable, few)]:
                self.mark(view)
                view.aged = True


def read_views(wanted: list[Wanted], lane: Lane) -> list[Reading]:
    """Reads wanted views in one snapshot, each with the seconds that it took; for one that fails, its error.

    It ends early, but for the first, when time runs out.
    """
    if lane is QUICK:
        try:
            return _read_in_one_go(wanted, lane) or _read_together(wanted, lane)
        except Exception:
            if connection.connection is None or connection.connection.closed:
                raise
    return _read_apart(wanted, lane)


def _read_in_one_go(wanted: list[Wanted], lane: Lane) -> list[Reading]:
    """A whole transaction as one message to PostgreSQL; empty where that isn't enough.

    That is what most changes take: one row that a list shows, and what the log says of it.
    """
    began, known = time.monotonic(), signature()
    quick = [each.quick() for each in wanted[:ONE_GO_LIMIT]]
    asked = [each for each in quick if each is not None]
    if len(asked) < len(wanted):
        return []
    sql = "; ".join(("begin", SET, READ_WORDS, *(each.sql for each in asked), "commit"))
    values = [lane.lock_timeout, lane.statement_timeout, *(value for each in asked for value in each.values)]
    with connection.cursor() as cursor:
        try:
            cursor.execute(sql, values)
            results = rows_of_each(cursor)
        except DatabaseError:
            cursor.connection.rollback()
            raise
    note_words_here(results[0])
    if signature() != known:
        return []
    readings, place = list[Reading](), 1
    for view, each in zip(wanted, asked, strict=True):
        with seeing(view.sight):
            told = each.understand(results[place : place + each.results])
        if told is None:
            return []
        place += each.results
        readings.append(Reading(told[0], time.monotonic() - began, told[1]))
    return readings


def rows_of_each(cursor: Any) -> list[list[Any]]:
    """Of each statement that has rows."""
    results = []
    while True:
        if cursor.description is not None:
            results.append(cursor.fetchall())
        if not cursor.nextset():
            return results


def _read_together(wanted: list[Wanted], lane: Lane) -> list[Reading]:
    """As nearly always nothing fails, nothing guards one view from another: half of the ways to PostgreSQL were that.

    Raises the error of any.
    """
    readings: list[Reading] = []
    log = ChangeAccounts()
    with transaction.atomic():
        with connection.cursor() as cursor:
            # In one go: most readings are of few rows, where the way to PostgreSQL is half of it. The words belong to
            # the same transaction, because those that were read earlier may be older than the change to be shown.
            cursor.execute(f"{SET}; {READ_WORDS}", [lane.lock_timeout, lane.statement_timeout])
            while cursor.nextset():
                pass
            note_words_here(cursor.fetchall())
        started = began = time.monotonic()
        for each in wanted:
            told = each.read()
            accounts = log.of(each, told)
            ended = time.monotonic()
            readings.append(Reading(told, ended - began, accounts))
            began = ended
            if began - started > BUDGET_SECONDS:
                break
    return readings


def _read_apart(wanted: list[Wanted], lane: Lane) -> list[Reading]:
    """Guards each view from the errors of others.

    Once a view has waited for a lock in vain, other views that show a locked table aren't even tried.
    """
    readings: list[Reading] = []
    locked: frozenset[str] = frozenset()
    in_vain: Exception | None = None
    log = GuardedAccounts()
    forget_words_here()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(SET, [lane.lock_timeout, lane.statement_timeout])
        started = time.monotonic()
        for each in wanted:
            began = time.monotonic()
            if readings and began - started > BUDGET_SECONDS:
                break
            if in_vain is not None and each.definition.tables & locked:
                readings.append(Reading(in_vain, 0.0))
                continue
            told: Snapshot | Exception
            accounts: Mapping[str, Account] = {}
            try:
                with transaction.atomic():
                    told = each.read()
                accounts = log.of(each, told)
            except Exception as error:
                if connection.connection is None or connection.connection.closed:
                    raise
                told = error
                if isinstance(error.__cause__, LockNotAvailable):
                    in_vain, locked = error, _locked_tables()
            readings.append(Reading(told, time.monotonic() - began, accounts))
    return readings


class ChangeAccounts:
    """Reads who did what, once for all views of a reading."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, Sight | None], Account | None] = {}

    def of(self, wanted: Wanted, snapshot: Snapshot) -> Mapping[str, Account]:
        table, changed = wanted.definition.own_table, wanted.changed(snapshot)
        if not changed or len(changed) > ROWS_LIMIT:
            return {}
        sight = wanted.sight
        new = {key: revision for key, revision in changed.items() if (table, revision, sight) not in self._known}
        if new:
            found = self._read(wanted, new)
            self._known |= {(table, revision, sight): found.get(key) for key, revision in new.items()}
        told = {key: self._known[table, revision, sight] for key, revision in changed.items()}
        return {key: account for key, account in told.items() if account is not None}

    def _read(self, wanted: Wanted, revisions: Mapping[str, int]) -> Mapping[str, Account]:
        with seeing(wanted.sight):
            return wanted.definition.accounts(revisions)


class GuardedAccounts(ChangeAccounts):
    """A log that can't be read keeps no view from being shown."""

    _readable = True

    def _read(self, wanted: Wanted, revisions: Mapping[str, int]) -> Mapping[str, Account]:
        if not self._readable:
            return {}
        try:
            with transaction.atomic():
                return super()._read(wanted, revisions)
        except DatabaseError as error:
            if connection.connection is None or connection.connection.closed:
                raise
            logger.debug("the change log can't be read (%s): badges don't say who", type(error).__name__)
            self._readable = False
            return {}


def _locked_tables() -> frozenset[str]:
    """Tables that nobody can read just now: an ALTER TABLE or a VACUUM FULL holds them, or waits to."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct relname::text from pg_locks join pg_class on pg_class.oid = relation"
            " where mode = 'AccessExclusiveLock' and pid <> pg_backend_pid()"
            " and database = (select oid from pg_database where datname = current_database())"
        )
        return frozenset(row[0] for row in cursor.fetchall())


def _words(error: Exception) -> str:
    if isinstance(error.__cause__, LockNotAvailable):
        return WAITS
    return TAKES_LONG if isinstance(error.__cause__, QueryCanceled) else CANT_BE_READ
