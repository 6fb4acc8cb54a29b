"""Keeps what couldn't be read, with the reason, for whoever looks into it.

Nothing hangs on it: the change log says what happened, and the sweep brings it. What came may hold a record, so it
goes into a table and never into a log file. The newest ``KEPT`` are there for ``KEPT_DAYS`` days.
"""

import asyncio
import json
import logging
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from realtime.database.refusals import first_line
from realtime.database.thread import DatabaseThread
from realtime.models import UnusableEvent

logger = logging.getLogger(__name__)

KEPT = 1_000
KEPT_DAYS = 30
CONTENT_LENGTH = 16_000
# Those that wait to be stored. A server that sends nothing but nonsense must not fill the memory.
WAITING_AT_MOST = 200
STORE_SECONDS = 2.0


class Source(StrEnum):
    """Where the worker was when it couldn't read on."""

    FRAME = "frame"
    REALTIME = "event from Realtime"
    ROW = "row in the change log"
    READER = "reader of the change log"


@dataclass(frozen=True, slots=True)
class Unusable:
    source: Source
    table: str
    reason: str
    content: object = ""


class UnusableEvents:
    """``hear`` only notes, so it may be called anywhere; ``run`` stores what was noted."""

    def __init__(self) -> None:
        self._waiting: deque[Unusable] = deque(maxlen=WAITING_AT_MOST)

    def hear(self, event: Unusable) -> None:
        self._waiting.append(event)

    async def run(self, database: DatabaseThread) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(STORE_SECONDS)
            if not self._waiting:
                continue
            events = list(self._waiting)
            self._waiting.clear()
            try:
                await database.run(keep, *events)
            except (DatabaseError, InterfaceError) as error:
                logger.warning("%d events that can't be read aren't kept: %s", len(events), first_line(error))


def keep(*events: Unusable) -> None:
    """Stores them, and drops the oldest ones. Raises the database's errors."""
    UnusableEvent.objects.bulk_create(
        UnusableEvent(
            source=event.source, table_name=event.table, reason=_storable(event.reason), content=_text(event.content)
        )
        for event in events
    )
    last = UnusableEvent.objects.order_by("-id").values_list("id", flat=True)[KEPT : KEPT + 1].first()
    if last is not None:
        UnusableEvent.objects.filter(id__lte=last).delete()


def throw_away_old() -> int:
    """Deletes those older than 30 days; returns how many."""
    return UnusableEvent.objects.filter(at__lt=timezone.now() - timedelta(days=KEPT_DAYS)).delete()[0]


def _text(content: object) -> str:
    told = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, default=str)
    return _storable(told)


def _storable(told: str) -> str:
    # PostgreSQL keeps no NUL.
    return told.replace("\0", "�")[:CONTENT_LENGTH]
