"""What an operator sees of a worker that can't work, and what a worker survives."""

import asyncio
import logging
import os
import re
import signal
import subprocess
import sys
from uuid import uuid4

import psycopg
import pytest
from pytest_django import Settings

from realtime.events import EventPath
from realtime.events import RealtimeConnectionStatus as Status
from realtime.local.keys import make_jwt
from realtime.local.process import LOOPBACK, REPOSITORY, pick_port
from realtime.upstream.channel_manager import RealtimeChannelManager
from tests.integration.conftest import Project
from tests.integration.databases import fresh_database, manage, migrate
from tests.integration.worker.harness import Watched, running_worker, watched_worker

# Supabase's client can't read these; it hands on nothing but a line for the log.
UNREADABLE = ("garbage", "error_event")
INSERT = "insert into products (id, name) values (%s, %s)"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "", "DATABASE_URL is not set"),
        ("REALTIME_SWEEP_SECONDS", "nan", "REALTIME_SWEEP_SECONDS is nan; it takes 0.05 to 3,600"),
        ("REALTIME_RETENTION_DAYS", "1e6", "REALTIME_RETENTION_DAYS is 1e6; it takes 0 to 36,500"),
        ("DATABASE_URL", "mysql://host/db", "DATABASE_URL is not a usable address"),
        ("DATABASE_URL", "postgres://host", "names no database"),
        ("SUPABASE_URL", "ftp://x", "SUPABASE_URL is not a usable address"),
        ("SUPABASE_KEY", "", "SUPABASE_KEY is not set"),
        ("REDIS_URL", "nonsense", "REDIS_URL is not a usable address"),
        ("REALTIME_SWEEP_SECONDS", "often", "REALTIME_SWEEP_SECONDS is 'often'; it takes a number"),
        ("DJANGO_DEBUG", "maybe", "DJANGO_DEBUG is 'maybe'; it takes one of"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL is 'LOUD'; it takes one of DEBUG, INFO"),
    ],
)
def test_bad_configuration_is_one_line_and_an_exit_code(postgres_url: str, name: str, value: str, said: str) -> None:
    done = manage(postgres_url, "run_realtime_worker", **{name: value})
    assert done.returncode != 0
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_database_without_our_tables_or_triggers_is_named(postgres_url: str) -> None:
    with fresh_database(postgres_url) as url:
        done = manage(url, "run_realtime_worker")
        assert done.returncode != 0
        assert "the database has no table 'realtime_change': run manage.py migrate" in done.stderr
        migrate(url)
        with psycopg.connect(url, autocommit=True) as sql:
            sql.execute("drop trigger realtime_log on products")
        done = manage(url, "run_realtime_worker")
        assert done.returncode != 0
        assert "table 'products' lacks the trigger(s) realtime_log: manage.py supabase_check says" in done.stderr


def test_watching_events_without_redis_is_one_sentence_without_its_password(postgres_url: str) -> None:
    port = pick_port()
    done = manage(postgres_url, "realtime_events", REDIS_URL=f"redis://:hidden@127.0.0.1:{port}/0")
    assert done.returncode != 0
    assert f"Redis can't be reached at 127.0.0.1:{port}" in done.stderr
    assert "hidden" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_sigterm_leaves_the_channels_and_exits_cleanly(project: Project) -> None:
    worker = subprocess.Popen(
        [sys.executable, "manage.py", "run_realtime_worker"],
        cwd=REPOSITORY,
        env=dict(os.environ) | project.stack.environment() | {"SUPABASE_JWT_SECRET": ""},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert worker.stderr is not None
    lines = []
    for line in worker.stderr:
        lines.append(line)
        if "→ connected" in line:
            break
    worker.send_signal(signal.SIGTERM)
    _, rest = worker.communicate(timeout=30)
    assert worker.returncode == 0, "".join([*lines, rest])
    assert "SIGTERM: finishing" in rest
    assert "worker stopped" in rest
    assert "Traceback" not in "".join(lines) + rest


async def status_becomes(watched: Watched, status: Status) -> None:
    await watched.until(lambda: watched.worker.manager.status is status, f"status {status}")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backoff takes no time, and a missed probe is noticed sooner."""
    monkeypatch.setattr("realtime.upstream.channel_manager.PROBE_SECONDS", 0.5)
    monkeypatch.setattr("realtime.upstream.channel_manager.PROBE_ECHO_SECONDS", 1.5)
    # The manager takes its delays as a value; the worker passes the default ones.
    defaults = RealtimeChannelManager.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "delays", lambda: iter([0.1] * 1_000))


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "fault",
    [
        "close-1000",
        "close-1012",
        "abort",
        "close_channel",
        "error_channel",
        "system_error",
        "expire",
        "blackout",
        "garbage",
        "error_event",
        "refuse_join",
        "ignore_join",
        "forget_system",
        "refuse_http",
        "freeze",
    ],
)
def test_each_fault_of_realtime_is_survived_without_a_loss(project: Project, fault: str) -> None:
    """Changes before, during and after the fault are emitted once each, and Realtime works again at the end."""
    keys = [str(uuid4()) for _ in range(3)]

    async def scenario() -> None:
        async with running_worker() as watched:
            with project.connect() as sql:
                sql.execute("delete from realtime_unusable_event")
                sql.execute(INSERT, [keys[0], "before"])
                await watched.until(lambda: len(watched.of(keys[0])) == 1, "the change before the fault")
                inject(project, fault)
                sql.execute(INSERT, [keys[1], "during"])
                await watched.until(lambda: len(watched.of(keys[1])) == 1, "the change during the fault")
                await asyncio.to_thread(project.faults.reset)
                await status_becomes(watched, Status.CONNECTED)
                for attempt in range(100):
                    key = keys[2] if attempt == 0 else str(uuid4())
                    sql.execute(INSERT, [key, "after"])
                    await watched.until(lambda key=key: len(watched.of(key)) == 1, "a change after the fault")
                    if watched.of(key)[0].path is EventPath.REALTIME:
                        break
                else:
                    raise AssertionError("Realtime never delivered again")
                if fault in UNREADABLE:
                    kept = "select from realtime_unusable_event where source = 'frame' and content <> ''"
                    is_kept = lambda: sql.execute(kept).rowcount > 0  # noqa: E731
                    await watched.until(is_kept, "what couldn't be read among what is kept")
            assert all(len(watched.of(key)) == 1 for key in keys)

    asyncio.run(scenario())


def inject(project: Project, fault: str) -> None:
    faults = project.faults
    match fault:
        case "close-1000":
            faults.close(1000)
        case "close-1012":
            faults.close(1012)
        case "abort":
            faults.abort()
        case "close_channel":
            faults.close_channel("products")
        case "error_channel":
            faults.error_channel("products")
        case "system_error":
            faults.system_error("products")
        case "blackout":
            faults.blackout(seconds=3)
        case "freeze":
            faults.freeze(seconds=3)
        case "refuse_join":
            faults.refuse_join("ClientJoinRateLimitReached: Too many joins per second", count=2)
            faults.close(1012)
        case "ignore_join":
            faults.ignore_join(count=1)
            faults.close(1012)
        case "forget_system":
            faults.forget_system(count=1)
            faults.close(1012)
        case "refuse_http":
            faults.refuse_http(503, count=2)
            faults.close(1012)
        case _:
            getattr(faults, fault)()


def test_a_wrong_key_is_named_and_the_change_log_goes_on(
    project: Project, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SUPABASE_KEY = make_jwt("not the secret of this project, but as long", "service_role")
    check_without_realtime(project, caplog, "Supabase refuses the key (HTTP 401): check SUPABASE_KEY")


def test_a_wrong_jwt_secret_is_named_in_the_workers_own_lines_alone(project: Project) -> None:
    """Also a short secret, which PyJWT warns about."""
    said = "JwtSignatureError: Failed to validate JWT signature"
    lines = lines_until(project, {"SUPABASE_JWT_SECRET": "too short"}, said)
    assert "check SUPABASE_JWT_SECRET" in lines[-1]
    assert all(re.match(r"\d{4}-\d\d-\d\d \S+ [A-Z]+ realtime\.", line) for line in lines), lines


def test_a_key_whose_role_may_not_read_the_probe_is_named(
    project: Project, settings: Settings, caplog: pytest.LogCaptureFixture, quick: None
) -> None:
    settings.SUPABASE_KEY = project.stack.anon_key
    check_without_realtime(project, caplog, "the role 'anon' of SUPABASE_KEY may not read it")


def lines_until(project: Project, more: dict[str, str], said: str) -> list[str]:
    """What a worker prints until a line says this."""
    worker = subprocess.Popen(
        [sys.executable, "manage.py", "run_realtime_worker"],
        cwd=REPOSITORY,
        env=dict(os.environ) | project.stack.environment() | more,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert worker.stderr is not None
    lines: list[str] = []
    try:
        for line in worker.stderr:
            lines.append(line)
            if said in line:
                break
    finally:
        worker.terminate()
        worker.communicate(timeout=30)
    return lines


def test_an_unreachable_supabase_is_named_and_the_change_log_goes_on(
    project: Project, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SUPABASE_URL = f"http://127.0.0.1:{pick_port()}"
    check_without_realtime(project, caplog, "can't be reached")


def check_without_realtime(project: Project, caplog: pytest.LogCaptureFixture, said: str) -> None:
    key = str(uuid4())

    async def scenario() -> None:
        from realtime.worker.worker import RealtimeWorker

        worker, stop = RealtimeWorker(), asyncio.Event()
        watched = Watched(worker)
        running = asyncio.create_task(worker.run(stop))
        await watched.until(lambda: said in worker.manager.reason, f"the words {said!r}")
        with project.connect() as sql:
            sql.execute(INSERT, [key, "secret-marker"])
        await watched.until(lambda: len(watched.of(key)) == 1, "the change")
        assert watched.of(key)[0].path is EventPath.SWEEP
        await watched.until(lambda: bool(watched.said()["live"]), "live all the same")
        stop.set()
        await asyncio.wait_for(running, 30)

    with caplog.at_level(logging.INFO):
        asyncio.run(scenario())
    assert said in caplog.text
    assert "secret-marker" not in caplog.text


def test_a_table_outside_the_publication_is_named_and_live_through_the_change_log(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    key = str(uuid4())

    async def scenario() -> None:
        async with running_worker() as watched:
            manager = watched.worker.manager
            assert not manager.is_subscribed("products")
            assert "products" in manager.problem("products")
            with project.connect() as sql:
                sql.execute(INSERT, [key, "unpublished"])
            await watched.until(lambda: len(watched.of(key)) == 1, "the change")
            assert watched.of(key)[0].path is EventPath.SWEEP

    with project.connect() as sql:
        sql.execute("alter publication supabase_realtime drop table products")
        try:
            with caplog.at_level(logging.INFO):
                asyncio.run(scenario())
        finally:
            sql.execute("alter publication supabase_realtime add table products")
    assert "table 'products' is left out" in caplog.text


@pytest.fixture
def soon_deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.worker.intake.DEAF_SECONDS", 0.3)
    monkeypatch.setattr("realtime.worker.heartbeat.BEAT_SECONDS", 0.1)


@pytest.mark.usefixtures("soon_deaf")
def test_a_table_that_realtime_tells_nothing_of_is_named_and_joined_anew(project: Project) -> None:
    async def scenario() -> None:
        async with running_worker() as watched:
            worker, products = watched.worker, watched.worker.intake.counters["products"]

            def told_deaf(tables: list[str]) -> bool:
                return worker.heartbeat.told is not None and worker.heartbeat.told["deaf"] == tables

            project.faults.drop(1)
            with project.connect() as sql:
                sql.execute(INSERT, [str(uuid4()), "dropped"])
                await watched.until(lambda: told_deaf(["products"]), "the deaf table")
                await watched.until(lambda: told_deaf([]), "its new channel")
                before = products.realtime + products.duplicates
                sql.execute(INSERT, [str(uuid4()), "told"])
                await watched.until(lambda: products.realtime + products.duplicates > before, "an event of Realtime")
        assert worker.heartbeat.told is None, "who doesn't lead tells nobody's metrics"

    asyncio.run(scenario())


@pytest.mark.usefixtures("soon_deaf")
def test_without_any_session_no_single_table_is_called_deaf(project: Project, settings: Settings) -> None:
    settings.SUPABASE_URL = f"http://{LOOPBACK}:{pick_port()}"
    key = str(uuid4())

    async def scenario() -> None:
        async with watched_worker() as watched:
            with project.connect() as sql:
                sql.execute(INSERT, [key, "swept"])
            await watched.until(lambda: len(watched.of(key)) == 1, "the change")
            beats: set[float] = set()

            def told_again() -> bool:
                told = watched.worker.heartbeat.told or {"at": 0.0, "deaf": []}
                assert told["deaf"] == []
                beats.add(told["at"])
                return len(beats) > 10

            await watched.until(told_again, "ten beats")

    asyncio.run(scenario())


def test_what_was_missed_comes_before_realtime_and_a_log_that_cant_be_read_is_named(
    project: Project, settings: Settings
) -> None:
    # The worker tries again by itself.
    settings.REALTIME_SWEEP_SECONDS, settings.REALTIME_DOORBELL = 3_600, False
    key, seen = str(uuid4()), set()

    async def scenario() -> None:
        async with watched_worker() as watched:
            worker = watched.worker

            def told(problem: str) -> bool:
                now = worker.heartbeat.describe(worker.manager.status, "")
                seen.add((worker.manager.status, now["sweep_problem"], now["live"]))
                assert now["database"] == "", "it is there"
                return bool(worker.heartbeat.takeovers) and now["sweep_problem"] == problem

            await watched.until(lambda: told("the change log can't be read"), "the log's absence")
            assert seen <= {
                (Status.DISCONNECTED, "", True),
                (Status.CONNECTING, "the realtime worker is catching up", False),
                (Status.CONNECTING, "the change log can't be read", False),
            }
            holder.rollback()
            await watched.until(lambda: told(""), "the log's return")
            assert [event.data.name for event in watched.of(key)] == ["missed"]
            await watched.until(lambda: worker.manager.status is Status.CONNECTED, "Realtime")

    with project.connect() as sql, project.connect() as holder:
        asyncio.run(once())
        sql.execute(INSERT, [key, "missed"])
        holder.autocommit = False
        holder.execute("lock table realtime_change")
        asyncio.run(scenario())


def test_a_worker_that_leads_again_stores_nothing_before_it_has_read_the_log(project: Project) -> None:
    """Its old position may be far behind what another leader has stored meanwhile."""

    async def scenario() -> None:
        async with running_worker() as watched:
            sql.execute(INSERT, [str(uuid4()), "once"])
            await watched.until(lambda: len(watched.events) == 1, "a change")
            holder.execute("lock table realtime_change")
            sql.execute("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'")
            unread = "the change log can't be read"
            await watched.until(
                lambda: watched.worker.heartbeat.takeovers == 2 and watched.worker.sweep.problem == unread,
                "its second lead",
            )
            sql.execute("delete from realtime_watermark")
        assert sql.execute("select count(*) from realtime_watermark").fetchone() == (0,)

    with project.connect() as sql, project.connect() as holder:
        holder.autocommit = False
        asyncio.run(scenario())


async def once() -> None:
    """One life of a worker, which leaves a position."""
    async with running_worker():
        pass


def test_in_the_middle_of_much_news_nobody_is_called_fresh(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.worker.sweep.BEHIND_SECONDS", 0.0)
    amount, insert = 20_000, "insert into products (name) select 'many' from generate_series(1, %s)"

    async def scenario() -> None:
        async with running_worker() as watched:
            worker, said = watched.worker, set()

            def all_told() -> bool:
                now = worker.heartbeat.describe(worker.manager.status, "")
                if 0 < len(watched.events) < amount:
                    said.add((now["sweep_problem"], now["live"]))
                return len(watched.events) >= amount and bool(now["live"])

            await asyncio.to_thread(sql.execute, insert, [amount])
            await watched.until(all_told, "everything")
            assert ("the realtime worker is catching up", False) in said

    with project.connect() as sql:
        asyncio.run(scenario())
