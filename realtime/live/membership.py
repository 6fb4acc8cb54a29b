"""Who is in a list is PostgreSQL's answer, never a second implementation of its filters (design rule 23).

The list's own query is put to the changed rows alone, as they are now and as they were: in it, a common table
expression with the rows' images from the change log takes the place of the table. Views whose queries differ only in
their values share a statement, so that it is parsed and planned once for all of them.
"""

import json
import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connection, transaction
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
# In one statement; more of them take PostgreSQL longer to plan than they save.
SHAPES_AT_ONCE = 15
_PLACE = re.compile(r"%(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Question:
    """A view's query about changed rows.

    ``sql`` has the places of its values, and is the same for all its kind; ``values`` are a JSON object of them.
    """

    table: str
    sql: str
    types: tuple[str, ...]
    values: str

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
    if not all(types):
        return None
    named = {f"p{number}": value for number, value in enumerate(values)}
    return Question(table, _in_places(sql), types, json.dumps(named, default=str))


def answers(questions: Mapping[str, Question], revisions: Collection[int]) -> tuple[dict[str, Answer], set[str]]:
    """What the changes with these revisions mean for each view, by its key, and the views that nobody can tell about.

    Views that the changes don't touch are in neither. All questions are about one table. Raises ``Unanswerable``, and
    ``DatabaseError`` when the connection is gone.
    """
    shapes: defaultdict[tuple[str, tuple[str, ...]], dict[str, str]] = defaultdict(dict)
    table = ""
    for view, asked in questions.items():
        shapes[asked.shape][view] = asked.values
        table = asked.table
    _must_be_logged(table, revisions)
    told: dict[str, Answer] = {}
    untold: set[str] = set()
    asked_for = list(shapes.items())
    for start in range(0, len(asked_for), SHAPES_AT_ONCE):
        some = asked_for[start : start + SHAPES_AT_ONCE]
        try:
            told |= _answered(table, some, revisions)
        except DatabaseError:
            # One query that fails, or takes long, is no reason to know nothing of the others.
            for each in some:
                try:
                    told |= _answered(table, [each], revisions)
                except DatabaseError:
                    untold.update(each[1])
    return told, untold


Shapes = Collection[tuple[tuple[str, tuple[str, ...]], Mapping[str, str]]]


def _answered(table: str, shapes: Shapes, revisions: Collection[int]) -> dict[str, Answer]:
    """Asks in one statement. Raises ``DatabaseError``; unless the connection is gone, it can be asked again."""
    names = [view for _, views in shapes for view in views]
    parameters: list[Any] = [list(revisions), table, *(f"[{','.join(views.values())}]" for _, views in shapes)]
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_statement(table, shapes), parameters)
            return {names[number - 1]: Answer(*answer) for number, *answer in cursor.fetchall()}
    except DatabaseError:
        if connection.connection is None or connection.connection.closed:
            raise InterfaceError("the connection is gone") from None
        raise


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


def _statement(table: str, shapes: Shapes) -> str:
    """Of a change's two images, one that is in the list and one that isn't make a row that came or left.

    An insert or a delete has one image, and an update two. Views are told apart by their number among all.
    """
    asked, before = [], 0
    for (sql, types), views in shapes:
        # A view without values is one all the same.
        told = {f"p{number}": name for number, name in enumerate(types)} or {"nothing": "text"}
        columns = ", ".join(f"{name} {type_}" for name, type_ in told.items())
        asked.append(
            f"select {before} + view as view, change, is_new, inside"
            f" from rows from (json_to_recordset(%s) as ({columns})) with ordinality asked ({', '.join(told)}, view),"
            f" lateral ({sql}) hit (change, is_new, inside)"
        )
        before += len(views)
    return f"""
        with "{table}" as materialized (
            select changed.*, realtime_change.revision as realtime_change, is_new as realtime_new
            from realtime_change, lateral (values (old, false), (new, true)) images (image, is_new),
                 lateral jsonb_populate_record(null::"{table}", image) changed
            where realtime_change.revision = any(%s) and table_name = %s and image is not null
        ), hits (view, inside, images, has_new) as (
            select view, bool_or(inside), count(*), bool_or(is_new) from ({" union all ".join(asked)}) found
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
