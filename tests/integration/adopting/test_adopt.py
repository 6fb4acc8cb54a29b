"""`manage.py adopt`: what it adds, that it can be stopped anywhere, and that it takes back exactly what it added."""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from pytest_django import DjangoDbBlocker

from realtime.adopting import doing, notes
from realtime.adopting.plan import foreign_tables, make_plan
from realtime.adopting.steps import NOTHING, Step, execute
from realtime.operating.check.database import check_database
from tests.integration.adopting.their_project import TheirProject, adopt, their_project
from tests.integration.databases import Connection, fresh_database
from tests.plugin import SessionServices

ADA = "aaaaaaaa-0000-4000-8000-000000000001"

HIDDEN = "select count(*) from realtime_change"

# What the app does all day, as one of its own users; each of these has the same answer before, during and after.
STATEMENTS = (
    "select count(*), count(email), count(phone) from customers",
    "select id, title, status, priority, assigned_to, tags, created_at, updated_at from tickets order by title",
    "update tickets set status = 'waiting' where title = 'Ticket 10' returning status, created_at, updated_at = now()",
    "update tickets set updated_at = '2020-01-01', due_on = '2030-01-01' where title = 'Ticket 5'"
    " returning updated_at = now(), due_on",
    "insert into customers (name, created_at, updated_at) values ('New', '2020-01-01', null) returning 1",
    "insert into customers (name, created_at, updated_at) values ('New', '2020-01-01', '2020-01-02')"
    " returning name, vip, created_at, updated_at",
    "update customers set updated_at = '2021-02-03', created_at = '2001-02-03' where name = 'Customer 3'"
    " returning created_at, updated_at",
    "delete from customers where name = 'Customer 9'",
    "select count(*) from acquisitions",
    f"insert into comments (ticket_id, author_id, content) select id, '{ADA}', 'Hello' from tickets"
    " where title = 'Ticket 10' returning content, author_id",
    "select content from comments order by content",
    "insert into tickets (title, status) values ('x', 'no such word') returning 1",
    "insert into tickets (title) values ('By the app') returning status, priority, assigned_to, tags",
    "select * from products where name = 'Product 4' and price > 4",
    HIDDEN,
    "select count(*) from profiles",
)


# Whoever has the project's public key reaches these tables.
OPEN = """
select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and not relrowsecurity
and (has_table_privilege('anon', oid, 'select') or has_table_privilege('authenticated', oid, 'select'))
"""


def answers_of_the_app(app: Connection) -> list[object]:
    """What it is told; nothing of what it does stays."""
    told: list[object] = []
    for statement in STATEMENTS:
        with suppress(Undone), app.transaction():
            app.execute("set local role authenticated")
            app.execute("select set_config('request.jwt.claims', %s, true)", [f'{{"sub": "{ADA}"}}'])
            try:
                with app.transaction():
                    found = app.execute(statement)  # type: ignore[call-overload]
                    # A new column of ours may come along with `*`.
                    names = [column.name for column in found.description or ()]
                    rows = found.fetchall() if names else [found.rowcount]
                    told.append([dict(zip(names, row, strict=True)) if names else row for row in rows])
            except psycopg.Error as error:
                # A table that it may not read is there meanwhile.
                told.append("nothing to see" if statement == HIDDEN else str(error).splitlines()[0])
            raise Undone
    return [
        [{k: v for k, v in row.items() if k != "revision"} if isinstance(row, dict) else row for row in answer]
        if isinstance(answer, list)
        else answer
        for answer in told
    ]


class Undone(Exception):
    pass


@pytest.mark.parametrize("project", ["uuid_keys"], indirect=True)
def test_the_app_is_none_the_wiser(project: TheirProject, monkeypatch: pytest.MonkeyPatch) -> None:
    _none_the_wiser(project, monkeypatch)


@pytest.mark.parametrize("project15", ["uuid_keys"], indirect=True)
def test_the_app_is_none_the_wiser_on_the_oldest_server(
    project15: TheirProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    _none_the_wiser(project15, monkeypatch)


def _none_the_wiser(project: TheirProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks after each step, where a stopped adoption would leave it, and all the time on another connection."""
    monkeypatch.setattr(doing, "PAUSE_SECONDS", 0.05)
    done = threading.Event()
    other: list[tuple[list[object], list[object]]] = []

    def ask_all_the_time() -> None:
        with psycopg.connect(project.url, autocommit=True, prepare_threshold=None) as app:
            while not done.is_set():
                told = answers_of_the_app(app)
                asked.append(len(told))
                if told != before:
                    other.append((before, told))

    asked: list[int] = []
    with psycopg.connect(project.url, autocommit=True, prepare_threshold=None) as app:
        before = answers_of_the_app(app)
        were_open = set(app.execute(OPEN).fetchall())
        thread = threading.Thread(target=ask_all_the_time)
        thread.start()
        try:
            notes.make_notes()
            for step in make_plan().steps:
                doing.do(step, lambda _: None)
                assert answers_of_the_app(app) == before, step.name
                assert set(app.execute(OPEN).fetchall()) == were_open, step.name
            assert make_plan().steps == ()
            for one in doing.undo(lambda _: None):
                assert answers_of_the_app(app) == before, one
        finally:
            done.set()
            thread.join()
        assert answers_of_the_app(app) == before
    assert other == []
    assert len(asked) > 1


@pytest.mark.any_keys
def test_everything_is_there_afterwards(project: TheirProject) -> None:
    assert foreign_tables()
    adopt()
    wrong = [finding.text for section in check_database() for finding in section.findings if not finding.ok]
    assert wrong == []
    call_command("migrate", verbosity=0)
    assert "Nothing to do" in adopt()
    project.run("update tickets set title = 'By the app' where title like '%7'")
    logged = project.connection.execute(
        "select count(*) from realtime_change join tickets on tickets.id::text = row_key and tickets.revision = "
        "realtime_change.revision where table_name = 'tickets' and op = 'UPDATE' and new ->> 'title' = 'By the app'"
    ).fetchone()
    assert logged == project.connection.execute("select count(*) from tickets where title = 'By the app'").fetchone()


@pytest.mark.any_keys
def test_undo_takes_back_exactly_what_was_added(project: TheirProject) -> None:
    _undone(project)


@pytest.mark.any_keys
def test_undo_takes_back_exactly_what_was_added_on_the_oldest_server(project15: TheirProject) -> None:
    _undone(project15)


def _undone(project: TheirProject) -> None:
    before = project.schema()
    rows = _rows(project)
    adopt("--dry-run")
    assert project.schema() == before
    adopt()
    assert project.schema() != before
    adopt("--undo", "--no-input")
    assert project.schema() == before
    assert _rows(project) == rows
    assert "nothing to undo" in adopt("--undo")


def _rows(project: TheirProject) -> list[object]:
    return [
        project.connection.execute(f"select * from {table} order by id").fetchall()  # type: ignore[call-overload]
        for table in ("products", "customers", "acquisitions", "interactions", "tickets", "comments")
    ]


class Killed(BaseException):
    pass


def kill_at(monkeypatch: pytest.MonkeyPatch, place: int, half_done: bool) -> None:
    """The command is killed at one of its steps: before it, or between the work of an index and its note."""
    number = iter(range(10_000))
    whole = doing.do

    def do(step: Step, tell: Callable[[str], None]) -> None:
        if next(number) == place:
            if half_done and step.alone:
                notes.note(f"begun {step.name}", step.undo, alone=True)
                step.run()
            raise Killed
        whole(step, tell)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(doing, "do", do)
        adopt()


@pytest.mark.parametrize("project", ["uuid_keys"], indirect=True)
def test_it_can_be_killed_anywhere_and_run_again_or_be_undone(
    project: TheirProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = project.schema()
    count = len(make_plan().steps)
    adopt()
    whole = project.schema()
    adopt("--undo", "--no-input")
    places = random.Random(7)
    for place in places.sample(range(count), 2):
        kill_at(monkeypatch, place, half_done=True)
        adopt("--undo", "--no-input")
        assert project.schema() == before, place
    # Killed again and again, it still comes to its end.
    for share in (5, 4, 3):
        kill_at(monkeypatch, len(make_plan().steps) // share, half_done=True)
    adopt()
    assert sorted(project.schema().splitlines()) == sorted(whole.splitlines())
    adopt("--undo", "--no-input")
    assert project.schema() == before


@pytest.mark.parametrize("project", ["odd_rows"], indirect=True)
def test_an_index_of_the_app_with_the_name_of_ours_stays(project: TheirProject) -> None:
    project.run("create index tickets_by_update on tickets (lower(title))")
    before = project.schema()
    adopt()
    adopt("--undo", "--no-input")
    assert project.schema() == before


@pytest.mark.parametrize("project", ["uuid_keys"], indirect=True)
def test_writers_go_on_while_a_step_waits(project: TheirProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow report holds a table that is to be changed. Whoever writes there isn't held up until it ends."""
    monkeypatch.setattr(doing, "PAUSE_SECONDS", 0.05)
    written = 0
    told: list[tuple[str, int]] = []
    done, held, released = threading.Event(), threading.Event(), threading.Event()

    def write() -> None:
        nonlocal written
        with psycopg.connect(project.url, autocommit=True) as app:
            while not done.is_set():
                app.execute("update customers set email = email where id = (select min(id::text)::uuid from customers)")
                written += 1
                if told and written > told[0][1] + 5:
                    released.set()

    def report() -> None:
        with psycopg.connect(project.url) as app:
            app.execute("select count(*) from customers")
            held.set()
            released.wait(timeout=60)

    threads = [threading.Thread(target=write), threading.Thread(target=report)]
    for thread in threads:
        thread.start()
    assert held.wait(timeout=30)

    def tell(text: str) -> None:
        """By then the step has given up once; it does so again and again until the report ends."""
        told.append((text, written))

    notes.make_notes()
    for step in make_plan().steps:
        doing.do(step, tell)
    done.set()
    for thread in threads:
        thread.join()
    assert any("another transaction holds customers" in text for text, _ in told)
    assert released.is_set()


@pytest.mark.parametrize("project", ["odd_rows"], indirect=True)
def test_a_step_is_tried_again_when_somebody_else_changes_the_same_row_of_the_catalog(
    project: TheirProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL waits for the other's transaction, and fails when that commits: "tuple concurrently updated"."""
    monkeypatch.setattr(doing, "PAUSE_SECONDS", 0.05)
    # It is the commit that ends the waiting.
    monkeypatch.setattr(doing, "LOCK_TIMEOUT_MS", 60_000)
    seen: list[BaseException | None] = []

    def run() -> None:
        try:
            execute("grant trigger on products to authenticated")
        except DatabaseError as error:
            seen.append(error.__cause__)
            raise

    def commit_when_somebody_waits() -> None:
        waiting = "select true from pg_locks where not granted and %s = any(pg_blocking_pids(pid))"
        while project.connection.execute(waiting, [other.info.backend_pid]).fetchone() is None:
            pass
        other.commit()

    notes.make_notes()
    with psycopg.connect(project.url) as other:
        other.execute("grant references on products to authenticated")
        thread = threading.Thread(target=commit_when_somebody_waits)
        thread.start()
        doing.do(Step("x", "products", "a grant", NOTHING, run), lambda _: None)
        thread.join()
    assert [type(error) for error in seen] == [psycopg.errors.InternalError_]
    told = "select has_table_privilege('authenticated', 'products', 'trigger')"
    assert project.connection.execute(told).fetchone() == (True,)


# What is done to a project, what is said about it, and the remedy with its blanks filled in.
REFUSED = [
    ("alter table comments replica identity nothing", "comments has nothing as its replica identity", ""),
    ("alter table customers force row level security", "customers has row level security forced", ""),
    (
        "alter table products add column revision int",
        "products has a column 'revision' of its own",
        "alter table products rename column revision to version",
    ),
    (
        "alter table comments alter column content type jsonb using to_jsonb(content)",
        "comments has 'content' of the type jsonb, and it has to be text",
        "alter table comments alter column content type text using content #>> '{}'",
    ),
    (
        "alter table products rename column name to called",
        "products has no column 'name'",
        "alter table products rename column called to name",
    ),
    ("create table django_session (id int)", "django_session is a name that Livedesk", "drop table django_session"),
    (
        "alter table acquisitions rename to sales; create view acquisitions as select * from sales",
        "acquisitions is a view",
        "drop view acquisitions; alter table sales rename to acquisitions",
    ),
    (
        "create table attachments (id bigint primary key)",
        "attachments has bigint keys, and other tables have uuid",
        "alter table attachments rename to files",
    ),
    (
        "create table ticket_links (id integer primary key, ticket_id uuid, other_id uuid)",
        "ticket_links has keys of the type integer, and they have to be uuid or bigint",
        "drop table ticket_links",
    ),
    (
        "alter table interactions drop constraint interactions_pkey",
        "interactions has to have the primary key (id), and has none",
        "",
    ),
]


@pytest.mark.parametrize("project", ["odd_rows"], indirect=True)
def test_what_stands_in_the_way_is_named_with_its_remedy(project: TheirProject) -> None:
    for breaking, _, _ in REFUSED:
        project.run(breaking)
    before = project.schema()
    with pytest.raises(CommandError, match="Nothing was changed"):
        adopt()
    assert project.schema() == before
    found = {f"{one.table} {one.text}": one.remedy for one in make_plan().obstacles if one.remedy}
    for _, told, mending in REFUSED:
        (remedy,) = (remedy for text, remedy in found.items() if told in text)
        project.run(mending or remedy)
    adopt()


@pytest.mark.parametrize("project", ["bigint_keys"], indirect=True)
def test_a_project_with_other_keys_takes_another_setting(project: TheirProject) -> None:
    before = project.schema()
    with pytest.raises(CommandError, match="Nothing was changed"):
        adopt()
    assert project.schema() == before
    (found,) = [one for one in make_plan().obstacles if one.remedy]
    assert found.text == "the keys of your tables are bigint, and LIVE_KEYS says uuid"
    assert found.remedy == "LIVE_KEYS=bigint"


@pytest.mark.parametrize("project", ["odd_rows"], indirect=True)
def test_migrate_names_the_command(project: TheirProject) -> None:
    before = project.schema()
    with pytest.raises(CommandError, match=r"has products, .* and comments already: `manage\.py adopt --dry-run`"):
        call_command("migrate", verbosity=0)
    assert project.schema() == before
    adopt()
    with pytest.raises(CommandError, match=r"`manage\.py adopt --undo`"):
        call_command("migrate", "ticketing", "zero", verbosity=0)


def test_a_database_of_our_own_has_nothing_to_adopt(own_database: None) -> None:
    assert "nothing to adopt" in adopt()
    assert "nothing to undo" in adopt("--undo")


def test_it_takes_no_superuser(
    postgres_url: str, services: SessionServices, django_db_blocker: DjangoDbBlocker
) -> None:
    """On hosted Supabase, the project's user owns its tables and may create roles, and not everything."""
    owner = f"owner_{uuid4().hex[:8]}"
    with fresh_database(postgres_url) as url, psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"create role {owner} login createrole password 'x'")  # type: ignore[call-overload]
        try:
            for statement in (
                f"grant create, usage on schema public to {owner}",
                f"grant create on database {urlsplit(url).path[1:]} to {owner}",
                f"alter publication supabase_realtime owner to {owner}",
            ):
                admin.execute(statement)  # type: ignore[call-overload]
            parts = urlsplit(url)
            theirs = parts._replace(netloc=f"{owner}:x@{parts.hostname}:{parts.port}").geturl()
            binaries = services.postgres.binaries
            with django_db_blocker.unblock(), their_project(theirs, "odd_rows", binaries) as project:
                before = project.schema()
                adopt()
                wrong = [one.text for section in check_database() for one in section.findings if not one.ok]
                assert wrong == []
                adopt("--undo", "--no-input")
                assert project.schema() == before
        finally:
            admin.execute(f"drop owned by {owner} cascade")  # type: ignore[call-overload]
            admin.execute(f"drop role {owner}")  # type: ignore[call-overload]
