"""Each thing that can be missing is broken once, is named with its remedy, and running the remedy mends it."""

import asyncio
import re
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections
from psycopg import sql
from pytest_django import DjangoDbBlocker, Settings

from realtime.database.tables import live_tables
from realtime.local.keys import make_jwt
from realtime.local.process import LOOPBACK, REPOSITORY
from realtime.operating.check import catalog, realtime, server, triggers
from realtime.operating.check.database import check_database
from realtime.operating.check.key import check_key
from realtime.operating.check.report import Finding, Section
from tests.integration.conftest import Project
from tests.integration.databases import Connection, fresh_database, manage, migrated_template

# Used only for signing: nobody checks it before the project does.
ANY_SECRET = "a secret of some length, as projects have"


@pytest.fixture
def database(postgres_url: str, django_db_blocker: DjangoDbBlocker) -> Iterator[Connection]:
    """A superuser's connection to this test's own migrated database, which Django uses too."""
    address = connections["default"].settings_dict
    before = address["NAME"]
    with fresh_database(postgres_url, migrated_template(postgres_url)) as url, django_db_blocker.unblock():
        connections["default"].close()
        address["NAME"] = urlsplit(url).path.lstrip("/")
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                yield connection
        finally:
            connections["default"].close()
            address["NAME"] = before


def wrong() -> list[Finding]:
    return [finding for section in check_database() for finding in section.findings if not finding.ok]


def run(connection: Connection, statements: str) -> None:
    connection.execute(sql.SQL(statements))  # type: ignore[arg-type]


def of(section: Section) -> list[tuple[str, str]]:
    return [(finding.text, finding.remedy) for finding in section.findings if not finding.ok]


def test_a_migrated_database_has_everything(database: Connection) -> None:
    assert wrong() == []


def test_a_doorbell_that_is_off_on_purpose_is_told_and_is_no_fault(database: Connection, settings: Settings) -> None:
    def told() -> str:
        (section,) = [section for section in check_database() if section.title == "The doorbell"]
        (finding,) = section.findings
        assert finding.ok
        return finding.text

    settings.REALTIME_DOORBELL = True
    assert told() == "every commit rings it"
    settings.DATABASE_TRANSACTION_POOLER = True
    assert "transaction mode" in told()
    settings.REALTIME_DOORBELL = False
    assert "REALTIME_DOORBELL" in told()
    call_command("realtime_doorbell", "off")
    assert "switched off" in told()
    assert wrong() == []


BROKEN = [
    (
        "alter table accounts_user_groups disable trigger realtime_log_related",
        "'accounts_user_groups' has the trigger realtime_log_related switched off",
    ),
    (
        "alter table accounts_user enable trigger realtime_log_related",
        "'accounts_user' has the trigger realtime_log_related, but not enabled always",
    ),
    (
        "alter table ticketing_notification disable trigger realtime_log_came",
        "'ticketing_notification' has the trigger realtime_log_came switched off",
    ),
    ("drop publication supabase_realtime", "there is no such publication"),
    ("alter publication supabase_realtime drop table tickets", "'tickets' is not published"),
    ("alter publication supabase_realtime drop table realtime_probe", "'realtime_probe' is not published"),
    (
        "alter publication supabase_realtime drop table products;"
        "alter publication supabase_realtime add table products where (price > 5)",
        "'products' is published in part only",
    ),
    (
        "alter publication supabase_realtime drop table products;"
        "alter publication supabase_realtime add table products (id, name)",
        "'products' is published in part only",
    ),
    (
        "alter publication supabase_realtime set (publish = 'insert, update')",
        "it leaves out inserts, updates or deletes",
    ),
    ("alter publication supabase_realtime add table django_session", "'django_session' is published"),
    (
        "drop publication supabase_realtime; create publication supabase_realtime for all tables",
        "it is for all tables, those of users and sessions too",
    ),
    ('drop trigger "~realtime_stamp" on comments', "'comments' lacks the trigger ~realtime_stamp"),
    ("drop trigger realtime_log on products", "'products' lacks the trigger realtime_log"),
    ("drop trigger realtime_log_truncate on customers", "'customers' lacks the trigger realtime_log_truncate"),
    ("drop trigger realtime_doorbell on tickets", "'tickets' lacks the trigger realtime_doorbell"),
    (
        "alter table tickets enable trigger realtime_doorbell",
        "'tickets' has the trigger realtime_doorbell, but not enabled always",
    ),
    (
        "alter table acquisitions disable trigger realtime_log",
        "'acquisitions' has the trigger realtime_log, but not enabled always",
    ),
    (
        'alter table interactions enable trigger "~realtime_stamp"',
        "'interactions' has the trigger ~realtime_stamp, but not enabled always",
    ),
    (
        "drop trigger realtime_log on tickets; create trigger realtime_log after insert on tickets"
        " for each row execute function realtime_log(); alter table tickets enable always trigger realtime_log",
        "'tickets' has another trigger under the name realtime_log",
    ),
    (
        "drop trigger realtime_log on tickets; create trigger realtime_log after insert or update or delete on tickets"
        " for each row when (false) execute function realtime_log();"
        " alter table tickets enable always trigger realtime_log",
        "'tickets' has another trigger under the name realtime_log",
    ),
    (
        "alter table attachments replica identity nothing",
        "'attachments' has nothing as its replica identity, so events lack the key",
    ),
    (
        "alter function realtime_log() security invoker",
        "realtime_log() runs with the writer's rights, so other clients can't write",
    ),
    (
        "alter function realtime_stamp() reset search_path",
        "realtime_stamp() has no search_path of its own, so a writer chooses what its names mean",
    ),
    ("grant execute on function realtime_log() to public", "realtime_log() may be called by anon and authenticated"),
    ("grant execute on function realtime_stamp() to anon", "realtime_stamp() may be called by anon"),
    ("alter table accounts_user disable row level security", "'accounts_user' has no row level security"),
    ("alter table products disable row level security", "'products' has no row level security"),
    ("alter table django_migrations disable row level security", "'django_migrations' has no row level security"),
    ("grant select on realtime_change to authenticated", "'realtime_change' has a grant for authenticated"),
    ("grant select (username) on accounts_user to anon", "'accounts_user' has a grant for anon"),
    ("grant insert on django_session to public", "'django_session' has a grant for anon and authenticated"),
    (
        "create policy open on auth_group for select to authenticated using (true)",
        "'auth_group' has the policy open",
    ),
    ("create policy open on realtime_probe using (true)", "'realtime_probe' has the policy open"),
    ("grant usage on sequence realtime_revision to anon", "sequence realtime_revision may be used by anon"),
    ("revoke usage on schema public from livedesk_realtime, public", "livedesk_realtime may not use schema public"),
    ("revoke select on tickets from livedesk_realtime", "livedesk_realtime may not read 'tickets'"),
    ("drop policy realtime_worker_reads on products", "no policy shows livedesk_realtime all rows of 'products'"),
    (
        "alter policy realtime_worker_reads on products using (price > 5)",
        "no policy shows livedesk_realtime all rows of 'products'",
    ),
    ("grant select on accounts_user to livedesk_realtime", "livedesk_realtime may read 'accounts_user'"),
    ("revoke livedesk_realtime from authenticator", "Realtime can't become livedesk_realtime"),
]


@pytest.mark.parametrize(("statements", "text"), BROKEN, ids=[text for _, text in BROKEN])
def test_what_is_broken_is_named_alone_and_its_remedy_mends_it(
    database: Connection, statements: str, text: str
) -> None:
    run(database, statements)
    found = wrong()
    assert [finding.text for finding in found] == [text]
    if "alter policy" in statements:
        # The remedy creates a policy, but the narrower one has its name.
        run(database, "drop policy realtime_worker_reads on products")
    run(database, found[0].remedy)
    assert wrong() == []


def test_each_missing_function_is_named_with_the_command_that_prints_it(database: Connection) -> None:
    url = f"{database.info.host}:{database.info.port}"
    printed = manage(f"postgresql://postgres:{database.info.password}@{url}/{database.info.dbname}", *SQLMIGRATE)
    missing = []
    for name in ("realtime_stamp", "realtime_log", "realtime_note", "realtime_actor"):
        run(database, f"drop function {name} cascade")
        missing.append((f"there is no function {name}()", REMEDY_FUNCTION.format(name)))
        assert set(missing) <= set(of(triggers.check_trigger_functions()))
        assert f"create or replace function {name}(" in printed.stdout


SQLMIGRATE = ("sqlmigrate", "realtime", "0002")
REMEDY_FUNCTION = "run the statement `create or replace function {}` of: python manage.py sqlmigrate realtime 0002"


def test_a_missing_table_and_an_unapplied_migration_are_named(database: Connection) -> None:
    run(database, "drop table attachments; delete from django_migrations where app = 'ticketing'")
    found = [(finding.text, finding.remedy) for finding in wrong()]
    assert ("there is no table 'attachments'", "python manage.py migrate") in found
    assert ("ticketing.0001_initial is not applied", "python manage.py migrate") in found


def test_a_server_too_old_or_without_logical_decoding_is_named(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "row", lambda *question: (14, "replica"))
    monkeypatch.setattr(server, "value", lambda *question: False)
    assert of(server.check_server()) == [
        ("PostgreSQL 14 is too old", "upgrade the server to PostgreSQL 15 or newer"),
        (
            "wal_level is replica, so Realtime can't follow the changes",
            "alter system set wal_level = 'logical';  then restart PostgreSQL",
        ),
    ]


def test_a_login_that_row_level_security_keeps_out_is_named(database: Connection) -> None:
    """Its grants allow everything, yet it would see an empty portal."""
    run(database, "create role t_stranger; grant all on all tables in schema public to t_stranger")
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute("set role t_stranger")
        found = of(server.check_server())
    finally:
        connections["default"].close()
        run(database, "drop owned by t_stranger; drop role t_stranger")
    assert [remedy for _, remedy in found] == ["connect as the role that owns the tables: change DATABASE_URL"]
    assert "accounts_user" in found[0][0]


def test_following_the_remedies_makes_a_role_that_was_not_there(database: Connection, settings: Settings) -> None:
    settings.SUPABASE_JWT_SECRET = "some secret"
    settings.SUPABASE_REALTIME_ROLE = "t_other_reader"
    try:
        assert [finding.text for finding in wrong()] == ["there is no role t_other_reader"]
        for _ in range(3):
            for finding in wrong():
                run(database, finding.remedy.replace("then run this check again for its rights", ""))
        assert wrong() == []
    finally:
        run(database, "drop owned by t_other_reader; drop role t_other_reader")


def test_the_keys_own_role_is_looked_at_too(database: Connection, settings: Settings) -> None:
    settings.SUPABASE_JWT_SECRET = ""
    settings.SUPABASE_KEY = make_jwt(ANY_SECRET, "service_role")
    run(database, "revoke select on products from service_role")
    assert [(finding.text, finding.remedy) for finding in wrong()] == [
        ("service_role may not read 'products'", "grant select on products to service_role;")
    ]


def test_policies_and_grants_of_other_clients_on_live_tables_are_nobodys_business(database: Connection) -> None:
    run(
        database,
        "grant select on products to authenticated; create policy app on products to authenticated using (true)",
    )
    assert wrong() == []


def test_every_table_in_the_database_is_looked_at(database: Connection) -> None:
    """Nothing that a migration makes may be missing from the list that rule 17 is checked with."""
    tables = database.execute(
        "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
    ).fetchall()
    assert {name for (name,) in tables} == set(catalog.our_tables())


@pytest.mark.parametrize("cluster", ["postgres_url", "postgres15_url"])
def test_the_command_ends_with_zero_when_all_is_there(request: pytest.FixtureRequest, cluster: str) -> None:
    admin_url = request.getfixturevalue(cluster)
    with fresh_database(admin_url, migrated_template(admin_url)) as url:
        done = manage(url, "supabase_check", "--database-only")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✗" not in done.stdout
    assert done.stdout.endswith("✓ Everything is there.\n")


def test_the_command_ends_with_one_and_a_sentence_each_when_nothing_is_there(postgres_url: str) -> None:
    with fresh_database(postgres_url, "template0") as url:
        done = manage(url, "supabase_check", "--database-only")
    assert done.returncode == 1
    assert done.stderr == ""
    assert "✗ WRONG  crm.0001_initial is not applied\n    → python manage.py migrate" in done.stdout
    assert "✗ WRONG  there is no such publication\n    → create publication supabase_realtime for table" in done.stdout
    assert done.stdout.rstrip().endswith("to mend.")


def test_a_database_that_cannot_be_reached_is_one_sentence(postgres_url: str) -> None:
    with socket.create_server((LOOPBACK, 0)) as closed:
        port = closed.getsockname()[1]
    done = manage(f"postgresql://someone:hidden-word@{LOOPBACK}:{port}/nowhere", "supabase_check", "--database-only")
    assert done.returncode == 1
    assert done.stdout.count("✗ WRONG  it can't be reached: ") == 1
    assert "hidden-word" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


# The project with its Realtime


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realtime, "PROBE_SECONDS", 0.6)
    monkeypatch.setattr(realtime, "PROBE_AGAIN_SECONDS", 0.2)
    monkeypatch.setattr("realtime.upstream.channel_session.SYSTEM_OK_SECONDS", 0.5)


Report = Callable[[], tuple[str, bool]]


@pytest.fixture
def report(project: Project, capsys: pytest.CaptureFixture[str], settings: Settings) -> Report:
    """Runs the command on the project; returns its output, which holds no secret, and whether all is well."""

    def check() -> tuple[str, bool]:
        good = True
        try:
            call_command("supabase_check")
        except SystemExit:
            good = False
        printed = "".join(capsys.readouterr())
        secrets = (settings.SUPABASE_KEY, settings.SUPABASE_JWT_SECRET, project.stack.postgres.password)
        assert not any(secret in printed for secret in secrets if secret)
        return printed, good

    return check


def test_a_whole_project_is_told_line_by_line(report: Report) -> None:
    printed, good = report()
    assert good, printed
    for table in (*live_tables(), "realtime_probe"):
        assert f"✓ ok     '{table}' is confirmed" in printed
    assert "✓ ok     SUPABASE_KEY is for service_role, and the worker reads as that" in printed
    assert "✓ ok     a written row came back after" in printed


def test_with_the_jwt_secret_a_public_key_is_enough(project: Project, report: Report, settings: Settings) -> None:
    settings.SUPABASE_KEY = project.stack.anon_key
    settings.SUPABASE_JWT_SECRET = project.stack.jwt_secret
    printed, good = report()
    assert good, printed
    assert "SUPABASE_KEY is for anon, and the worker reads as livedesk_realtime" in printed


@pytest.mark.usefixtures("quick")
def test_without_it_the_anon_key_is_named_as_unsuitable(project: Project, report: Report, settings: Settings) -> None:
    settings.SUPABASE_KEY = project.stack.anon_key
    printed, good = report()
    assert not good
    assert "✗ WRONG  SUPABASE_KEY is for anon, a role of browsers that may read none of our tables" in printed
    assert "→ set SUPABASE_JWT_SECRET, so that the worker reads as livedesk_realtime" in printed


def test_a_key_that_realtime_refuses_is_named(report: Report, settings: Settings) -> None:
    settings.SUPABASE_KEY = make_jwt("the secret of some other project", "service_role")
    printed, good = report()
    assert not good
    assert "✗ WRONG  Supabase refuses the key (HTTP 401): check SUPABASE_KEY" in printed
    assert "→ set SUPABASE_KEY to the project's service_role key" in printed
    assert "Subscriptions" not in printed


def test_a_wrong_jwt_secret_is_named_at_each_table(report: Report, settings: Settings) -> None:
    settings.SUPABASE_JWT_SECRET = "the-jwt-secret-of-some-other-project-altogether"
    printed, good = report()
    assert not good
    assert printed.count("→ set SUPABASE_JWT_SECRET to this project's JWT secret") == len(live_tables()) + 1
    assert "✗ WRONG  'products' is refused: " in printed
    assert "✗ WRONG  not tried, for 'realtime_probe' isn't subscribed" in printed


def test_nobody_listening_there_is_named(report: Report, settings: Settings) -> None:
    with socket.create_server((LOOPBACK, 0)) as closed:
        settings.SUPABASE_URL = f"http://{LOOPBACK}:{closed.getsockname()[1]}"
    printed, good = report()
    assert not good
    assert f"✗ WRONG  {settings.SUPABASE_URL} can't be reached" in printed
    assert "→ check SUPABASE_URL, and that the project runs" in printed


def test_a_table_that_realtime_does_not_know_is_named(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realtime, "live_tables", lambda: ("products", "invoices"))
    printed, good = report()
    assert not good
    assert "✓ ok     'products' is confirmed" in printed
    assert "✗ WRONG  'invoices' is refused: " in printed
    assert "→ alter publication supabase_realtime add table invoices;" in printed


@pytest.mark.usefixtures("quick")
def test_a_subscription_that_is_joined_but_never_confirmed_is_named(project: Project, report: Report) -> None:
    project.faults.forget_system(count=None)
    printed, good = report()
    assert not good
    assert "'tickets' is refused: the server didn't confirm the subscription" in printed


@pytest.mark.usefixtures("quick")
def test_a_realtime_that_delivers_nothing_is_found_by_the_probe(project: Project, report: Report) -> None:
    """Everything before it looks healthy: a green light depends on this line."""
    project.faults.blackout(30)
    printed, good = report()
    assert not good
    assert printed.count("✗ WRONG") == 1
    assert "✗ WRONG  a written row didn't come back in 0.6 s" in printed
    assert "is SUPABASE_URL the project whose database DATABASE_URL names?" in printed


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("nonsense", "SUPABASE_KEY is neither a JSON Web Token nor an sb_… key"),
        (make_jwt(ANY_SECRET, ""), "SUPABASE_KEY lacks the claims role and exp"),
        (make_jwt(ANY_SECRET, "service_role", expires_in=-3600), "SUPABASE_KEY expired on"),
        (make_jwt(ANY_SECRET, "authenticated"), "SUPABASE_KEY is for authenticated, a role of browsers"),
        ("sb_publishable_abc", "SUPABASE_KEY is for anon, a role of browsers"),
    ],
)
def test_an_unsuitable_key_is_told_without_asking_anyone(settings: Settings, key: str, problem: str) -> None:
    settings.SUPABASE_KEY, settings.SUPABASE_JWT_SECRET = key, ""
    (found,) = of(check_key())
    assert found[0].startswith(problem)
    assert "set SUPABASE_KEY to the project's service_role key" in found[1]


@pytest.mark.parametrize("role", ["service_role", "livedesk_realtime", ""])
def test_a_suitable_key_is_told_with_its_role(settings: Settings, role: str) -> None:
    key = make_jwt(ANY_SECRET, role) if role else "sb_secret_abc"
    settings.SUPABASE_KEY, settings.SUPABASE_JWT_SECRET = key, ""
    (finding,) = check_key().findings
    assert finding.ok
    assert f"is for {role or 'service_role'}, and the worker reads as that" in finding.text


def test_the_document_explains_every_setting_about_supabase_and_no_other() -> None:
    name = re.compile(r"\b(?:SUPABASE|DATABASE)_[A-Z0-9_]+")
    table = [line for line in (REPOSITORY / "docs" / "SUPABASE.md").read_text().splitlines() if line.startswith("| `")]
    explained = {found for line in table for found in name.findall(line.split("|")[1])}
    lines = (REPOSITORY / ".env.example").read_text().splitlines()
    assert explained == {found.group() for line in lines if (found := name.match(line))}


def test_the_document_tells_of_every_section(project: Project) -> None:
    document = (REPOSITORY / "docs" / "SUPABASE.md").read_text()

    async def titles() -> list[str]:
        return [section.title async for section in realtime.check_realtime()]

    for title in [*(section.title for section in check_database()), *asyncio.run(titles())]:
        heading = title.removesuffix(" supabase_realtime")
        assert f"\n| {heading} |" in document, heading


def test_rows_in_another_table_are_told_with_how_to_log_them(database: Connection) -> None:
    database.execute("create table more_products () inherits (products)")
    lacking = "'more_products', a child of 'products', lacks the trigger realtime_log"
    (remedy,) = [finding.remedy for finding in wrong() if lacking in finding.text]
    database.execute(remedy)  # type: ignore[call-overload]
    database.execute("insert into more_products (name) values ('Lamp')")
    noted = database.execute("select table_name, op from realtime_change order by revision desc limit 1").fetchone()
    assert noted == ("products", "INSERT")
    # Realtime reports it under its own name: that finding stays.
    assert ["Realtime tells under that name" in finding.text for finding in wrong()] == [True]


def test_a_trigger_behind_the_stamp_is_told(database: Connection) -> None:
    database.execute("create function late() returns trigger language plpgsql as $$ begin return new; end $$")
    database.execute(
        'create trigger "~~late" before update on products for each row when (new.price > 5) execute function late()'
    )
    (finding,) = wrong()
    assert "~~late" in finding.text
    database.execute(finding.remedy)  # type: ignore[call-overload]
    assert wrong() == []
