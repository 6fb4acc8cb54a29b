"""One thread that owns one database connection, for asyncio code that has to read or write."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, connection

P = ParamSpec("P")
R = TypeVar("R")

_END = object()


class DatabaseThread:
    """Runs synchronous functions one after the other on its own thread and connection.

    A connection that broke is closed, so that the next call gets a new one; the error is raised to the caller.
    """

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        def call() -> R:
            try:
                return function(*args, **kwargs)
            except (DatabaseError, InterfaceError):
                connection.close()
                raise

        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    async def pages(self, function: Callable[[], Iterator[R]]):  # type: ignore[no-untyped-def]
        """Iterates a synchronous generator, each step on the thread; what it holds open ends with it."""
        iterator = await self.run(function)
        try:
            while (page := await self.run(next, iterator, _END)) is not _END:
                yield page
        finally:
            await self.run(iterator.close)  # type: ignore[attr-defined]

    def close(self) -> None:
        self._executor.submit(connection.close)
        self._executor.shutdown(wait=False)
