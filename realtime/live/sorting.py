"""The order of a list, and its pages by key: page two of a busy list neither repeats nor skips a row (design rule 24).

Every order ends with the row's key, in the same direction, so that it is total: a reload can't differ from the live
page. A comparison with NULL is neither before nor behind: where an adopted table's column may hold NULL, the order has
a lowest value in its place.
"""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db.models import BooleanField, Expression, F, Func, IntegerField, QuerySet, TextField, Value
from django.db.models.expressions import Col
from django.db.models.functions import Left

from realtime.database.columns import column_of, never_null
from realtime.database.list_indexes import TEXT_LENGTH
from realtime.database.words import rank_sql, words_of
from realtime.keys import Key, read_key


@dataclass(frozen=True, slots=True)
class Sort:
    """A column that a list can be sorted by: the expression, and which columns of the list's own table it reads.

    ``descending`` is the direction of the first click: newest and largest first, but names from A to Z.
    """

    expression: str | Expression
    columns: tuple[str, ...]
    descending: bool = False
    read: Callable[[Any], Any] = field(default=lambda value: _text(value))

    @property
    def resolved(self) -> Any:
        return NeverNull(F(self.expression) if isinstance(self.expression, str) else self.expression)


def by_text(column: str) -> Sort:
    """Without case and accents."""
    folded = Func(F(column), function="realtime_fold", output_field=TextField())
    return Sort(Left(folded, TEXT_LENGTH), (column,))


def by_time(column: str) -> Sort:
    return Sort(column, (column,), descending=True, read=_time)


def by_amount(column: str) -> Sort:
    return Sort(column, (column,), descending=True, read=_amount)


def by_rank(column: str) -> Sort:
    """By a word's place among the words of its column, the last one first: by a priority's urgency, say."""
    return Sort(Rank(F(column)), (column,), descending=True, read=_whole)


@dataclass(frozen=True, slots=True)
class Order:
    """A sort and its direction."""

    name: str
    sort: Sort
    descending: bool

    @property
    def text(self) -> str:
        """As addresses have it: ``name`` or ``-name``."""
        return ("-" if self.descending else "") + self.name

    def apply(self, queryset: "QuerySet[Any]", backwards: bool = False) -> "QuerySet[Any]":
        """The rows in this order, each with its ``sort_key``."""
        descending = self.descending is not backwards
        keyed = queryset.annotate(sort_key=self.sort.resolved)
        ordered: QuerySet[Any] = keyed.order_by(
            *(F(name).desc() if descending else F(name).asc() for name in ("sort_key", "pk"))
        )
        return ordered

    def behind(self, key: "PageKey", or_at: bool = False) -> Expression:
        """Whether a row comes after a key in this order."""
        return self._compared("<" if self.descending else ">", key, or_at)

    def before(self, key: "PageKey", or_at: bool = False) -> Expression:
        return self._compared(">" if self.descending else "<", key, or_at)

    def _compared(self, operator: str, key: "PageKey", or_at: bool) -> Expression:
        return RowComparison(self.sort.resolved, F("pk"), key, operator + ("=" if or_at else ""))

    def key_of(self, row: Any) -> "PageKey":
        return PageKey(row.sort_key, row.pk)

    def read_key(self, text: str) -> "PageKey":
        """Raises ``ValueError`` for anything but a key that ``PageKey.text`` wrote for this order."""
        try:
            value, key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            found = PageKey(self.sort.read(value), read_key(key))
            # What can't be written again can't be in an address either: a time at the very end of time.
            if not found.text:
                raise ValueError(text)
            return found
        except (ValueError, TypeError, AttributeError, ArithmeticError, binascii.Error, RecursionError):
            raise ValueError(f"'{text[:40]}' is no place in a list sorted by {self.name}") from None


@dataclass(frozen=True, slots=True)
class PageKey:
    """A place in an order: what a row is sorted by, and the row's key."""

    value: Any
    pk: Key

    @property
    def text(self) -> str:
        """As addresses have it."""
        value = self.value
        if isinstance(value, datetime):
            value = value.astimezone(UTC).isoformat()
        elif isinstance(value, Decimal):
            value = str(value)
        told = json.dumps([value, str(self.pk)], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


class Rank(Func):
    """A word's place among the words of its column, from 1; 0 for none of them."""

    output_field = IntegerField()

    def as_sql(self, compiler: Any, connection: Any, **kwargs: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        (column,) = self.get_source_expressions()
        sql, parameters = compiler.compile(column)
        table, name = column.target.model._meta.db_table, str(column.target.column)
        place = rank_sql(sql, column_of(table, name), [word.value for word in words_of(table, name)])
        return place.replace("%", "%%"), parameters


class NeverNull(Func):
    """An expression over one column, which the database may let be NULL."""

    def __init__(self, expression: Any) -> None:
        super().__init__(expression)

    @property
    def output_field(self) -> Any:
        return self.get_source_expressions()[0].output_field

    @property
    def convert_value(self) -> Any:
        """Nothing by the field's type: an adopted table may hold fractions where ours has whole numbers."""
        return self._convert_value_noop  # type: ignore[attr-defined]

    def as_sql(self, compiler: Any, connection: Any, **kwargs: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        (expression,) = self.get_source_expressions()
        sql, parameters = compiler.compile(expression)
        for source in () if isinstance(expression, Rank) else expression.flatten():
            if isinstance(source, Col):
                field = source.target
                sql = never_null(sql, column_of(field.model._meta.db_table, str(field.column)))
        return sql, parameters


class RowComparison(Func):
    """``(a, id) > (x, y)``: PostgreSQL compares rows by one index on both columns, which ``or`` can't use as well."""

    output_field = BooleanField()
    conditional = True

    def __init__(self, value: Any, pk: Any, key: PageKey, operator: str) -> None:
        super().__init__(value, pk, Value(key.value), Value(key.pk))
        self.operator = operator

    def as_sql(self, compiler: Any, connection: Any, **kwargs: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        parts = [compiler.compile(expression) for expression in self.get_source_expressions()]
        left, pk, value, key = (sql for sql, _ in parts)
        return f"({left}, {pk}) {self.operator} ({value}, {key})", [p for _, parameters in parts for p in parameters]


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("not a text that PostgreSQL can hold")
    value.encode()
    return value


def _time(value: Any) -> datetime:
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at


def _amount(value: Any) -> Decimal:
    amount = Decimal(value if isinstance(value, str) else int(value))
    if not amount.is_finite() or abs(amount) >= 10**15 or int(amount.as_tuple().exponent) < -10:
        raise ValueError("no amount")
    return amount


def _whole(value: Any) -> int:
    number = int(value)
    if not -(2**31) <= number < 2**31:
        raise ValueError("too large")
    return number
