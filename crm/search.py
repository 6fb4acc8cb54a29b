from functools import reduce
from operator import or_
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from realtime.live.lists import search_words

M = TypeVar("M", bound=Model)


def matching(queryset: "QuerySet[M]", text: str, *columns: str) -> "QuerySet[M]":
    """Every word must occur somewhere: "lamp desk" finds "Desk lamp", and "lefevre" finds Lefèvre."""
    for word in search_words(text):
        queryset = queryset.filter(reduce(or_, (Q((f"{column}__folded", word)) for column in columns)))
    return queryset
