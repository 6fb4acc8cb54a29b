"""The seed's integration list, through a real Realtime server, with the sweep off (rule 16) and then with it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings

from crm.models import Product
from realtime.database.tables import live_tables
from realtime.events import EventPath, RealtimeEvent, RealtimeEventType
from realtime.worker.streams import event_stream
from tests.integration.conftest import Project
from tests.integration.worker.harness import Watched, running_worker

INSERT = "insert into products (id, name, price) values (%s, %s, 12.50)"
Scenario = Callable[[Watched], Coroutine[Any, Any, None]]


def run(scenario: Scenario) -> None:
    async def watched() -> None:
        async with running_worker() as worker:
            await scenario(worker)

    asyncio.run(watched())


@pytest.fixture
def no_sweep(settings: Settings, project: Project) -> None:
    settings.REALTIME_SWEEP = False


def kinds(events: list[RealtimeEvent[Any]]) -> list[str]:
    return [event.type.value for event in events]


@pytest.mark.usefixtures("no_sweep")
def test_a_row_lives_from_insert_over_update_to_delete(project: Project) -> None:
    key = str(uuid4())

    async def scenario(watched: Watched) -> None:
        with project.connect() as sql:
            for number, statement in enumerate(
                (INSERT, "update products set price = 13 where id = %s", "delete from products where id = %s")
            ):
                sql.execute(statement, [key, "Lamp"] if number == 0 else [key])
                await watched.until(lambda count=number + 1: len(watched.of(key)) == count, f"event {number + 1}")

    run_and_check(scenario, key)


def run_and_check(scenario: Scenario, key: str) -> None:
    seen: list[RealtimeEvent[Any]] = []

    async def noting(watched: Watched) -> None:
        await scenario(watched)
        seen.extend(watched.of(key))

    run(noting)
    assert kinds(seen) == ["insert", "update", "delete"]
    assert {event.path for event in seen} == {EventPath.REALTIME}
    inserted, updated, deleted = seen
    assert isinstance(inserted.data, Product)
    assert (inserted.data.name, str(inserted.data.price)) == ("Lamp", "12.50")
    assert (str(updated.data.price), updated.changed) == ("13.00", ("price",))
    # Realtime sends only the key of a delete; the row and the actor come from the change log (rule 5).
    assert (deleted.data.name, deleted.actor) == ("Lamp", "postgres")
    assert inserted.revision < updated.revision < deleted.revision  # type: ignore[operator]


@pytest.mark.usefixtures("no_sweep")
def test_every_change_of_a_transaction_comes_in_order(project: Project) -> None:
    keys = [str(uuid4()) for _ in range(20)]

    async def scenario(watched: Watched) -> None:
        with project.connect() as sql, sql.transaction():
            for key in keys:
                sql.execute(INSERT, [key, "ordered"])
        await watched.until(lambda: len([e for e in watched.events if str(e.key) in keys]) == 20, "all twenty")
        assert [str(event.key) for event in watched.events if str(event.key) in keys] == keys

    run(scenario)


@pytest.mark.usefixtures("no_sweep")
def test_a_failing_handler_stops_neither_the_others_nor_the_worker(project: Project) -> None:
    key = str(uuid4())

    async def scenario(watched: Watched) -> None:
        heard: list[Any] = []

        def fail(_event: object) -> None:
            raise RuntimeError

        watched.worker.dispatcher.on("products", fail)
        watched.worker.dispatcher.on("products", heard.append)
        with project.connect() as sql:
            sql.execute(INSERT, [key, "isolated"])
            await watched.until(lambda: len(watched.of(key)) == 1, "the first event")
            sql.execute("delete from products where id = %s", [key])
            await watched.until(lambda: len(watched.of(key)) == 2, "the second event")
        assert len(heard) == 2
        assert watched.worker.dispatcher.handler_errors == 2

    run(scenario)


@pytest.mark.usefixtures("no_sweep")
def test_tables_are_independent_and_cleaned_up(project: Project) -> None:
    key = str(uuid4())

    async def scenario(watched: Watched) -> None:
        manager = watched.worker.manager
        assert sorted(manager.get_subscribed_tables()) == sorted(live_tables())
        probes: list[Any] = []
        manager.subscribe("realtime_watermark", probes.append)
        with project.connect() as sql:
            # That table isn't published: it is left out, and products stays live.
            await watched.until(lambda: bool(manager.problem("realtime_watermark")), "the refusal")
            sql.execute(INSERT, [key, "independent"])
            await watched.until(lambda: len(watched.of(key)) == 1, "the event of the good table")
        assert "Realtime is enabled" in manager.problem("realtime_watermark")
        manager.unsubscribe("realtime_watermark")
        manager.unsubscribe("products")
        others = {table for table in live_tables() if table != "products"}
        await watched.until(lambda: set(manager.get_subscribed_tables()) == others, "the channel left")

    run(scenario)


@pytest.mark.usefixtures("no_sweep")
def test_a_filter_is_the_servers(project: Project) -> None:
    cheap, dear = str(uuid4()), str(uuid4())

    async def scenario(watched: Watched) -> None:
        heard: list[str] = []
        watched.worker.manager.subscribe(
            "products", lambda raw: heard.append(raw["data"]["record"]["id"]), filter="price=gt.1000"
        )
        await watched.until(lambda: watched.worker.manager.is_subscribed("products"), "products joined again")
        with project.connect() as sql:
            for _ in range(200):
                sql.execute("insert into products (id, name, price) values (%s, 'c', 1)", [cheap])
                sql.execute("insert into products (id, name, price) values (%s, 'd', 2000)", [dear])
                await asyncio.sleep(0.05)
                if heard:
                    break
                sql.execute("delete from products where id in (%s, %s)", [cheap, dear])
        assert set(heard) == {dear}

    run(scenario)


@pytest.mark.usefixtures("no_sweep")
def test_a_stream_yields_what_happens(project: Project) -> None:
    key = str(uuid4())

    async def scenario(watched: Watched) -> None:
        stream = event_stream(watched.worker.dispatcher, "products")
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        with project.connect() as sql:
            sql.execute(INSERT, [key, "streamed"])
        event = await asyncio.wait_for(first, 20)
        assert isinstance(event, RealtimeEvent)
        assert (str(event.key), event.type) == (key, RealtimeEventType.INSERT)
        await stream.aclose()  # type: ignore[attr-defined]

    run(scenario)


def test_both_paths_together_emit_each_change_once(project: Project) -> None:
    keys = [str(uuid4()) for _ in range(150)]

    async def scenario(watched: Watched) -> None:
        project.faults.duplicate(on=True)
        with project.connect() as sql:
            for number, key in enumerate(keys):
                sql.execute(INSERT, [key, "once"])
                if number % 3 == 0:
                    sql.execute("update products set price = 1 where id = %s", [key])
                if number % 5 == 0:
                    sql.execute("delete from products where id = %s", [key])
            expected = sql.execute(
                "select revision from realtime_change where row_key = any(%s::text[]) order by revision", [keys]
            ).fetchall()
        await watched.until(lambda: len([e for e in watched.events if str(e.key) in keys]) >= len(expected), "all")
        watched.worker.sweep.now()
        await watched.until(lambda: not watched.worker.sweep.is_due, "one more sweep")
        emitted = [event.revision for event in watched.events if str(event.key) in keys]
        assert sorted(emitted) == [row[0] for row in expected]  # type: ignore[type-var]

    run(scenario)


def test_what_realtime_loses_the_sweep_brings(project: Project) -> None:
    keys = [str(uuid4()) for _ in range(50)]

    async def scenario(watched: Watched) -> None:
        project.faults.blackout(seconds=30)
        with project.connect() as sql:
            for key in keys:
                sql.execute(INSERT, [key, "in the dark"])
        await watched.until(lambda: len([e for e in watched.events if str(e.key) in keys]) == 50, "all fifty")
        assert {event.path for event in watched.events if str(event.key) in keys} == {EventPath.SWEEP}
        project.faults.reset()

    run(scenario)


def test_a_truncate_is_a_reset(project: Project) -> None:
    """On a table of its session's own database; nobody looks at other tests' rows again."""

    async def scenario(watched: Watched) -> None:
        with project.connect() as sql:
            sql.execute("truncate products cascade")
        await watched.until(lambda: any("emptied" in reset.reason for reset in watched.resets), "the reset")

    run(scenario)
