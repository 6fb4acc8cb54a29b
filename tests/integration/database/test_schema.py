"""Triggers, log, publication, row level security and their reversal, on PostgreSQL 15 and the embedded one."""

from collections.abc import Iterator

import psycopg
import pytest

from realtime.database.triggers import LIVE_TRIGGERS, STAMP_TRIGGER, triggers_sql
from tests.integration.databases import Connection, fresh_database, manage, migrate, migrated_template


@pytest.fixture(params=["postgres_url", "postgres15_url"])
def cluster(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
def database(cluster: str) -> Iterator[str]:
    """A migrated database that looks like a Supabase project."""
    with fresh_database(cluster, migrated_template(cluster)) as url:
        yield url


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def log(connection: Connection) -> list[tuple[object, ...]]:
    """The log of the live tables: migrate itself gives the groups their rights, which the log notes too."""
    return connection.execute(
        "select op, table_name, actor from realtime_change where op <> 'RESET' order by revision"
    ).fetchall()


def insert(connection: Connection, name: str = "Lamp") -> tuple[str, int]:
    row = connection.execute("insert into products (name) values (%s) returning id, revision", [name]).fetchone()
    assert row is not None
    return str(row[0]), int(row[1])


# A plain PostgreSQL has neither Supabase's roles nor its publication: template0 is one.
@pytest.mark.parametrize(
    ("cluster", "template"), [("postgres_url", "template1"), ("postgres15_url", "template0")], indirect=["cluster"]
)
def test_migrations_work_and_can_be_reversed(cluster: str, template: str) -> None:
    with fresh_database(cluster, template) as url:
        migrate(url)
        for app in ("ticketing", "crm", "realtime"):
            migrate(url, app, "zero")
        with psycopg.connect(url) as connection:
            left = connection.execute(
                "select proname from pg_proc where proname like 'realtime%'"
                " union all select relname from pg_class where relname like 'realtime%'"
                " or relname in ('products', 'customers', 'acquisitions', 'interactions')"
                " or relname in ('tickets', 'comments', 'attachments')"
                " union all select tablename from pg_publication_tables"
                " union all select polname from pg_policy"
            ).fetchall()
            assert left == []
            publications = connection.execute("select pubname from pg_publication").fetchall()
            # A publication that Supabase made stays; ours goes.
            assert publications == ([("supabase_realtime",)] if template == "template1" else [])
        migrate(url)
        assert manage(url, "makemigrations", "--check").returncode == 0


def test_every_write_is_stamped_and_logged(connection: Connection) -> None:
    key, first = insert(connection)
    second = connection.execute("update products set price = 5 where id = %s returning revision", [key]).fetchone()
    connection.execute("delete from products where id = %s", [key])
    connection.execute("truncate products cascade")
    assert second is not None
    assert second[0] > first
    assert [op for op, table, _ in log(connection) if table == "products"] == ["INSERT", "UPDATE", "DELETE", "TRUNCATE"]
    old, new = connection.execute(
        "select old ->> 'price', new ->> 'price' from realtime_change where op = 'UPDATE'"
    ).fetchone() or (None, None)
    assert (old, new) == ("0.00", "5.00") or (old, new) == ("0", "5.00")


def test_of_people_the_log_notes_that_something_changed_and_nothing_else(connection: Connection) -> None:
    noted = "select count(*), count(old), count(new), count(row_key) from realtime_change where table_name like 'acc%'"
    connection.execute(
        "insert into accounts_user (id, username, password, first_name, last_name, email, is_superuser, is_staff,"
        " is_active, date_joined) values (gen_random_uuid(), 'anna', 'secret', 'Anna', 'Berg', '', false, false,"
        " true, now())"
    )
    assert connection.execute(noted).fetchone() == (1, 0, 0, 0)
    # Every sign-in writes this column.
    connection.execute("update accounts_user set last_login = now()")
    assert connection.execute(noted).fetchone() == (1, 0, 0, 0)
    connection.execute("update accounts_user set last_name = 'Holm'")
    assert connection.execute(noted).fetchone() == (2, 0, 0, 0)


def test_an_update_that_changes_nothing_is_no_change(connection: Connection) -> None:
    _, revision = insert(connection)
    before = connection.execute("select updated_at from products").fetchone()
    connection.execute("update products set updated_at = now(), revision = 999999, created_at = now(), name = name")
    assert connection.execute("select updated_at from products").fetchone() == before
    assert connection.execute("select revision from products").fetchone() == (revision,)
    assert len(log(connection)) == 1


def test_writers_cannot_choose_revision_or_times(connection: Connection) -> None:
    connection.execute(
        "insert into products (name, revision, updated_at) values ('Lamp', 424242, '2001-01-01') returning revision"
    )
    row = connection.execute("select revision < 424242, updated_at > '2002-01-01' from products").fetchone()
    assert row == (True, True)


@pytest.mark.parametrize("when", ["infinity", "-infinity", "20000-01-01", None])
def test_a_time_that_nobody_can_read_is_not_taken(connection: Connection, when: str | None) -> None:
    row = connection.execute(
        "insert into products (name, created_at) values ('Lamp', %s) returning created_at = now()", [when]
    ).fetchone()
    assert row == (True,)


def test_a_changed_key_is_logged_as_a_row_that_went(connection: Connection) -> None:
    key, _ = insert(connection)
    connection.execute("update products set id = gen_random_uuid()")
    assert [op for op, _, _ in log(connection)] == ["INSERT", "UPDATE", "DELETE"]
    gone = connection.execute("select row_key::text from realtime_change where op = 'DELETE'").fetchone()
    assert gone == (key,)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("insert into products (name, price) values ('Lamp', -0.01)", "products_price_not_negative"),
        ("insert into products (name) values ('  ')", "products_name_not_blank"),
    ],
)
def test_the_database_refuses_what_no_form_would_let_pass(
    connection: Connection, statement: str, constraint: str
) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match=constraint):
        connection.execute(statement)


def test_another_client_writes_as_authenticated_under_its_policy(connection: Connection) -> None:
    """It can't touch the log or the sequence, and can't silence or forge what is logged (rule 3)."""
    connection.execute("create policy theirs on products for all to authenticated using (true) with check (true)")
    connection.execute("grant select, insert, update, delete on products to authenticated")
    with connection.transaction():
        connection.execute("set local role authenticated")
        connection.execute("""select set_config('request.jwt.claims', '{"sub": "staff-7"}', true)""")
        connection.execute("set local pgtrigger.ignore = '{products:realtime_log}'")
        connection.execute("set local search_path = pg_temp, public")
        key, _ = insert(connection)
        connection.execute("update products set price = 3 where id = %s", [key])
        connection.execute("delete from products where id = %s", [key])
    assert log(connection) == [(op, "products", "staff-7") for op in ("INSERT", "UPDATE", "DELETE")]


@pytest.mark.parametrize(
    "statement",
    [
        "select * from realtime_change",
        "insert into realtime_change (revision, table_name, op, actor) values (1, 'products', 'INSERT', 'me')",
        "delete from realtime_change",
        "select nextval('realtime_revision')",
        "select * from accounts_user",
        "select * from django_session",
        "create temp table mine (id uuid, revision bigint); "
        "create trigger forge after insert on mine for each row execute function public.realtime_log()",
    ],
)
@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_api_roles_reach_none_of_our_tables(connection: Connection, role: str, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
        connection.execute(f"set local role {role}")  # type: ignore[call-overload]
        connection.execute(statement)  # type: ignore[call-overload]


def test_every_table_of_ours_has_row_level_security(connection: Connection) -> None:
    open_tables = connection.execute(
        "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
        " and not relrowsecurity"
    ).fetchall()
    assert open_tables == []


def test_the_worker_reads_live_tables_and_nothing_else(connection: Connection) -> None:
    insert(connection)
    with connection.transaction():
        connection.execute("set local role livedesk_realtime")
        assert connection.execute("select count(*) from products").fetchone() == (1,)
    for statement in ("select * from realtime_change", "select * from accounts_user", "delete from products"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute("set local role livedesk_realtime")
            connection.execute(statement)  # type: ignore[call-overload]


def test_a_superuser_cannot_write_past_the_log_by_replica_mode(connection: Connection) -> None:
    connection.execute("set session_replication_role = replica")
    insert(connection)
    assert len(log(connection)) == 1


def test_the_actor_is_the_settings_then_the_tokens_then_the_role(connection: Connection) -> None:
    insert(connection)
    with connection.transaction():
        connection.execute("""select set_config('request.jwt.claims', '{"sub": "token"}', true)""")
        insert(connection)
        connection.execute("select set_config('livedesk.actor', 'portal-user', true)")
        insert(connection)
    insert(connection)
    assert [actor for _, _, actor in log(connection)] == ["postgres", "token", "portal-user", "postgres"]


# Other clients' triggers, columns and tables (rule 39)

TIDIES = """
create function tidy() returns trigger language plpgsql as $$ begin {body} return new; end $$;
create trigger {name} before insert or update on products for each row execute function tidy();
"""


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("set_updated_at", "new.updated_at := now();"),
        ("zzz_tidy", "new.name := trim(new.name) || ' (' || tg_op || ')';"),
        ("zzz_tidy", "new.revision := 7;"),
        ("zzz_tidy", "new.revision := null; new.updated_at := null; new.created_at := null;"),
        ('"~zzz"', "new.updated_at := now();"),
        ("ölig", "new.name := trim(new.name) || ' (' || tg_op || ')';"),
        ('"~zzz"', "new.revision := 7;"),
        ('"~zzz"', "new.revision := new.revision + 1;"),
    ],
)
def test_what_another_trigger_makes_of_a_row_is_logged(connection: Connection, name: str, body: str) -> None:
    connection.execute(TIDIES.format(name=name, body=body))  # type: ignore[call-overload]
    first = connection.execute("insert into products (name) values (' Lamp ') returning id").fetchone()
    connection.execute("insert into products (name) values ('Desk')")
    connection.execute("update products set price = price, description = description")
    connection.execute("update products set price = 5")
    assert first is not None
    assert_the_log_is_true(connection)
    ops = [
        op for (op,) in connection.execute("select op from realtime_change where row_key = %s::text", first).fetchall()
    ]
    changes_each_time = "trim" in body
    # Such a trigger runs after the stamp and has the last word; each of its changes is one more change.
    if name > STAMP_TRIGGER or name.startswith('"~'):
        return
    assert ops.count("UPDATE") == (2 if changes_each_time else 1)


def assert_the_log_is_true(connection: Connection) -> None:
    """The newest log entry of each row equals the row."""
    untrue = connection.execute(
        "select p.id, l.op, l.new, to_jsonb(p) from products p left join lateral"
        " (select * from realtime_change where row_key = p.id::text order by revision desc limit 1) l on true"
        " where l.new is distinct from to_jsonb(p)"
    ).fetchall()
    assert untrue == []


@pytest.mark.parametrize("name", ["set_updated_at", "zzz_tidy"])
def test_a_write_that_only_another_clients_clock_changes_is_no_change(connection: Connection, name: str) -> None:
    connection.execute(TIDIES.format(name=name, body="new.updated_at := clock_timestamp();"))  # type: ignore[call-overload]
    _, revision = insert(connection)
    connection.execute("update products set name = name")
    assert connection.execute("select revision from products").fetchone() == (revision,)
    assert len(log(connection)) == 1


def test_a_generated_column_is_no_change(connection: Connection) -> None:
    connection.execute(
        "alter table products add column search tsvector"
        " generated always as (to_tsvector('simple', name || ' ' || description)) stored,"
        " add column double numeric generated always as (price * 2) stored"
    )
    _, revision = insert(connection)
    connection.execute(
        "insert into products (id, name) select id, name from products"
        " on conflict (id) do update set name = excluded.name"
    )
    assert connection.execute("select revision from products").fetchone() == (revision,)
    connection.execute("update products set price = 2")
    row = connection.execute("select revision > %s, double from products", [revision]).fetchone()
    assert row == (True, 4)
    assert [op for op, _, _ in log(connection)] == ["INSERT", "UPDATE"]
    assert_the_log_is_true(connection)


def test_equal_isnt_the_same(connection: Connection) -> None:
    """To PostgreSQL 1.0 equals 1.00, as "a" equals "A" in citext, but a page shows them differently."""
    connection.execute("alter table products alter column price type numeric")
    connection.execute("insert into products (name, price) values ('Lamp', 1.0)")
    connection.execute("update products set price = 1.00")
    assert [op for op, _, _ in log(connection)] == ["INSERT", "UPDATE"]
    assert_the_log_is_true(connection)


def test_a_partitions_rows_are_logged_under_the_table_that_is_followed(connection: Connection) -> None:
    connection.execute("alter table products rename to products_before")
    connection.execute("create table products (like products_before including defaults) partition by list (name)")
    for statement in triggers_sql("products").split(";"):
        if statement.strip():
            connection.execute(statement)  # type: ignore[call-overload]
    connection.execute("create table lamps partition of products for values in ('Lamp')")
    key, _ = insert(connection)
    connection.execute("update lamps set price = 3")
    connection.execute("delete from products where id = %s", [key])
    assert [(op, table) for op, table, _ in log(connection)] == [
        (op, "products") for op in ("INSERT", "UPDATE", "DELETE")
    ]


def test_triggers_that_were_switched_off_one_by_one_leave_the_others_true(connection: Connection) -> None:
    connection.execute(f'alter table products disable trigger "{STAMP_TRIGGER}"')
    for name in ("Lamp", "Desk"):
        connection.execute("insert into products (name) values (%s)", [name])
    connection.execute("update products set price = 4")
    assert [op for op, _, _ in log(connection)] == ["INSERT", "INSERT", "UPDATE", "UPDATE"]
    assert_the_log_is_true(connection)


def test_of_people_the_log_notes_changes_in_replica_mode_too(connection: Connection) -> None:
    connection.execute("set session_replication_role = replica")
    connection.execute("insert into auth_group (name) values ('Night shift')")
    connection.execute(
        "insert into accounts_user (id, username, password, first_name, last_name, email, is_superuser, is_staff,"
        " is_active, date_joined) values (gen_random_uuid(), 'anna', '', '', '', '', false, false, true, now())"
    )
    connection.execute("update accounts_user set last_name = 'Holm'")
    connection.execute("insert into accounts_user_groups (user_id, group_id) select u.id, 1 from accounts_user u")
    noted = connection.execute(
        "select table_name from realtime_change where op = 'RESET' order by revision desc limit 3"
    ).fetchall()
    assert noted == [("accounts_user_groups",), ("accounts_user",), ("accounts_user",)]


def test_a_database_of_the_first_stage_gets_todays_triggers(cluster: str) -> None:
    with fresh_database(cluster, "template1") as url:
        migrate(url, "crm", "0003")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute('drop trigger "~realtime_stamp" on products')
            connection.execute(
                "create trigger realtime_stamp before insert or update on products"
                " for each row execute function realtime_stamp()"
            )
        migrate(url)
        with psycopg.connect(url) as connection:
            names = connection.execute(
                "select tgname from pg_trigger where tgrelid = 'products'::regclass and tgenabled = 'A' order by 1"
            ).fetchall()
            assert {name for (name,) in names} == set(LIVE_TRIGGERS)
