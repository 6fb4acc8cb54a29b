"""What is in the database already: the live tables that an app made, as the catalog has them. Changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from realtime.database.columns import Column, read_columns


@dataclass(frozen=True, slots=True)
class Table:
    """A live table that is there. ``kind`` is pg_class.relkind, ``key`` the columns of the primary key."""

    name: str
    kind: str
    is_partition: bool
    has_children: bool
    identity: str
    row_security: bool
    forced_security: bool
    may_alter: bool
    rows: int
    key: Sequence[str]
    columns: Mapping[str, Column]

    @property
    def size(self) -> str:
        """About how many rows it has, for people."""
        return "rows not counted yet" if self.rows < 0 else f"about {self.rows:,} rows"


_TABLES = """
select relname::text, relkind::text, relispartition, exists (select from pg_inherits where inhparent = c.oid),
       relreplident::text, relrowsecurity, relforcerowsecurity, pg_has_role(relowner, 'usage'), reltuples::bigint,
       array(select attname::text from pg_index join pg_attribute on attrelid = c.oid and attnum = any(indkey)
             where indrelid = c.oid and indisprimary)
from pg_class as c
where relname = any(%s) and relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')
"""


def survey(names: list[str]) -> dict[str, Table]:
    """Those of these tables that are there, whatever made them."""
    found = {
        name: Table(name, *told, columns=read_columns(name))  # type: ignore[misc]  # the columns of the question
        for name, *told in _rows(_TABLES, names)
    }
    return {name: found[name] for name in names if name in found}


def taken_names(names: list[str]) -> list[str]:
    """Which of these names something in our schema has already."""
    return [
        name
        for (name,) in _rows(
            "select relname::text from pg_class where relname = any(%s)"
            " and relnamespace = current_schema()::regnamespace order by 1",
            names,
        )
    ]


def _rows(question: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(question, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
