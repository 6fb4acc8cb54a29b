"""What apps do with each change exactly once, whoever made it, also what was committed while no worker ran.

A handler of the dispatcher may get a change again after a crash, and a worker that has lost its position tells handlers
nothing of what happened before. A reader of the log has a position of its own, stored in the transaction of its work:
both are there or neither is.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from realtime.database.change_log import (
    PRUNED,
    Change,
    current_watermark,
    invalid_because,
    latest_watermark,
    news_in_this_snapshot,
    store_watermark,
    stored_watermark,
)
from realtime.database.refusals import first_line
from realtime.database.thread import DatabaseThread
from realtime.events import RealtimeEvent, TableReset
from realtime.waiting import wait_for_event
from realtime.worker.unusable import Source, Unusable, keep

logger = logging.getLogger(__name__)

# Without any change of its tables, a reader looks this often, and stores its position: the retention keeps what lies
# before a position that is in use.
LOOK_ANYWAY_SECONDS = 60.0
# Changes that come one after the other are read together: between the beginnings of two rounds lies this much at least.
GATHER_SECONDS = 0.05
RETRY_SECONDS = 1.0
RETRY_SECONDS_AT_MOST = 60.0


@dataclass(frozen=True, slots=True)
class LogReader:
    """``read`` gets pages of changes of ``tables`` in the order of their revisions, inside a transaction.

    Whatever it writes there is written once for each change. It must not write what it reads, or wait for anything but
    the database. ``name`` is its position's. ``wanted`` says of which of its tables it wants to know now: the changes
    of others aren't read.
    """

    name: str
    tables: frozenset[str]
    read: Callable[[list[Change]], object]
    wanted: Callable[[], frozenset[str]] | None = None


_readers: list[LogReader] = []


def register_reader(reader: LogReader) -> None:
    """Called when an app starts. Raises ValueError when the name is taken."""
    if any(other.name == reader.name for other in _readers):
        raise ValueError(f"a reader of the change log is called '{reader.name}' already")
    _readers.append(reader)


class LogReaders:
    """Runs every reader whenever something of its tables was emitted, and once at the start of each lead.

    ``on_read`` is called after each time: a reader may have left work to do.
    """

    def __init__(self, database: DatabaseThread, on_read: Callable[[], None]) -> None:
        self._database = database
        self._on_read = on_read
        self._due = asyncio.Event()
        self._concerned: set[LogReader] = set()
        # Also those that want nothing are to store their position.
        self._anyway = True
        # What each one failed at last.
        self._problems: dict[str, str] = {}

    def begin(self) -> None:
        """A new lead: nobody may have read for a while."""
        self._anyway = True
        self._due.set()

    def hear(self, event: RealtimeEvent[Any] | TableReset) -> None:
        """The dispatcher's handler. An event only says that there is something to read."""
        if concerned := [reader for reader in _readers if event.table in reader.tables]:
            self._concerned.update(concerned)
            self._due.set()

    async def run(self) -> None:
        """Until cancelled."""
        wait, began = RETRY_SECONDS, -math.inf
        while True:
            await wait_for_event(self._due, LOOK_ANYWAY_SECONDS)
            if (rest := began + GATHER_SECONDS - time.monotonic()) > 0:
                await asyncio.sleep(rest)
            began = time.monotonic()
            anyway, self._anyway = self._anyway or not self._due.is_set(), False
            concerned, self._concerned = set(_readers) if anyway else self._concerned, set()
            self._due.clear()
            failed = [reader for reader in _readers if reader in concerned and not await self._read(reader, anyway)]
            if not failed:
                wait = RETRY_SECONDS
                continue
            await asyncio.sleep(wait)
            wait = min(2 * wait, RETRY_SECONDS_AT_MOST)
            self._concerned.update(failed)
            self._anyway = self._anyway or anyway
            self._due.set()

    async def _read(self, reader: LogReader, anyway: bool) -> bool:
        try:
            if not anyway and await self._database.run(_wants_nothing, reader):
                return True
            async with aclosing(self._database.pages(partial(read_news, reader))) as pages:
                async for _ in pages:
                    pass
        except Exception as error:
            # Its words may quote a record, unless they are the database's.
            told = first_line(error) if isinstance(error, DatabaseError) else type(error).__name__
            if self._problems.get(reader.name) != told:
                logger.warning("'%s' can't read the change log (%s): it tries again", reader.name, told)
            self._problems[reader.name] = told
            return False
        self._problems.pop(reader.name, None)
        self._on_read()
        return True


def _wants_nothing(reader: LogReader) -> bool:
    return reader.wanted is not None and not reader.wanted()


def read_from_now_on(reader: LogReader) -> None:
    """Stores the position behind everything that is committed: for a portal that was just filled."""
    store_watermark(reader.name, current_watermark())


def read_news(reader: LogReader) -> Iterator[int]:
    """Lets a reader read what is new, and moves its position, in one transaction. Raises the database's errors.

    Yields how many changes each page had: however much there is, no step takes long. Of two leaders that read at the
    same time, PostgreSQL lets only one store its position.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read")
        current, pruned = current_watermark(), stored_watermark(PRUNED)
        since = stored_watermark(reader.name)
        problem = "it has read nothing yet" if since is None else invalid_because(since, current, pruned)
        if since is None or problem:
            level = logging.INFO if since is None else logging.WARNING
            logger.log(level, "'%s' reads the change log from now on: %s", reader.name, problem)
            following = latest_watermark(current, pruned)
        else:
            tables = reader.tables if reader.wanted is None else reader.tables & reader.wanted()
            following, pages = news_in_this_snapshot(since, tables)
            for page in pages if tables else ():
                _read_page(reader, page)
                yield len(page)
        store_watermark(reader.name, following)


def _read_page(reader: LogReader, page: list[Change]) -> None:
    """One change that can't be read holds up none of the others: it is left out, and the worker says so."""
    try:
        with transaction.atomic():
            reader.read(page)
    except (OperationalError, InterfaceError):
        # Of the database, not of what is read: the whole is tried again.
        raise
    except Exception as error:
        if len(page) > 1:
            for change in page:
                _read_page(reader, [change])
            return
        change, why = page[0], type(error).__name__
        logger.error("'%s' leaves out change %d (%s)", reader.name, change.revision, why)
        keep(Unusable(Source.READER, change.table, f"'{reader.name}' fails at change {change.revision} ({why})"))
