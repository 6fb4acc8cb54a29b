"""Filters by the columns that only the app knows in an adopted table, each as its type allows.

They stand in addresses under names of their own (``app.stock``), so that no column of the app's hides a parameter of
ours. Like every filter, they are part of the list's one query: it answers for changed rows, too (design rule 23).
"""

from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from typing import Any

from django.db.models import BooleanField, DateField, DateTimeField, DecimalField, Expression, Field, Q, TextField
from django.db.models.expressions import Col
from django.db.models.functions import Cast

from realtime.database.columns import Column, Family
from realtime.database.event_loop import outside_loop
from realtime.database.words import allowed
from realtime.live.app_columns import app_columns, label
from realtime.live.filters import EMPTY, NOTHING, AmountFilter, ChoiceFilter, DayFilter, Filters, ListFilter
from realtime.live.search import clean_text, search_words
from realtime.models import LiveModel

# How Django compares each family. What isn't here has no filter: documents, lists, bytes and the like.
_FIELDS: "dict[Family, type[Field[Any, Any]]]" = {
    Family.BOOLEAN: BooleanField,
    Family.ENUM: TextField,
    Family.TEXT: TextField,
    Family.NUMBER: DecimalField,
    Family.DATE: DateField,
    Family.TIME: DateTimeField,
    Family.NAIVE_TIME: DateTimeField,
}
_AS_TEXT = (Family.ENUM, Family.TEXT)
YES, NO = "yes", "no"


def with_app_filters(filters: type[Filters], model: type[LiveModel]) -> type[Filters]:
    """A list's filters and those by its table's further columns; a list without filters gets none."""
    if filters is Filters:
        return filters
    known: Any = filters
    combined: type[Filters] = _combined(known, model._meta.db_table, tuple(app_columns(model)))
    return combined


@cache
def _combined(filters: Any, table: str, columns: tuple[Column, ...]) -> Any:
    told = {name: each for column in columns for name, each in _filters_by(table, column)}
    return type(f"{filters.__name__}AndApps", (filters,), told) if told else filters


def _filters_by(table: str, column: Column) -> Iterator[tuple[str, ListFilter]]:
    """As (name, filter)."""
    if column.family not in _FIELDS:
        return
    name, told = f"app.{column.name}", label(column.name)
    if column.family is Family.BOOLEAN:
        yield name, AppBoolean(column, label=told)
    elif words := column.labels or _allowed(table, column.name):
        yield name, AppWord(column, words, label=told)
    else:
        if column.family is Family.TEXT:
            yield name, AppText(column, label=f"{told} contains")
        else:
            between = AppNumber if column.family is Family.NUMBER else AppDay
            yield f"app-from.{column.name}", between(column, until=False, label=f"{told} from")
            yield f"app-to.{column.name}", between(column, until=True, label=f"{told} up to")
        if column.nullable:
            yield f"app-empty.{column.name}", AppEmpty(column, [(YES, "Yes"), (NO, "No")], label=f"{told} is empty")


def _allowed(table: str, column: str) -> list[str] | None:
    return outside_loop(lambda: allowed(table, column))


class AppColumn(Expression):
    """A column of the list's own table that the model doesn't have, wherever Django calls the table something else."""

    def __init__(self, field: "Field[Any, Any]") -> None:
        super().__init__(output_field=field)

    def resolve_expression(self, query: Any = None, *_: Any, **__: Any) -> Any:
        return Col(query.get_initial_alias(), self.output_field)


class _ByAppColumn(ListFilter):
    def __init__(self, column: Column, *arguments: Any, **kwargs: Any) -> None:
        super().__init__(*arguments, field_name=column.name, **kwargs)
        self._column = column
        self._compared = _FIELDS[column.family]()
        self._compared.set_attributes_from_name(column.name)

    def where(self, lookup: str, value: Any) -> Q:
        # A type of the app's own has other comparisons than a text, or none.
        as_text = self._column.family in _AS_TEXT
        compared = Cast(AppColumn(self._compared), TextField()) if as_text else AppColumn(self._compared)
        compare: Any = self._compared.get_lookup(lookup)
        return Q(compare(compared, value))

    def is_empty(self) -> Q:
        """Whether there is nothing in it: a blank text looks the same."""
        told = self.where("isnull", True)
        return told | self.where("exact", "") if self._column.family in _AS_TEXT else told


class AppWord(_ByAppColumn, ChoiceFilter):
    """Any of the words that the database allows; what is empty comes last under a name of its own."""

    def __init__(self, column: Column, words: Iterable[str], **kwargs: Any) -> None:
        # Words that differ in the blanks around them alone are one in an address.
        self._words = tuple(words)
        named = dict.fromkeys(word.strip() for word in self._words if word.strip())
        may_be_empty = column.nullable or any(not word.strip() for word in self._words)
        nothing = [(EMPTY, NOTHING)] if may_be_empty else []
        super().__init__(column, [*((word, word) for word in named), *nothing], **kwargs)

    def condition(self, values: list[str]) -> Q:
        told = self.where("in", [word for word in self._words if (word.strip() or EMPTY) in values])
        return told | self.is_empty() if EMPTY in values else told


class AppBoolean(_ByAppColumn, ChoiceFilter):
    def __init__(self, column: Column, **kwargs: Any) -> None:
        nothing = [(EMPTY, NOTHING)] if column.nullable else []
        super().__init__(column, [(YES, "Yes"), (NO, "No"), *nothing], **kwargs)

    def condition(self, values: list[str]) -> Q:
        told = self.where("in", [value == YES for value in values if value != EMPTY])
        return told | self.is_empty() if EMPTY in values else told


class AppEmpty(_ByAppColumn, ChoiceFilter):
    """Whether there is anything in the column."""

    limit = 1
    control = "live/filters/_one.html"

    def condition(self, values: list[str]) -> Q:
        return self.is_empty() if values[0] == YES else ~self.is_empty()


class AppText(_ByAppColumn):
    """Every word occurs somewhere in the column, as in a search."""

    # Any text can be looked for, "all" too.
    nothing = ("",)
    control = "live/filters/_text.html"

    def read(self, value: str) -> str:
        if not (read := clean_text(value)):
            raise ValueError(value)
        return read

    def canonical(self, value: str) -> str:
        return self.read(value)

    def condition(self, values: list[str]) -> Q:
        told = Q()
        for word in search_words(self.read(values[0])):
            told &= self.where("folded", word)
        return told


class AppNumber(_ByAppColumn, AmountFilter):
    control = "live/filters/_number.html"

    def __init__(self, column: Column, until: bool, **kwargs: Any) -> None:
        lookup = "lte" if until else "gte"
        super().__init__(column, lookup_expr=lookup, max_digits=30, decimal_places=15, **kwargs)


class AppDay(_ByAppColumn, DayFilter):
    def __init__(self, column: Column, until: bool, **kwargs: Any) -> None:
        super().__init__(column, until=until, **kwargs)
        self.in_days = column.family is not Family.DATE

    def begins(self, day: date) -> date:
        return day if self._column.family is Family.DATE else super().begins(day)
