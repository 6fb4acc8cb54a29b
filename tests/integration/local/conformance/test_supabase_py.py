"""The unmodified supabase-py client against the local Realtime server."""

import asyncio
from collections.abc import Callable
from typing import Any

from supabase import AsyncClient, acreate_client

from realtime.local.keys import make_jwt
from tests.integration.local.conformance.harness import PATIENCE, SECRET, Database, Server


class Listener:
    """One channel of a supabase-py client, and everything it reported."""

    def __init__(self, client: AsyncClient, topic: str) -> None:
        # Their real types are known only where nothing shadows supabase's `realtime` package.
        self._channel: Any = client.channel(topic)
        self.socket: Any = client.realtime
        self._news = asyncio.Event()
        self.events: list[dict[str, Any]] = []
        self.states: list[str] = []
        self.systems: list[str] = []

    def on(self, event: str, table: str, filter: str | None = None) -> None:
        self._channel.on_postgres_changes(event, self._on_event, table=table, schema="public", filter=filter)

    async def subscribe(self) -> None:
        self._channel.on_system(lambda payload: self._note(self.systems, payload.message))
        await self._channel.subscribe(lambda state, error: self._note(self.states, state.value))
        await self.until(lambda: bool(self.systems))

    def _on_event(self, payload: dict[str, Any]) -> None:
        self._note(self.events, payload["data"])

    def _note(self, notes: list[Any], what: Any) -> None:
        notes.append(what)
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._news.clear()
                await self._news.wait()


async def connect(server: Server, role: str = "service_role", **claims: Any) -> AsyncClient:
    return await acreate_client(f"http://{server.address}", make_jwt(SECRET, role, **claims))


def test_client_receives_insert_update_and_delete(server: Server, database: Database) -> None:
    async def session() -> None:
        client = await connect(server)
        listener = Listener(client, "py")
        listener.on("*", "todos")
        await listener.subscribe()
        database.run("insert into todos (title, price, tags) values ('é', 19.90, '{a,\"b c\"}')")
        database.run("update todos set done = true where title = 'é'")
        database.run("delete from todos where title = 'é'")
        await listener.until(lambda: len(listener.events) == 3)
        inserted, updated, deleted = listener.events
        assert [event["type"].value for event in listener.events] == ["INSERT", "UPDATE", "DELETE"]
        assert (inserted["record"]["title"], inserted["record"]["price"]) == ("é", 19.9)
        assert inserted["record"]["tags"] == ["a", "b c"]
        assert updated["record"]["done"] is True
        assert updated["old_record"] == deleted["old_record"] == {"id": inserted["record"]["id"]}
        assert listener.states == ["SUBSCRIBED"]
        await client.remove_all_channels()

    asyncio.run(session())


def test_client_receives_only_what_its_filters_let_through(server: Server, database: Database) -> None:
    async def session() -> None:
        client = await connect(server)
        listener = Listener(client, "py-filters")
        listener.on("INSERT", "todos", "n=gte.10")
        listener.on("UPDATE", "todos", "title=in.(wanted,also)")
        await listener.subscribe()
        database.run("insert into todos (title, n) values ('low', 9), ('wanted', 10), ('other', 100)")
        database.run("update todos set done = true where title in ('low', 'wanted')")
        await listener.until(lambda: len(listener.events) == 3)
        assert [event["record"]["title"] for event in listener.events] == ["wanted", "other", "wanted"]
        await client.remove_all_channels()

    asyncio.run(session())


def test_a_fresh_token_subscribes_again_and_loses_nothing(server: Server, database: Database) -> None:
    async def session() -> None:
        client = await connect(server)
        listener = Listener(client, "py-refresh")
        listener.on("INSERT", "todos")
        await listener.subscribe()
        database.run("insert into todos (title) values ('before')")
        await listener.socket.set_auth(make_jwt(SECRET, "service_role", sub="someone"))
        await listener.until(lambda: len(listener.systems) == 2)
        database.run("insert into todos (title) values ('after')")
        await listener.until(lambda: len(listener.events) == 2)
        assert [event["record"]["title"] for event in listener.events] == ["before", "after"]
        await client.remove_all_channels()

    asyncio.run(session())


def test_a_foreign_token_closes_the_channel(server: Server) -> None:
    async def session() -> None:
        client = await connect(server)
        listener = Listener(client, "py-foreign")
        listener.on("INSERT", "todos")
        await listener.subscribe()
        await listener.socket.set_auth(make_jwt("a-foreign-secret-of-more-than-32-bytes", "service_role"))
        await listener.until(lambda: len(listener.states) == 3)
        assert listener.states == ["SUBSCRIBED", "CHANNEL_ERROR", "CLOSED"]
        await listener.socket.close()

    asyncio.run(session())
