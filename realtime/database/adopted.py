"""Which live tables were there before Livedesk, and belong to somebody else's app (``manage.py adopt``).

Their owner decides about their columns, policies and constraints. ``livedesk_adoption`` has one note for everything
that the adoption added, with the statement that takes it back.
"""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from realtime.database.event_loop import outside_loop

NOTES = "livedesk_adoption"

# Columns that our stamp writes in tables of our own. Where the app brought them along, they are the app's.
STAMPED_COLUMNS = ("created_at", "updated_at")

# The table first: a database that nobody adopted has no notes.
_IS_ADOPTED = f"select to_regclass('{NOTES}') is not null"
_ADOPTED = f"select table_name, theirs from {NOTES} where theirs is not null"


def is_adopted(using: str = DEFAULT_DB_ALIAS) -> bool:
    """Whether ``manage.py adopt`` has begun on this database and wasn't undone."""
    with connections[using].cursor() as cursor:
        cursor.execute(_IS_ADOPTED)
        return bool(cursor.fetchone()[0])


@cache
def is_adopted_table(table: str) -> bool:
    """Whether a table was adopted when this process first asked; ``columns.forget`` has it ask again."""
    return outside_loop(lambda: table in adopted_tables())


def adopted_tables(using: str = DEFAULT_DB_ALIAS) -> Mapping[str, Collection[str]]:
    """The adopted live tables, each with those stamped columns that the app brought along."""
    if not is_adopted(using):
        return {}
    with connections[using].cursor() as cursor:
        cursor.execute(_ADOPTED)
        found: list[tuple[str, Any]] = cursor.fetchall()
        return {table: tuple(theirs) for table, theirs in found}
