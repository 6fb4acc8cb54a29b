"""Rows to choose from: what a chooser offers for a typed text, as JSON for a page's <combo-box>."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Func, QuerySet, TextField, Value
from django.http import HttpRequest, JsonResponse
from django.template.defaultfilters import floatformat

from realtime.live.kind import Kind
from realtime.live.search import clean_text, matching
from realtime.live.sorting import by_text
from realtime.models import LiveModel

LIMIT = 20
# A trigram index finds a word by three letters in a row. For less, these many rows are looked at instead of all.
LONG_ENOUGH = re.compile(r"[^\W_]{3}")
NAMES_LOOKED_AT = 200
NEWEST_LOOKED_AT = 1000


@dataclass(frozen=True, slots=True)
class Found:
    rows: list[Any]
    # Whether more match than there are here.
    more: bool
    # Whether all rows were searched, not only how their names begin and the newest.
    complete: bool

    @property
    def only(self) -> Any | None:
        """The row, if certainly no other matches."""
        return self.rows[0] if len(self.rows) == 1 and not self.more and self.complete else None


def found(kind: Kind, text: str) -> Found:
    """The rows whose name begins with the text, by name; then the newest of the others that match it."""
    text, rows = clean_text(text), kind.model._default_manager.all()
    complete = not text or LONG_ENOUGH.search(text) is not None
    first = list(_beginning(rows, kind.chosen_by[0], text)[: LIMIT + 1]) if text else []
    if len(first) <= LIMIT:
        within = rows if complete else rows.filter(pk__in=rows.values("pk")[:NEWEST_LOOKED_AT])
        others = matching(within, text, kind.chosen_by)[: LIMIT + 1]
        known = {row.pk for row in first}
        first += [row for row in others if row.pk not in known]
    return Found(first[:LIMIT], more=len(first) > LIMIT, complete=complete)


def _beginning(rows: "QuerySet[Any]", column: str, text: str) -> "QuerySet[Any]":
    """Read from where the text stands in the index by name, and not far: other collations mix the names behind it."""
    name, folded = by_text(column), Func(Value(text), function="realtime_fold", output_field=TextField())
    named = rows.annotate(name_key=name.resolved)
    near = named.filter(name_key__gte=folded).order_by("name_key", "pk").values("pk")[:NAMES_LOOKED_AT]
    beginning: QuerySet[Any] = named.filter(pk__in=near, name_key__startswith=folded).order_by("name_key", "pk")
    return beginning


def note(kind: Kind, row: LiveModel) -> str:
    """What tells a row apart from its namesakes."""
    value = getattr(row, kind.told_apart_by) if kind.told_apart_by else None
    return str(floatformat(value, "2g")) if isinstance(value, Decimal) else str(value or "")


def as_json(request: HttpRequest, kind: Kind) -> JsonResponse:
    answer = found(kind, request.GET.get("q", ""))
    rows = [{"key": str(row.pk), "name": str(row), "note": note(kind, row)} for row in answer.rows]
    return JsonResponse({"rows": rows, "more": answer.more, "complete": answer.complete})
