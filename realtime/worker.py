"""RealtimeWorker: wires manager, intake, repositories, dispatcher and publisher, and keeps them going."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from realtime import frame_tap
from realtime.channel_manager import RealtimeChannelManager
from realtime.database_thread import DatabaseThread
from realtime.event_dispatcher import ALL_TABLES, EventError, RealtimeEventDispatcher
from realtime.events import RealtimeConnectionStatus as Status
from realtime.events import RealtimeEvent, TableReset
from realtime.intake import Emission, Intake
from realtime.preflight import check_database, write_probe
from realtime.publisher import Publisher
from realtime.repository import RepositoryRegistry
from realtime.status_store import BEAT_SECONDS, StatusStore
from realtime.waiting import end, wait_for_event
from realtime.worker_token import worker_token

logger = logging.getLogger(__name__)

# Raw events between the client's read loop and the pump. Beyond it the sweep is cheaper than memory.
QUEUE_LIMIT = 50_000
BATCH = 500
# Heard but not yet visible: looked for again this often.
RETRY_SECONDS = 0.05
DATABASE_RETRY_SECONDS = 1.0
# A deaf table's channel is joined anew at most this often.
RENEW_SECONDS = 15.0


class RealtimeWorker:
    """``run()`` until told to stop. Every part may fail and come back; nothing is kept that a restart would lose."""

    def __init__(self) -> None:
        self.dispatcher = RealtimeEventDispatcher()
        self.repositories = RepositoryRegistry(self.dispatcher)
        self.publisher = Publisher()
        self.dispatcher.on(ALL_TABLES, self.publisher.handle)
        self.intake = Intake(self.repositories.tables)
        self.database = DatabaseThread("realtime-worker")
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
        self._since = time.time()
        self._probe: dict[str, float] | None = None
        self._sweep_problem = "the change log has not been read yet"
        self._gaps = 0
        self._renewed: dict[str, float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Runs until ``stop`` is set, then leaves the channels. Raises ``ConfigurationError`` (see preflight)."""
        await self._initialize(stop)
        if stop.is_set():
            return
        frame_tap.install(self._gap)
        tasks = [
            asyncio.create_task(part())
            for part in (self.manager.run, self._pump, self._sweep_for_ever, self._beat_for_ever)
        ]
        stopping = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            frame_tap.remove()
            await self._shut_down([*tasks, stopping])

    async def _initialize(self, stop: asyncio.Event) -> None:
        """Checks the database and finds the position in the log; waits for a database that is away."""
        announced = False
        while not stop.is_set():
            try:
                await self.database.run(check_database, self.repositories.tables)
                await self._open_intake()
                break
            except (DatabaseError, InterfaceError) as error:
                if not announced:
                    logger.warning("the database can't be reached (%s): waiting for it", _first_line(error))
                announced = True
                await wait_for_event(stop, DATABASE_RETRY_SECONDS)
        for repository in self.repositories:
            repository.subscribe(self.manager, self._enqueue)

    async def _shut_down(self, tasks: list[asyncio.Task[Any]]) -> None:
        logger.info("leaving the channels")
        await self.manager.close_all()
        await end(tasks)
        await self._beat(Status.DISCONNECTED, "the worker was stopped")
        await self.store.close()
        self.database.close()

    # Realtime's path

    def _enqueue(self, table: str, raw: Mapping[str, Any]) -> None:
        try:
            self._queue.put_nowait((table, raw))
        except asyncio.QueueFull:
            self._gap("the queue of events is full")

    async def _pump(self) -> None:
        """Takes raw events in batches, completes them from the change log and emits them."""
        while True:
            await self._next_batch()
            try:
                async with self._intake_lock:
                    emissions = await self.database.run(self.intake.resolve)
                    self._emit(emissions)
                    # Inside the lock: no sweep may move the position past what isn't sent yet.
                    await self.publisher.flush()
            except (DatabaseError, InterfaceError):
                # The sweep says so and repeats: what was heard lies in the log.
                await asyncio.sleep(DATABASE_RETRY_SECONDS)
            if self.intake.gap:
                self._gap(self.intake.gap)
                self.intake.gap = ""

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
            if not settings.REALTIME_SWEEP:
                continue
            try:
                await self._sweep()
                self._sweep_works()
            except (DatabaseError, InterfaceError) as error:
                self._sweep_fails(error)
                await asyncio.sleep(DATABASE_RETRY_SECONDS)

    async def _sweep(self) -> None:
        async with self._intake_lock:
            if self._sweep_problem:
                # The connection is new or was lost: the database behind it may be another one by now (rule 6).
                await self._open_intake()
            async for emissions in self.database.pages(self.intake.sweep):
                self._emit(emissions)
                await self.publisher.flush()
            await self.database.run(self.intake.settle)

    async def _open_intake(self) -> None:
        for reset in await self.database.run(self.intake.open):
            logger.warning("resynchronising '%s': %s", reset.table, getattr(reset, "reason", ""))
            self.dispatcher.emit(reset)
        await self.publisher.flush()

    def _sweep_works(self) -> None:
        if self._sweep_problem:
            logger.info("the change log is read every %g s", settings.REALTIME_SWEEP_SECONDS)
            self._sweep_problem = ""
            self._beat_now.set()

    def _sweep_fails(self, error: Exception) -> None:
        if not self._sweep_problem:
            logger.warning("the change log can't be read: %s", _first_line(error))
        self._sweep_problem = "the database can't be reached"
        self._beat_now.set()

    def _emit(self, emissions: list[Emission]) -> None:
        for emission in emissions:
            if isinstance(emission, TableReset):
                self.dispatcher.emit(emission)
                continue
            self._emit_row(emission)

    def _emit_row(self, event: RealtimeEvent[dict[str, Any]]) -> None:
        try:
            self.repositories.for_table(event.table).emit(event)
        except EventError as error:
            logger.error("event left out: table=%s id=%s: %s", event.table, event.key, error)
            self.dispatcher.emit(TableReset(event.table, "a row can't be read"))

    # Status

    def _status_changed(self, status: Status, reason: str) -> None:
        self._since = time.time()
        self._beat_now.set()

    def _gap(self, reason: str) -> None:
        self._gaps += 1
        logger.debug("looking into the change log: %s", reason)
        self._sweep_now.set()

    def _joined(self, table: str) -> None:
        if table in self.intake.counters:
            self.intake.hears(table)

    async def _write_probe(self, nonce: str) -> None:
        await self.database.run(write_probe, nonce)

    def _probe_came_back(self, seconds: float) -> None:
        self._probe = {"at": time.time(), "round_trip_ms": round(seconds * 1000)}
        self._beat_now.set()

    async def _beat_for_ever(self) -> None:
        while True:
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
        told = self.describe(status, reason)
        await self.publisher.beat(told)
        with suppress(Exception):
            await self.store.write(told)

    def describe(self, status: Status, reason: str) -> dict[str, Any]:
        """What `/realtime/status/` and every page are told: words and numbers, never a record."""
        deaf = [table for table, counters in self.intake.counters.items() if counters.deaf_since is not None]
        return {
            "status": status.value,
            "reason": reason,
            "since": self._since,
            "at": time.time(),
            "live": settings.REALTIME_SWEEP and not self._sweep_problem,
            "sweep_problem": self._sweep_problem if settings.REALTIME_SWEEP else "the sweep is switched off",
            "probe": self._probe,
            "deaf": deaf,
            "worker": {"host": socket.gethostname(), "pid": os.getpid(), "epoch": self.publisher.epoch},
            "queue": self._queue.qsize(),
            "gaps": self._gaps,
            "reconnects": self.manager.reconnects,
            "handler_errors": self.dispatcher.handler_errors,
            "tables": {
                table: {
                    "subscribed": self.manager.is_subscribed(table),
                    "problem": self.manager.problem(table),
                    "deaf": table in deaf,
                    "last_event": counters.last_event_at,
                    "by_realtime": counters.realtime,
                    "by_sweep": counters.swept,
                    "duplicates": counters.duplicates,
                    "unusable": counters.unusable,
                }
                for table, counters in self.intake.counters.items()
            },
        }


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
