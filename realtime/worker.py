"""RealtimeWorker: wires manager, intake, repositories, dispatcher and publisher, and keeps them going."""

import asyncio
import logging
import os
import socket
import time
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import aclosing, suppress
from functools import partial
from statistics import median
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from realtime import frame_tap
from realtime.channel_manager import ProbeRefused, RealtimeChannelManager
from realtime.database_thread import DatabaseThread
from realtime.database_words import words_for
from realtime.doorbell import Doorbell, ring
from realtime.event_dispatcher import ALL_TABLES, EventError, RealtimeEventDispatcher
from realtime.events import EventPath, Gap, RealtimeEvent, TableReset
from realtime.events import RealtimeConnectionStatus as Status
from realtime.intake import Emission, Intake
from realtime.leadership import Leadership
from realtime.log_guard import Standing, standings, unlogged
from realtime.preflight import check_database, write_probe
from realtime.publisher import Publisher
from realtime.related import related_tables
from realtime.repository import RepositoryRegistry
from realtime.retention import PRUNE_EVERY_SECONDS, prune
from realtime.status_store import BEAT_SECONDS, StatusStore
from realtime.waiting import end, until_one_ends, wait_for_event
from realtime.worker_token import worker_token

logger = logging.getLogger(__name__)

# Raw events between the client's read loop and the pump. Beyond it the sweep is cheaper than memory.
QUEUE_LIMIT = 50_000
LAG_SAMPLES = 200
# What was late longer ago says nothing of now.
LAG_SECONDS = 60.0
BATCH = 500
# Heard but not yet visible: looked for again this often.
RETRY_SECONDS = 0.05
DATABASE_RETRY_SECONDS = 1.0
CLOSE_SECONDS = 3.0
# A worker that froze in the middle of a write must not hold its successor up, nor one that was cut off.
DATABASE_SETTINGS = {
    "application_name": "livedesk worker",
    "idle_in_transaction_session_timeout": "10s",
    # Well below what makes the database one that is not answering: it answers, and says that others hold a lock.
    "lock_timeout": "3s",
    # Whatever the database's own default is: a query that nobody answers is cut by its thread.
    "statement_timeout": "0",
}
# A deaf table's channel is joined anew at most this often.
RENEW_SECONDS = 15.0
# A sweep that takes longer than this has more to tell than anybody should call fresh.
BEHIND_SECONDS = 10.0
CATCHING_UP = "the realtime worker is catching up"
# How often the triggers are looked at: as often as the probe is written, and oftener while something is wrong.
GUARD_SECONDS = 10.0
GUARD_AGAIN_SECONDS = 4.0
# A change past the log is not heard of again for so long before its table counts as whole.
BYPASS_SECONDS = 10.0
# A row that Realtime told of may not be visible yet: it is looked at again after so long.
SUSPECT_AGAIN_SECONDS = 1.5
# More rows than this aren't asked about one by one.
SUSPECTS_LIMIT = 1_000


class RealtimeWorker:
    """``run()`` until told to stop. Every part may fail and come back; nothing is kept that a restart would lose."""

    def __init__(self) -> None:
        self.dispatcher = RealtimeEventDispatcher()
        self.repositories = RepositoryRegistry(self.dispatcher)
        self.publisher = Publisher()
        self.dispatcher.on(ALL_TABLES, self.publisher.handle)
        self.intake = Intake(self.repositories.tables, related_tables())
        self.database = DatabaseThread("realtime-intake", DATABASE_SETTINGS)
        # Another connection: a sweep of many pages holds one transaction open, which no write may fall into.
        self.errands = DatabaseThread("realtime-errands", DATABASE_SETTINGS)
        self.doorbell = Doorbell(self._rung, lambda: self.errands.run(ring))
        self.leadership = Leadership()
        self.store = StatusStore()
        self.manager = RealtimeChannelManager(
            settings.SUPABASE_URL,
            settings.SUPABASE_KEY,
            self._write_probe,
            token=worker_token(),
            on_status=self._status_changed,
            on_gap=self._gap,
            on_probe=self._probe_came_back,
            on_joined=self._joined,
        )
        self._queue: asyncio.Queue[tuple[str, Mapping[str, Any]]] = asyncio.Queue(maxsize=QUEUE_LIMIT)
        self._sweep_now = asyncio.Event()
        self._beat_now = asyncio.Event()
        self._intake_lock = asyncio.Lock()
        # The last beat, for the metrics.
        self.told: dict[str, Any] | None = None
        self._since = time.time()
        self._probe: dict[str, float] | None = None
        self._sweep_problem = ""
        # Set once this lead has read the change log to its end: only then is the position this database's.
        self._caught_up = asyncio.Event()
        # When the last complete sweep began: what was committed before has come out.
        self._swept_at: float | None = None
        # Since when a sweep is under way, by the monotonic clock.
        self._sweeping_since: float | None = None
        self._stores = True
        self._gaps: Counter[Gap] = Counter()
        self._resyncs: Counter[str] = Counter()
        self.takeovers = 0
        self.leads_since: float | None = None
        self._lag: dict[EventPath, deque[tuple[float, float]]] = {path: deque(maxlen=LAG_SAMPLES) for path in EventPath}
        self._renewed: dict[str, float] = {}
        self._guard_now = asyncio.Event()
        self._standings: dict[str, Standing] = {}
        # When a change past the log was last found, by table.
        self._bypassed_at: dict[str, float] = {}
        self._suspected = asyncio.Event()
        self._refusal = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Stands by or leads until ``stop`` is set, then leaves the channels.

        Raises ``ConfigurationError`` (see preflight).
        """
        await self._check_database(stop)
        for repository in self.repositories:
            repository.subscribe(self.manager, self._enqueue)
        frame_tap.install(self._gap)
        try:
            while not stop.is_set():
                await self._stand_by(stop)
                if not stop.is_set():
                    await self._lead(stop)
        finally:
            frame_tap.remove()
            await self.leadership.release()
            await self.store.close()
            self.database.close()
            self.errands.close()

    async def _check_database(self, stop: asyncio.Event) -> None:
        announced = False
        while not stop.is_set():
            try:
                await self.errands.run(check_database, self.repositories.tables, related_tables())
                return
            except (DatabaseError, InterfaceError) as error:
                if not announced:
                    logger.warning("the database can't be reached (%s): waiting for it", _first_line(error))
                announced = True
                await wait_for_event(stop, DATABASE_RETRY_SECONDS)

    async def _stand_by(self, stop: asyncio.Event) -> None:
        """Returns when this worker leads or is to stop."""
        await until_one_ends(self.leadership.acquire(), stop.wait(), self._tell_standby())

    async def _tell_standby(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            await self.store.write_standby(self._who())

    async def _lead(self, stop: asyncio.Event) -> None:
        """Does the work until told to stop, or until another worker may have taken over."""
        logger.info("leading")
        self.takeovers += 1
        self.leads_since = time.time()
        self.publisher.begin()
        # An earlier lead's say nothing of this one.
        self._probe = self._swept_at = None
        self._sweep_problem = CATCHING_UP
        # The new epoch has every view read anew, whatever was rewritten before.
        self._standings, self._bypassed_at = {}, {}
        self._caught_up.clear()
        self._sweep_now.set()
        parts = [
            asyncio.create_task(part())
            for part in (
                # Realtime tells at length what lies in the change log anyhow: behind, the worker reads that first.
                partial(self.manager.run, self._caught_up),
                self._pump,
                self._sweep_for_ever,
                self._beat_for_ever,
                self._guard_for_ever,
                self._look_at_suspects_for_ever,
                self._prune_for_ever,
                self.doorbell.run,
            )
        ]
        until = [asyncio.create_task(stop.wait()), asyncio.create_task(self.leadership.hold())]
        try:
            done, _ = await asyncio.wait([*parts, *until], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            if not stop.is_set():
                logger.warning("the lock of the leader may be lost: standing by")
        finally:
            await self._shut_down([*parts, *until], goodbye=stop.is_set())

    async def _shut_down(self, tasks: list[asyncio.Task[Any]], goodbye: bool) -> None:
        logger.info("leaving the channels")
        await self.manager.close_all()
        await end(tasks)
        with suppress(DatabaseError, InterfaceError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                if self._caught_up.is_set():
                    await self.database.run(self.intake.store)
        # An idle one may break unnoticed until this worker leads again.
        self.database.disconnect()
        self.errands.disconnect()
        # With somebody to take over at once, nobody needs to hear of an end.
        goodbye = goodbye and not await self.leadership.is_awaited()
        await self.leadership.release()
        if goodbye:
            await self._beat(Status.DISCONNECTED, "the worker was stopped")
        # What it said as the leader is nobody's any more.
        self.told = None

    # Realtime's path

    def _enqueue(self, table: str, raw: Mapping[str, Any]) -> None:
        try:
            self._queue.put_nowait((table, raw))
        except asyncio.QueueFull:
            self._gap(Gap.QUEUE_FULL)

    async def _pump(self) -> None:
        """Takes raw events in batches, completes them from the change log and emits them."""
        await self._caught_up.wait()
        while True:
            await self._next_batch()
            try:
                async with self._intake_lock:
                    emissions = await self.database.run(self.intake.resolve)
                    self._emit(emissions)
                    # Inside the lock: no sweep may move the position past what isn't sent yet.
                    await self.publisher.flush()
            except (DatabaseError, InterfaceError) as error:
                # The sweep repeats it: what was heard lies in the log.
                self._sweep_fails(error)
                await asyncio.sleep(DATABASE_RETRY_SECONDS)
            if self.intake.gap:
                self._gap(self.intake.gap)
                self.intake.gap = None
            if self.intake.suspects:
                self._suspected.set()

    async def _next_batch(self) -> None:
        if self.intake.pending:
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_SECONDS):
                    self.intake.hear(*await self._queue.get())
        else:
            self.intake.hear(*await self._queue.get())
        for _ in range(min(BATCH, self._queue.qsize())):
            self.intake.hear(*self._queue.get_nowait())

    # The change log's path

    async def _sweep_for_ever(self) -> None:
        while True:
            await wait_for_event(self._sweep_now, settings.REALTIME_SWEEP_SECONDS)
            self._sweep_now.clear()
            self._sweeping_since = time.monotonic()
            try:
                await self._sweep()
                self._sweep_works()
            except (DatabaseError, InterfaceError) as error:
                self._sweep_fails(error)
                await asyncio.sleep(DATABASE_RETRY_SECONDS)
            finally:
                self._sweeping_since = None

    async def _sweep(self) -> None:
        async with self._intake_lock:
            began = time.time()
            if self._sweep_problem:
                # The connection is new or was lost: the database behind it may be another one by now (rule 6).
                await self._open_intake()
            if not settings.REALTIME_SWEEP:
                return
            async with aclosing(self.database.pages(self.intake.sweep)) as pages:
                async for emissions in pages:
                    if self._sweep_problem:
                        self._sweep_problem = CATCHING_UP
                    self._emit(emissions)
                    await self.publisher.flush()
            self.intake.settle()
            self._swept_at = began
        if self.intake.store_is_due:
            await self._store()

    async def _store(self) -> None:
        """Stores the position; where the database refuses just that, everything has come out all the same."""
        try:
            await self.database.run(self.intake.store)
            self._stores = True
        except DatabaseError as error:
            if self.database.problem:
                raise
            if self._stores:
                logger.warning("the position in the change log can't be stored: %s", _first_line(error))
            self._stores = False

    async def _open_intake(self) -> None:
        resets = await self.database.run(self.intake.open)
        if not resets:
            return
        for reset in resets:
            logger.warning("resynchronising '%s': %s", reset.table, reset.reason)
            self._resyncs[reset.table] += 1
            self.dispatcher.emit(reset)
        self.intake.opened()
        await self.publisher.flush()
        await self.database.run(self.intake.store)

    def _sweep_works(self) -> None:
        if self._sweep_problem:
            logger.info("the change log can be read")
            self._sweep_problem = ""
            self._beat_now.set()
        self._caught_up.set()

    def _sweep_fails(self, error: Exception) -> None:
        problem = "the change log can't be read"
        if self._sweep_problem != problem:
            logger.warning("%s: %s", problem, _first_line(error))
        self._sweep_problem = problem
        self._sweep_now.set()
        self._beat_now.set()

    def _emit(self, emissions: list[Emission]) -> None:
        for emission in emissions:
            if isinstance(emission, TableReset):
                self.dispatcher.emit(emission)
                continue
            self._emit_row(emission)
            self.intake.emitted(emission)

    def _emit_row(self, event: RealtimeEvent[dict[str, Any]]) -> None:
        now = time.time()
        self._lag[event.path].append((now, max(0.0, now - event.timestamp.timestamp())))
        try:
            self.repositories.for_table(event.table).emit(event)
        except EventError as error:
            logger.error("event left out: table=%s id=%s: %s", event.table, event.key, error)
            self.dispatcher.emit(TableReset(event.table, "a row can't be read"))

    # Past the change log

    async def _guard_for_ever(self) -> None:
        """Looks whether the log is told of everything; of what it may not be told, pages are read by state."""
        while True:
            try:
                await self._guard()
            except (DatabaseError, InterfaceError) as error:
                logger.debug("the triggers can't be looked at: %s", _first_line(error))
            await wait_for_event(self._guard_now, GUARD_AGAIN_SECONDS if self.bypassed() else GUARD_SECONDS)
            self._guard_now.clear()

    async def _guard(self) -> None:
        before = self._standings
        self._standings = await self.errands.run(standings, self.repositories.tables, related_tables())
        self.intake.half_heard = frozenset(table for table, now in self._standings.items() if now.children)
        resets = []
        for table, now in self._standings.items():
            was = before.get(table)
            self._tell_guarded(table, now, was or Standing(""))
            if now.bypasses:
                resets.append(TableReset(table, "its changes may bypass the change log"))
            elif was is not None and was.fingerprint != now.fingerprint:
                resets.append(TableReset(table, "the table or its triggers were altered"))
        await self._reset(resets)
        self._beat_now.set()

    def _tell_guarded(self, table: str, now: Standing, was: Standing) -> None:
        for sentence in (*now.bypasses, *now.loose):
            if sentence not in (*was.bypasses, *was.loose):
                logger.warning("%s: manage.py supabase_check says how to mend it", sentence)
        if was.bypasses and not now.bypasses:
            logger.info("changes to '%s' are logged again", table)

    async def _look_at_suspects_for_ever(self) -> None:
        again: dict[str, set[UUID]] = {}
        while True:
            await wait_for_event(self._suspected, SUSPECT_AGAIN_SECONDS if again else None)
            self._suspected.clear()
            fresh = self._take_suspects()
            try:
                await self._look_at(_merged(fresh, again))
                again = fresh
            except (DatabaseError, InterfaceError) as error:
                logger.debug("rows can't be compared with the change log: %s", _first_line(error))
                again = _merged(fresh, again)
                await asyncio.sleep(DATABASE_RETRY_SECONDS)

    def _take_suspects(self) -> dict[str, set[UUID]]:
        taken: dict[str, set[UUID]] = {}
        for table, key in self.intake.suspects:
            rows = taken.setdefault(table, set())
            # Of the many rows of a data load a few say enough.
            if len(rows) < SUSPECTS_LIMIT:
                rows.add(key)
        self.intake.suspects.clear()
        return taken

    async def _look_at(self, suspects: dict[str, set[UUID]]) -> None:
        tables = await self.errands.run(unlogged, suspects)
        if not tables:
            return
        for table in tables:
            self._gap(Gap.UNLOGGED)
            if table not in self.bypassed():
                logger.warning("'%s' was changed past the change log", table)
            self._bypassed_at[table] = time.monotonic()
        await self._reset([TableReset(table, "a change bypassed the change log") for table in tables])
        # Which trigger is off is asked at once.
        self._guard_now.set()
        self._beat_now.set()

    async def _reset(self, resets: list[TableReset]) -> None:
        """Has every view of these tables read by state."""
        if not resets:
            return
        async with self._intake_lock:
            for reset in resets:
                self._resyncs[reset.table] += 1
                self.dispatcher.emit(reset)
            await self.publisher.flush()

    def bypassed(self) -> dict[str, str]:
        """Tables whose changes may bypass the change log, each with why, in words for an operator."""
        told = {table: "; ".join(now.bypasses) for table, now in self._standings.items() if now.bypasses}
        for table, at in self._bypassed_at.items():
            if time.monotonic() - at < BYPASS_SECONDS:
                told.setdefault(table, "a change was made past its triggers")
        return told

    # The log's age

    async def _prune_for_ever(self) -> None:
        while settings.REALTIME_RETENTION_DAYS:
            await asyncio.sleep(PRUNE_EVERY_SECONDS)
            try:
                async with aclosing(self.errands.pages(lambda: prune(settings.REALTIME_RETENTION_DAYS))) as batches:
                    pruned = sum([batch async for batch in batches])
                logger.info("pruned %d entries of the change log", pruned)
            except (DatabaseError, InterfaceError) as error:
                logger.warning("the change log can't be pruned: %s", _first_line(error))
        await asyncio.Event().wait()

    # Status

    def _status_changed(self, status: Status, reason: str) -> None:
        self._since = time.time()
        self._beat_now.set()

    def _gap(self, gap: Gap) -> None:
        self._gaps[gap] += 1
        logger.debug("looking into the change log: %s", gap)
        self._sweep_now.set()

    def _rung(self) -> None:
        self._sweep_now.set()

    def _joined(self, table: str) -> None:
        if table in self.intake.counters:
            self.intake.hears(table)

    async def _write_probe(self, nonce: str) -> None:
        try:
            await self.errands.run(write_probe, nonce)
        except DatabaseError as error:
            # Of one that is away there is another sentence.
            self._refusal = "" if self.errands.problem else words_for(error) or ""
            self._beat_now.set()
            if self._refusal:
                raise ProbeRefused from None
            raise
        self._refusal = ""

    def _probe_came_back(self, seconds: float) -> None:
        self._probe = {"at": time.time(), "round_trip_ms": round(seconds * 1000)}
        self._beat_now.set()

    async def _beat_for_ever(self) -> None:
        while True:
            # Without a session every table is silent, and each is joined anew with the next one.
            if self.manager.status is Status.CONNECTED:
                self._renew_deaf()
            await self._beat(self.manager.status, self.manager.reason)
            await wait_for_event(self._beat_now, BEAT_SECONDS)
            self._beat_now.clear()

    def _renew_deaf(self) -> None:
        for table in self.intake.mark_deaf():
            if time.monotonic() - self._renewed.get(table, -RENEW_SECONDS) >= RENEW_SECONDS:
                logger.warning("Realtime tells nothing of '%s' any more: joining its channel anew", table)
                self._renewed[table] = time.monotonic()
                self.manager.renew(table)

    async def _beat(self, status: Status, reason: str) -> None:
        told = self.told = self.describe(status, reason)
        await self.publisher.beat(told)
        await self.store.write(told)

    def describe(self, status: Status, reason: str) -> dict[str, Any]:
        """What `/realtime/status/` and every page are told: words and numbers, never a record."""
        database = self.database.problem
        sweep_problem = self._sweep_problem or (f"the database {database}" if database else self._behind())
        deaf = [table for table, counters in self.intake.counters.items() if counters.deaf_since is not None]
        return {
            "status": status.value,
            "reason": reason,
            "since": self._since,
            "at": time.time(),
            "live": settings.REALTIME_SWEEP and not sweep_problem,
            # Switched off, Realtime alone carries changes.
            "sweeps": settings.REALTIME_SWEEP,
            "sweep_problem": sweep_problem,
            "swept_at": self._swept_at,
            "database": database,
            # Why it takes no changes, where it is there.
            "refusal": self._refusal,
            "bypassed": (bypassed := self.bypassed()),
            "probe": self._probe,
            "probe_waiting": time.monotonic() - probing if (probing := self.manager.probing_since) else None,
            "sweep_seconds": settings.REALTIME_SWEEP_SECONDS,
            "deaf": deaf,
            "doorbell": self.doorbell.problem,
            "rings": self.doorbell.rings,
            "takeovers": self.takeovers,
            "leads_since": self.leads_since,
            "lag_ms": {path.value: self._median_lag(path) for path in EventPath},
            "worker": self._who(),
            # Of the beat before: Redis may pass this on and not keep it.
            "status_stored": not self.store.problem,
            "store_problem": self.store.problem,
            "queue": self._queue.qsize(),
            "waiting": len(self.intake.pending),
            "gaps": {gap.value: count for gap, count in self._gaps.items()},
            "resyncs": sum(self._resyncs.values()),
            "reconnects": self.manager.reconnects,
            "handler_errors": self.dispatcher.handler_errors,
            "tables": {
                table: {
                    "subscribed": self.manager.is_subscribed(table),
                    "problem": self.manager.problem(table),
                    "deaf": table in deaf,
                    "bypassed": bypassed.get(table, ""),
                    "loose": "; ".join(standing.loose) if (standing := self._standings.get(table)) else "",
                    "last_event": counters.last_event_at,
                    "by_realtime": counters.realtime,
                    "by_sweep": counters.swept,
                    "duplicates": counters.duplicates,
                    "unusable": counters.unusable,
                }
                for table, counters in self.intake.counters.items()
            },
        }

    def _behind(self) -> str:
        since = self._sweeping_since
        return CATCHING_UP if since and time.monotonic() - since > BEHIND_SECONDS else ""

    def _median_lag(self, path: EventPath) -> float | None:
        """Milliseconds, of the last minute."""
        recent = [seconds for at, seconds in self._lag[path] if time.time() - at < LAG_SECONDS]
        return median(recent) * 1000 if recent else None

    def _who(self) -> dict[str, Any]:
        return {"host": socket.gethostname(), "pid": os.getpid(), "epoch": self.publisher.epoch}


def _merged(*several: dict[str, set[UUID]]) -> dict[str, set[UUID]]:
    merged: dict[str, set[UUID]] = {}
    for suspects in several:
        for table, keys in suspects.items():
            merged.setdefault(table, set()).update(keys)
    return merged


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
