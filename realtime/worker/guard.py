"""Watches whether the change log hears of everything. What it misses, pages get by state (design rule 26)."""

import asyncio
import logging
import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError

from realtime.database.log_guard import Standing, standings, unlogged
from realtime.database.refusals import first_line
from realtime.database.tables import personal_tables, related_tables
from realtime.database.thread import DatabaseThread
from realtime.events import Gap, TableReset
from realtime.keys import Key
from realtime.waiting import until_one_ends, wait_for_event
from realtime.worker.intake import Intake
from realtime.worker.outlet import Outlet
from realtime.worker.sweep import Sweep

logger = logging.getLogger(__name__)

# The triggers are checked as often as the probe is written, and more often while something is wrong.
LOOK_SECONDS = 10.0
LOOK_AGAIN_SECONDS = 4.0
# A table counts as fully logged again when no change past the log was found for this long.
BYPASS_SECONDS = 10.0
# A row that Realtime reported may not be visible yet, so it is checked twice.
SUSPECT_AGAIN_SECONDS = 1.5
# Of a data load's many rows, checking this many is enough.
SUSPECTS_LIMIT = 1_000
RETRY_SECONDS = 1.0

Suspects = dict[str, set[Key]]


class Guard:
    """Runs until cancelled. ``on_change`` is called when there may be something new to report."""

    def __init__(
        self,
        intake: Intake,
        database: DatabaseThread,
        outlet: Outlet,
        sweep: Sweep,
        on_change: Callable[[], None],
    ) -> None:
        self._intake = intake
        self._database = database
        self._outlet = outlet
        self._sweep = sweep
        self._on_change = on_change
        self._look_now = asyncio.Event()
        self._suspected = asyncio.Event()
        self.standings: dict[str, Standing] = {}
        # When a change past the log was last found, by table.
        self._bypassed_at: dict[str, float] = {}

    def begin(self) -> None:
        """A new lead: its epoch makes every view reread, whatever was rewritten before."""
        self.standings, self._bypassed_at = {}, {}

    def suspect(self) -> None:
        """There are rows to compare with the log (``Intake.suspects``)."""
        self._suspected.set()

    def bypassed(self) -> dict[str, str]:
        """Tables whose changes may bypass the change log, each with the reason, worded for an operator."""
        told = {table: "; ".join(now.bypasses) for table, now in self.standings.items() if now.bypasses}
        for table, at in self._bypassed_at.items():
            if time.monotonic() - at < BYPASS_SECONDS:
                told.setdefault(table, "a change was made past its triggers")
        return told

    async def run(self) -> None:
        await until_one_ends(self._watch_triggers(), self._watch_suspects())

    async def _watch_triggers(self) -> None:
        while True:
            try:
                await self._look_at_triggers()
            except (DatabaseError, InterfaceError) as error:
                logger.debug("the triggers can't be looked at: %s", first_line(error))
            await wait_for_event(self._look_now, LOOK_AGAIN_SECONDS if self.bypassed() else LOOK_SECONDS)
            self._look_now.clear()

    async def _look_at_triggers(self) -> None:
        before = self.standings
        self.standings = await self._database.run(standings, self._intake.tables, related_tables(), personal_tables())
        self._intake.half_heard = frozenset(table for table, now in self.standings.items() if now.children)
        resets = []
        for table, now in self.standings.items():
            was = before.get(table)
            _log_difference(table, now, was or Standing(""))
            if now.bypasses:
                resets.append(TableReset(table, "its changes may bypass the change log"))
            elif was is not None and was.fingerprint != now.fingerprint:
                resets.append(TableReset(table, "the table or its triggers were altered"))
        await self._outlet.reset(resets)
        self._on_change()

    async def _watch_suspects(self) -> None:
        again: Suspects = {}
        while True:
            await wait_for_event(self._suspected, SUSPECT_AGAIN_SECONDS if again else None)
            self._suspected.clear()
            fresh = self._take_suspects()
            try:
                await self._compare(_merged(fresh, again))
                again = fresh
            except (DatabaseError, InterfaceError) as error:
                logger.debug("rows can't be compared with the change log: %s", first_line(error))
                again = _merged(fresh, again)
                await asyncio.sleep(RETRY_SECONDS)

    def _take_suspects(self) -> Suspects:
        taken: Suspects = {}
        for table, key in self._intake.suspects:
            rows = taken.setdefault(table, set())
            if len(rows) < SUSPECTS_LIMIT:
                rows.add(key)
        self._intake.suspects.clear()
        return taken

    async def _compare(self, suspects: Suspects) -> None:
        tables = await self._database.run(unlogged, suspects)
        if not tables:
            return
        for table in tables:
            self._sweep.suspect(Gap.UNLOGGED)
            if table not in self.bypassed():
                logger.warning("'%s' was changed past the change log", table)
            self._bypassed_at[table] = time.monotonic()
        await self._outlet.reset([TableReset(table, "a change bypassed the change log") for table in tables])
        # The triggers may show why, so they are checked at once.
        self._look_now.set()
        self._on_change()


def _log_difference(table: str, now: Standing, was: Standing) -> None:
    for sentence in (*now.bypasses, *now.loose):
        if sentence not in (*was.bypasses, *was.loose):
            logger.warning("%s: manage.py supabase_check says how to mend it", sentence)
    if was.bypasses and not now.bypasses:
        logger.info("changes to '%s' are logged again", table)


def _merged(*several: Suspects) -> Suspects:
    merged: Suspects = {}
    for suspects in several:
        for table, keys in suspects.items():
            merged.setdefault(table, set()).update(keys)
    return merged
