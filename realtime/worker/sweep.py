"""The change log's path: reads what came since the last sweep, at every ring, on a timer, and on any suspicion."""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from realtime.database.refusals import first_line
from realtime.database.thread import DatabaseThread
from realtime.events import Gap
from realtime.waiting import wait_for_event
from realtime.worker.intake import Intake
from realtime.worker.outlet import Outlet

logger = logging.getLogger(__name__)

# Between the beginnings of two sweeps lies this much at least: what is committed in quick succession is read together.
GATHER_SECONDS = 0.01
RETRY_SECONDS = 1.0
# If a sweep takes longer, pages are too far behind to be called fresh.
BEHIND_SECONDS = 10.0
CATCHING_UP = "the realtime worker is catching up"
UNREADABLE = "the change log can't be read"


class Sweep:
    """Runs until cancelled. ``problem`` says why the log isn't read to its end; ``on_change`` is called for changes."""

    def __init__(self, intake: Intake, database: DatabaseThread, outlet: Outlet, on_change: Callable[[], None]) -> None:
        self._intake = intake
        self._database = database
        self._outlet = outlet
        self._on_change = on_change
        self._now = asyncio.Event()
        # By the monotonic clock.
        self._sweeping_since: float | None = None
        self._stores = True
        # Set once this lead has read the change log to its end: only then does the position belong to this database.
        self.caught_up = asyncio.Event()
        # When the last complete sweep began: everything committed before has been emitted.
        self.swept_at: float | None = None
        self.gaps: Counter[Gap] = Counter()
        self.problem = ""

    def begin(self) -> None:
        """A new lead: what the last one knew doesn't count."""
        self.problem, self.swept_at = CATCHING_UP, None
        self.caught_up.clear()
        self.now()

    def now(self) -> None:
        """Asks for a sweep at once."""
        self._now.set()

    @property
    def is_due(self) -> bool:
        return self._now.is_set()

    def suspect(self, gap: Gap) -> None:
        """Something may have been missed: the log knows what."""
        self.gaps[gap] += 1
        logger.debug("looking into the change log: %s", gap)
        self.now()

    @property
    def behind(self) -> str:
        """A sentence when the current sweep takes long, otherwise empty."""
        since = self._sweeping_since
        return CATCHING_UP if since and time.monotonic() - since > BEHIND_SECONDS else ""

    async def run(self) -> None:
        began = -math.inf
        while True:
            await wait_for_event(self._now, settings.REALTIME_SWEEP_SECONDS)
            if (rest := began + GATHER_SECONDS - time.monotonic()) > 0:
                await asyncio.sleep(rest)
            self._now.clear()
            began = self._sweeping_since = time.monotonic()
            try:
                await self._sweep()
                self._succeed()
            except (DatabaseError, InterfaceError) as error:
                self.fail(error)
                await asyncio.sleep(RETRY_SECONDS)
            finally:
                self._sweeping_since = None

    def fail(self, error: Exception) -> None:
        """The log couldn't be read, here or by the caller."""
        if self.problem != UNREADABLE:
            logger.warning("%s: %s", UNREADABLE, first_line(error))
        self.problem = UNREADABLE
        self.now()
        self._on_change()

    def _succeed(self) -> None:
        if self.problem:
            logger.info("the change log can be read")
            self.problem = ""
            self._on_change()
        self.caught_up.set()

    async def _sweep(self) -> None:
        async with self._outlet.lock:
            began = time.time()
            if self.problem:
                # The connection is new or was lost: it may lead to another database now (rule 6).
                await self._open_intake()
            if not settings.REALTIME_SWEEP:
                return
            async with aclosing(self._database.pages(self._intake.sweep)) as pages:
                async for emissions in pages:
                    if self.problem:
                        self.problem = CATCHING_UP
                    self._outlet.emit(emissions)
                    await self._outlet.flush()
            self._intake.settle()
            self.swept_at = began
        if self._intake.store_is_due:
            await self._store()

    async def _store(self) -> None:
        """Stores the position. If the database refuses just that, everything has been emitted all the same."""
        try:
            await self._database.run(self._intake.store)
            self._stores = True
        except DatabaseError as error:
            if self._database.problem:
                raise
            if self._stores:
                logger.warning("the position in the change log can't be stored: %s", first_line(error))
            self._stores = False

    async def _open_intake(self) -> None:
        """Finds the position to continue from; if it is lost, every table is reset."""
        resets = await self._database.run(self._intake.open)
        if not resets:
            return
        for reset in resets:
            logger.warning("resynchronising '%s': %s", reset.table, reset.reason)
        self._outlet.emit_resets(resets)
        self._intake.opened()
        await self._outlet.flush()
        await self._database.run(self._intake.store)
