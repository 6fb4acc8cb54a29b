"""The worker's database thread: it replaces broken connections and cuts silent ones."""

import asyncio
import threading

import pytest
from django.db import DatabaseError, OperationalError, connection, connections, transaction

from realtime.database import thread as database_thread
from realtime.database.thread import DatabaseThread
from realtime.waiting import end

pytestmark = pytest.mark.django_db(transaction=True)


def ask(question: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def test_every_new_connection_gets_the_settings() -> None:
    async def scenario() -> None:
        thread = DatabaseThread("test", {"lock_timeout": "3s"})
        assert await thread.run(ask, "show lock_timeout") == "3s"
        with pytest.raises(OperationalError):
            await thread.run(ask, "select pg_terminate_backend(pg_backend_pid())")
        assert await thread.run(ask, "show lock_timeout") == "3s"
        thread.close()

    asyncio.run(scenario())


def test_a_connection_that_says_nothing_is_cut_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_thread, "PATIENCE_SECONDS", 0.2)

    async def scenario() -> None:
        thread = DatabaseThread("test")
        with pytest.raises(OperationalError):
            await thread.run(ask, "select pg_sleep(3600)")
        assert await thread.run(ask, "select 1") == 1
        thread.close()

    asyncio.run(scenario())


def test_it_says_of_the_database_that_it_fails_or_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_thread, "SILENT_SECONDS", 0.1)

    async def scenario() -> None:
        thread, other = DatabaseThread("test"), DatabaseThread("other")
        assert await thread.run(ask, "select 1") == 1
        assert thread.problem == ""
        sleeping = asyncio.create_task(thread.run(ask, "select pg_sleep(3600)"))
        async with asyncio.timeout(30):
            while thread.problem != "is not answering":  # noqa: ASYNC110  what is looked at has no event
                await asyncio.sleep(0.01)
        sleeper = "select pid from pg_stat_activity where query like '%pg_sleep(3600)'"
        await other.run(ask, f"select pg_terminate_backend(pid) from ({sleeper}) sleeper")
        with pytest.raises(OperationalError):
            await sleeping
        assert thread.problem == "can't be reached"
        with pytest.raises(DatabaseError):
            await thread.run(ask, "select 1 / 0")
        assert thread.problem == "", "a wrong question was answered all the same"
        for refusal in ("lock_not_available", "query_canceled", "deadlock_detected", "serialization_failure"):
            with pytest.raises(OperationalError):
                await thread.run(ask, f"do $$ begin raise {refusal}; end $$")
            assert thread.problem == "", "refused by a database that is there"
        thread.close()
        other.close()

    asyncio.run(scenario())


def test_a_connection_that_breaks_between_two_pages_is_the_databases_error_and_no_other() -> None:
    def pages():  # type: ignore[no-untyped-def]
        with transaction.atomic():
            yield ask("select pg_backend_pid()")
            yield ask("select 2")

    async def scenario() -> None:
        thread, other = DatabaseThread("test"), DatabaseThread("other")
        with pytest.raises(DatabaseError):
            async for pid in thread.pages(pages):
                await other.run(ask, f"select pg_terminate_backend({pid})")
        assert await thread.run(ask, "select 1") == 1
        thread.close()
        other.close()

    asyncio.run(scenario())


def test_whoever_is_cancelled_leaves_no_transaction_behind() -> None:
    asked = threading.Event()

    def pages():  # type: ignore[no-untyped-def]
        with transaction.atomic():
            asked.set()
            yield ask("select pg_sleep(2.5)")

    async def scenario() -> None:
        thread = DatabaseThread("test")

        async def read() -> None:
            async for _ in thread.pages(pages):
                pass

        reading = asyncio.create_task(read())
        await asyncio.to_thread(asked.wait)
        # This cancels once more after a second.
        await end([reading])
        assert await thread.run(lambda: connection.in_atomic_block) is False
        thread.close()

    asyncio.run(scenario())


def test_a_call_that_nobody_waits_for_any_more_is_cut_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_thread, "PATIENCE_SECONDS", 0.2)

    async def scenario() -> None:
        thread = DatabaseThread("test")
        await thread.run(ask, "select 1")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await thread.run(ask, "select pg_sleep(3600)")
        async with asyncio.timeout(30):
            assert await thread.run(ask, "select 1") == 1
        thread.close()

    asyncio.run(scenario())


def test_its_connection_is_none_of_those_that_requests_share(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings["default"]["OPTIONS"], "pool", {"max_size": 1})

    async def scenario() -> tuple[bool, bool]:
        thread = DatabaseThread("test-unshared")
        try:
            return await thread.run(lambda: (connection.pool is None, "pool" in connection.settings_dict["OPTIONS"]))
        finally:
            thread.close()

    assert asyncio.run(scenario()) == (True, False)
