"""Very many rows at once, for the demo and the benches: past the triggers, and with each index made in one go."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from realtime.database.triggers import LIVE_TRIGGERS

# Those that no constraint stands on.
_INDEXES = """
select c.relname, pg_get_indexdef(c.oid)
from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid = %s::regclass and not exists (select from pg_constraint where conindid = c.oid)
"""


@contextmanager
def bulk_loading(cursor: Any, table: str) -> Iterator[None]:
    """While it lasts, the table of a live model has no indexes but its key's, and none of its triggers fires.

    Neither the change log nor open pages learn of the rows. Whoever inserts them gives them their revisions.
    """
    # A table can't be altered while keys wait to be checked.
    cursor.execute("set constraints all immediate")
    cursor.execute("set maintenance_work_mem = '512MB'")
    cursor.execute(_INDEXES, [table])
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f'drop index "{name}"')
    for name in LIVE_TRIGGERS:
        cursor.execute(f'alter table {table} disable trigger "{name}"')
    yield
    for name in LIVE_TRIGGERS:
        cursor.execute(f'alter table {table} enable always trigger "{name}"')
    for _, definition in indexes:
        cursor.execute(definition)
    cursor.execute(f"analyze {table}")
    cursor.execute("reset maintenance_work_mem")
