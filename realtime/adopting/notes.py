"""What an adoption has done so far, in ``livedesk_adoption``: it makes every step repeatable, and ``--undo`` exact."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection

from realtime.database.adopted import NOTES, is_adopted
from realtime.database.roles import API_ROLES

_MAKE = f"""
create table {NOTES} (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    step text not null,
    table_name text,
    -- Of the first note on a table: which stamped columns its app had.
    theirs text[],
    undo text[] not null,
    -- Outside of a transaction, as PostgreSQL wants it for some statements.
    alone boolean not null default false
);
create index {NOTES}_step on {NOTES} (step);
alter table {NOTES} enable row level security;
do $$
declare
    api_role text;
begin
    for api_role in select rolname from pg_roles where rolname in {(*API_ROLES, "service_role")} loop
        execute format('revoke all on {NOTES} from %I', api_role);
    end loop;
end
$$;
"""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was done, with the statements that take it back, in their order."""

    id: int
    step: str
    undo: tuple[str, ...]
    alone: bool


def make_notes() -> None:
    """Once, before anything else is done."""
    if not is_adopted():
        with connection.cursor() as cursor:
            cursor.execute(_MAKE)


def note(
    step: str,
    undo: Sequence[str],
    table: str | None = None,
    theirs: Iterable[str] | None = None,
    alone: bool = False,
) -> None:
    """In the transaction of the step itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"insert into {NOTES} (step, table_name, theirs, undo, alone) values (%s, %s, %s, %s, %s)",
            [step, table, None if theirs is None else list(theirs), list(undo), alone],
        )


def done_steps() -> set[str]:
    """The names of the steps that were done."""
    if not is_adopted():
        return set()
    with connection.cursor() as cursor:
        cursor.execute(f"select step from {NOTES}")
        return {step for (step,) in cursor.fetchall()}


def notes_backwards() -> list[Note]:
    """All notes, the last first."""
    if not is_adopted():
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"select id, step, undo, alone from {NOTES} order by id desc")
        return [Note(key, step, tuple(undo), alone) for key, step, undo, alone in cursor.fetchall()]


def forget(key: int) -> None:
    """In the transaction that takes back what the note tells of."""
    with connection.cursor() as cursor:
        cursor.execute(f"delete from {NOTES} where id = %s", [key])


def forget_everything() -> None:
    """The adoption is undone."""
    with connection.cursor() as cursor:
        cursor.execute(f"drop table {NOTES}")
