"""Make a plain PostgreSQL database look like a Supabase project, as far as this project needs one."""

import psycopg
from psycopg import sql

ROLES = {
    "anon": "nologin noinherit",
    "authenticated": "nologin noinherit",
    "service_role": "nologin noinherit bypassrls",
    "authenticator": "login noinherit",
}
API_ROLES = ("anon", "authenticated", "service_role")
PUBLICATION = "supabase_realtime"

AUTH = """
create schema if not exists auth;
grant usage on schema auth to anon, authenticated, service_role;

create or replace function auth.jwt() returns jsonb language sql stable as $$
    select coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb
$$;
create or replace function auth.uid() returns uuid language sql stable as $$
    select nullif(auth.jwt() ->> 'sub', '')::uuid
$$;
create or replace function auth.role() returns text language sql stable as $$
    select auth.jwt() ->> 'role'
$$;
grant execute on function auth.jwt(), auth.uid(), auth.role() to anon, authenticated, service_role;
"""

PUBLIC = """
grant usage on schema public to anon, authenticated, service_role;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
"""

# Any number; two provisioning sessions of one database must not create the same function at once.
LOCK = 7_315_020_224


def provision(connection: psycopg.Connection) -> None:
    """Create what is missing. Default privileges hold for tables which the connection's own role creates later."""
    for role, attributes in ROLES.items():
        _create_role(connection, role, attributes)
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        _grant_memberships(connection)
        connection.execute(AUTH)
        connection.execute(PUBLIC)
        _create_publication(connection)


def _create_role(connection: psycopg.Connection, role: str, attributes: str) -> None:
    # Roles belong to the whole cluster: another database's provisioning may create it between check and create.
    statement = sql.SQL("create role {} " + attributes).format(sql.Identifier(role))
    try:
        with connection.transaction():
            if connection.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone() is None:
                connection.execute(statement)
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        pass


def _grant_memberships(connection: psycopg.Connection) -> None:
    # pg_auth_members is shared by all databases; the lock above is only this database's.
    connection.execute("lock table pg_catalog.pg_auth_members in share row exclusive mode")
    for role in API_ROLES:
        if not connection.execute("select pg_has_role('authenticator', %s, 'member')", (role,)).fetchone()[0]:  # type: ignore[index]
            connection.execute(sql.SQL("grant {} to authenticator").format(sql.Identifier(role)))


def _create_publication(connection: psycopg.Connection) -> None:
    if connection.execute("select 1 from pg_publication where pubname = %s", (PUBLICATION,)).fetchone() is None:
        connection.execute(sql.SQL("create publication {}").format(sql.Identifier(PUBLICATION)))
