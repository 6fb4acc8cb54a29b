"""Which worker leads: the one that holds an advisory lock, on a session that PostgreSQL ends when it falls silent.

The others wait for the lock. A leader that is killed loses it with its connection; one that is frozen or cut off stops
pinging, and `idle_session_timeout` ends its session. A leader that wakes up to find itself replaced has done no harm
meanwhile: two leaders send the same thing twice, under two epochs.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Any

import psycopg

from realtime.database.session import NoSessions, open_session

logger = logging.getLogger(__name__)

# "LD", and our first lock.
LOCK = (0x4C44, 1)
PING_SECONDS = 1.5
# Without an answer to a ping by then, nobody knows who leads.
ANSWER_SECONDS = 3.0
# Longer than a ping and its answer, so that no leader loses the lock while it can still say it has it; short enough for
# a takeover within ten seconds.
SILENCE_SECONDS = 6
# The wait for the lock is interrupted this often; otherwise a connection that was cut would wait forever.
WAIT_SECONDS = 5
RETRY_SECONDS = 1.0

SESSION = {
    "application_name": "livedesk leadership",
    "idle_session_timeout": f"{SILENCE_SECONDS}s",
    "lock_timeout": f"{WAIT_SECONDS}s",
}


class Leadership:
    """``acquire()``, then ``hold()`` for as long as it lasts, then ``release()``."""

    def __init__(self) -> None:
        self._session: psycopg.AsyncConnection[Any] | None = None
        self._alone = False

    async def acquire(self) -> None:
        """Returns when this worker leads, however long that takes."""
        waiting = False
        while True:
            try:
                if self._session is None:
                    self._session = await open_session(SESSION)
                if await self._ask("select pg_try_advisory_lock(%s, %s)", ANSWER_SECONDS):
                    return
                if not waiting:
                    logger.info("standing by: another worker leads")
                    waiting = True
                await self._ask("select pg_advisory_lock(%s, %s)", WAIT_SECONDS + ANSWER_SECONDS)
                return
            except NoSessions as error:
                if not self._alone:
                    logger.info("no standby is possible (%s): every worker leads, which does no harm", error)
                self._alone = True
                return
            except psycopg.errors.LockNotAvailable:
                continue
            except (psycopg.Error, OSError, TimeoutError):
                await self.release()
                await asyncio.sleep(RETRY_SECONDS)

    async def hold(self) -> None:
        """Returns when the lock may be lost."""
        if self._session is None:
            await asyncio.Event().wait()
        with suppress(psycopg.Error, OSError, TimeoutError):
            while True:
                await asyncio.sleep(PING_SECONDS)
                if not await self._ask(STILL_HELD, ANSWER_SECONDS):
                    return

    async def is_awaited(self) -> bool:
        """Whether another worker waits to take over."""
        with suppress(psycopg.Error, OSError, TimeoutError):
            return bool(self._session and await self._ask(SOMEBODY_WAITS, ANSWER_SECONDS))
        return False

    async def release(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with suppress(psycopg.Error, OSError, TimeoutError):
                await session.close()

    async def _ask(self, question: str, seconds: float) -> Any:
        assert self._session is not None
        async with asyncio.timeout(seconds):
            answer = await (await self._session.execute(question, LOCK)).fetchone()
        return answer[0] if answer else None


STILL_HELD = """
select exists (select from pg_locks
               where locktype = 'advisory' and classid = %s and objid = %s and granted and pid = pg_backend_pid())
"""
SOMEBODY_WAITS = """
select exists (select from pg_locks where locktype = 'advisory' and classid = %s and objid = %s and not granted)
"""
