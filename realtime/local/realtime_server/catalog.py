"""What only PostgreSQL can say: which tables are published, who may see which column and row, how values compare."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from realtime.local.realtime_server import database
from realtime.local.realtime_server.filters import SQL_TESTS, UNTYPED_OPERATORS, Filter
from realtime.local.realtime_server.subscriptions import Binding, SubscribeError, Viewer
from realtime.local.realtime_server.values import PgType

PUBLISHED = """
select c.oid
from pg_publication_tables p
join pg_namespace n on n.nspname = p.schemaname
join pg_class c on c.relnamespace = n.oid and c.relname = p.tablename
where p.pubname = %(publication)s and %(schema)s::text in ('*', p.schemaname)
  and (%(table)s::text is null or p.tablename = %(table)s::text)
"""

COLUMNS = """
select a.attrelid, a.attname, a.atttypid, t.typname, format_type(a.atttypid, -1),
       coalesce(a.attnum = any (i.indkey), false), c.relrowsecurity, n.nspname, c.relname,
       array(select r.rolname::text from pg_roles r
             where r.rolname = any (%(roles)s::text[]) and has_column_privilege(r.oid, a.attrelid, a.attnum, 'SELECT'))
from pg_attribute a
join pg_type t on t.oid = a.atttypid
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
where a.attrelid = any (%(oids)s::oid[]) and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum
"""

TYPES = """
with recursive wanted as (
    select oid from pg_type where oid = any (%s::oid[])
    union
    select next.oid from wanted join pg_type t using (oid)
    join pg_type next on next.oid in (t.typbasetype, t.typelem)
)
select t.oid, t.typname, t.typbasetype, case when t.typcategory = 'A' then t.typelem else 0 end, t.typdelim
from wanted join pg_type t using (oid)
"""


@dataclass(frozen=True, slots=True)
class TableColumn:
    name: str
    type: PgType
    type_name: str
    sql_type: str
    in_primary_key: bool
    roles: frozenset[str]


@dataclass(frozen=True)
class Table:
    """A table as it is now, at poll time, not as it was when the change was written."""

    oid: int
    schema: str
    name: str
    row_security: bool
    columns: tuple[TableColumn, ...]

    @property
    def primary_key(self) -> tuple[TableColumn, ...]:
        return tuple(column for column in self.columns if column.in_primary_key)

    def column(self, name: str) -> TableColumn | None:
        return next((column for column in self.columns if column.name == name), None)


Key = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One question to PostgreSQL: does the value of a column pass a filter?"""

    sql_type: str
    operator: str
    negated: bool
    value: str | None
    wanted: str


class Catalog:
    def __init__(self, url: str, publication: str) -> None:
        self._url = url
        self._publication = publication
        self._connection: database.Connection | None = None
        self._lock = asyncio.Lock()
        self._types: dict[int, PgType] = {}

    async def renew(self) -> None:
        """Reconnect: after a restart of PostgreSQL an idle connection doesn't know yet that it's dead."""
        async with self._lock:
            await self.close()
            self._connection = await database.connect(self._url, "catalog")

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[database.Connection]:
        async with self._lock:
            if self._connection is None or self._connection.closed:
                self._connection = await database.connect(self._url, "catalog")
            yield self._connection

    async def published(self, schema: str = "*", table: str | None = None) -> frozenset[int]:
        names = {"publication": self._publication, "schema": schema, "table": table}
        async with self._session() as connection:
            rows = await (await connection.execute(PUBLISHED, names)).fetchall()
        return frozenset(oid for (oid,) in rows)

    async def tables(self, oids: Iterable[int], roles: Iterable[str]) -> dict[int, Table]:
        """Describe the tables; one that was dropped in the meantime is missing."""
        async with self._session() as connection:
            cursor = await connection.execute(COLUMNS, {"oids": list(oids), "roles": list(roles)})
            rows = await cursor.fetchall()
            await self._learn_types(connection, {row[2] for row in rows})
        tables: dict[int, Table] = {}
        for oid, name, type_oid, type_name, sql_type, is_key, row_security, schema, table, allowed in rows:
            column = TableColumn(name, self._types[type_oid], type_name, sql_type, is_key, frozenset(allowed))
            before = tables[oid].columns if oid in tables else ()
            tables[oid] = Table(oid, schema, table, row_security, (*before, column))
        return tables

    async def _learn_types(self, connection: database.Connection, oids: set[int]) -> None:
        unknown = oids - self._types.keys()
        if not unknown:
            return
        rows = await (await connection.execute(TYPES, (list(unknown),))).fetchall()
        described = {oid: rest for oid, *rest in rows}
        self._types |= {oid: _pg_type(oid, described) for oid in unknown}

    async def admit(self, binding: Binding, viewer: Viewer) -> frozenset[int]:
        """Return the tables the binding covers; raise SubscribeError in the real server's words."""
        try:
            oids = await self.published(binding.schema, binding.table)
            tables = await self.tables(oids, [viewer.role])
            if tables:
                await self._check_role(viewer.role)
            for table in tables.values():
                await self._check_columns(binding, table, viewer.role)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            raise SubscribeError(
                "Unable to subscribe to changes with given parameters. An exception happened so please check "
                f"your connect parameters: {binding}. Exception: {_sentence(error)}"
            ) from error
        if not oids:
            raise SubscribeError(
                "Unable to subscribe to changes with given parameters. "
                f"Please check Realtime is enabled for the given connect parameters: {binding}"
            )
        return oids

    async def _check_role(self, role: str) -> None:
        async with self._session() as connection:
            found = await (await connection.execute("select 1 from pg_roles where rolname = %s", (role,))).fetchone()
        if found is None:
            raise psycopg.errors.UndefinedObject(f'role "{role}" does not exist')

    async def _check_columns(self, binding: Binding, table: Table, role: str) -> None:
        readable = {column.name for column in table.columns if role in column.roles}
        for name in binding.select or ():
            if name not in readable:
                raise psycopg.errors.RaiseException(f"invalid column for select {name}")
        for wanted in binding.filters:
            column = table.column(wanted.column)
            if column is None or column.name not in readable:
                raise psycopg.errors.RaiseException(f"invalid column for filter {wanted.column}")
            await self._check_value(wanted, column)

    async def _check_value(self, wanted: Filter, column: TableColumn) -> None:
        if wanted.operator in UNTYPED_OPERATORS:
            question = f"select '' {'~' if 'match' in wanted.operator else '='} %s"
        else:
            question = f"select %s::text::{column.sql_type}{'[]' if wanted.operator == 'in' else ''}"
        async with self._session() as connection:
            await connection.execute(_trusted(question), (wanted.value,))

    async def visible(self, viewer: Viewer, table: Table, keys: Sequence[Key]) -> set[Key]:
        """Which of the rows the viewer may see at this moment; nobody sees a row that is gone."""
        key_columns = table.primary_key
        question = sql.SQL(
            "select k.at from unnest({arrays}) with ordinality as k({names}, at) "
            "where exists (select from {table} as t where {match})"
        ).format(
            arrays=sql.SQL(", ").join(sql.SQL("%s::text[]") for _ in key_columns),
            names=sql.SQL(", ").join(sql.Identifier(f"k{at}") for at in range(len(key_columns))),
            table=sql.Identifier(table.schema, table.name),
            match=sql.SQL(" and ").join(
                sql.SQL("t.{} = k.{}::{}").format(
                    sql.Identifier(column.name), sql.Identifier(f"k{at}"), _trusted(column.sql_type)
                )
                for at, column in enumerate(key_columns)
            ),
        )
        try:
            async with self._session() as connection, connection.transaction():
                await connection.execute(
                    "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
                    (viewer.role, viewer.claims),
                )
                rows = await (
                    await connection.execute(question, [list(part) for part in zip(*keys, strict=True)])
                ).fetchall()
        except psycopg.OperationalError:
            raise
        except psycopg.Error:
            # A policy that fails shows nothing: a hole in one policy must not stop the others' events.
            return set()
        return {keys[at - 1] for (at,) in rows}

    async def compare(self, comparisons: Iterable[Comparison]) -> Mapping[Comparison, bool]:
        groups: dict[tuple[str, str, bool], list[Comparison]] = {}
        for one in comparisons:
            groups.setdefault((one.sql_type, one.operator, one.negated), []).append(one)
        answers: dict[Comparison, bool] = {}
        for (sql_type, operator, negated), group in groups.items():
            answers |= zip(group, await self._compare(sql_type, operator, negated, group), strict=True)
        return answers

    async def _compare(self, sql_type: str, operator: str, negated: bool, group: list[Comparison]) -> list[bool]:
        test = SQL_TESTS[operator].format(type=sql_type)
        question = (
            f"select coalesce({'not ' if negated else ''}({test}), false) "
            "from unnest(%s::text[], %s::text[]) with ordinality as pairs(v, f, at) order by at"
        )
        values: list[Any] = [[one.value for one in group], [one.wanted for one in group]]
        try:
            async with self._session() as connection:
                return [answer for (answer,) in await (await connection.execute(_trusted(question), values)).fetchall()]
        except psycopg.OperationalError:
            raise
        except psycopg.Error:
            return [False] * len(group)


def _trusted(text: str) -> sql.SQL:
    """SQL put together from our own constants and PostgreSQL's format_type(), never from a client's words."""
    return sql.SQL(text)


def _pg_type(oid: int, described: Mapping[int, Sequence[Any]]) -> PgType:
    name, base, element, delimiter = described[oid]
    if base:
        return _pg_type(base, described)
    return PgType(name, _pg_type(element, described) if element else None, delimiter)


def _sentence(error: psycopg.Error) -> str:
    condition = re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()
    return f"ERROR {error.sqlstate} ({condition}) {error.diag.message_primary or error}"
