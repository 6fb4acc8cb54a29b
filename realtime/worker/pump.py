"""Realtime's path: takes raw events in batches, completes them from the change log and emits them."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from django.db import DatabaseError, InterfaceError

from realtime.database.thread import DatabaseThread
from realtime.events import Gap
from realtime.worker.intake import Intake
from realtime.worker.outlet import Outlet
from realtime.worker.sweep import Sweep

# Raw events between the client's read loop and the pump. Beyond that, the sweep costs less than the memory.
QUEUE_LIMIT = 50_000
BATCH = 500
# An event that was heard but isn't visible yet is looked up again this often.
RETRY_SECONDS = 0.05
DATABASE_RETRY_SECONDS = 1.0


class Pump:
    """Runs until cancelled. ``on_suspects`` is called when Realtime reported rows that the log doesn't bear out."""

    def __init__(
        self,
        intake: Intake,
        database: DatabaseThread,
        outlet: Outlet,
        sweep: Sweep,
        on_suspects: Callable[[], None],
    ) -> None:
        self._intake = intake
        self._database = database
        self._outlet = outlet
        self._sweep = sweep
        self._on_suspects = on_suspects
        self._queue: asyncio.Queue[tuple[str, Mapping[str, Any]]] = asyncio.Queue(maxsize=QUEUE_LIMIT)

    @property
    def waiting(self) -> int:
        """Events that wait to be taken."""
        return self._queue.qsize()

    def enqueue(self, table: str, raw: Mapping[str, Any]) -> None:
        """Called inside the client's read loop, so it never waits."""
        try:
            self._queue.put_nowait((table, raw))
        except asyncio.QueueFull:
            self._sweep.suspect(Gap.QUEUE_FULL)

    async def run(self) -> None:
        await self._sweep.caught_up.wait()
        while True:
            await self._next_batch()
            try:
                async with self._outlet.lock:
                    self._outlet.emit(await self._database.run(self._intake.resolve))
                    await self._outlet.flush()
            except (DatabaseError, InterfaceError) as error:
                # The sweep makes up for it: what was heard is in the log.
                self._sweep.fail(error)
                await asyncio.sleep(DATABASE_RETRY_SECONDS)
            if self._intake.gap:
                self._sweep.suspect(self._intake.gap)
                self._intake.gap = None
            if self._intake.suspects:
                self._on_suspects()

    async def _next_batch(self) -> None:
        if self._intake.pending:
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_SECONDS):
                    self._intake.hear(*await self._queue.get())
        else:
            self._intake.hear(*await self._queue.get())
        for _ in range(min(BATCH, self._queue.qsize())):
            self._intake.hear(*self._queue.get_nowait())
