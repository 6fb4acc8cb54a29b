"""Reads the change log: what Realtime's events lack, and what Realtime missed.

The sweep's position is a ``pg_snapshot``. A sweep returns everything visible now that wasn't visible then: complete,
exactly once, never held up by a long transaction (design rule 6; a position by id or time loses late committers).
All of this is synchronous; the worker runs it on one database thread.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from realtime.keys import Key, read_key
from realtime.models import RealtimeWatermark

PAGE = 1_000
DECODER = json.JSONDecoder(parse_float=Decimal)


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the log. ``swept`` says whether the sweep had already passed it when it was read."""

    revision: int
    at: datetime
    table: str
    op: str
    key: Key | None
    old: dict[str, Any] | None
    new: dict[str, Any] | None
    actor: str
    # What it was part of (``database/actor.py``); empty for other clients' changes.
    action: str = ""
    swept: bool = False

    @property
    def changed(self) -> tuple[str, ...]:
        if self.old is None or self.new is None:
            return ()
        ignored = {"revision", "updated_at"}
        return tuple(name for name in self.new if name not in ignored and self.new[name] != self.old.get(name))


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far the log has been emitted, and the cluster and timeline that this position is valid for."""

    snapshot: str
    system_identifier: str
    timeline: str

    @property
    def xmin(self) -> int:
        """Every transaction before this one is behind the position."""
        return int(self.snapshot.split(":")[0])

    @property
    def xmax(self) -> int:
        """No transaction from this one on is behind the position."""
        return int(self.snapshot.split(":")[1])

    def up_to(self, snapshot: str, last: int) -> "Watermark":
        """The position at ``snapshot``, without the transactions after ``last``, the newest that the log shows in it.

        A transaction that leaves nothing behind may leave no trace in the WAL either; after a crash PostgreSQL gives
        its id to another one. A position that had passed the id would hide that one's changes (found by bin/chaos,
        seed 803). The transactions up to the newest entry are safe: their ids lie in the WAL before its commit.
        """
        _, xmax, in_progress = snapshot.split(":")
        end = min(int(xmax), last + 1)
        open_at = [xid for xid in map(int, filter(None, in_progress.split(","))) if xid < end]
        return replace(self, snapshot=f"{open_at[0] if open_at else end}:{end}:{','.join(map(str, open_at))}")


# The newest transaction that the log shows; the first id that PostgreSQL gives to one.
LAST = "select xid from realtime_change order by xid desc limit 1"
FIRST_XID = 3
COLUMNS = "revision, at, table_name, op, row_key, old, new, actor, action"
# The retention stores under this name how far it has deleted: everything visible in that snapshot may be gone.
PRUNED = "pruned"

# The log's own oid is part of the identifier: restoring a dump into the same cluster, over the old tables or into a new
# database, creates a new log.
CURRENT = """
select pg_current_snapshot()::text,
       (pg_control_system()).system_identifier || ':' || 'realtime_change'::regclass::oid,
       left(pg_walfile_name(pg_current_wal_lsn()), 8)
"""


def current_watermark() -> Watermark:
    """The position that says "everything visible now has been emitted"."""
    with connection.cursor() as cursor:
        cursor.execute(CURRENT)
        return Watermark(*cursor.fetchone())


def latest_watermark(current: Watermark, pruned: Watermark | None) -> Watermark:
    """The position behind everything that the log shows, for a worker that starts from now."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_current_snapshot()::text, (" + LAST + ")::text")
        snapshot, last = cursor.fetchone()
    before = pruned.xmin - 1 if pruned is not None and pruned.system_identifier == current.system_identifier else 0
    return current.up_to(snapshot, max(int(last or 0), before, FIRST_XID - 1))


def stored_watermark(name: str) -> Watermark | None:
    row = RealtimeWatermark.objects.filter(name=name).first()
    return Watermark(row.snapshot, row.system_identifier, row.timeline) if row else None


def store_watermark(name: str, watermark: Watermark) -> None:
    """Stores a position. Losing one in a crash only repeats some work, so nothing waits for the disk."""
    with transaction.atomic():
        wait_for_no_standby("off")
        RealtimeWatermark.objects.update_or_create(
            name=name,
            defaults={
                "snapshot": watermark.snapshot,
                "system_identifier": watermark.system_identifier,
                "timeline": watermark.timeline,
                "stored_at": timezone.now(),
            },
        )


def wait_for_no_standby(synchronous_commit: str) -> None:
    """For this transaction: an absent standby must not stall the worker, whose own rows matter to nobody else."""
    with connection.cursor() as cursor:
        cursor.execute("select set_config('synchronous_commit', %s, true)", [synchronous_commit])


def invalid_because(stored: Watermark, current: Watermark, pruned: Watermark | None = None) -> str | None:
    """Why a stored position is invalid in this database, or None when it is valid.

    After a restored dump or a failover, transaction ids are reused; an old position is then silently wrong.
    ``pruned`` is what the retention has deleted (see ``PRUNED``).
    """
    if stored.system_identifier != current.system_identifier:
        return "the database is another one than the change log was last read from"
    if stored.timeline != current.timeline:
        return "the database was restored or failed over since the change log was last read"
    if stored.xmax > current.xmax:
        return "the stored position lies in the future of this database"
    if pruned is not None and pruned.system_identifier == current.system_identifier and stored.xmin < pruned.xmin:
        return "entries of the change log that were not read yet have been pruned"
    return None


@contextmanager
def sweep(since: Watermark) -> Iterator[tuple[Watermark, Iterator[list[Change]]]]:
    """Opens one consistent view of the log: the next position, and pages of what came after ``since``.

    Pages are in revision order, which is the order of any one row's changes, unless it was re-inserted (rule 1).
    """
    following, news = _news_at_once(since)
    if len(news) <= PAGE:
        yield following, iter([news] if news else [])
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read read only")
        yield news_in_this_snapshot(since)


def news_in_this_snapshot(
    since: Watermark, tables: Iterable[str] | None = None
) -> tuple[Watermark, Iterator[list[Change]]]:
    """As ``sweep``, in the caller's REPEATABLE READ transaction; of some tables only, where they are named."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_current_snapshot()::text, (" + LAST + ")::text")
        following = _following(since, *cursor.fetchone())
    return following, _pages_since(since, None if tables is None else list(tables))


def _news_at_once(since: Watermark) -> tuple[Watermark, list[Change]]:
    """Position and changes in one statement, so in one snapshot; usually enough. Returns at most a page plus one."""
    with connection.cursor() as cursor:
        cursor.execute(NEWS_SINCE, {"position": since.snapshot, "limit": PAGE + 1})
        rows = cursor.fetchall()
    return _following(since, *rows[0][:2]), [_change(row[2:]) for row in rows if row[2] is not None]


def _following(since: Watermark, snapshot: str, last: str | None) -> Watermark:
    return since.up_to(snapshot, max(int(last or 0), since.xmax - 1))


def _pages_since(since: Watermark, tables: list[str] | None) -> Iterator[list[Change]]:
    revisions = _revisions_since(since, tables)
    for start in range(0, len(revisions), PAGE):
        with connection.cursor() as cursor:
            cursor.execute(
                f"select {COLUMNS} from realtime_change where revision = any(%s) order by revision",
                [revisions[start : start + PAGE]],
            )
            yield [_change(row) for row in cursor.fetchall()]


# Two index ranges instead of `not pg_visible_in_snapshot(xid, w)` over the whole log: what began after the position,
# and what was still open at it. Behind a long transaction, the plain form reads everything since that one began.
_FRESH = """
select revision from realtime_change where xid >= pg_snapshot_xmax(%(position)s::pg_snapshot)
union all
select revision from realtime_change where xid = any(array(select pg_snapshot_xip(%(position)s::pg_snapshot)))
"""

REVISIONS_SINCE = f"{_FRESH} order by revision"
OF_TABLES_SINCE = f"""
select revision from ({_FRESH}) as fresh join realtime_change using (revision)
where table_name = any(%(tables)s) order by revision
"""

# Materialised: with the limit next to the condition, the planner would scan the log by revision from its start.
NEWS_SINCE = f"""
with fresh as materialized ({_FRESH})
select pg_current_snapshot()::text, ({LAST})::text, news.*
from (select) as always
left join lateral (
    select {COLUMNS} from realtime_change
    where revision = any(array(select revision from fresh order by revision limit %(limit)s))
) as news on true
order by news.revision
"""


def _revisions_since(since: Watermark, tables: list[str] | None) -> list[int]:
    with connection.cursor() as cursor:
        query = REVISIONS_SINCE if tables is None else OF_TABLES_SINCE
        cursor.execute(query, {"position": since.snapshot, "tables": tables})
        return [row[0] for row in cursor.fetchall()]


def look_up(revisions: Iterable[int], watermark: Watermark) -> dict[int, Change]:
    """The visible log entries of these revisions; each says whether the sweep has already passed it."""
    return {change.revision: change for change in _look_up(watermark, "revision = any(%s)", list(revisions))}


@dataclass(frozen=True, slots=True)
class Deletes:
    """A key's visible DELETE entries, oldest first, and whether its newest entry is one.

    One key can be deleted more than once.
    """

    entries: list[Change]
    is_last: bool


# Also selects a key's newest entry, whatever its op.
_DELETES = """
table_name = %s and row_key = any(%s) and (op = 'DELETE' or not exists (
    select from realtime_change as later where later.table_name = realtime_change.table_name
    and later.row_key = realtime_change.row_key and later.revision > realtime_change.revision))
"""


def look_up_deletes(table: str, keys: Iterable[Key], watermark: Watermark) -> dict[Key, Deletes]:
    """What the log knows about deletes of these keys; a key that it doesn't know is left out."""
    found: dict[Key, Deletes] = {}
    for change in _look_up(watermark, _DELETES, table, [str(key) for key in keys]):
        if change.key is None:
            continue
        is_delete = change.op == "DELETE"
        before = found[change.key].entries if change.key in found else []
        found[change.key] = Deletes([*before, change] if is_delete else before, is_delete)
    return found


def _look_up(watermark: Watermark, condition: str, *parameters: Any) -> list[Change]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {COLUMNS}, pg_visible_in_snapshot(xid, %s::pg_snapshot) from realtime_change"
            f" where {condition} order by revision",
            [watermark.snapshot, *parameters],
        )
        return [_change(row) for row in cursor.fetchall()]


def _change(row: tuple[Any, ...]) -> Change:
    revision, at, table, op, key, old, new, actor, action, *swept = row
    # A RESET of a personal table names a person.
    named = None if key is None else UUID(key) if op == "RESET" else read_key(key)
    return Change(revision, at, table, op, named, _json(old), _json(new), actor, action or "", bool(swept and swept[0]))


def _json(value: Any) -> dict[str, Any] | None:
    # Django returns jsonb as text, so that a JSONField can choose its decoder.
    decoded: dict[str, Any] | None = None if value is None else DECODER.decode(value)
    return decoded
