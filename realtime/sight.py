"""Which rows a person may see (design rule 34): every manager of a live model goes through here.

Groups may be limited to some of a kind's rows, by scopes that apps register. What a person sees because of that is
their ``Sight``. A request, a view's reading, an export or an import runs within one (``seeing``); then every query of a
live model has its condition, wherever it is made. What runs outside of any, such as the worker, sees every row.

A row follows the rows that it hangs on (``LiveModel.hangs_on``): who may not see a ticket sees none of its comments.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib.auth.models import Permission
from django.core.exceptions import FullResultSet
from django.db import connection
from django.db.models import BooleanField, Expression, F

from realtime.keys import KEY_TYPE


@dataclass(frozen=True, slots=True)
class Scope:
    """Some rows of a table. ``sql`` says of ``{row}`` whether it is one of them, for ``{person}``, a key.

    ``deciding`` are the columns, by table, that decide it. ``by_row`` says that the row's own columns are enough.
    """

    table: str
    name: str
    label: str
    sql: str
    deciding: Mapping[str, frozenset[str]]
    by_row: bool = True

    @property
    def key(self) -> str:
        """As groups have it."""
        return f"{self.table}/{self.name}"


_scopes: dict[str, Scope] = {}


def register_scope(scope: Scope) -> None:
    """Lets administrators choose it for a group. Raises ValueError when the table has one of that name."""
    if scope.key in _scopes:
        raise ValueError(f"the scope '{scope.key}' is registered twice")
    _scopes[scope.key] = scope


def all_scopes() -> list[Scope]:
    return list(_scopes.values())


def scope_named(key: str) -> Scope | None:
    return _scopes.get(key)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a person sees who doesn't see everything: by table, the scopes that together make up what they see.

    Without a scope, or with none that is known, that is nothing.
    """

    person: str
    limits: tuple[tuple[str, tuple[str, ...]], ...]

    def __str__(self) -> str:
        return f"{self.person} {self.limits}"


# Read when it is needed: most requests of people without limits ask nothing of live tables.
Told = Callable[[], "Sight | None"]
_told: ContextVar[Told | None] = ContextVar("realtime_sight", default=None)


@contextmanager
def seeing(sight: "Sight | Told | None") -> Iterator[None]:
    """Inside, queries of live models find what this person sees; everything for None."""
    token = _told.set(sight if callable(sight) else lambda: sight)
    try:
        yield
    finally:
        _told.reset(token)


def current_sight() -> Sight | None:
    """Whose eyes the code sees with; None for somebody who sees everything, and for programs."""
    told = _told.get()
    return told() if told is not None else None


def sight_of(user: Any) -> Sight | None:
    """What a user sees, as their groups are now; None for everything."""
    return read_sights([str(user.pk)]).get(str(user.pk)) if user.is_authenticated else None


def read_sights(people: Iterable[str]) -> dict[str, Sight]:
    """What these people see, by key, without those who see everything. One query where no group is limited."""
    limits = apps.get_model("realtime", "RowLimit")
    chosen: defaultdict[tuple[str, str], defaultdict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    found = limits._default_manager.filter(group__user__in=list(people), group__user__is_superuser=False)
    for key, group, scope in found.values_list("group__user", "group", "scope"):
        chosen[str(key), scope.partition("/")[0]][group].add(scope)
    if not chosen:
        return {}
    giving = _giving([UUID(person) for person, _ in chosen])
    sights: defaultdict[str, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
    for (person, table), by_group in sorted(chosen.items()):
        groups = giving[person, table]
        # A group that lets its people see the kind and has no limit lets them see all of it.
        if groups <= by_group.keys():
            sights[person].append((table, tuple(sorted(set().union(*(by_group[group] for group in groups))))))
    return {person: Sight(person, tuple(limits)) for person, limits in sights.items()}


def limited_people() -> set[str]:
    """The keys of everybody in a group that has limits."""
    limits = apps.get_model("realtime", "RowLimit")
    return {str(key) for key in limits._default_manager.values_list("group__user", flat=True) if key is not None}


def _giving(people: list[UUID]) -> "defaultdict[tuple[str, str], set[int]]":
    """By person and table, the groups that give the right to see it; 0 stands for the person's own right."""
    tables = {
        (model._meta.app_label, f"view_{model._meta.model_name}"): model._meta.db_table for model in apps.get_models()
    }
    found: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    named = ("content_type__app_label", "codename")
    of_groups = Permission.objects.filter(group__user__in=people, codename__startswith="view_")
    own = Permission.objects.filter(user__in=people, codename__startswith="view_")
    for person, group, *name in of_groups.values_list("group__user", "group", *named):
        if table := tables.get(tuple(name)):
            found[str(person), table].add(group)
    for person, *name in own.values_list("user", *named):
        if table := tables.get(tuple(name)):
            found[str(person), table].add(0)
    return found


# Conditions


def condition(table: str, row: str, sight: Sight | None) -> tuple[str, list[UUID]] | None:
    """Whether ``row``, an alias of a table, may be seen, as SQL with its parameters; None where every row may be."""
    if sight is None:
        return None
    told = _condition(table, row, sight)
    return None if told is None else (told.replace(_PERSON, "%s"), [UUID(sight.person)] * told.count(_PERSON))


def condition_in_words(table: str, row: str, sight: Sight | None) -> str:
    """The same without parameters, for SQL that is written by hand; ``true`` where every row may be seen."""
    told = _condition(table, row, sight) if sight is not None else None
    return "true" if sight is None or told is None else told.replace(_PERSON, f"'{UUID(sight.person)}'::uuid")


_PERSON = "{person}"


def _condition(table: str, row: str, sight: Sight, depth: int = 1) -> str | None:
    conditions = []
    for limited, names in sight.limits:
        if limited == table:
            # A scope that isn't there any more shows nothing.
            told = [scope.sql.replace("{row}", row) for name in names if (scope := scope_named(name)) is not None]
            conditions.append(f"({' or '.join(told)})" if told else "false")
    for column, parent in hangs_on(table):
        seen = _condition(parent, alias := f"seen{depth}", sight, depth + 1)
        if seen is not None:
            place = f'{row}."{column}"'
            conditions.append(
                f'({place} is null or {place} in (select {alias}.id from "{parent}" as {alias} where {seen}))'
            )
    return " and ".join(conditions) or None


def hangs_on(table: str) -> tuple[tuple[str, str], ...]:
    """The columns through which rows of a live table hang on other rows, each with the table of those."""
    model = _live().get(table)
    fields = [model._meta.get_field(name) for name in model.hangs_on] if model is not None else []
    return tuple((field.column, field.related_model._meta.db_table) for field in fields)


@cache
def _live() -> dict[str, Any]:
    return {model._meta.db_table: model for model in apps.get_models() if hasattr(model, "hangs_on")}


def limits_itself(table: str, sight: Sight) -> bool:
    """Whether more than what its rows hang on decides which of them are seen."""
    return any(limited == table for limited, _ in sight.limits)


def limited_tables() -> list[str]:
    """The tables whose rows a scope may limit, by what hangs on what."""
    return [table for table in _live() if any(_scopes_above(table))]


def _scopes_above(table: str) -> Iterator[Scope]:
    yield from (scope for scope in _scopes.values() if scope.table == table)
    for _, parent in hangs_on(table):
        yield from _scopes_above(parent)


class Visible(Expression):
    """Whether a live model's row may be seen, decided when the query is sent and not when it is made.

    So a form's field may be made when its class is, and an export may be read after its request has ended.
    """

    output_field = BooleanField()
    conditional = True

    def __init__(self, table: str) -> None:
        super().__init__()
        self.table = table
        self.key: Any = F("pk")
        self._made_by = _told.get()

    def get_source_expressions(self) -> list[Any]:
        return [self.key]

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        [self.key] = exprs

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        told = _told.get() or self._made_by
        seen = condition(self.table, compiler.quote_name_unless_alias(self.key.alias), told() if told else None)
        if seen is None:
            raise FullResultSet
        return f"({seen[0]})", tuple(seen[1])


def visible_keys(table: str, keys: Iterable[str], sight: Sight | None) -> set[str]:
    """Those of these keys whose rows are there and may be seen."""
    with connection.cursor() as cursor:
        cursor.execute(
            f'select seen0.id::text from "{table}" as seen0 where seen0.id = any(%s::{KEY_TYPE}[])'
            f" and {condition_in_words(table, 'seen0', sight)}",
            [list(keys)],
        )
        return {key for (key,) in cursor.fetchall()}


def visible_images(table: str, images: Mapping[str, Any], sight: Sight | None) -> set[str]:
    """The keys of those rows of a table that could be seen if they were as these images of the change log."""
    if not images:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "select image.key from unnest(%s::text[], %s::jsonb[]) as image (key, told),"
            f' lateral jsonb_populate_record(null::"{table}", image.told) as seen0'
            f" where {condition_in_words(table, 'seen0', sight)}",
            [list(images), [json.dumps(image) for image in images.values()]],
        )
        return {key for (key,) in cursor.fetchall()}


def hidden_keys(table: str, keys: Iterable[str], sight: Sight | None) -> set[str]:
    """Those of these keys whose rows are there and may not be seen."""
    hidden: set[str] = set()
    if sight is not None and table in limited_tables() and (asked := list(keys)):
        with connection.cursor() as cursor:
            cursor.execute(
                f'select seen0.id::text from "{table}" as seen0 where seen0.id = any(%s::{KEY_TYPE}[])'
                f" and ({condition_in_words(table, 'seen0', sight)}) is not true",
                [asked],
            )
            hidden |= {key for (key,) in cursor.fetchall()}
    return hidden


def blind_to(table: str, asked: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of these (person, key) whose groups' limits hide the row from the person; rights are another matter."""
    pairs = list(asked)
    sights = read_sights({person for person, _ in pairs}) if pairs else {}
    limited = [(person, key) for person, key in pairs if person in sights]
    if not limited:
        return set()
    row = f'select from "{table}" as seen0 where seen0.id = %s::{KEY_TYPE}'
    one = f"select %s, %s::text where not exists ({row} and {{}})"
    query = " union all ".join(one.format(condition_in_words(table, "seen0", sights[person])) for person, _ in limited)
    with connection.cursor() as cursor:
        cursor.execute(query, [value for person, key in limited for value in (person, key, key)])
        return set(cursor.fetchall())


def visible_entries(entry: str, tables: Iterable[str], sight: Sight | None) -> str:
    """SQL for the change log: whether the entry ``entry`` (its table or alias) is one of a row that may be seen.

    For a row that is gone its image in the entry decides.
    """
    told = []
    for table in tables:
        if (seen := condition_in_words(table, "seen0", sight)) != "true":
            image = f'jsonb_populate_record(null::"{table}", coalesce({entry}.old, {entry}.new)) as seen0'
            told.append(
                f"({entry}.table_name <> '{table}' or {entry}.row_key is null"
                f' or exists (select from "{table}" as seen0 where seen0.id = {entry}.row_key::{KEY_TYPE} and {seen})'
                f' or not exists (select from "{table}" as there where there.id = {entry}.row_key::{KEY_TYPE})'
                f" and exists (select from {image} where {seen}))"
            )
    return " and ".join(told) or "true"


# What decides who sees what


@dataclass(frozen=True, slots=True)
class Decider:
    """The columns of a table that decide which rows of another are seen. ``by_row``: only those of the row itself."""

    table: str
    columns: frozenset[str]
    by_row: bool


def deciders(table: str, sight: Sight | None) -> list[Decider]:
    """Which changes may bring rows of a table into what a person sees, or take them out of it."""
    if sight is None or _condition(table, "seen0", sight) is None:
        return []
    found = []
    for limited, names in sight.limits:
        for scope in (scope_named(name) for name in names) if limited == table else ():
            if scope is not None:
                found += [Decider(own, columns, scope.by_row) for own, columns in scope.deciding.items()]
    for column, parent in hangs_on(table):
        if above := deciders(parent, sight):
            found.append(Decider(table, frozenset({column}), by_row=True))
            found += [Decider(each.table, each.columns, by_row=False) for each in above]
    return found
