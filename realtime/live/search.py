"""Search finds what people type: every word is a part of a word, case and accents folded on both sides (rule 28)."""

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any, TypeVar
from unicodedata import category

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, Exists, F, Func, Model, OuterRef, Q, QuerySet

M = TypeVar("M", bound=Model)

SEARCH_LIMIT = 200
WORDS_LIMIT = 8


def clean_text(value: Any) -> str:
    """Search text of bounded length, without what PostgreSQL refuses, and with white space as single blanks."""
    spaced = " ".join(str(value).split())
    return "".join(character for character in spaced if category(character) not in ("Cc", "Cs"))[:SEARCH_LIMIT]


def search_words(text: str) -> list[str]:
    """The words that must all occur; few enough that nobody makes a query with a hundred conditions."""
    return list(dict.fromkeys(text.split()))[:WORDS_LIMIT]


def matching(queryset: "QuerySet[M]", text: str, columns: Sequence[str], by_row: bool = False) -> "QuerySet[M]":
    """Every word must occur somewhere: "lamp desk" finds "Desk lamp", and "lefevre" finds Lefèvre.

    ``columns`` are the model's own, or ``relation__column``. A search of a whole table finds the relatives first, by
    their own index; asked for a few known rows (``by_row``), it looks at theirs.
    """
    for word in search_words(text):
        queryset = queryset.filter(
            reduce(or_, (_occurs(queryset.model, word, column, by_row) for column in columns), Q())
        )
    return queryset


def found_first(queryset: "QuerySet[M]") -> "QuerySet[M]":
    """The same rows, but PostgreSQL finds all of them before it looks at any order.

    Words that are common each, but rare together, would have it read the whole table along the order's index.
    """
    rows: QuerySet[M] = queryset.model._default_manager.order_by()
    return rows.filter(PointsToAny(F("pk"), ArraySubquery(queryset.order_by().values("pk"))))


def _occurs(model: type[Model], word: str, column: str, by_row: bool) -> Q:
    relation, _, remote = column.rpartition("__")
    if not relation:
        return Q((f"{column}__folded", word))
    relatives: QuerySet[Any] = model._meta.get_field(relation).related_model._default_manager.order_by()  # type: ignore[union-attr]
    found = relatives.filter(**{f"{remote}__folded": word})
    if by_row:
        return Q(Exists(found.filter(pk=OuterRef(f"{relation}_id"))))
    return Q(PointsToAny(F(f"{relation}_id"), ArraySubquery(found.values("pk"))))


class PointsToAny(Func):
    """``key = any(array(select …))``: unlike ``in (select …)`` beside an ``or``, it is served by the key's index."""

    template = "%(expressions)s)"
    arg_joiner = " = any("
    output_field = BooleanField()
    conditional = True
