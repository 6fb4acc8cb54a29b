"""The life of one connection to Supabase Realtime: connect, join a channel per table, prove it, watch it.

The rules come from measuring supabase-py 2.34.1: its own reconnect gives up silently, an exception in a callback
kills its read loop, heartbeat replies are ignored. So each session has a fresh client and fresh topics, callbacks
only take notes, and any doubt ends the session. The manager opens the next one.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import websockets
from supabase import AsyncClientOptions, acreate_client

import realtime._async.client as library_client
from realtime.events import Gap

OnEvent = Callable[[Mapping[str, Any]], None]

CONNECT_SECONDS = 15.0
JOIN_SECONDS = 15.0
# A cold server says "Subscribed to PostgreSQL" only seconds after the join reply (measured: 2.1–2.9 s).
SYSTEM_OK_SECONDS = 20.0
CLOSE_SECONDS = 5.0
LOOK_SECONDS = 1.0
# What Realtime says about a token that wasn't signed with the project's secret.
TOKEN_WORDS = ("JwtSignatureError", "MalformedJWT", "InvalidJWTToken")

# The library's own limits can't be set by options: 1 MiB would drop the connection at a large row, and its ping
# notices a frozen server after 49 s instead of 25.
setattr(  # noqa: B010  the type checker finds this module or not, depending on the order it looks
    library_client,
    "connect",
    functools.partial(websockets.connect, max_size=16 * 2**20, ping_interval=15, ping_timeout=10, close_timeout=3),
)


class SessionError(Exception):
    """The session can't be opened, or is lost. ``configuration`` marks what only an operator can mend."""

    def __init__(self, reason: str, configuration: bool = False) -> None:
        super().__init__(reason)
        self.configuration = configuration


@dataclass(frozen=True, slots=True)
class Binding:
    """One callback with Supabase's filter string, or None for the whole table."""

    on_event: OnEvent
    filter: str | None


@dataclass
class TableChannel:
    """A table's channel in this session, and what the server last said about it."""

    table: str
    channel: Any
    confirmed: asyncio.Event = field(default_factory=asyncio.Event)
    problem: str = ""


class RealtimeSession:
    """``connect()``, then ``watch()`` until it raises ``SessionError``, then ``close()``."""

    def __init__(
        self,
        url: str,
        key: str,
        generation: int,
        token: Callable[[], str] | None,
        on_gap: Callable[[Gap], None],
    ) -> None:
        self._url, self._key, self._token = url, key, token
        self.generation = generation
        self._on_gap = on_gap
        # Untyped: its annotations lie in supabase's own `realtime`, which ours hides from the type checker.
        self._client: Any = None
        self._channels: dict[str, TableChannel] = {}
        self._joins = 0
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._closing = False

    async def connect(self) -> None:
        """Raises ``SessionError`` when the server can't be reached or refuses the key."""
        options = AsyncClientOptions(
            auto_refresh_token=False,
            persist_session=False,
            # The declared type knows fewer keys than the client takes (facts 1.1).
            realtime={"auto_reconnect": False, "max_retries": 1, "hb_interval": 25, "timeout": 10},  # type: ignore[arg-type]
        )
        try:
            self._client = await acreate_client(self._url, self._key, options)
            if self._token is not None:
                await self._client.realtime.set_auth(self._token())
            await asyncio.wait_for(self._client.realtime.connect(), CONNECT_SECONDS)
        except websockets.InvalidStatus as error:
            raise _refusal(error) from None
        except TimeoutError:
            raise SessionError(f"no answer from {self._url} in {CONNECT_SECONDS:g} s") from None
        except Exception as error:
            raise SessionError(f"{self._url} can't be reached ({type(error).__name__})") from None

    async def join(self, table: str, bindings: tuple[Binding, ...]) -> bool:
        """Joins a fresh channel for ``table``; True once the server has confirmed that changes flow."""
        assert self._client is not None
        await self.leave(table)
        self._joins += 1
        # A fresh topic per join: a rejoin on a topic the server still holds ends in CLOSED (facts 1.7).
        channel = self._client.channel(f"livedesk-{table}-{self.generation}-{self._joins}")
        joined = self._channels[table] = TableChannel(table, channel)
        for binding in bindings:
            channel.on_postgres_changes(
                "*",
                callback=functools.partial(self._deliver, joined, binding.on_event),
                table=table,
                schema="public",
                filter=binding.filter,
            )
        channel.on_system(lambda _payload: self._confirm(joined))
        try:
            await asyncio.wait_for(channel.subscribe(functools.partial(self._state_changed, joined)), JOIN_SECONDS)
            await self._until_confirmed(joined)
        except TimeoutError:
            joined.problem = joined.problem or "the server didn't confirm the subscription"
        except SessionError:
            raise
        except Exception as error:
            raise SessionError(f"joining '{table}' failed ({type(error).__name__})") from None
        if joined.problem:
            await self._quarantine(joined)
        return not joined.problem

    async def leave(self, table: str) -> None:
        joined = self._channels.pop(table, None)
        if joined is not None:
            await self._part(joined)

    def problem(self, table: str) -> str:
        joined = self._channels.get(table)
        return joined.problem if joined else ""

    def is_confirmed(self, table: str) -> bool:
        joined = self._channels.get(table)
        return joined is not None and joined.confirmed.is_set() and not joined.problem

    async def watch(self) -> None:
        """Never returns: raises ``SessionError`` as soon as the connection can't be trusted."""
        while True:
            self.check()
            await asyncio.wait([self._lost], timeout=LOOK_SECONDS)

    def check(self) -> None:
        """Raises ``SessionError`` when a callback, the socket or the client's read task says it's over."""
        assert self._client is not None
        if self._lost.done():
            raise SessionError(self._lost.result())
        realtime = self._client.realtime
        listening = getattr(realtime, "_listen_task", None)
        if not realtime.is_connected:
            raise SessionError("the connection was closed")
        if listening is not None and listening.done():
            raise SessionError("the client stopped reading")

    async def until(self, done: Awaitable[Any], seconds: float, reason: str) -> None:
        """Awaits ``done`` while the session lives; raises ``SessionError`` when it is lost or time is up."""
        task: asyncio.Future[Any] = asyncio.ensure_future(done)
        try:
            waiting: list[asyncio.Future[Any]] = [task, self._lost]
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            self.check()
            if not task.done():
                raise SessionError(reason)
            task.result()
        finally:
            task.cancel()

    async def refresh_token(self) -> None:
        """Raises SessionError."""
        if self._token is None or self._client is None:
            return
        try:
            await self._client.realtime.set_auth(self._token())
        except Exception as error:
            # The client walks its channels while it sends: one that comes or goes meanwhile ends that in an error.
            raise SessionError(f"the token couldn't be renewed ({type(error).__name__})") from error

    async def close(self, politely: bool = False) -> None:
        """Ends the session; ``politely`` leaves each channel first, so that the server frees them at once."""
        self._closing = True
        if self._client is None:
            return
        # Copied, because joining or leaving a table meanwhile changes the dict.
        for joined in list(self._channels.values()):
            if politely:
                await self._part(joined)
            else:
                _silence(joined.channel)
        with suppress(Exception):
            await asyncio.wait_for(self._client.realtime.close(), CLOSE_SECONDS)
        if not self._lost.done():
            self._lost.cancel()

    async def _until_confirmed(self, joined: TableChannel) -> None:
        if joined.problem:
            return
        confirmation = asyncio.ensure_future(joined.confirmed.wait())
        try:
            waiting: list[asyncio.Future[Any]] = [confirmation, self._lost]
            await asyncio.wait(waiting, timeout=SYSTEM_OK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            self.check()
            if not joined.confirmed.is_set():
                raise TimeoutError
        finally:
            confirmation.cancel()

    async def _quarantine(self, joined: TableChannel) -> None:
        # One refused or half-joined table must not take the others down, so its trouble isn't the session's.
        await self._part(joined)
        joined.confirmed.clear()

    async def _part(self, joined: TableChannel) -> None:
        _silence(joined.channel)
        with suppress(Exception):
            await asyncio.wait_for(joined.channel.unsubscribe(), CLOSE_SECONDS)

    # Callbacks of the client. They run inside its read loop, which an exception would silently end.

    def _deliver(self, joined: TableChannel, on_event: OnEvent, payload: Mapping[str, Any]) -> None:
        try:
            if not self._closing and self._channels.get(joined.table) is joined:
                on_event(payload)
        except Exception:
            self._on_gap(Gap.UNTAKEN)

    def _confirm(self, joined: TableChannel) -> None:
        if joined.confirmed.is_set():
            # The server renewed the subscription (publication changed, token refreshed): between the two is a gap.
            self._on_gap(Gap.RENEWED)
        joined.confirmed.set()

    def _state_changed(self, joined: TableChannel, state: Any, error: Exception | None) -> None:
        word = getattr(state, "value", str(state))
        if word == "SUBSCRIBED" or self._closing or self._channels.get(joined.table) is not joined:
            return
        reason = f"channel of '{joined.table}': {word}" + (f" ({_said(error)}){self._remedy(error)}" if error else "")
        if joined.confirmed.is_set():
            self._lose(reason)
        else:
            joined.problem = joined.problem or reason
            # Nobody may wait for a confirmation that won't come; the problem says why.
            joined.confirmed.set()

    def _remedy(self, error: Exception) -> str:
        if not any(word in str(error) for word in TOKEN_WORDS):
            return ""
        return f": check {'SUPABASE_KEY' if self._token is None else 'SUPABASE_JWT_SECRET'}"

    def _lose(self, reason: str) -> None:
        if not self._lost.done():
            self._lost.set_result(reason)


def _silence(channel: Any) -> None:
    """Stops the channel's own rejoin timer, which runs even with auto_reconnect off (facts 1.2)."""
    with suppress(Exception):
        channel.rejoin_timer.reset()
        channel.join_push.destroy()


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _refusal(error: websockets.InvalidStatus) -> SessionError:
    status = error.response.status_code
    if status in (401, 403):
        return SessionError(f"Supabase refuses the key (HTTP {status}): check SUPABASE_KEY", configuration=True)
    if status == 404:
        return SessionError("no Realtime service there (HTTP 404): check SUPABASE_URL", configuration=True)
    return SessionError(f"Supabase refuses the connection (HTTP {status})")
