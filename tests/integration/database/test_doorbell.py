"""The doorbell: a hint within a millisecond where the connection allows it, silently absent where it doesn't."""

import asyncio
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from realtime.database import doorbell
from realtime.database.doorbell import SWITCHED_OFF, TRIGGERS_OFF
from realtime.database.triggers import DOORBELL_CHANNEL
from realtime.events import EventPath
from realtime.local.process import pick_port
from tests.integration.conftest import Project
from tests.integration.worker.harness import Watched, watched_worker

INSERT = "insert into products (id, name) values (%s, %s)"
NEVER = 3_600.0


@pytest.fixture(autouse=True)
def nothing_but_the_doorbell(project: Project, settings: Settings) -> None:
    """The timers never fire and nobody listens at SUPABASE_URL: what arrives was rung."""
    settings.REALTIME_DOORBELL = True
    settings.REALTIME_SWEEP_SECONDS = NEVER
    settings.SUPABASE_URL = f"http://127.0.0.1:{pick_port()}"


async def insert_is_heard(project: Project, watched: Watched) -> None:
    key = str(uuid4())
    with project.connect() as sql:
        sql.execute(INSERT, [key, "rung"])
    await watched.until(lambda: bool(watched.of(key)), "the change")
    assert watched.of(key)[0].path is EventPath.SWEEP


async def is_listening(watched: Watched) -> None:
    await watched.until(lambda: watched.worker.doorbell.problem == "" and watched.worker.doorbell.rings > 0, "a ring")


def test_a_commit_rings_the_sweep_without_realtime_and_without_the_timer(project: Project) -> None:
    async def scenario() -> None:
        async with watched_worker() as watched:
            await is_listening(watched)
            await insert_is_heard(project, watched)

    asyncio.run(scenario())


def test_a_listener_that_is_thrown_out_comes_back(project: Project) -> None:
    async def scenario() -> None:
        async with watched_worker() as watched:
            await is_listening(watched)
            with project.connect() as sql:
                sql.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where application_name = 'livedesk doorbell'"
                )
            await watched.until(lambda: "lost" in watched.worker.doorbell.problem, "the loss")
            await is_listening(watched)
            await insert_is_heard(project, watched)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [("REALTIME_DOORBELL", False, SWITCHED_OFF), ("DATABASE_TRANSACTION_POOLER", True, "pooler in transaction mode")],
)
def test_where_it_cannot_be_the_timer_does(
    project: Project, settings: Settings, setting: str, value: bool, said: str
) -> None:
    setattr(settings, setting, value)
    settings.REALTIME_SWEEP_SECONDS = 0.2

    async def scenario() -> None:
        async with watched_worker() as watched:
            worker = watched.worker
            await watched.until(
                lambda: said in worker.heartbeat.describe(worker.manager.status, "")["doorbell"], "the reason"
            )
            await insert_is_heard(project, watched)

    asyncio.run(scenario())


def test_the_command_switches_the_triggers_and_the_worker_says_so(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario() -> None:
        async with watched_worker() as watched:
            await watched.until(lambda: watched.worker.doorbell.problem == TRIGGERS_OFF, "the reason")

    try:
        call_command("realtime_doorbell", "off")
        assert "off" in capsys.readouterr().out
        asyncio.run(scenario())
    finally:
        call_command("realtime_doorbell", "on")
    call_command("realtime_doorbell")
    assert capsys.readouterr().out.count("triggers are on") == 2


def test_switching_holds_no_writer_up_behind_a_long_transaction(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorbell, "SWITCH_TRIES", 1)
    monkeypatch.setattr(doorbell, "RETRY_SECONDS", 0)
    monkeypatch.setattr(doorbell, "SWITCH_LOCK_TIMEOUT", "100ms")
    try:
        with project.connect() as sql, sql.transaction(force_rollback=True):
            sql.execute(INSERT, [uuid4(), "not committed yet"])
            with pytest.raises(CommandError, match="'products' was held"):
                call_command("realtime_doorbell", "off")
            with project.connect() as other:
                other.execute(INSERT, [uuid4(), "goes on"])
        assert "'products' is held by a transaction that writes; trying again" in capsys.readouterr().out
        call_command("realtime_doorbell", "off")
    finally:
        call_command("realtime_doorbell", "on")


def test_a_transaction_rings_once_however_much_it_writes_and_not_at_all_when_it_says_so(project: Project) -> None:
    with project.connect() as listener, project.connect() as sql:
        listener.execute(f"listen {DOORBELL_CHANNEL}")
        with sql.transaction():
            sql.execute("set local livedesk.doorbell = 'off'")
            sql.execute(INSERT, [uuid4(), "silent"])
        with sql.transaction(force_rollback=True):
            sql.execute(INSERT, [uuid4(), "undone"])
        with sql.transaction():
            for number in range(20):
                sql.execute(INSERT, [uuid4(), f"loud {number}"])
        # One more, to end the wait.
        sql.execute("notify livedesk_doorbell, 'end'")
        heard = [notification.payload for notification in listener.notifies(stop_after=2, timeout=30)]
    assert heard == ["", "end"]
