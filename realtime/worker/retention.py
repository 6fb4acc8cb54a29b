"""How long the change log is kept: by age, and never past the position of a worker that still needs it."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import aclosing
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone

from realtime.database.change_log import DECODER, PRUNED, Watermark, current_watermark, wait_for_no_standby
from realtime.database.refusals import first_line
from realtime.database.thread import DatabaseThread
from realtime.models import RealtimeWatermark

logger = logging.getLogger(__name__)

PRUNE_EVERY_SECONDS = 3_600.0
# A batch is short work for the database, and short to wait behind.
BATCH = 5_000
# A position not stored again for this long is abandoned: if its worker comes back after all, it notices what was pruned
# and resynchronises by state.
ALIVE_DAYS = 1.0

# What else is thrown away each hour; an app adds to it when it starts.
hourly: list[Callable[[], object]] = []
# By table, who hears of rows that can't come back any more: the log has forgotten that they were deleted.
forgotten: dict[str, Callable[[list[dict[str, Any]]], object]] = {}

# The oldest entries by revision are the oldest by time, so the key's index finds them and none by time is needed.
PRUNE = """
with oldest as (
    select revision from realtime_change order by revision limit %(batch)s
), pruned as (
    delete from realtime_change using oldest
    where realtime_change.revision = oldest.revision
      and at < %(before)s and xid < %(horizon)s::text::xid8
    returning xid, table_name, op, old
)
select count(*), max(xid::text::numeric)::bigint,
       jsonb_agg(jsonb_build_array(table_name, old)) filter (where op = 'DELETE' and table_name = any(%(heard)s))
from pruned
"""


async def prune_for_ever(database: DatabaseThread) -> None:
    """Every hour until cancelled: prunes, unless REALTIME_RETENTION_DAYS is 0, and does what apps have added."""
    while True:
        await asyncio.sleep(PRUNE_EVERY_SECONDS)
        if settings.REALTIME_RETENTION_DAYS:
            await _prune_now(database)
        for errand in hourly:
            try:
                await database.run(errand)
            except (DatabaseError, InterfaceError) as error:
                logger.warning("what is thrown away each hour stays for now: %s", first_line(error))


async def _prune_now(database: DatabaseThread) -> None:
    try:
        async with aclosing(database.pages(lambda: prune(settings.REALTIME_RETENTION_DAYS))) as batches:
            pruned = sum([batch async for batch in batches])
        logger.info("pruned %d entries of the change log", pruned)
    except (DatabaseError, InterfaceError) as error:
        logger.warning("the change log can't be pruned: %s", first_line(error))


def prune(days: float) -> Iterator[int]:
    """Deletes entries older than ``days``, a transaction per batch; yields how many each deleted.

    Raises the database's errors.
    """
    before = timezone.now() - timedelta(days=days)
    while True:
        with transaction.atomic():
            wait_for_no_standby("off")
            pruned, gone = _prune_batch(before.isoformat())
        for table, heard in forgotten.items():
            if rows := [row for name, row in gone if name == table]:
                heard(rows)
        if pruned:
            yield pruned
        if pruned < BATCH:
            return


def _prune_batch(before: str) -> tuple[int, list[tuple[str, dict[str, Any]]]]:
    """How many entries it has deleted, and the rows of which that can't be told any more."""
    horizon = _horizon()
    with connection.cursor() as cursor:
        limits: dict[str, Any] = {"batch": BATCH, "before": before, "horizon": str(horizon), "heard": list(forgotten)}
        cursor.execute(PRUNE, limits)
        count, last, gone = cursor.fetchone()
    if count:
        _remember(last + 1)
    return int(count), DECODER.decode(gone) if gone else []


def _horizon() -> int:
    """No transaction from this one on may be pruned: somebody hasn't read it, or it may still be open."""
    current = current_watermark()
    alive = RealtimeWatermark.objects.exclude(name=PRUNED).filter(
        stored_at__gte=timezone.now() - timedelta(days=ALIVE_DAYS)
    )
    positions = [Watermark(row.snapshot, row.system_identifier, row.timeline) for row in alive]
    return min(
        position.xmin for position in (current, *positions) if position.system_identifier == current.system_identifier
    )


def _remember(xmin: int) -> None:
    current = current_watermark()
    known = RealtimeWatermark.objects.filter(name=PRUNED, system_identifier=current.system_identifier).first()
    if known is not None:
        xmin = max(xmin, Watermark(known.snapshot, known.system_identifier, known.timeline).xmin)
    RealtimeWatermark.objects.update_or_create(
        name=PRUNED,
        defaults={
            "snapshot": f"{xmin}:{xmin}:",
            "system_identifier": current.system_identifier,
            "timeline": current.timeline,
            "stored_at": timezone.now(),
        },
    )
