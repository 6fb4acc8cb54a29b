"""Whether the change log hears of everything: each live table's triggers, and what was rewritten past them.

Reads PostgreSQL's catalogs and, for rows that Realtime reported, the rows themselves. Changes nothing.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from realtime.database.triggers import LOGGING_TRIGGERS, PERSONAL_TRIGGERS, STAMP_TRIGGER
from realtime.keys import KEY_TYPE, Key

RELATED_TRIGGER = "realtime_log_related"
# Somebody's ALTER TABLE must not hold up a mere check.
LOCK_TIMEOUT = "500ms"

# pg_trigger.tgenabled
_ALWAYS, _OFF = "A", "D"


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of one table. Sentences are for an operator.

    ``bypasses`` says why changes may not be logged at all, ``missing`` names the missing triggers, ``loose`` says which
    ones a role's settings can silence. ``fingerprint`` changes with anything that rewrites rows without a trigger: DDL,
    a TRUNCATE past the triggers, triggers switched off and on again. ``children`` are the partitions and child tables
    that may hold rows; Realtime reports those under their own names.
    """

    fingerprint: str
    bypasses: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


# A table, its partitions and its children, each with its triggers and with everything that changes when rows are
# rewritten: the file, the columns, and the version of each trigger's own row in the catalog.
STANDINGS = """
with recursive family as (
    select relname::text as live, oid, false as child from pg_class
    where relname = any(%(tables)s) and relnamespace = current_schema()::regnamespace
    union
    select live, inhrelid, true from family join pg_inherits on inhparent = family.oid
)
select live, family.oid::regclass::text, child, relkind::text,
       coalesce((select jsonb_object_agg(tgname, tgenabled) from pg_trigger
                 where tgrelid = family.oid and tgname = any(%(triggers)s)), '{}')::text,
       concat_ws(' ', family.oid, pg_relation_filenode(family.oid),
                 (select string_agg(concat_ws(':', attnum, attname, atttypid, atttypmod), ',' order by attnum)
                  from pg_attribute where attrelid = family.oid and attnum > 0 and not attisdropped),
                 (select string_agg(concat_ws(':', tgname, tgenabled, xmin), ',' order by tgname)
                  from pg_trigger where tgrelid = family.oid and tgname = any(%(triggers)s)))
from family join pg_class using (oid)
order by live, child, family.oid
"""


def standings(tables: Iterable[str], related: Iterable[str] = (), personal: Iterable[str] = ()) -> dict[str, Standing]:
    """The state of each of these tables; a missing table has one that says so.

    For ``related`` tables, the log only notes that something changed; for ``personal`` ones, whose rows.
    """
    wanted = (
        dict.fromkeys(tables, tuple(LOGGING_TRIGGERS))
        | dict.fromkeys(related, (RELATED_TRIGGER,))
        | dict.fromkeys(personal, tuple(PERSONAL_TRIGGERS))
    )
    triggers = [*LOGGING_TRIGGERS, RELATED_TRIGGER, *PERSONAL_TRIGGERS]
    parameters = {"tables": list(wanted), "triggers": triggers}
    family: dict[str, list[tuple[Any, ...]]] = {table: [] for table in wanted}
    with connection.cursor() as cursor:
        cursor.execute(STANDINGS, parameters)
        for table, *member in cursor.fetchall():
            family[table].append(tuple(member))
    return {table: _standing(table, members, wanted[table]) for table, members in family.items()}


def _standing(table: str, members: list[tuple[Any, ...]], wanted: tuple[str, ...]) -> Standing:
    if not members:
        return Standing("", (f"there is no table '{table}'",))
    bypasses: list[str] = []
    missing: list[str] = []
    loose: list[str] = []
    for name, is_child, kind, triggers, _ in members:
        enabled: dict[str, str] = json.loads(triggers)
        whose = f"'{name}', a child of '{table}'," if is_child else f"'{name}'"
        for trigger in wanted if kind in "rp" else ():
            # A TRUNCATE of a child alone doesn't fire the parent's trigger, and a partition has none of its own.
            if is_child and trigger == "realtime_log_truncate":
                continue
            state = enabled.get(trigger)
            if state is None:
                bypasses.append(f"{whose} lacks the trigger {trigger}")
                if not is_child:
                    missing.append(trigger)
            elif state == _OFF:
                bypasses.append(f"{whose} has the trigger {trigger} switched off")
            elif state != _ALWAYS:
                loose.append(f"{whose} has the trigger {trigger}, but not enabled always")
        if kind == "f":
            bypasses.append(f"{whose} is a foreign table, which no trigger follows")
    fingerprint = "\n".join(str(member[-1]) for member in members)
    children = tuple(name for name, is_child, *_ in members if is_child)
    return Standing(fingerprint, tuple(bypasses), tuple(missing), tuple(loose), children)


# Triggers that fire after the stamp may change a row that the stamp has let pass as unchanged.
BEHIND_THE_STAMP = """
select tgname::text from pg_trigger
where tgrelid = %s and not tgisinternal and tgtype & 3 = 3 and tgtype & 20 <> 0 and tgname::text collate "C" > %s
order by tgname
"""


def triggers_behind_the_stamp(oid: int) -> list[str]:
    """The BEFORE ROW triggers of a table that fire after our stamp, by name."""
    with connection.cursor() as cursor:
        cursor.execute(BEHIND_THE_STAMP, [oid, STAMP_TRIGGER])
        return [row[0] for row in cursor.fetchall()]


# Row and entry come from one snapshot: if a change was logged, both show it or neither does. When the table's columns
# have changed since the entry, only the columns that both have can be compared.
UNLOGGED = """
select told.key from unnest(%(keys)s::{key_type}[]) as told(key)
left join {table} as present on present.id = told.key
left join lateral (
    select op, new from realtime_change
    where table_name = %(table)s and row_key = told.key::text order by revision desc limit 1
) as noted on true
where case when present.id is null then noted.op is distinct from 'DELETE'
      else noted.new is null or exists (
          select from jsonb_each(to_jsonb(present)) as now join jsonb_each(noted.new) as was using (key)
          where now.value is distinct from was.value)
      end
"""


def unlogged(suspects: Mapping[str, Iterable[Key]]) -> set[str]:
    """The tables with a suspect row that differs from its newest entry in the change log.

    Raises the database's errors, including a lock timeout.
    """
    found = set()
    for table, keys in suspects.items():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
            question = UNLOGGED.format(table=connection.ops.quote_name(table), key_type=KEY_TYPE)
            cursor.execute(question, {"keys": list(keys), "table": table})
            if cursor.fetchone():
                found.add(table)
    return found
