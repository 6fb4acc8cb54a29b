"""What bypassed the change log: Realtime's word against it, the state of the triggers, DDL (rule 26)."""

import asyncio
import random
from collections.abc import Iterator
from uuid import uuid4

import pytest

from realtime.database.triggers import LIVE_TRIGGERS
from realtime.events import Gap
from realtime.status.connection_words import Hops, words
from realtime.worker import guard
from tests.integration.conftest import Project
from tests.integration.databases import Connection
from tests.integration.worker.harness import Watched, running_worker


def told(watched: Watched) -> tuple[str, str]:
    """The word and the sentence on a page that hears this worker's heartbeat."""
    worker = watched.worker
    beat = worker.heartbeat.describe(worker.manager.status, worker.manager.reason)
    frame = words(beat, beat["at"], beat["at"], Hops())
    return frame["status"], frame["reason"]


def product(sql: Connection) -> str:
    row = sql.execute("insert into products (name) values (%s) returning id", [uuid4().hex]).fetchone()
    assert row is not None
    return str(row[0])


def mend(sql: Connection) -> None:
    for name in LIVE_TRIGGERS:
        sql.execute(f'alter table products enable always trigger "{name}"')  # type: ignore[call-overload]


@pytest.fixture
def sql(project: Project) -> Iterator[Connection]:
    with project.connect() as sql:
        yield sql
        mend(sql)


@pytest.fixture
def quick_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LOOK_SECONDS", 0.3)
    monkeypatch.setattr(guard, "LOOK_AGAIN_SECONDS", 0.3)


@pytest.mark.parametrize(
    "statement",
    [
        "update products set price = price + 1 where id = %(key)s",
        "update products set price = price + 1, revision = 0 where id = %(key)s",
        "insert into products (id, name) values (%(new)s, 'New')",
        "delete from products where id = %(key)s",
    ],
)
def test_a_change_that_only_realtime_tells_of(project: Project, sql: Connection, statement: str) -> None:
    """As replication and restores write it, once `enable trigger all` has left our triggers on origin."""
    sql.execute("alter table products enable trigger all")
    key = product(sql)

    async def scenario() -> None:
        async with running_worker() as watched:
            await watched.until(lambda: told(watched)[0] == "connected", "green")
            watched.resets.clear()
            with project.connect() as loader:
                loader.execute("set session_replication_role = replica")
                loader.execute(statement, {"key": key, "new": str(uuid4())})
            await watched.until(
                lambda: any("bypassed" in reset.reason for reset in watched.resets), "that the log was bypassed"
            )
            status, reason = told(watched)
            assert status == "reconnecting"
            assert "Changes to products bypass the change log" in reason
            assert {reset.table for reset in watched.resets} == {"products"}

    asyncio.run(scenario())


@pytest.mark.usefixtures("quick_guard")
@pytest.mark.parametrize(
    "statement",
    [
        "alter table products disable trigger user; update products set price = 8;"
        " alter table products enable trigger all",
        "alter table products disable trigger all; truncate products cascade; alter table products enable trigger all",
        "alter table products alter column price type numeric(12, 1)",
        "alter table products add column colour text default 'red'",
    ],
)
def test_what_was_rewritten_without_a_change_is_read_by_state(sql: Connection, statement: str) -> None:
    async def scenario() -> None:
        async with running_worker() as watched:
            await watched.until(lambda: told(watched)[0] == "connected", "green")
            watched.resets.clear()
            # In one transaction: at no moment can anybody see the triggers off.
            await asyncio.to_thread(sql.execute, statement)  # type: ignore[arg-type]
            await watched.until(lambda: "products" in {reset.table for reset in watched.resets}, "a reset")

    try:
        asyncio.run(scenario())
    finally:
        sql.execute("alter table products drop column if exists colour")
        sql.execute("alter table products alter column price type numeric(12, 2)")


@pytest.mark.usefixtures("quick_guard")
@pytest.mark.parametrize(
    ("off", "on", "table", "word"),
    [
        ("alter table products disable trigger user", None, "products", "switched off"),
        ("alter table products disable trigger realtime_log", None, "products", "switched off"),
        (
            "alter table accounts_user disable trigger user",
            "alter table accounts_user enable always trigger realtime_log_related;"
            "alter table accounts_user enable always trigger realtime_doorbell",
            "accounts_user",
            "switched off",
        ),
        ("create table more_products () inherits (products)", "drop table more_products", "products", "lacks"),
    ],
)
def test_triggers_that_are_off_keep_pages_from_green(
    sql: Connection, off: str, on: str | None, table: str, word: str
) -> None:
    async def scenario() -> None:
        async with running_worker() as watched:
            await watched.until(lambda: told(watched)[0] == "connected", "green")
            sql.execute(off)  # type: ignore[call-overload]
            await watched.until(lambda: told(watched)[0] != "connected", "that pages are told")
            assert word in watched.worker.guard.bypassed()[table]
            watched.resets.clear()
            # What is written meanwhile is shown: for as long as it lasts, the table is read by state.
            await watched.until(
                lambda: len([r for r in watched.resets if r.table == table]) > 1, "more than one reading"
            )
            if on:
                sql.execute(on)  # type: ignore[call-overload]
            else:
                mend(sql)
            await watched.until(lambda: told(watched)[0] == "connected", "green again")

    asyncio.run(scenario())


def test_ordinary_writes_raise_no_alarm(project: Project, sql: Connection) -> None:
    """Deletes and re-inserts of one key, rows that TOAST holds apart, text of all kinds: Realtime and log agree."""
    chance = random.Random(7)
    texts = ("", "ünï", "a\tb\n", "long " * 2_000, "1e3", "2026-01-01", "null", "🙂")

    async def scenario() -> None:
        async with running_worker() as watched:
            keys = [product(sql) for _ in range(6)]
            for _ in range(120):
                key = chance.choice(keys)
                values = {
                    "key": key,
                    "text": chance.choice(texts),
                    "price": chance.choice((0, 1.5, 9999999999.99, 0.1)),
                }
                await asyncio.to_thread(
                    sql.execute,
                    chance.choice(
                        (
                            "update products set description = %(text)s, price = %(price)s where id = %(key)s",
                            "update products set price = %(price)s where id = %(key)s",
                            "delete from products where id = %(key)s",
                            "insert into products (id, name, description) values (%(key)s, 'again', %(text)s)"
                            " on conflict (id) do update set name = products.name || '.'",
                        )
                    ),
                    values,
                )
            last = product(sql)
            await watched.until(lambda: bool(watched.of(last)), "the last change")
            await watched.until(lambda: watched.worker.intake.counters["products"].duplicates > 0, "Realtime's doubles")
            await watched.until(lambda: not watched.worker.intake.suspects, "every suspicion looked into")
            assert watched.worker.sweep.gaps[Gap.UNLOGGED] == 0
            assert watched.worker.guard.bypassed() == {}

    asyncio.run(scenario())


def test_a_database_that_takes_no_changes_is_named(project: Project, sql: Connection) -> None:
    async def scenario() -> None:
        async with running_worker() as watched:
            await watched.until(lambda: told(watched)[0] == "connected", "green")
            sql.execute("alter database project_stack set default_transaction_read_only = on")
            sql.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'livedesk worker'"
            )
            await watched.until(lambda: "takes no changes" in told(watched)[1], "that the database is read-only")
            assert told(watched)[0] != "connected"
            sql.execute("alter database project_stack reset default_transaction_read_only")
            sql.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'livedesk worker'"
            )
            await watched.until(lambda: told(watched)[0] == "connected", "green again")

    try:
        asyncio.run(scenario())
    finally:
        sql.execute("set default_transaction_read_only = off")
        sql.execute("alter database project_stack reset default_transaction_read_only")
