"""Keeps up with what the database holds: new words, and the indexes of lists that are sorted by a word's place."""

from collections.abc import Iterator

from django.db import connection

from realtime.database.columns import column_of
from realtime.database.words import declared_columns, learn_words, rank_sql, texts_in, words_of

# The indexes over a word's place; PostgreSQL writes an expression in its own way, but always the same.
_INDEXES = """
select relname::text, pg_get_expr(indexprs, indrelid), indisvalid
from pg_index
join pg_class on pg_class.oid = indexrelid
where indrelid = to_regclass(quote_ident(%s)) and pg_get_expr(indexprs, indrelid) like 'COALESCE(array_position(%%'
  and exists (select from pg_depend
              where classid = 'pg_class'::regclass and objid = indexrelid and refobjid = indrelid
                and refobjsubid = (select attnum from pg_attribute where attrelid = indrelid and attname = %s))
order by relname
"""


def learn_new_words() -> None:
    """Adds the words that rows, types and constraints have come to hold; those that are known stay as they are."""
    for table, column in declared_columns():
        learn_words(table, column)


def indexes_of_another_order() -> Iterator[tuple[str, str, str]]:
    """(index, table, column) of those that serve no sort any more: the words or their order have changed."""
    for table, column in declared_columns():
        told = column_of(table, column)
        words = [word.value for word in words_of(table, column) if not told.is_enum or word.value in told.labels]
        with connection.cursor() as cursor:
            cursor.execute(_INDEXES, [table, column])
            for name, expression, is_valid in cursor.fetchall():
                indexed = texts_in(expression)
                if indexed != words or not is_valid:
                    yield name, table, column


def renew_index(name: str, table: str, column: str) -> None:
    """Builds it beside the old one, without holding up writers. It can't run inside a transaction."""
    words = [word.value for word in words_of(table, column)]
    quoted, index, new = (connection.ops.quote_name(told) for told in (table, name, f"{name}_new"))
    place = rank_sql(connection.ops.quote_name(column), column_of(table, column), words)
    with connection.cursor() as cursor:
        # What an interrupted build has left.
        cursor.execute(f"drop index concurrently if exists {new}")
        cursor.execute(f"create index concurrently {new} on {quoted} (({place}), id)")
        cursor.execute(f"drop index concurrently {index}")
        cursor.execute(f"alter index {new} rename to {index}")
