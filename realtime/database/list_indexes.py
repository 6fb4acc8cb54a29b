"""Indexes that lists are sorted, filtered and searched by, for migrations.

They are SQL of our own: a sort by text is by an expression, and a search needs operators that the server may lack.
"""

from collections.abc import Iterable

from realtime.database.schema import DatabaseSQL

# Longer values are sorted by their beginning; the row's key decides between equal ones.
TEXT_LENGTH = 100


def sorted_by(table: str, name: str, *expressions: str) -> DatabaseSQL:
    """Serves a sort in both directions, after columns that a filter holds fast; the key makes it total."""
    told = ", ".join((*expressions, "id"))
    return DatabaseSQL(f"create index {name} on {table} ({told})", f"drop index {name}")


def by_text(column: str) -> str:
    """As ``realtime.live.sorting.by_text`` sorts."""
    return f"(left(realtime_fold({column}), {TEXT_LENGTH}))"


def by_rank(column: str, words: Iterable[str]) -> str:
    """As ``realtime.live.sorting.by_rank`` sorts."""
    return f"(strpos('{','.join(words)}', {column}))"


def searched_by(table: str, name: str, *columns: str) -> DatabaseSQL:
    """Finds parts of folded words, if the server has pg_trgm, as Supabase has. Otherwise a search reads all rows."""
    told = ", ".join(f"realtime_fold({column}) %2$s.gin_trgm_ops" for column in columns)
    return DatabaseSQL(
        f"""
        do $$
        declare
            place text := (select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace
                           where e.extname = 'pg_trgm');
        begin
            if place is null and exists (select from pg_available_extensions where name = 'pg_trgm') then
                place := coalesce((select nspname from pg_namespace where nspname = 'extensions'), current_schema());
                execute format('create extension pg_trgm with schema %I', place);
            end if;
            if place is not null then
                execute format('create index %1$s on {table} using gin ({told})', '{name}', quote_ident(place));
            end if;
        exception when insufficient_privilege then
            raise notice 'pg_trgm can''t be created: searches in {table} have no index';
        end
        $$
        """,
        f"drop index if exists {name}",
    )
