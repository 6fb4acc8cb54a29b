"""What stands in the way of an adoption, and what to do about each; and what its owner should know."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import (
    NOT_PROVIDED,
    CharField,
    DateTimeField,
    DecimalField,
    Field,
    ForeignKey,
    IntegerField,
    TextField,
    UUIDField,
)

from realtime.adopting.survey import Table
from realtime.database.columns import Column, Family
from realtime.database.roles import WORKER_ROLE
from realtime.models import LiveModel

OLDEST_VERSION = 15

# What each field of a model can be read from and written to.
READABLE: "tuple[tuple[type[Field[Any, Any]], frozenset[Family], str], ...]" = (
    (UUIDField, frozenset({Family.UUID}), "uuid"),
    (DateTimeField, frozenset({Family.TIME, Family.NAIVE_TIME}), "timestamptz or timestamp"),
    (DecimalField, frozenset({Family.NUMBER}), "numeric, a whole number or a double"),
    (IntegerField, frozenset({Family.NUMBER}), "a whole number or numeric"),
    (CharField, frozenset({Family.TEXT, Family.ENUM}), "text, varchar, citext or an enum"),
    (TextField, frozenset({Family.TEXT, Family.ENUM}), "text, varchar, citext or an enum"),
)
NOT_TABLES = {
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "p": "a partitioned table",
}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """``remedy`` is what to run or do; an obstacle without one is only worth knowing and stops nothing."""

    table: str
    text: str
    remedy: str = ""


def obstacles(
    models: Mapping[str, type[LiveModel]], tables: Mapping[str, Table], begun: Collection[str]
) -> list[Obstacle]:
    """Everything that stands in the way, and everything worth knowing, of the tables that are there.

    An adoption has ``begun`` on some of them: what is there may be ours.
    """
    found = list(_of_server())
    for name, table in tables.items():
        found += _of_table(table)
        if table.kind == "r":
            found += _of_columns(models[name], table)
        if "revision" in table.columns and name not in begun:
            found.append(
                Obstacle(
                    name,
                    "has a column 'revision' of its own, which is the name of the one that Livedesk adds",
                    f"alter table {name} rename column revision to …;  and the same in the app",
                )
            )
    return found


def _of_server() -> Iterator[Obstacle]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select current_setting('server_version_num')::int / 10000, current_user,"
            "       rolsuper or case when exists (select from pg_roles where rolname = %(role)s)"
            "            then pg_has_role(%(role)s, 'member with admin option') or not exists ("
            "                select from pg_roles as one where one.rolname = 'authenticator'"
            "                and not pg_has_role(one.oid, %(role)s, 'member'))"
            "            else rolcreaterole end,"
            "       has_database_privilege(current_database(), 'create') and"
            "       has_schema_privilege(current_schema(), 'create')"
            " from pg_roles where rolname = current_user",
            {"role": WORKER_ROLE},
        )
        version, user, makes_roles, creates = cursor.fetchone()
        cursor.execute("select puballtables from pg_publication where pubname = %s", [settings.SUPABASE_PUBLICATION])
        publication = cursor.fetchone()
    if version < OLDEST_VERSION:
        yield Obstacle("", f"PostgreSQL {version} is too old", f"upgrade to PostgreSQL {OLDEST_VERSION} or newer")
    if not makes_roles:
        yield Obstacle(
            "",
            f"{user} may not create the role {WORKER_ROLE}, or let Realtime use it",
            f"as an administrator, what is missing of: create role {WORKER_ROLE} nologin noinherit;"
            f" grant {WORKER_ROLE} to authenticator;"
            f" grant {WORKER_ROLE} to {user} with admin option;",
        )
    if not creates:
        yield Obstacle("", f"{user} may not create tables here", "change DATABASE_URL to the project's user postgres")
    if publication and publication[0]:
        yield Obstacle(
            "",
            f"the publication {settings.SUPABASE_PUBLICATION} is for all tables, those of staff accounts and sessions"
            " too: whoever listens to Realtime learns the keys of their deleted rows. supabase_check tells how to"
            " mend it",
        )


def _of_table(table: Table) -> Iterator[Obstacle]:
    name = table.name
    if table.kind != "r":
        what = NOT_TABLES[table.kind]
        yield Obstacle(
            name,
            f"is {what}: Realtime doesn't tell of changes under its name",
            f"give the name {name} to a plain table with these rows",
        )
        return
    if table.is_partition or table.has_children:
        yield Obstacle(
            name,
            "has rows in child tables, or is itself a part of another table",
            f"alter table … no inherit …;  so that all rows of {name} are its own",
        )
    if not table.may_alter:
        yield Obstacle(
            name,
            "belongs to another role than DATABASE_URL's, and only its owner may add to it",
            "change DATABASE_URL to its owner, or:  grant its owner to DATABASE_URL's user",
        )
    if table.forced_security:
        yield Obstacle(
            name,
            "has row level security forced on its owner too, so that the portal would see no rows",
            f"alter table {name} no force row level security;",
        )
    if table.identity in ("n", "i"):
        what = "nothing" if table.identity == "n" else "an index"
        yield Obstacle(
            name,
            f"has {what} as its replica identity, so that Realtime's events lack the key",
            f"alter table {name} replica identity default;",
        )
    if table.kind == "r" and not table.row_security:
        yield Obstacle(
            name, "has no row level security: whoever has the project's public key can read it. It is left so"
        )


def _of_columns(model: type[LiveModel], table: Table) -> Iterator[Obstacle]:
    fields = {str(field.column): field for field in model._meta.concrete_fields}
    for name, field in fields.items():
        column = table.columns.get(name)
        if column is not None:
            yield from _of_column(table, field, column)
        elif not can_be_added(field):
            yield Obstacle(
                table.name,
                f"has no column '{name}', without which there is nothing to show",
                f"alter table {table.name} add column id uuid primary key default gen_random_uuid();"
                if field.primary_key
                else f"alter table {table.name} rename column … to {name};  and the same in the app",
            )
    yield from _of_key(table)
    for column in table.columns.values():
        if column.name not in fields and not (column.nullable or column.has_default or column.written_by_database):
            yield Obstacle(
                table.name,
                f"needs a value for '{column.name}', which the portal doesn't know: forms ask for it as a plain text;"
                " new comments and files have no such form, and need a default for it",
            )


def _of_key(table: Table) -> Iterator[Obstacle]:
    if list(table.key) != ["id"] and "id" in table.columns:
        has = f"({', '.join(table.key)})" if table.key else "none"
        yield Obstacle(
            table.name,
            f"has to have the primary key (id), and has {has}",
            f"alter table {table.name} add primary key (id);",
        )


def _of_column(table: Table, field: "Field[Any, Any]", column: Column) -> Iterator[Obstacle]:
    told = field.target_field if isinstance(field, ForeignKey) else field
    wanted, words = next((families, words) for kind, families, words in READABLE if isinstance(told, kind))
    if column.family not in wanted:
        yield Obstacle(
            table.name,
            f"has '{column.name}' of the type {column.type}, and it has to be {words}",
            f"alter table {table.name} alter column {column.name} type … using …;",
        )
    elif column.family is Family.NAIVE_TIME:
        yield Obstacle(table.name, f"has '{column.name}' without a time zone: it is read as UTC")


def can_be_added(field: "Field[Any, Any]") -> bool:
    """Whether rows that are there can have a value for a new column."""
    return not field.primary_key and (field.null or field.db_default is not NOT_PROVIDED)
