"""A worker inside the test's process, on a real Realtime server, so that handlers can be watched."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from realtime.events import RealtimeConnectionStatus as Status
from realtime.events import RealtimeEvent, TableReset
from realtime.worker.event_dispatcher import ALL_TABLES
from realtime.worker.intake import Intake
from realtime.worker.worker import RealtimeWorker

PATIENCE = 30.0


def begun(intake: Intake) -> Intake:
    """An intake that starts from nothing, as a worker's first one does."""
    assert intake.open()
    intake.opened()
    intake.store()
    return intake


class Watched:
    """What handlers heard. ``until`` waits for a condition on it, woken by every event."""

    def __init__(self, worker: RealtimeWorker) -> None:
        self.worker = worker
        self.events: list[RealtimeEvent[Any]] = []
        self.resets: list[TableReset] = []
        worker.dispatcher.on(ALL_TABLES, self._hear)

    def _hear(self, event: RealtimeEvent[Any] | TableReset) -> None:
        if isinstance(event, TableReset):
            self.resets.append(event)
        else:
            self.events.append(event)

    def of(self, key: str) -> list[RealtimeEvent[Any]]:
        return [event for event in self.events if str(event.key) == key]

    def said(self) -> dict[str, Any]:
        """What the worker would report about itself now."""
        return self.worker.heartbeat.describe(self.worker.manager.status, "")

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not condition():
            if asyncio.get_running_loop().time() > deadline:
                heard = [(event.type.value, event.path.value) for event in self.events[-10:]]
                raise AssertionError(f"never saw {what}; status {self.worker.manager.status}, last events {heard}")
            await asyncio.sleep(0.01)


@asynccontextmanager
async def watched_worker() -> AsyncIterator[Watched]:
    """A started worker, whatever it finds; it is stopped politely afterwards, and its own error is raised."""
    worker, stop = RealtimeWorker(), asyncio.Event()
    watched = Watched(worker)
    running = asyncio.create_task(worker.run(stop))
    try:
        yield watched
    finally:
        stop.set()
        await asyncio.wait_for(running, PATIENCE)


@asynccontextmanager
async def running_worker() -> AsyncIterator[Watched]:
    """A worker that is connected."""
    async with watched_worker() as watched:
        await watched.until(lambda: watched.worker.manager.status is Status.CONNECTED, "the worker connected")
        yield watched
