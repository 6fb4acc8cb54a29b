"""What a column of a live table is in this database: in an adopted one, its app has chosen the type."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from django.db import connection

from realtime.database.adopted import is_adopted_table
from realtime.database.event_loop import outside_loop


class Family(StrEnum):
    """What a type is to us. ``OTHER`` can't be shown or sorted by."""

    TEXT = "text"
    ENUM = "enum"
    NUMBER = "number"
    TIME = "time"
    NAIVE_TIME = "time without a zone"
    UUID = "uuid"
    BOOLEAN = "boolean"
    DATE = "date"
    OTHER = "other"


_FAMILIES = {
    **dict.fromkeys(("text", "varchar", "bpchar", "citext", "name"), Family.TEXT),
    **dict.fromkeys(("numeric", "int2", "int4", "int8", "float4", "float8"), Family.NUMBER),
    "timestamptz": Family.TIME,
    "timestamp": Family.NAIVE_TIME,
    "uuid": Family.UUID,
    "bool": Family.BOOLEAN,
    "date": Family.DATE,
}

# A text as PostgreSQL writes it in an expression.
_TEXT = re.compile(r"'((?:[^']|'')*)'::[\w .()\"]+")

# What NULL counts as in an order: it comes before everything. Written as in an index, so that one serves the sort.
_LOWEST = {
    Family.TEXT: "''",
    Family.NUMBER: "'-999999999999999'::numeric",
    Family.TIME: "'0001-01-02 00:00:00+00'::timestamptz",
    Family.NAIVE_TIME: "'0001-01-02 00:00:00'::timestamp",
}


@dataclass(frozen=True, slots=True)
class Column:
    """``type`` as PostgreSQL writes it, ``labels`` of an enum in its order."""

    name: str
    type: str
    family: Family
    nullable: bool
    has_default: bool = False
    # Its value is computed, or the app may not choose it.
    written_by_database: bool = False
    labels: tuple[str, ...] = ()
    # The text that new rows get, where that is a constant.
    default: str | None = None
    # The table and the column that a foreign key names, quoted.
    references: tuple[str, str] | None = None

    @property
    def is_enum(self) -> bool:
        return self.family is Family.ENUM


_COLUMNS = """
select attname::text, format_type(atttypid, atttypmod), basic.typname::text, basic.typtype = 'e', not attnotnull,
       atthasdef or attidentity <> '', attgenerated <> '' or attidentity = 'a',
       array(select enumlabel::text from pg_enum where enumtypid = basic.oid order by enumsortorder),
       (select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = attrelid and adnum = attnum),
       (select array[confrelid::regclass::text, (select quote_ident(far.attname) from pg_attribute as far
                                                 where far.attrelid = confrelid and far.attnum = confkey[1])]
        from pg_constraint where contype = 'f' and conrelid = attrelid and conkey = array[pg_attribute.attnum] limit 1)
from pg_attribute
join pg_class on pg_class.oid = attrelid
join pg_type as told on told.oid = atttypid
join pg_type as basic on basic.oid = case when told.typtype = 'd' then told.typbasetype else told.oid end
where relname = %s and relnamespace = current_schema()::regnamespace and attnum > 0 and not attisdropped
order by attnum
"""


def read_columns(table: str) -> dict[str, Column]:
    """The columns of a table as they are at this moment; none where there is no such table."""
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [table])
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return {
            name: Column(
                name,
                kind,
                Family.ENUM if is_enum else _FAMILIES.get(basic, Family.OTHER),
                nullable,
                has_default,
                computed,
                tuple(labels),
                _constant(default),
                tuple(references) if references else None,
            )
            for name, kind, basic, is_enum, nullable, has_default, computed, labels, default, references in found
        }


@cache
def columns_of(table: str) -> Mapping[str, Column]:
    """The columns of a table as they were when this process first asked."""
    return outside_loop(lambda: read_columns(table))


def forget() -> None:
    """Has this process ask again: another database is in use, or the columns have changed."""
    columns_of.cache_clear()
    is_adopted_table.cache_clear()


def column_of(table: str, name: str) -> Column:
    """Raises ``KeyError`` when the table has no such column."""
    return columns_of(table)[name]


def _constant(expression: str | None) -> str | None:
    told = _TEXT.fullmatch(expression or "")
    return told.group(1).replace("''", "'") if told else None


def never_null(sql: str, column: Column) -> str:
    """An expression over a column, with a lowest value instead of NULL where the column may hold one.

    ``sql`` must have the column's own family, or be a text.
    """
    return f"coalesce({sql}, {_LOWEST[column.family]})" if column.nullable and column.family in _LOWEST else sql
