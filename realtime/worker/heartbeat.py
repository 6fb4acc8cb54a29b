"""The heartbeat: every few seconds, and at once when something changes, the leader reports its state."""

import asyncio
import logging
import os
import socket
import time
from typing import Any

from django.conf import settings

from realtime.database.doorbell import Doorbell
from realtime.database.thread import DatabaseThread
from realtime.events import EventPath
from realtime.events import RealtimeConnectionStatus as Status
from realtime.status.status_store import BEAT_SECONDS, StatusStore
from realtime.upstream.channel_manager import RealtimeChannelManager
from realtime.waiting import wait_for_event
from realtime.worker.event_dispatcher import RealtimeEventDispatcher
from realtime.worker.guard import Guard
from realtime.worker.intake import Intake
from realtime.worker.outlet import Outlet
from realtime.worker.probing import Probing
from realtime.worker.publisher import Publisher
from realtime.worker.pump import Pump
from realtime.worker.sweep import Sweep

logger = logging.getLogger(__name__)

# A deaf table's channel is rejoined at most this often.
RENEW_SECONDS = 15.0


class Heartbeat:
    """Runs until cancelled. ``told`` is the last beat, for the metrics; None while this worker doesn't lead."""

    def __init__(
        self,
        *,
        beat_now: asyncio.Event,
        intake: Intake,
        outlet: Outlet,
        sweep: Sweep,
        pump: Pump,
        guard: Guard,
        probing: Probing,
        manager: RealtimeChannelManager,
        doorbell: Doorbell,
        dispatcher: RealtimeEventDispatcher,
        publisher: Publisher,
        store: StatusStore,
        database: DatabaseThread,
    ) -> None:
        self._beat_now = beat_now
        self._intake = intake
        self._outlet = outlet
        self._sweep = sweep
        self._pump = pump
        self._guard = guard
        self._probing = probing
        self._manager = manager
        self._doorbell = doorbell
        self._dispatcher = dispatcher
        self._publisher = publisher
        self._store = store
        self._database = database
        self._since = time.time()
        self._renewed: dict[str, float] = {}
        self.told: dict[str, Any] | None = None
        self.takeovers = 0
        self.leads_since: float | None = None

    def begin(self) -> None:
        """A new lead."""
        self.takeovers += 1
        self.leads_since = time.time()

    def status_changed(self) -> None:
        self._since = time.time()
        self._beat_now.set()

    async def run(self) -> None:
        while True:
            # Without a session every table is silent, and the next session joins each one anyway.
            if self._manager.status is Status.CONNECTED:
                self._renew_deaf()
            await self.beat(self._manager.status, self._manager.reason)
            await wait_for_event(self._beat_now, BEAT_SECONDS)
            self._beat_now.clear()

    async def run_standby(self) -> None:
        """Reports that this worker stands by."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            await self._store.write_standby(self._who())

    async def beat(self, status: Status, reason: str) -> None:
        told = self.told = self.describe(status, reason)
        await self._publisher.beat(told)
        await self._store.write(told)

    def _renew_deaf(self) -> None:
        for table in self._intake.mark_deaf():
            if time.monotonic() - self._renewed.get(table, -RENEW_SECONDS) >= RENEW_SECONDS:
                logger.warning("Realtime tells nothing of '%s' any more: joining its channel again", table)
                self._renewed[table] = time.monotonic()
                self._manager.renew(table)

    def describe(self, status: Status, reason: str) -> dict[str, Any]:
        """What `/realtime/status/` and every page are told: words and numbers, never a record."""
        database = self._database.problem
        sweep_problem = self._sweep.problem or (f"the database {database}" if database else self._sweep.behind)
        deaf = [table for table, counters in self._intake.counters.items() if counters.deaf_since is not None]
        bypassed = self._guard.bypassed()
        return {
            "status": status.value,
            "reason": reason,
            "since": self._since,
            "at": time.time(),
            "live": settings.REALTIME_SWEEP and not sweep_problem,
            # While it is off, only Realtime carries changes.
            "sweeps": settings.REALTIME_SWEEP,
            "sweep_problem": sweep_problem,
            "swept_at": self._sweep.swept_at,
            "database": database,
            "refusal": self._probing.refusal,
            "bypassed": bypassed,
            "probe": self._probing.last,
            "probe_waiting": time.monotonic() - probing if (probing := self._manager.probing_since) else None,
            "sweep_seconds": settings.REALTIME_SWEEP_SECONDS,
            "deaf": deaf,
            "doorbell": self._doorbell.problem,
            "rings": self._doorbell.rings,
            "takeovers": self.takeovers,
            "leads_since": self.leads_since,
            "lag_ms": {path.value: self._outlet.lag_ms(path) for path in EventPath},
            "worker": self._who(),
            # As of the previous beat: Redis may pass this one on without keeping it.
            "status_stored": not self._store.problem,
            "store_problem": self._store.problem,
            "queue": self._pump.waiting,
            "waiting": len(self._intake.pending),
            "gaps": {gap.value: count for gap, count in self._sweep.gaps.items()},
            "resyncs": sum(self._outlet.resyncs.values()),
            "reconnects": self._manager.reconnects,
            "handler_errors": self._dispatcher.handler_errors,
            "tables": {table: self._describe_table(table, table in deaf, bypassed) for table in self._intake.counters},
        }

    def _describe_table(self, table: str, deaf: bool, bypassed: dict[str, str]) -> dict[str, Any]:
        counters, standing = self._intake.counters[table], self._guard.standings.get(table)
        return {
            "subscribed": self._manager.is_subscribed(table),
            "problem": self._manager.problem(table),
            "deaf": deaf,
            "bypassed": bypassed.get(table, ""),
            "loose": "; ".join(standing.loose) if standing else "",
            "last_event": counters.last_event_at,
            "by_realtime": counters.realtime,
            "by_sweep": counters.swept,
            "duplicates": counters.duplicates,
            "unusable": counters.unusable,
        }

    def _who(self) -> dict[str, Any]:
        return {"host": socket.gethostname(), "pid": os.getpid(), "epoch": self._publisher.epoch}
