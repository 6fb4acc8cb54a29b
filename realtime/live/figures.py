"""Figures over time and by group: counted by PostgreSQL, shown as a table, and drawn from that table by a script.

A day begins at the reader's midnight (``zones.py``), so PostgreSQL gets the midnights, not the name of a zone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import Aggregate, Count, DateTimeField, F, Func, IntegerField, QuerySet, Value
from django.utils.formats import date_format

from realtime.live.zones import midnight

Number = int | Decimal


@dataclass(frozen=True, slots=True)
class Series:
    """A column of figures. ``tone`` names its colour (``static/css/components/chart.css``).

    In a chart of bars, series of one ``stack`` are put on top of each other.
    """

    label: str
    tone: str
    stack: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of figures, one for each series; ``url`` leads to the records behind them."""

    label: str
    values: tuple[Number, ...]
    url: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """For ``live/_figures.html``: a table that a chart can be drawn from. ``places`` are those behind the point."""

    caption: str
    heading: str
    series: Sequence[Series]
    lines: Sequence[Line]
    places: int = 0


@dataclass(frozen=True, slots=True)
class Tile:
    """One key figure, for ``live/_tiles.html``; ``url`` leads to the records behind it. ``tone``: "" or "alarm"."""

    label: str
    value: Number
    url: str
    note: str = ""
    places: int = 0
    tone: str = ""


class Stretch(Func):
    """Which stretch a time lies in: 0 before the first of ``starts``, then 1, and so on."""

    function = "width_bucket"
    output_field = IntegerField()

    def __init__(self, column: str, starts: Iterable[datetime]) -> None:
        super().__init__(F(column), Value(list(starts), output_field=ArrayField(DateTimeField())))


def by_stretch(
    rows: "QuerySet[Any]", column: str, starts: Sequence[datetime], what: Aggregate | None = None
) -> list[Any]:
    """``what`` (else the number) of the rows in each stretch; the last of ``starts`` is where the last stretch ends.

    A stretch without rows has None, or the number 0.
    """
    told = rows.filter(**{f"{column}__gte": starts[0], f"{column}__lt": starts[-1]}).order_by()
    grouped = told.annotate(stretch=Stretch(column, starts[:-1])).values("stretch")
    found = dict(grouped.annotate(told=what or Count("*")).values_list("stretch", "told"))
    return [found.get(number, None if what else 0) for number in range(1, len(starts))]


def last_days(day: date, count: int) -> list[date]:
    """The ``count`` days up to and with ``day``."""
    return [day - timedelta(days=back) for back in range(count - 1, -1, -1)]


def last_weeks(day: date, count: int) -> list[date]:
    """The Mondays of the ``count`` weeks up to and with the one of ``day``."""
    monday = day - timedelta(days=day.weekday())
    return [monday - timedelta(weeks=back) for back in range(count - 1, -1, -1)]


def last_months(day: date, count: int) -> list[date]:
    """The first days of the ``count`` months up to and with the one of ``day``."""
    months = day.year * 12 + day.month - 1
    return [date((months - back) // 12, (months - back) % 12 + 1, 1) for back in range(count - 1, -1, -1)]


def midnights(days: Iterable[date]) -> list[datetime]:
    return [midnight(day) for day in days]


def short_day(day: date) -> str:
    return date_format(day, "j M")


def short_month(day: date) -> str:
    return date_format(day, "M Y")
