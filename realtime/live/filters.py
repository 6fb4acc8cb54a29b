"""What a list can be filtered by. Each filter is django-filter's: its name in addresses, its field, its condition.

A filter also says which columns of the list's table decide it, so that a change of any other column concerns only the
views that show the row (design rule 22).
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone

from realtime.database.columns import columns_of
from realtime.database.word_field import Choices, choices_of
from realtime.database.words import can_hold
from realtime.keys import Key, read_key
from realtime.live.kind import Kind
from realtime.live.zones import midnight, next_midnight, today

# Values of one filter that an address may name.
VALUES_LIMIT = 20
VALUE_LENGTH = 100

# In the address of a filter by words: no word at all, or one that is empty.
EMPTY = "(empty)"
NOTHING = "–"

# In the address of a filter by people: whoever reads it.
ME = "me"

PERIODS = {
    "today": "Today",
    "yesterday": "Yesterday",
    "week": "Last 7 days",
    "month": "Last 30 days",
    "year": "Last 365 days",
    "older": "Longer ago than 30 days",
}


class Filters(django_filters.FilterSet):  # type: ignore[misc]
    """The filters of one list. Their order is the order on the page."""

    @classmethod
    def read(cls, raw: Callable[[str], Iterable[Any]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """The values that each filter takes, by its name, and those that it doesn't."""
        taken: dict[str, set[str]] = {}
        refused: dict[str, list[str]] = {}
        for name, filter_ in cls.base_filters.items():
            for value in list(dict.fromkeys(str(value).strip() for value in raw(name)))[: filter_.limit]:
                if value in filter_.nothing:
                    continue
                if filter_.takes(value):
                    taken.setdefault(name, set()).add(filter_.canonical(value))
                else:
                    refused.setdefault(name, []).append(value[:VALUE_LENGTH])
        return {name: sorted(values) for name, values in taken.items()}, refused

    @classmethod
    def apply(cls, queryset: "QuerySet[Any]", params: dict[str, Any]) -> "QuerySet[Any]":
        for name, filter_ in cls.base_filters.items():
            if name in params:
                queryset = queryset.filter(filter_.condition(params[name]))
        return queryset

    @classmethod
    def columns(cls, params: dict[str, Any]) -> frozenset[str]:
        """The columns of the list's own table that decide the filters that are on."""
        on = (filter_ for name, filter_ in cls.base_filters.items() if name in params)
        return frozenset(column for filter_ in on for column in filter_.columns)

    @classmethod
    def turns_at(cls, params: dict[str, Any], now: datetime) -> datetime | None:
        """When the clock alone may next change who is in the list; None when it never does."""
        turning = (filter_.turns_at(params[name], now) for name, filter_ in cls.base_filters.items() if name in params)
        return min((at for at in turning if at is not None), default=None)

    @classmethod
    def personal(cls) -> frozenset[str]:
        """The filters by people, whose address may say "me"."""
        return frozenset(name for name, filter_ in cls.base_filters.items() if filter_.people)

    @classmethod
    def has_days(cls, params: dict[str, Any]) -> bool:
        """Whether somebody's days, and with them a time zone, decide who is in the list."""
        return any(filter_.in_days for name, filter_ in cls.base_filters.items() if name in params)


class ListFilter(django_filters.Filter):  # type: ignore[misc]
    """Takes one value unless it says otherwise. ``label`` is what people call it."""

    field_class: type[forms.Field] = forms.CharField
    limit = 1
    # What an address may say for "any".
    nothing: tuple[str, ...] = ("", "all")
    in_days = False
    people = False
    # The template that asks for its values.
    control: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.field_name,)

    def takes(self, value: str) -> bool:
        try:
            self.read(value)
        except (ValidationError, ValueError):
            return False
        return True

    def read(self, value: str) -> Any:
        """The value that a text stands for. Raises ``ValueError`` or ``ValidationError`` when there is none."""
        return self.field.clean(value)

    def canonical(self, value: str) -> str:
        """One text for all that mean the same."""
        return value

    def condition(self, values: list[str]) -> Q:
        return self.where(self.lookup_expr, self.read(values[0]))

    def where(self, lookup: str, value: Any) -> Q:
        """A condition on the column itself."""
        return Q((f"{self.field_name}__{lookup}", value))

    def turns_at(self, values: list[str], now: datetime) -> datetime | None:
        return None

    def word(self, value: str) -> str:
        """What people call one of its values."""
        return value


class ChoiceFilter(ListFilter):
    """Any of several words."""

    limit = VALUES_LIMIT

    def __init__(self, choices: Iterable[tuple[str, str]] | Choices, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._choices: Choices = choices if callable(choices) else list(choices).copy

    @property
    def choices(self) -> list[tuple[str, str]]:
        return self._choices()

    def read(self, value: str) -> str:
        if value not in dict(self.choices):
            raise ValueError(value)
        return value

    def condition(self, values: list[str]) -> Q:
        return self.where("in", values)

    def word(self, value: str) -> str:
        return dict(self.choices).get(value, value)

    control = "live/filters/_choices.html"


class WordFilter(ChoiceFilter):
    """Any of a column's words, or of the others that it can hold: a row may have one that isn't known yet."""

    def __init__(self, table: str, column: str, **kwargs: Any) -> None:
        self._place = (table, column)
        self._words = choices_of(table, column)
        super().__init__(self._offered, field_name=column, **kwargs)

    def _offered(self) -> list[tuple[str, str]]:
        """What is empty can't be in an address, so it comes last under a name of its own."""
        words = self._words()
        told = columns_of(self._place[0]).get(self._place[1])
        empty = [label for value, label in words if not value]
        if told is not None and told.nullable:
            empty.append(NOTHING)
        # Words that differ in the blanks around them alone are one in an address.
        named = {value.strip(): label for value, label in reversed(words) if value.strip()}
        return [*reversed(named.items()), *((EMPTY, label) for label in empty[:1])]

    def read(self, value: str) -> str:
        is_word = any(word.strip() == value for word, _ in self._words())
        if is_word or can_hold(*self._place, value) or value in dict(self.choices):
            return value
        raise ValueError(value)

    def condition(self, values: list[str]) -> Q:
        words = [word for word, _ in self._words()]
        wanted = {word for word in words if word.strip() in values} | {value for value in values if value != EMPTY}
        told = Q((f"{self.field_name}__in", sorted(wanted)))
        if EMPTY in values:
            told |= Q((f"{self.field_name}__isnull", True)) | Q((f"{self.field_name}__in", _blank(words)))
        return told


def asked(value: Any) -> Any:
    """A word as an address asks for it."""
    return EMPTY if value == "" else value


def _blank(words: Iterable[str]) -> list[str]:
    return ["", *(word for word in words if word and not word.strip())]


class OneOf(ChoiceFilter):
    """One of several conditions, each with a name of its own."""

    limit = 1

    def __init__(self, conditions: dict[str, tuple[str, Q]], columns: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__([(name, word) for name, (word, _) in conditions.items()], **kwargs)
        self._conditions = conditions
        self._columns = columns

    @property
    def columns(self) -> tuple[str, ...]:
        return self._columns

    def condition(self, values: list[str]) -> Q:
        return self._conditions[values[0]][1]

    control = "live/filters/_one.html"


class KeyFilter(ListFilter):
    """Rows that point to any of several others, named by their keys; ``none`` is the word for pointing to nothing.

    With ``people``, the keys are those of users, and an address may say "me". They are rows of a ``kind``, or what
    people call a ``noun``.
    """

    limit = VALUES_LIMIT

    def __init__(
        self,
        kind: Kind | None = None,
        noun: str = "choice",
        none: str = "",
        names: Callable[[str], str] = str,
        people: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.people = people
        self.kind = kind
        self.noun = kind.singular if kind else noun
        self.none = none
        self._names = names

    @property
    def columns(self) -> tuple[str, ...]:
        return (f"{self.field_name}_id" if self.kind else self.field_name,)

    def read(self, value: str) -> Key | None:
        if self.none and value == self.none:
            return None
        return UUID(value) if self.people else read_key(value)

    def canonical(self, value: str) -> str:
        return str(self.read(value) or value)

    def condition(self, values: list[str]) -> Q:
        keys = [key for value in values if (key := self.read(value))]
        told = Q((f"{self.field_name}__in", keys)) if keys else Q(pk__in=[])
        return told | Q((f"{self.field_name}__isnull", True)) if len(keys) < len(values) else told

    def word(self, value: str) -> str:
        return self._names(value)

    control = "live/filters/_keys.html"


class AmountFilter(ListFilter):
    """``gte`` or ``lte`` an amount."""

    field_class = forms.DecimalField

    def __init__(self, *arguments: Any, max_digits: int = 14, decimal_places: int = 2, **kwargs: Any) -> None:
        super().__init__(*arguments, max_digits=max_digits, decimal_places=decimal_places, **kwargs)

    def read(self, value: str) -> Decimal:
        amount: Decimal | None = self.field.clean(value)
        if amount is None:
            raise ValueError(value)
        return amount

    control = "live/filters/_amount.html"


class PeriodFilter(ChoiceFilter):
    """A time within a stretch of days that moves with the clock, in the reader's own zone."""

    limit = 1
    in_days = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(PERIODS.items(), **kwargs)

    def condition(self, values: list[str]) -> Q:
        day = today(timezone.now())
        first, last = {
            "today": (day, None),
            "yesterday": (day - timedelta(days=1), day),
            "week": (day - timedelta(days=6), None),
            "month": (day - timedelta(days=29), None),
            "year": (day - timedelta(days=364), None),
            "older": (None, day - timedelta(days=29)),
        }[values[0]]
        return _between(self.field_name, first, last)

    def turns_at(self, values: list[str], now: datetime) -> datetime | None:
        return next_midnight(now)

    control = "live/filters/_one.html"


class DayFilter(ListFilter):
    """From a day on, or up to and with it, in the reader's own zone."""

    in_days = True

    def __init__(self, until: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._until = until

    def read(self, value: str) -> date:
        day = date.fromisoformat(value)
        if not date(1900, 1, 1) <= day <= date(2999, 12, 31):
            raise ValueError(value)
        return day

    def condition(self, values: list[str]) -> Q:
        day = self.read(values[0])
        if self._until:
            return self.where("lt", self.begins(day + timedelta(days=1)))
        return self.where("gte", self.begins(day))

    def begins(self, day: date) -> date:
        """What a day begins with in the column."""
        return midnight(day)

    control = "live/filters/_day.html"


def _between(column: str, first: date | None, end: date | None) -> Q:
    """Times from the beginning of ``first`` until before ``end``."""
    told = Q()
    if first is not None:
        told &= Q((f"{column}__gte", midnight(first)))
    if end is not None:
        told &= Q((f"{column}__lt", midnight(end)))
    return told
