"""A provisioned database behaves like a Supabase project, however often, and by however many, it is provisioned."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from realtime.local.supabase import API_ROLES, provision
from tests.integration.local.conformance.harness import Database

ALICE = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"


@pytest.fixture
def fresh_urls(conformance_postgres_url: str) -> Iterator[list[str]]:
    names = [f"provisioned_{uuid.uuid4().hex[:10]}" for _ in range(4)]
    with psycopg.connect(conformance_postgres_url, autocommit=True) as cluster:
        for name in names:
            cluster.execute(f'create database "{name}"')
        yield [make_conninfo(conformance_postgres_url, dbname=name) for name in names]
        for name in names:
            cluster.execute(f'drop database "{name}" with (force)')


def provision_one(url: str) -> None:
    with psycopg.connect(url) as connection:
        provision(connection)


def test_many_may_provision_at_once_and_again(fresh_urls: list[str]) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(provision_one, fresh_urls * 4))
    with psycopg.connect(fresh_urls[0]) as connection:
        publications = connection.execute("select pubname, puballtables from pg_publication").fetchall()
    assert publications == [("supabase_realtime", False)]


def test_roles_are_as_supabase_has_them(database: Database) -> None:
    assert database.value("select rolbypassrls from pg_roles where rolname = 'service_role'") is True
    assert database.value("select rolcanlogin and not rolinherit from pg_roles where rolname = 'authenticator'") is True
    for role in API_ROLES:
        assert database.value(f"select pg_has_role('authenticator', '{role}', 'member')") is True
        assert database.value(f"select rolcanlogin from pg_roles where rolname = '{role}'") is False
        assert database.value(f"select has_table_privilege('{role}', 'todos', 'select, insert, delete')") is True
        assert database.value(f"select has_sequence_privilege('{role}', 'todos_id_seq', 'usage')") is True


def test_auth_functions_read_the_claims(database: Database) -> None:
    assert database.value("select auth.uid()") is None
    assert database.value("select auth.jwt()") == {}
    with database.connection.transaction():
        claims = f'{{"sub": "{ALICE}", "role": "authenticated"}}'
        database.connection.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
        database.run("set local role authenticated")
        assert str(database.value("select auth.uid()")) == ALICE
        assert database.value("select auth.role()") == "authenticated"
    assert database.value("select auth.role()") is None
