"""Indexes that lists are sorted, filtered and searched by, for migrations.

They are SQL of our own: a sort by text is by an expression, and a search needs operators that the server may lack.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from realtime.database.columns import Column, Family, never_null
from realtime.database.schema import DatabaseSQL
from realtime.database.words import rank_sql

# Longer values are sorted by their beginning; the row's key decides between equal ones.
TEXT_LENGTH = 100

# Where pg_trgm is, and whether it could be.
TRIGRAMS = (
    "select nspname from pg_extension join pg_namespace on pg_namespace.oid = extnamespace where extname = 'pg_trgm'"
)
TRIGRAMS_AVAILABLE = "select from pg_available_extensions where name = 'pg_trgm'"


@dataclass(frozen=True, slots=True)
class Part:
    """One expression of an index over one column. ``template`` has the column as ``{}``."""

    column: str
    template: str = "{}"

    def sql(self, column: Column | None = None) -> str:
        """``column`` is what the database has, where that isn't what our migrations make."""
        told = self.template.format(self.column)
        if column is None:
            return told if self.template == "{}" else f"({told})"
        told = never_null(told, column)
        return told if told == self.column else f"({told})"


class SortIndex(DatabaseSQL):
    """Serves a sort in both directions, after columns that a filter holds fast; the key makes it total."""

    def __init__(self, table: str, name: str, *parts: str | Part) -> None:
        self.table = table
        self.name = name
        self.parts = tuple(Part(part) if isinstance(part, str) else part for part in parts)
        super().__init__(self.create(), f"drop index {name}", of=(table,))

    def create(self, columns: Mapping[str, Column] | None = None, how: str = "") -> str:
        """The statement. ``columns`` are those of an adopted table, ``how`` may be ``concurrently``."""
        *filters, order = self.parts
        told = [part.sql() for part in filters] + [order.sql(columns[order.column] if columns else None)]
        return f"create index {how} {self.name} on {self.table} ({', '.join([*told, 'id'])})"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return ("SortIndex", [self.table, self.name, *self.parts], {})


sorted_by = SortIndex


def by_text(column: str) -> Part:
    """As ``realtime.live.sorting.by_text`` sorts."""
    return Part(column, f"left(realtime_fold({{}}), {TEXT_LENGTH})")


class RankIndex(DatabaseSQL):
    """Serves a sort by a word's place among ``words``, from the first one on."""

    def __init__(self, table: str, name: str, column: str, words: tuple[str, ...]) -> None:
        self.table = table
        self.name = name
        self.column = column
        self.words = words
        plain = Column(column, "text", Family.TEXT, nullable=False)
        super().__init__(f"drop index if exists {name}; {self.create(plain, words)}", f"drop index {name}", of=(table,))

    def create(self, column: Column, words: Iterable[str], how: str = "") -> str:
        """The statement, for what the column and its words are in this database."""
        return f"create index {how} {self.name} on {self.table} (({rank_sql(self.column, column, words)}), id)"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return ("RankIndex", [self.table, self.name, self.column, self.words], {})


class SearchIndex(DatabaseSQL):
    """Finds parts of folded words, if the server has pg_trgm, as Supabase has. Otherwise a search reads all rows."""

    def __init__(self, table: str, name: str, *columns: str) -> None:
        self.table = table
        self.name = name
        self.columns = columns
        super().__init__(
            f"""
            do $$
            declare
                place text := ({TRIGRAMS});
            begin
                if place is null and exists ({TRIGRAMS_AVAILABLE}) then
                    select coalesce(min(nspname), current_schema()) into place
                    from pg_namespace where nspname = 'extensions';
                    execute format('create extension pg_trgm with schema %I', place);
                end if;
                if place is not null then
                    execute format('{self.create("%1$s")}', quote_ident(place));
                end if;
            exception when insufficient_privilege then
                raise notice 'pg_trgm can''t be created: searches in {table} have no index';
            end
            $$
            """,
            f"drop index if exists {name}",
            of=(table,),
        )

    def create(self, place: str, how: str = "") -> str:
        """The statement. ``place`` is the quoted schema of pg_trgm, ``how`` may be ``concurrently``."""
        told = ", ".join(f"realtime_fold({column}) {place}.gin_trgm_ops" for column in self.columns)
        return f"create index {how} {self.name} on {self.table} using gin ({told})"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return ("SearchIndex", [self.table, self.name, *self.columns], {})


searched_by = SearchIndex
