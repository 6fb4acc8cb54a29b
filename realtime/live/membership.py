"""Who is in a list is PostgreSQL's answer, never a second implementation of its filters (design rule 23).

The list's own query is put to the changed rows alone, as they are now and as they were: in it, a common table
expression with the rows' images from the change log takes the place of the table. Views whose queries differ only in
their values share a statement, so that it is parsed and planned once for all of them.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet
from django.db.models.expressions import Expression, RawSQL
from psycopg.types.numeric import Int2, Int4, Int8

_TYPES: dict[type, str] = {
    str: "text",
    int: "bigint",
    # What Django makes of a whole number whose column or function takes no other size.
    Int2: "smallint",
    Int4: "integer",
    Int8: "bigint",
    bool: "boolean",
    UUID: "uuid",
    datetime: "timestamptz",
    date: "date",
    Decimal: "numeric",
}
_PLACE = re.compile(r"%(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Question:
    """A view's query about changed rows. ``sql`` has the places of its ``values``, and is the same for all its kind."""

    table: str
    sql: str
    types: tuple[str, ...]
    values: tuple[Any, ...]

    @property
    def shape(self) -> tuple[str, tuple[str, ...]]:
        return self.sql, self.types


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether changed rows are, or were, within the page; and whether one has come into the list, or left it."""

    inside: bool = False
    came: bool = False
    left: bool = False


class Unanswerable(LookupError):
    """The log doesn't have these changes any more."""


def question(members: "QuerySet[Any]", inside: Expression) -> Question | None:
    """``members`` is the list's query, ``inside`` whether a row lies within the page; None for values we can't send."""
    table = members.model._meta.db_table
    asked = members.order_by().annotate(
        realtime_inside=inside,
        realtime_change=RawSQL(f'"{table}"."realtime_change"', []),  # noqa: S611 - a table's own name
        realtime_new=RawSQL(f'"{table}"."realtime_new"', []),  # noqa: S611
    )
    told = asked.values_list("realtime_change", "realtime_new", "realtime_inside")
    sql, parameters = told.query.sql_with_params()
    # A word of fixed choices is a text of a class of its own.
    values = [value.value if isinstance(value, Enum) else value for value in parameters]
    types = tuple(_TYPES.get(type(value), "") for value in values)
    return Question(table, sql, types, tuple(values)) if all(types) else None


def answers(questions: Mapping[str, Question], revisions: Collection[int]) -> tuple[dict[str, Answer], set[str]]:
    """What the changes with these revisions mean for each view, by its key, and the views that nobody can tell about.

    Views that the changes don't touch are in neither. All questions are about one table. Raises ``Unanswerable``, and
    ``DatabaseError`` when the connection is gone.
    """
    shapes: defaultdict[tuple[str, tuple[str, ...]], list[tuple[str, tuple[Any, ...]]]] = defaultdict(list)
    table = ""
    for view, asked in questions.items():
        shapes[asked.shape].append((view, asked.values))
        table = asked.table
    told: dict[str, Answer] = {}
    untold: set[str] = set()
    _must_be_logged(table, revisions)
    for (sql, types), views in shapes.items():
        names = [view for view, _ in views]
        columns = [names, *map(list, zip(*(values for _, values in views), strict=True))]
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_statement(table, sql, types), [list(revisions), table, *columns])
                told |= {view: Answer(*answer) for view, *answer in cursor.fetchall()}
        except DatabaseError:
            # One query that fails, or takes long, is no reason to know nothing of the others.
            if connection.connection is None or connection.connection.closed:
                raise
            untold.update(names)
    return told, untold


def _must_be_logged(table: str, revisions: Collection[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from realtime_change where revision = any(%s) and coalesce(old, new) is not null",
            [list(revisions)],
        )
        if cursor.fetchone()[0] < len(revisions):
            raise Unanswerable(f"{len(revisions)} changes to {table}")


def parents(table: str, column: str, revisions: Collection[int]) -> set[str]:
    """The keys that changed rows of a table point to, or pointed to. Raises ``Unanswerable``."""
    _must_be_logged(table, revisions)
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct image ->> %s from realtime_change, lateral (values (old), (new)) images (image)"
            " where revision = any(%s) and table_name = %s and image ->> %s is not null",
            [column, list(revisions), table, column],
        )
        return {key for (key,) in cursor.fetchall()}


def _statement(table: str, sql: str, types: tuple[str, ...]) -> str:
    """Of a change's two images, one that is in the list and one that isn't make a row that came or left.

    An insert or a delete has one image, and an update two.
    """
    names = ", ".join(["view", *(f"p{number}" for number in range(len(types)))])
    arrays = ", ".join(["%s::text[]", *(f"%s::{name}[]" for name in types)])
    return f"""
        with "{table}" as materialized (
            select changed.*, realtime_change.revision as realtime_change, is_new as realtime_new
            from realtime_change, lateral (values (old, false), (new, true)) images (image, is_new),
                 lateral jsonb_populate_record(null::"{table}", image) changed
            where realtime_change.revision = any(%s) and table_name = %s and image is not null
        ), hits (view, inside, images, has_new) as (
            select view, bool_or(inside), count(*), bool_or(is_new)
            from unnest({arrays}) asked ({names}), lateral ({_in_places(sql)}) hit (change, is_new, inside)
            group by view, change
        )
        select view, bool_or(inside), bool_or(images = 1 and has_new), bool_or(images = 1 and not has_new)
        from hits group by view
    """


def _in_places(sql: str) -> str:
    """The query with columns ``p0``, ``p1``, … where its parameters were."""
    count = -1

    def place(found: "re.Match[str]") -> str:
        nonlocal count
        if found[1] != "s":
            return found[0]
        count += 1
        return f"asked.p{count}"

    return _PLACE.sub(place, sql)
