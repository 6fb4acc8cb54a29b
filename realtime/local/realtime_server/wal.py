"""Reads the WAL: polls a temporary logical slot and hands the changes to their subscribers.

Temporary, like the real server's: after a restart of PostgreSQL the gap is lost and nobody is told.
"""

import asyncio
import logging
import os
import secrets
import time
from collections.abc import AsyncIterable, AsyncIterator

import psycopg

from realtime.local.realtime_server import database, pgoutput
from realtime.local.realtime_server.catalog import Catalog
from realtime.local.realtime_server.changes import Assembler, Change
from realtime.local.realtime_server.delivery import Delivery, deliveries
from realtime.local.realtime_server.faults import Faults
from realtime.local.realtime_server.rate import RateLimit
from realtime.local.realtime_server.settings import Settings
from realtime.local.realtime_server.subscriptions import Registry

log = logging.getLogger(__name__)

RETRY_DELAY = 0.5
SLOW_POLL_FACTOR = 1.75  # raw changes but nobody to tell: 150 to 200 ms (facts 3.1)

# A transaction of any length comes in one poll; it is processed in parts of this size.
PART_BYTES = 2**20

POLL = """
select data from pg_logical_slot_get_binary_changes(
    %s, null, %s, 'proto_version', '1', 'publication_names', %s)
"""


class WalPoller:
    def __init__(self, settings: Settings, registry: Registry, catalog: Catalog, faults: Faults) -> None:
        self._settings = settings
        self._registry = registry
        self._catalog = catalog
        self._faults = faults
        self._rate = RateLimit(settings.max_events_per_second)
        self._outgoing: asyncio.Queue[tuple[float, Delivery]] = asyncio.Queue()
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Poll forever; a lost connection means a new slot."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._deliver_in_time())
            while True:
                try:
                    await self._read_slot()
                except (psycopg.Error, OSError, ValueError, KeyError) as error:
                    log.warning("The slot is lost (%s); a new one follows.", type(error).__name__)
                finally:
                    self.ready.clear()
                await asyncio.sleep(RETRY_DELAY)

    async def _read_slot(self) -> None:
        connection = await database.connect(self._settings.database_url, "slot")
        try:
            slot = f"supabase_realtime_local_{os.getpid()}_{secrets.token_hex(4)}"
            await connection.execute("select pg_create_logical_replication_slot(%s, 'pgoutput', true)", (slot,))
            await self._catalog.renew()
            self.ready.set()
            while True:
                pause = await self._poll(connection, slot)
                await asyncio.sleep(pause)
        finally:
            await connection.close()

    async def _poll(self, connection: database.Connection, slot: str) -> float:
        """One poll; returns how long to wait before the next."""
        cursor = connection.cursor(binary=True)
        asked = (slot, self._settings.poll_max_changes, quoted(self._settings.publication))
        assembler, told, empty = Assembler(), 0, True
        async for part in _parts(cursor.stream(POLL, asked)):
            empty = False
            told += await self._dispatch(assembler.assemble(map(pgoutput.decode, part)))
        interval = self._settings.poll_interval
        if empty:
            return interval * self._settings.idle_multiplier
        return 0.0 if told else interval * SLOW_POLL_FACTOR

    async def _dispatch(self, changes: list[Change]) -> int:
        if self._rate.exceeded() or self._faults.blacked_out():
            return 0
        groups = await deliveries(changes, self._registry, self._catalog, self._settings.max_record_bytes)
        for group in groups:
            self._rate.add(sum(delivery.ids for delivery in group))
            if not self._faults.drops_event():
                for delivery in group * self._faults.copies:
                    self._outgoing.put_nowait((time.monotonic() + self._faults.delay, delivery))
        return len(groups)

    async def _deliver_in_time(self) -> None:
        # All events take this way, so that switching a delay off can't reorder them.
        while True:
            due, delivery = await self._outgoing.get()
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            delivery.subscriber.deliver(delivery.payload)


async def _parts(rows: AsyncIterable[tuple[bytes, ...]]) -> AsyncIterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    async for (data,) in rows:
        part.append(data)
        size += len(data)
        if size >= PART_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def quoted(name: str) -> str:
    """pgoutput parses its publication list as SQL identifiers."""
    return '"' + name.replace('"', '""') + '"'
