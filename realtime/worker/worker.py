"""RealtimeWorker: wires the parts of a worker, and keeps them going while it leads."""

import asyncio
import logging
from contextlib import suppress
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from realtime.database.doorbell import Doorbell, ring
from realtime.database.refusals import first_line
from realtime.database.tables import personal_tables, related_tables
from realtime.database.thread import DatabaseThread
from realtime.events import Gap
from realtime.events import RealtimeConnectionStatus as Status
from realtime.status.status_store import StatusStore
from realtime.upstream import frame_tap
from realtime.upstream.channel_manager import RealtimeChannelManager
from realtime.upstream.worker_token import worker_token
from realtime.waiting import end, until_one_ends, wait_for_event
from realtime.webhooks.sender import WebhookSender
from realtime.worker.event_dispatcher import ALL_TABLES, RealtimeEventDispatcher
from realtime.worker.guard import Guard
from realtime.worker.heartbeat import Heartbeat
from realtime.worker.intake import Intake
from realtime.worker.jobs import Jobs
from realtime.worker.leadership import Leadership
from realtime.worker.log_readers import LogReaders
from realtime.worker.outlet import Outlet
from realtime.worker.preflight import check_database
from realtime.worker.probing import Probing
from realtime.worker.publisher import Publisher
from realtime.worker.pump import Pump
from realtime.worker.repository import RepositoryRegistry
from realtime.worker.retention import prune_for_ever
from realtime.worker.sweep import Sweep
from realtime.worker.unusable import Source, Unusable, UnusableEvents

logger = logging.getLogger(__name__)

DATABASE_RETRY_SECONDS = 1.0
CLOSE_SECONDS = 3.0
# A worker that froze or was cut off in the middle of a write must not hold up its successor.
DATABASE_SETTINGS = {
    "application_name": "livedesk worker",
    "idle_in_transaction_session_timeout": "10s",
    # Well below the time after which a database counts as silent: it does answer, and says that others hold a lock.
    "lock_timeout": "3s",
    # Overrides the database's own default: the thread itself cuts off a query that gets no answer.
    "statement_timeout": "0",
}


class RealtimeWorker:
    """``run()`` until told to stop. Every part may fail and recover; nothing is kept that a restart would lose."""

    def __init__(self) -> None:
        self.dispatcher = RealtimeEventDispatcher()
        self.repositories = RepositoryRegistry(self.dispatcher)
        self.publisher = Publisher()
        self.dispatcher.on(ALL_TABLES, self.publisher.handle)
        self.unusable = UnusableEvents()
        self.intake = Intake(
            self.repositories.tables, related_tables(), personal_tables(), on_unusable=self.unusable.hear
        )
        self.database = DatabaseThread("realtime-intake", DATABASE_SETTINGS)
        # Its own connection: a sweep of many pages holds a transaction open, and no write may land in it.
        self.errands = DatabaseThread("realtime-errands", DATABASE_SETTINGS)
        self.leadership = Leadership()
        self.store = StatusStore()
        beat_now = asyncio.Event()
        self.outlet = Outlet(self.intake, self.repositories, self.dispatcher, self.publisher, self.unusable.hear)
        self.sweep = Sweep(self.intake, self.database, self.outlet, beat_now.set)
        self.guard = Guard(self.intake, self.errands, self.outlet, self.sweep, beat_now.set)
        self.pump = Pump(self.intake, self.database, self.outlet, self.sweep, self.guard.suspect)
        # Like the sweep's, it may hold a transaction open for a while.
        self.reading = DatabaseThread("realtime-readers", DATABASE_SETTINGS)
        self.webhooks = WebhookSender(self.errands)
        self.readers = LogReaders(self.reading, self.webhooks.wake)
        self.dispatcher.on(ALL_TABLES, self.readers.hear)
        self.working = DatabaseThread("realtime-jobs", DATABASE_SETTINGS)
        self.jobs = Jobs(self.working)
        self.probing = Probing(self.errands, beat_now.set)
        self.doorbell = Doorbell(self.sweep.now, lambda: self.errands.run(ring))
        self.manager = RealtimeChannelManager(
            settings.SUPABASE_URL,
            settings.SUPABASE_KEY,
            self.probing.write,
            token=worker_token(),
            on_status=lambda status, reason: self.heartbeat.status_changed(),
            on_gap=self.sweep.suspect,
            on_probe=self.probing.came_back,
            on_joined=self._joined,
        )
        self.heartbeat = Heartbeat(
            beat_now=beat_now,
            intake=self.intake,
            outlet=self.outlet,
            sweep=self.sweep,
            pump=self.pump,
            guard=self.guard,
            probing=self.probing,
            manager=self.manager,
            doorbell=self.doorbell,
            dispatcher=self.dispatcher,
            publisher=self.publisher,
            store=self.store,
            database=self.database,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Stands by or leads until ``stop`` is set, then leaves the channels.

        Raises ``ConfigurationError`` (see preflight).
        """
        await self._check_database(stop)
        for repository in self.repositories:
            repository.subscribe(self.manager, self.pump.enqueue)
        frame_tap.install(self._hear_unreadable)
        try:
            while not stop.is_set():
                # Returns when this worker leads or must stop.
                await until_one_ends(self.leadership.acquire(), stop.wait(), self.heartbeat.run_standby())
                if not stop.is_set():
                    await self._lead(stop)
        finally:
            frame_tap.remove()
            await self.leadership.release()
            await self.store.close()
            self.database.close()
            self.errands.close()
            self.reading.close()
            self.working.close()

    async def _check_database(self, stop: asyncio.Event) -> None:
        announced = False
        while not stop.is_set():
            try:
                await self.errands.run(check_database, self.repositories.tables, related_tables())
                return
            except (DatabaseError, InterfaceError) as error:
                if not announced:
                    logger.warning("the database can't be reached (%s): waiting for it", first_line(error))
                announced = True
                await wait_for_event(stop, DATABASE_RETRY_SECONDS)

    async def _lead(self, stop: asyncio.Event) -> None:
        """Does the work until told to stop, or until another worker may have taken over."""
        logger.info("leading")
        for part in (self.publisher, self.probing, self.sweep, self.guard, self.readers, self.heartbeat):
            part.begin()
        runs = (
            # Realtime would only repeat what is in the change log anyway: the worker reads that first.
            partial(self.manager.run, self.sweep.caught_up),
            self.pump.run,
            self.sweep.run,
            self.heartbeat.run,
            self.guard.run,
            self.readers.run,
            self.webhooks.run,
            partial(self.unusable.run, self.errands),
            self.jobs.run,
            partial(prune_for_ever, self.errands),
            self.doorbell.run,
        )
        parts = [asyncio.create_task(run()) for run in runs]
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
                if self.sweep.caught_up.is_set():
                    await self.database.run(self.intake.store)
        # An idle connection may break unnoticed before this worker leads again.
        self.database.disconnect()
        self.errands.disconnect()
        self.reading.disconnect()
        self.working.disconnect()
        # If another worker takes over at once, nobody needs to hear of an end.
        goodbye = goodbye and not await self.leadership.is_awaited()
        await self.leadership.release()
        if goodbye:
            await self.heartbeat.beat(Status.DISCONNECTED, "the worker was stopped")
        # What it said as the leader no longer holds.
        self.heartbeat.told = None

    def _hear_unreadable(self, line: str) -> None:
        self.unusable.hear(Unusable(Source.FRAME, "", "the client can't read the frame", line))
        self.sweep.suspect(Gap.UNREADABLE)

    def _joined(self, table: str) -> None:
        if table in self.intake.counters:
            self.intake.hears(table)
