"""The steps of an adoption: what our migrations mean for a table that was there before them.

A migration's operation on an adopted table becomes steps that hold up writers for a moment at most, and leave alone
what is there. Any other operation runs as it is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import connection, migrations
from django.db.migrations.operations.base import Operation
from django.db.models import Field, ForeignKey

from realtime.adopting.survey import Table
from realtime.database.adopted import STAMPED_COLUMNS
from realtime.database.columns import Column, Family
from realtime.database.list_indexes import TRIGRAMS, RankIndex, SearchIndex, SortIndex
from realtime.database.roles import WORKER_ROLE
from realtime.database.schema import DatabaseSQL, LiveTable, OwnWords, RenewedTriggers
from realtime.database.triggers import triggers_sql
from realtime.database.words import learn_words, words_of

# What a step locks, for people.
MOMENT = "no reads and writes for a moment: only the catalog changes"
NO_WRITES = "no writes for a moment: only the catalog changes"
BESIDE = "nothing: it is built beside the app's reads and writes"
NOTHING = "nothing of yours"


@dataclass(frozen=True, slots=True)
class Step:
    """``name`` is its own for ever, so that it isn't done twice. ``run`` does it; what it adds is found by itself.

    A step that is ``alone`` can't be in a transaction; ``undo`` then says what takes it back, and ``is_there`` whether
    something has its name already.
    """

    name: str
    table: str
    text: str
    lock: str
    run: Callable[[], None]
    alone: bool = False
    undo: tuple[str, ...] = ()
    is_there: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Adopted:
    """A table that is there, and which of the stamped columns are its app's."""

    table: Table
    theirs: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.table.name


def stamped_columns_of_the_app(table: Table) -> tuple[str, ...]:
    """Which of the columns that our stamp would write the app has already."""
    return tuple(name for name in STAMPED_COLUMNS if name in table.columns)


class Untranslatable(Exception):
    """A migration changes a live table in a way that isn't known for adopted ones."""


def model_of(operation: Operation, state: Any, app: str) -> Any:
    """The model that an operation is about, in this state; None when there is none."""
    # Operations on models name theirs `name`, operations on fields and constraints `model_name`.
    name = getattr(operation, "model_name", None) or getattr(operation, "name", None)
    known = name is not None and (app, str(name).lower()) in state.models
    return state.apps.get_model(app, name) if known and not isinstance(operation, DatabaseSQL) else None


def tables_of(operation: Operation, model: Any) -> set[str]:
    """Which tables of models an operation changes; ``model`` is its own."""
    if isinstance(operation, DatabaseSQL):
        return set(operation.of)
    return set() if model is None else {model._meta.db_table}


@singledispatch
def translate(operation: Operation, adopted: Mapping[str, Adopted], prefix: str, model: Any) -> Iterator[Step]:
    """The steps that an operation means for adopted tables. ``model`` is its model after the operation.

    Raises ``Untranslatable``.
    """
    raise Untranslatable(f"{prefix} ({operation.describe()})")


@translate.register
def _(operation: migrations.CreateModel, adopted: Mapping[str, Adopted], prefix: str, model: Any) -> Iterator[Step]:
    place = adopted[model._meta.db_table]
    for field in model._meta.local_concrete_fields:
        yield from _column(place, field, prefix)
    for index in model._meta.indexes:
        yield from _index(place, model, index, prefix)


@translate.register
def _(operation: migrations.AddField, adopted: Mapping[str, Adopted], prefix: str, model: Any) -> Iterator[Step]:
    yield from _column(adopted[model._meta.db_table], model._meta.get_field(operation.name), prefix)


@translate.register
def _(operation: migrations.AddIndex, adopted: Mapping[str, Adopted], prefix: str, model: Any) -> Iterator[Step]:
    yield from _index(adopted[model._meta.db_table], model, operation.index, prefix)


# Types and constraints are the app's, and the rest of a field's or a model's options is Django's own.
@translate.register(migrations.AlterField)
@translate.register(migrations.AlterModelOptions)
@translate.register(migrations.AddConstraint)
@translate.register(migrations.RemoveConstraint)
@translate.register(AddConstraintNotValid)
def _(operation: Operation, adopted: Mapping[str, Adopted], prefix: str, model: Any) -> Iterator[Step]:
    yield from ()


@translate.register
def _(operation: LiveTable, adopted: Mapping[str, Adopted], prefix: str, model: Any) -> Iterator[Step]:
    place = adopted[operation.table]
    yield _triggers(place.name, place.theirs, prefix)
    yield Step(
        f"{prefix} readers",
        place.name,
        f"let {WORKER_ROLE} read it: a right and a policy for this role alone",
        MOMENT,
        lambda: execute(_READERS.format(table=quoted(place.name))),
    )
    yield Step(
        f"{prefix} publication",
        place.name,
        "publish it to Realtime, unless it is",
        NO_WRITES,
        lambda: execute(operation.publish),
    )


@translate.register
def _(operation: RenewedTriggers, adopted: Mapping[str, Adopted], prefix: str, model: Any) -> Iterator[Step]:
    for table in operation.tables:
        yield _triggers(table, adopted[table].theirs if table in adopted else (), f"{prefix} {table}")


@translate.register
def _(operation: SortIndex, adopted: Mapping[str, Adopted], prefix: str, model: Any) -> Iterator[Step]:
    place = adopted[operation.table]
    columns = place.table.columns
    known = {part.column: _column_of(columns, part.column) for part in operation.parts}
    yield _built(place, operation.name, operation.create(known, "concurrently if not exists"), prefix)


@translate.register
def _(operation: OwnWords, adopted: Mapping[str, Adopted], prefix: str, model: Any) -> Iterator[Step]:
    yield Step(
        prefix,
        operation.table,
        f"learn the words of {operation.column} from its type, its constraint or its rows",
        BESIDE,
        lambda: learn_words(operation.table, operation.column),
    )


@translate.register
def _(operation: RankIndex, adopted: Mapping[str, Adopted], prefix: str, model: Any) -> Iterator[Step]:
    place = adopted[operation.table]

    def build() -> None:
        words = [word.value for word in words_of(operation.table, operation.column)]
        column = _column_of(place.table.columns, operation.column)
        execute(operation.create(column, words, "concurrently if not exists"))

    yield _built(place, operation.name, build, prefix)


@translate.register
def _(operation: SearchIndex, adopted: Mapping[str, Adopted], prefix: str, model: Any) -> Iterator[Step]:
    place = adopted[operation.table]

    def build() -> None:
        found = answer(f"select quote_ident(nspname) from ({TRIGRAMS}) as place")
        if found:
            execute(operation.create(found, "concurrently if not exists"))

    yield _built(place, operation.name, build, prefix)


@translate.register
def _(operation: DatabaseSQL, adopted: Mapping[str, Adopted], prefix: str, model: Any) -> Iterator[Step]:
    for number, (what, statement) in enumerate(operation.adopted):
        yield Step(
            f"{prefix} {number}",
            operation.of[0],
            what,
            NO_WRITES,
            lambda statement=statement: execute(in_schema(statement)),  # type: ignore[misc]
        )


def _triggers(table: str, theirs: tuple[str, ...], prefix: str) -> Step:
    return Step(
        f"{prefix} triggers",
        table,
        "add the triggers that number changes and log them",
        NO_WRITES,
        lambda: execute(triggers_sql(table, theirs)),
    )


def _column(place: Adopted, field: "Field[Any, Any]", prefix: str) -> Iterator[Step]:
    name = str(field.column)
    there = place.table.columns.get(name)
    if there is None:
        with connection.schema_editor(collect_sql=True) as editor:
            definition, parameters = editor.column_sql(field.model, field)
        statement = f"alter table {quoted(place.name)} add column {quoted(name)} {definition}"
        yield Step(
            f"{prefix} column {name}",
            place.name,
            f"add the column {name}",
            MOMENT,
            lambda: execute(statement, parameters),
        )
        if isinstance(field, ForeignKey):
            yield from _index_of_relation(place, name, prefix)
    elif name == "id" and there.family is Family.UUID and not there.has_default:
        yield Step(
            f"{prefix} default",
            place.name,
            "give id a default (gen_random_uuid()), for whoever writes without one",
            MOMENT,
            lambda: execute(f"alter table {quoted(place.name)} alter column id set default gen_random_uuid()"),
        )
    elif isinstance(field, ForeignKey) and not answer(_LEADS, [place.name, name]):
        yield from _index_of_relation(place, name, prefix)


def _index_of_relation(place: Adopted, column: str, prefix: str) -> Iterator[Step]:
    name = f"livedesk_{place.name}_{column}"[:63]
    told = f"create index concurrently if not exists {name} on {quoted(place.name)} ({quoted(column)})"
    yield _built(place, name, told, prefix)


def _index(place: Adopted, model: Any, index: Any, prefix: str) -> Iterator[Step]:
    columns = place.table.columns
    orders = {str(model._meta.get_field(name).column): order for name, order in index.fields_orders}
    if any(name in columns and columns[name].nullable for name in orders):
        # A list's order has another expression where there may be NULL: an index by it is made as well.
        first = list(orders)[:-1]
        parts = SortIndex(place.name, f"{index.name}_known"[:63], *first)
        known = {name: _column_of(columns, name) for name in first}
        yield _built(place, parts.name, parts.create(known, "concurrently if not exists"), prefix)
    told = ", ".join(f"{quoted(name)} {order}" for name, order in orders.items())
    statement = f"create index concurrently if not exists {index.name} on {quoted(place.name)} ({told})"
    yield _built(place, index.name, statement, prefix)


def _built(place: Adopted, name: str, build: str | Callable[[], None], prefix: str) -> Step:
    run = build if callable(build) else lambda: execute(build)

    def again() -> None:
        # What a failure left half built is in the way and serves nothing.
        if answer("select not indisvalid from pg_index where indexrelid = to_regclass(%s)", [quoted(name)]):
            execute(f"drop index concurrently {quoted(name)}")
        run()

    return Step(
        f"{prefix} index {name}",
        place.name,
        f"build the index {name}",
        BESIDE,
        again,
        alone=True,
        undo=(f"drop index concurrently if exists {quoted(name)}",),
        is_there=lambda: answer("select to_regclass(%s) is not null", [quoted(name)]),
    )


def _column_of(columns: Mapping[str, Column], name: str) -> Column:
    """What an added column is: ours never hold NULL where a list is sorted by them."""
    return columns.get(name) or Column(name, "", Family.OTHER, nullable=False)


# The first column of some index, so that rows are found by it.
_LEADS = """
select exists (select from pg_index join pg_attribute on attrelid = indrelid and attnum = indkey[0]
               where indrelid = to_regclass(quote_ident(%s)) and attname = %s and indpred is null)
"""

# A policy does nothing while row level security is off, and is there when its owner switches that on.
_READERS = f"""
grant select on {{table}} to {WORKER_ROLE};
create policy realtime_worker_reads on {{table}} for select to {WORKER_ROLE} using (true);
"""


def quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def in_schema(statement: str) -> str:
    return statement.replace("@schema@", str(answer("select quote_ident(current_schema())")))


def execute(statement: str, parameters: Any = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)


def answer(question: str, parameters: Any = None) -> Any:
    """The first value of the first row; None when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(question, parameters)
        found = cursor.fetchone()
        return found[0] if found else None
