"""Where every change leaves the worker, whichever path it came by: first to the handlers, then to the groups."""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable
from statistics import median
from typing import Any

from realtime.events import EventPath, PersonalChange, RealtimeEvent, TableReset
from realtime.worker.event_dispatcher import EventError, RealtimeEventDispatcher
from realtime.worker.intake import Emission, Intake
from realtime.worker.publisher import Publisher
from realtime.worker.repository import RepositoryRegistry
from realtime.worker.unusable import Source, Unusable

logger = logging.getLogger(__name__)

LAG_SAMPLES = 200
# Older samples don't describe the present.
LAG_SECONDS = 60.0


class Outlet:
    """Emits and publishes. Callers hold ``lock`` from reading the change log to ``flush()``.

    Otherwise a sweep could move the position past a change that hasn't been sent yet.
    """

    def __init__(
        self,
        intake: Intake,
        repositories: RepositoryRegistry,
        dispatcher: RealtimeEventDispatcher,
        publisher: Publisher,
        on_unusable: Callable[[Unusable], None],
    ) -> None:
        self.lock = asyncio.Lock()
        # How often each table was reset.
        self.resyncs: Counter[str] = Counter()
        self._intake = intake
        self._repositories = repositories
        self._dispatcher = dispatcher
        self._publisher = publisher
        self._on_unusable = on_unusable
        self._lag: dict[EventPath, deque[tuple[float, float]]] = {path: deque(maxlen=LAG_SAMPLES) for path in EventPath}

    def emit(self, emissions: list[Emission]) -> None:
        for emission in emissions:
            if isinstance(emission, TableReset):
                self._dispatcher.emit(emission)
                continue
            if isinstance(emission, PersonalChange):
                self._publisher.tell(emission)
                continue
            self._emit_row(emission)
            self._intake.emitted(emission)

    async def flush(self) -> None:
        await self._publisher.flush()

    async def reset(self, resets: list[TableReset]) -> None:
        """Makes every view of these tables reread."""
        if not resets:
            return
        async with self.lock:
            self.emit_resets(resets)
            await self.flush()

    def emit_resets(self, resets: list[TableReset]) -> None:
        for reset in resets:
            self.resyncs[reset.table] += 1
            self._dispatcher.emit(reset)

    def lag_ms(self, path: EventPath) -> float | None:
        """The last minute's median from commit to handler, in milliseconds; None when nothing came."""
        recent = [seconds for at, seconds in self._lag[path] if time.time() - at < LAG_SECONDS]
        return median(recent) * 1000 if recent else None

    def _emit_row(self, event: RealtimeEvent[dict[str, Any]]) -> None:
        now = time.time()
        self._lag[event.path].append((now, max(0.0, now - event.timestamp.timestamp())))
        try:
            self._repositories.for_table(event.table).emit(event)
        except EventError as error:
            logger.error("event left out: table=%s id=%s: %s", event.table, event.key, error)
            self._on_unusable(Unusable(Source.ROW, event.table, f"change {event.revision}: {error}", event.data))
            self._dispatcher.emit(TableReset(event.table, "a row can't be read"))
