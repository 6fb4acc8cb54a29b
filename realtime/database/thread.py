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

# A query that takes this long isn't just slow: something on the way to PostgreSQL holds it up (a stalled pooler, a
# pulled cable), and none of PostgreSQL's own timeouts can end that.
PATIENCE_SECONDS = 20.0

# After waiting this long for an answer, the database counts as silent.
SILENT_SECONDS = 5.0

_END = object()


class DatabaseThread:
    """Runs synchronous functions one after the other on its own thread and connection.

    A broken connection is closed, so that the next call gets a new one; the error is raised to the caller. So is one
    that is silent for ``PATIENCE_SECONDS``. ``settings`` are applied to every new connection.
    """

    def __init__(self, name: str, settings: Mapping[str, str] | None = None) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._settings = settings or {}
        self._descriptor: int | None = None
        self._busy_since: float | None = None
        self._failed = False
        self._closing: set[asyncio.Task[None]] = set()
        # When the last call that succeeded began.
        self.answered_at: float | None = None

    @property
    def problem(self) -> str:
        """What is wrong with the database: it "can't be reached" or "is not answering"; empty when it answers."""
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
                # Even if another call takes the time: if its caller was cancelled, nobody else would end it.
                busy_since = self._busy_since
                if busy_since and time.monotonic() - busy_since >= PATIENCE_SECONDS:
                    self._cut()
        finally:
            running.cancel()
        return running.result()

    async def pages(self, function: Callable[[], Iterator[R]]) -> AsyncGenerator[R, None]:
        """Iterates a synchronous generator, each step on the thread, and always closes it.

        It does so however often the caller is cancelled: the next call would inherit a transaction left open.
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
            # An error has closed the connection too, and is raised to a caller that still waits.
            closing.exception()

    def disconnect(self) -> None:
        """Closes the connection until the next call, and forgets what was known about the database."""
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
        # A connection that broke inside a transaction stays, closed, until that ends: the next call meets its error.
        if not connection.connection.closed:
            self._descriptor = connection.connection.pgconn.socket

    def _cut(self) -> None:
        """Shuts the connection's socket from outside, so that whatever waits on it fails."""
        with suppress(OSError, TypeError), socket.socket(fileno=os.dup(self._descriptor)) as duplicate:  # type: ignore[arg-type]
            duplicate.shutdown(socket.SHUT_RDWR)


def _own_connection() -> None:
    """This thread keeps its connection, so it must not be one of those that requests share."""
    options = {name: value for name, value in connection.settings_dict["OPTIONS"].items() if name != "pool"}
    connection.settings_dict = connection.settings_dict | {"OPTIONS": options}


def _is_refusal(error: Exception) -> bool:
    """Whether the database is up and has refused."""
    return isinstance(
        error.__cause__, DeadlockDetected | DiskFull | LockNotAvailable | QueryCanceled | SerializationFailure
    )
