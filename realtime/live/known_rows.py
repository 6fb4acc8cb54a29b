"""A query for rows by their keys, built once: building it takes Django longer than PostgreSQL takes to answer."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from django.db import connection
from django.db.models import QuerySet


class KnownRows:
    """As many rows as ``keys`` of what ``rows_by_key`` finds. The SQL can be sent along with other statements.

    It belongs to the thread that made it, and to what the query was made of.
    """

    def __init__(self, rows_by_key: "Callable[[Sequence[str]], QuerySet[Any]]", keys: Sequence[str]) -> None:
        """Raises ValueError for a query that can't be prepared: it takes others besides, or other values look alike."""
        self._queryset = cast(Any, rows_by_key(keys))
        self._key = self._queryset.model._meta.pk
        self._compiler = self._queryset.query.get_compiler(connection=connection)
        self.sql, values = self._compiler.as_sql()
        self._values = list(values)
        told = [self._told(key) for key in keys]
        if self._queryset._prefetch_related_lookups or any(self._values.count(key) != 1 for key in told):
            raise ValueError("a query that can't be prepared")
        self._places = [self._values.index(key) for key in told]
        vars(self._queryset.query)["get_compiler"] = lambda *_, **__: self._compiler

    def values(self, keys: Sequence[str]) -> list[Any]:
        """The values of the SQL for these keys."""
        values = list(self._values)
        for place, key in zip(self._places, keys, strict=True):
            values[place] = self._told(key)
        return values

    def instances(self, rows: Sequence[tuple[Any, ...]]) -> list[Any]:
        """What PostgreSQL answered, as the queryset gives it."""
        self._compiler.execute_sql = lambda *_, **__: [rows]
        self._queryset._result_cache = None
        return list(self._queryset)

    def _told(self, key: str) -> Any:
        return self._key.get_db_prep_value(self._key.to_python(key), connection)
