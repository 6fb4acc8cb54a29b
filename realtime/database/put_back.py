"""Puts rows back as the change log has them (design rule 31).

PostgreSQL compares and writes them from the log's own images, so no value is changed on its way through Python. The
names of tables and columns come from the models and the catalog, never from a request.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import connection

from realtime.database.change_log import DECODER
from realtime.keys import KEY_TYPE

Row = dict[str, Any]

# Triggers write these two; no reader means them when they ask what has changed.
STAMPED = frozenset({"revision", "updated_at"})


class Side(StrEnum):
    """Of an entry: the row before the change, or after it."""

    BEFORE = "old"
    AFTER = "new"


@dataclass(frozen=True, slots=True)
class Net:
    """What some entries together did to a row: from ``before`` at entry ``first`` to ``after`` at entry ``last``.

    None where there was no row.
    """

    table: str
    key: str
    first: int
    last: int
    before: Row | None
    after: Row | None


# A transaction of somebody who names no actions is one, too.
_OF_ACTION = "action = %(name)s"
_OF_TRANSACTION = "action is null and xid = %(name)s::xid8"
TRANSACTION = "tx:"
# More would be no number of a transaction.
TRANSACTION_DIGITS = 19

# Read into the table's row type and out again: a time is logged in the zone of whoever wrote it.
_NETS = """
with net as (
    select row_key, min(revision) as first, max(revision) as last from realtime_change
    where {condition} and table_name = %(table)s and row_key is not null
    group by row_key order by row_key limit %(limit)s
)
select net.row_key::text, net.first, net.last,
       case when first.old is not null then to_jsonb(jsonb_populate_record(null::{table}, first.old)) end,
       case when last.new is not null then to_jsonb(jsonb_populate_record(null::{table}, last.new)) end,
       array(select jsonb_object_keys(first.old)), array(select jsonb_object_keys(last.new))
from net
join realtime_change as first on first.revision = net.first
join realtime_change as last on last.revision = net.last
"""


def nets_of(doing: str, tables: Iterable[str], limit: int) -> list[Net]:
    """What an action did to each row of these tables; of a transaction, its name is ``tx:<xid>``."""
    if not may_name(doing):
        return []
    condition = _OF_TRANSACTION if doing.startswith(TRANSACTION) else _OF_ACTION
    values = {"name": doing.removeprefix(TRANSACTION), "limit": limit}
    return [net for table in tables for net in _nets(table, condition, values)]


def may_name(doing: str) -> bool:
    """Whether there can be an action, or ``tx:`` and a transaction, of this name."""
    number = doing.removeprefix(TRANSACTION)
    return number == doing or (number.isascii() and number.isdecimal() and len(number) <= TRANSACTION_DIGITS)


def net_of(table: str, revision: int) -> Net | None:
    """What one entry did."""
    found = _nets(table, "revision = %(name)s", {"name": revision, "limit": 1})
    return found[0] if found else None


def _nets(table: str, condition: str, values: dict[str, Any]) -> list[Net]:
    query = _NETS.format(condition=condition, table=_quoted(table))
    with connection.cursor() as cursor:
        cursor.execute(query, values | {"table": table})
        return [
            Net(table, key, first, last, _image(before, had), _image(after, has))
            for key, first, last, before, after, had, has in cursor.fetchall()
        ]


def _image(text: str | None, logged: Collection[str]) -> Row | None:
    # A column that came later isn't known to have been empty.
    return None if text is None else {name: value for name, value in DECODER.decode(text).items() if name in logged}


def locked_rows(table: str, keys: Iterable[str]) -> dict[str, Row]:
    """The rows with these keys as they are now, held until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select id::text, to_jsonb(t) from {_quoted(table)} as t where id = any(%s::{KEY_TYPE}[])"
            " order by id for update",
            [sorted(keys)],
        )
        return {key: DECODER.decode(row) for key, row in cursor.fetchall()}


def held_keys(table: str, keys: Iterable[str]) -> set[str]:
    """Which of these rows are there; none of them can go until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select id::text from {_quoted(table)} where id = any(%s::{KEY_TYPE}[]) order by id for key share",
            [sorted(keys)],
        )
        return {key for (key,) in cursor.fetchall()}


def writable_columns(table: str) -> list[str]:
    """Of a new row; of one that is there, the key isn't."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped"
            " and attgenerated = '' and (attidentity <> 'a' or attname = 'id') order by attnum",
            [_quoted(table)],
        )
        return [name for (name,) in cursor.fetchall()]


def put_back(table: str, columns: Sequence[str], side: Side, revisions: Iterable[int]) -> None:
    """Gives these columns of rows the values that one side of an entry of theirs has."""
    values = ", ".join(f"{_quoted(column)} = was.{_quoted(column)}" for column in columns)
    _execute(
        f"update {_quoted(table)} as t set {values} from realtime_change as entry"
        f" cross join lateral jsonb_populate_record(null::{_quoted(table)}, entry.{side}) as was"
        f" where entry.revision = any(%s) and t.id = entry.row_key::{KEY_TYPE}",
        list(revisions),
    )


def insert_again(table: str, columns: Sequence[str], side: Side, revisions: Iterable[int]) -> None:
    """Rows that are gone come back with their keys."""
    names = ", ".join(_quoted(column) for column in columns)
    values = ", ".join(f"was.{_quoted(column)}" for column in columns)
    _execute(
        f"insert into {_quoted(table)} ({names}) overriding system value select {values} from realtime_change as entry"
        f" cross join lateral jsonb_populate_record(null::{_quoted(table)}, entry.{side}) as was"
        " where entry.revision = any(%s) order by entry.revision",
        list(revisions),
    )


def remove(table: str, keys: Iterable[str]) -> None:
    _execute(f"delete from {_quoted(table)} where id = any(%s::{KEY_TYPE}[])", sorted(keys))


def check_now() -> None:
    """Raises IntegrityError for what would otherwise fail only at the commit."""
    with connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute("set constraints all deferred")


def _execute(statement: str, values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [values])


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
