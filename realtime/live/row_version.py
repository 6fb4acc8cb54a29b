"""PostgreSQL's own version of a row, so that a cached row is never out of date (design rule 38)."""

from typing import Any, TypeVar

from django.db.models import BigIntegerField, Expression, Model, QuerySet
from django.db.models.sql.compiler import SQLCompiler

M = TypeVar("M", bound=Model)


class RowVersion(Expression):
    """``xmin`` of the query's own table: the transaction that wrote this version of the row.

    Our revision only knows changes that passed our triggers; this one changes with every write, including DDL's.
    """

    output_field = BigIntegerField()

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        table = compiler.quote_name_unless_alias(compiler.query.get_initial_alias())
        return f"{table}.xmin::text::bigint", ()


def versioned(queryset: "QuerySet[M]") -> "QuerySet[Any]":
    """The same rows, each with its ``row_version``."""
    return queryset.annotate(row_version=RowVersion())
