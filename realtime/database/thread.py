"""One thread that owns one database connection, for asyncio code that has to read or write."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection
from psycopg.errors import DeadlockDetected, DiskFull, LockNotAvailable, QueryCanceled, SerializationFailure

P = ParamSpec("P")
R = TypeVar("R")

# A query that takes this long is not slow: something between here and PostgreSQL holds on to it (a stalled pooler, a
# cable that was pulled), and no timeout of PostgreSQL's own can end that.
PATIENCE_SECONDS = 20.0

# Whoever waits for an answer for so long is told that the database doesn't give one.
SILENT_SECONDS = 5.0

_END = object()


class DatabaseThread:
    """Runs synchronous functions one after the other on its own thread and connection.

    A connection that broke is closed, so that the next call gets a new one; the error is raised to the caller. So is
    one that says nothing for ``PATIENCE_SECONDS``. ``settings`` are made on every new connection.
    """

    def __init__(self, name: str, settings: Mapping[str, str] | None = None) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._settings = settings or {}
        self._descriptor: int | None = None
        self._busy_since: float | None = None
        self._failed = False
        self._closing: set[asyncio.Task[None]] = set()
        # When the last call began that came to its end.
        self.answered_at: float | None = None

    @property
    def problem(self) -> str:
        """What can be said of the database: that it "can't be reached" or "is not answering"; empty when it does."""
        if self._failed:
            return "can't be reached"
        busy_since = self._busy_since
        return "is not answering" if busy_since and time.monotonic() - busy_since > SILENT_SECONDS else ""

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        def call() -> R:
            started, self._busy_since = time.time(), time.monotonic()
            try:
                self._connect()
                answer = function(*args, **kwargs)
            except (DatabaseError, InterfaceError) as error:
                self._failed = isinstance(error, OperationalError | InterfaceError) and not _is_refusal(error)
                connection.close()
                raise
            finally:
                self._busy_since = None
            self._failed, self.answered_at = False, started
            return answer

        running = asyncio.get_running_loop().run_in_executor(self._executor, call)
        try:
            while not running.done():
                await asyncio.wait({running}, timeout=PATIENCE_SECONDS)
                # Be it another call that takes the time: one whose caller was cancelled is nobody else's to end.
                busy_since = self._busy_since
                if busy_since and time.monotonic() - busy_since >= PATIENCE_SECONDS:
                    self._cut()
        finally:
            running.cancel()
        return running.result()

    async def pages(self, function: Callable[[], Iterator[R]]) -> AsyncGenerator[R, None]:
        """Iterates a synchronous generator, each step on the thread; what it holds open ends with it.

        However often the caller is cancelled: a transaction that stayed open would be the next call's.
        """
        iterator = function()
        try:
            while (page := await self.run(next, iterator, _END)) is not _END:
                yield page  # type: ignore[misc]  # the sentinel is no R, and isn't yielded
        finally:
            closing = asyncio.create_task(self.run(iterator.close))  # type: ignore[attr-defined]
            self._closing.add(closing)
            closing.add_done_callback(self._closed)
            await asyncio.shield(closing)

    def _closed(self, closing: "asyncio.Task[None]") -> None:
        self._closing.discard(closing)
        if not closing.cancelled():
            # What went wrong in it has ended the connection, too; who still waits is told.
            closing.exception()

    def disconnect(self) -> None:
        """Gives the connection up until the next call, and what is known of the database."""
        self._failed = False
        self._executor.submit(connection.close)

    def close(self) -> None:
        self._executor.submit(connection.close)
        self._executor.shutdown(wait=False)

    def _connect(self) -> None:
        if connection.connection is None:
            self._descriptor = None
            _own_connection()
            connection.ensure_connection()
            with connection.cursor() as cursor:
                for name, value in self._settings.items():
                    cursor.execute("select set_config(%s, %s, false)", [name, value])
        # One that broke inside a transaction stays there, closed, until that ends: what is called next meets its error.
        if not connection.connection.closed:
            self._descriptor = connection.connection.pgconn.socket

    def _cut(self) -> None:
        """Shuts the connection's socket from outside: whatever waits for it ends with an error."""
        with suppress(OSError, TypeError), socket.socket(fileno=os.dup(self._descriptor)) as duplicate:  # type: ignore[arg-type]
            duplicate.shutdown(socket.SHUT_RDWR)


def _own_connection() -> None:
    """This thread's connection is kept, so it must not be one of those that requests share."""
    options = {name: value for name, value in connection.settings_dict["OPTIONS"].items() if name != "pool"}
    connection.settings_dict = connection.settings_dict | {"OPTIONS": options}


def _is_refusal(error: Exception) -> bool:
    """Whether the database is there and has said no."""
    return isinstance(
        error.__cause__, DeadlockDetected | DiskFull | LockNotAvailable | QueryCanceled | SerializationFailure
    )
