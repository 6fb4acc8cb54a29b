"""The doorbell: PostgreSQL's NOTIFY says within a millisecond that something was committed; the sweep reads what.

It is only a hint. Where it is impossible (a pooler in transaction mode) or unwanted (REALTIME_DOORBELL=0,
``manage.py realtime_doorbell off``), the sweep's timer and Realtime's events do the same, only later.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from realtime.database.session import NoSessions, open_session
from realtime.database.triggers import DOORBELL_CHANNEL
from realtime.waiting import until_one_ends, wait_for_event

logger = logging.getLogger(__name__)

# The worker rings it this often over another connection, and must hear it in time: a listener that PostgreSQL or
# something on the way has forgotten looks like a quiet database.
PROVE_SECONDS = 10.0
HEARD_SECONDS = 5.0
RETRY_SECONDS = 2.0
# A connection that doesn't allow LISTEN won't start to by itself.
HOPELESS_SECONDS = 60.0
# While a switch waits for its lock, all writers of the table queue behind it.
SWITCH_LOCK_TIMEOUT = "1s"
SWITCH_TRIES = 20

SWITCHED_OFF = "it is switched off (REALTIME_DOORBELL)"
TRIGGERS_OFF = "its triggers are switched off (manage.py realtime_doorbell on)"


class DoorbellError(Exception):
    """The doorbell can't be heard; the text says why."""


class Doorbell:
    """``on_ring`` is called for every ring. ``problem`` says why none is heard; it is empty while they are."""

    def __init__(self, on_ring: Callable[[], None], ring: Callable[[], Awaitable[bool]]) -> None:
        """``ring`` rings it over another connection and returns whether the tables' triggers ring it too."""
        self._on_ring = on_ring
        self._ring = ring
        self._heard = asyncio.Event()
        self.rings = 0
        self.problem = "" if settings.REALTIME_DOORBELL else SWITCHED_OFF

    async def run(self) -> None:
        """Listens forever, however often the connection is lost."""
        while settings.REALTIME_DOORBELL:
            delay = RETRY_SECONDS
            try:
                await self._listen()
            except NoSessions as error:
                delay = HOPELESS_SECONDS
                self._say(str(error))
            except DoorbellError as error:
                self._say(str(error))
            except (psycopg.Error, DatabaseError, InterfaceError, OSError, TimeoutError):
                self._say("the connection it listens on was lost")
            await asyncio.sleep(delay)
        await asyncio.Event().wait()

    async def _listen(self) -> None:
        async with await open_session({"application_name": "livedesk doorbell"}) as session:
            await session.execute(f"listen {DOORBELL_CHANNEL}")
            await until_one_ends(self._hear(session), self._prove())

    async def _hear(self, session: "psycopg.AsyncConnection[object]") -> None:
        async with aclosing(session.notifies()) as notifications:
            async for _notification in notifications:
                self.rings += 1
                self._heard.set()
                self._on_ring()

    async def _prove(self) -> None:
        while True:
            self._heard.clear()
            triggers = await self._ring()
            await wait_for_event(self._heard, HEARD_SECONDS)
            if not self._heard.is_set():
                raise DoorbellError("a ring on purpose wasn't heard")
            self._say("" if triggers else TRIGGERS_OFF)
            await asyncio.sleep(PROVE_SECONDS)

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            logger.info("the doorbell %s", f"can't be heard: {problem}" if problem else "is heard")
        self.problem = problem


def ring() -> bool:
    """Rings, and returns whether the tables' triggers ring too. Raises the database's errors."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_notify(%s, ''), not exists"
            " (select from pg_trigger where tgname = 'realtime_doorbell' and tgenabled = 'D')",
            [DOORBELL_CHANNEL],
        )
        return bool(cursor.fetchone()[1])


def switch(tables: tuple[str, ...], on: bool, say: Callable[[str], None] = lambda text: None) -> None:
    """Switches the tables' triggers, one after the other.

    Each switch waits for transactions that are writing, and later ones queue behind it; so it waits only briefly and
    tries again. Raises ``TimeoutError`` when a table never becomes free; some are switched by then.
    """
    for table in tables:
        for _ in range(SWITCH_TRIES):
            if _switch(table, on):
                break
            say(f"'{table}' is held by a transaction that writes; trying again")
            time.sleep(RETRY_SECONDS)
        else:
            raise TimeoutError(f"'{table}' was held by a transaction that writes, {SWITCH_TRIES} times in a row")


def _switch(table: str, on: bool) -> bool:
    verb = "enable always" if on else "disable"
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select set_config('lock_timeout', %s, true)", [SWITCH_LOCK_TIMEOUT])
            cursor.execute(f"alter table {table} {verb} trigger realtime_doorbell")
    except OperationalError as error:
        if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise
        return False
    return True
