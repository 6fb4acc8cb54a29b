"""RealtimeChannelManager: keeps a channel per table open on Supabase Realtime.

It owns the reconnects (2, 4, 8, 16, 32 s, then status ``error`` and a try every 60 s) and says ``connected`` only
while a probe row written to the database comes back through Supabase.
"""

import asyncio
import logging
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress

from realtime.events import Gap
from realtime.events import RealtimeConnectionStatus as Status
from realtime.upstream.backoff import RECONNECT_LADDER, SLOW_PROBE_SECONDS, backoff_delays
from realtime.upstream.channel_session import Binding, OnEvent, RealtimeSession, SessionError
from realtime.upstream.supabase_key import PUBLIC_ROLES, read_key
from realtime.waiting import until_one_ends, wait_for_event

logger = logging.getLogger(__name__)

# While the database takes no changes, the probe is retried this often.
REFUSED_PROBE_SECONDS = 2.0
PROBE_TABLE = "realtime_probe"
PROBE_SECONDS = 10.0
PROBE_ECHO_SECONDS = 10.0
# A connection that lasted this long was a good one: the backoff starts over. With less, flapping would never escalate.
STEADY_SECONDS = 30.0
# Tokens live an hour.
TOKEN_REFRESH_SECONDS = 1_500.0

# Writes a nonce into the probe row; it must come back through Supabase.
WriteProbe = Callable[[str], Awaitable[None]]


class ProbeRefused(Exception):
    """The database is up but takes no probe, because it takes no changes at all."""


class RealtimeChannelManager:
    """Subscriptions by table. A lost connection raises nothing: ``on_status`` and ``on_gap`` report it."""

    def __init__(
        self,
        url: str,
        key: str,
        write_probe: WriteProbe,
        *,
        token: Callable[[], str] | None = None,
        on_status: Callable[[Status, str], None] = lambda status, reason: None,
        on_gap: Callable[[Gap], None] = lambda gap: None,
        on_probe: Callable[[float], None] = lambda seconds: None,
        on_joined: Callable[[str], None] = lambda table: None,
        delays: Callable[[], Iterator[float]] = backoff_delays,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._url, self._key, self._token = url, key, token
        self._write_probe = write_probe
        self._on_status, self._on_gap, self._on_probe, self._on_joined = on_status, on_gap, on_probe, on_joined
        self._delays, self._sleep = delays, sleep
        self._bindings: dict[str, list[Binding]] = {}
        self._session: RealtimeSession | None = None
        self._generation = 0
        self._closed = False
        self._changed = asyncio.Event()
        self._renewing: set[str] = set()
        self._echoes: dict[str, asyncio.Event] = {}
        self.status = Status.DISCONNECTED
        self.reason = ""
        # When the wait for an echo began, by the monotonic clock.
        self.probing_since: float | None = None
        self.reconnects = 0

    def subscribe(self, table: str, on_event: OnEvent, filter: str | None = None) -> None:
        """Adds a callback for a table's changes; any number per table, each with its own filter or none.

        ``filter`` is Supabase's filter string, for example ``price=gt.10``. The callback runs inside the client's
        read loop: it may only enqueue.
        """
        self._bindings.setdefault(table, []).append(Binding(on_event, filter))
        self._changed.set()

    def unsubscribe(self, table: str) -> None:
        """Removes every callback of a table and leaves its channel; an unknown table is ignored."""
        if self._bindings.pop(table, None) is not None:
            self._changed.set()

    def renew(self, table: str) -> None:
        """Rejoins a table's channel, for one that seems alive but delivers nothing."""
        self._renewing.add(table)
        self._changed.set()

    def is_subscribed(self, table: str) -> bool:
        """Whether the server has confirmed this table's channel and it is alive."""
        return table in self._bindings and self._session is not None and self._session.is_confirmed(table)

    def get_subscribed_tables(self) -> list[str]:
        return [table for table in self._bindings if self.is_subscribed(table)]

    def problem(self, table: str) -> str:
        """Why a table alone isn't subscribed while others are, or an empty string."""
        return self._session.problem(table) if self._session else ""

    async def close_all(self) -> None:
        """Leaves every channel and closes the connection; ``run()`` opens it again."""
        self._closed = True
        self._changed.set()
        if self._session is not None:
            await self._session.close(politely=True)
            self._session = None
        self._set_status(Status.DISCONNECTED, "closed")

    async def run(self, after: asyncio.Event | None = None) -> None:
        """Connects once ``after`` is set, and reconnects until ``close_all()`` or cancellation."""
        delays, failures = self._delays(), 0
        self._closed = False
        self._set_status(Status.CONNECTING, "connecting to Supabase Realtime")
        if after is not None:
            await after.wait()
        while not self._closed:
            lived = await self._one_session()
            if self._closed:
                return
            if lived >= STEADY_SECONDS:
                delays, failures = self._delays(), 0
            failures += 1
            given_up = failures > len(RECONNECT_LADDER)
            delay = next(delays)
            self._set_status(Status.ERROR if given_up else Status.RECONNECTING, self.reason)
            logger.info("next attempt in %g s", delay)
            # Jitter: a herd of workers must not reconnect in step.
            await self._sleep(delay * random.uniform(0.9, 1.1))  # noqa: S311  no secret depends on it
            self.reconnects += 1

    async def _one_session(self) -> float:
        """Opens a session and stays with it to its end; returns the seconds it was live."""
        self._generation += 1
        session = self._session = RealtimeSession(self._url, self._key, self._generation, self._token, self._on_gap)
        live_since: float | None = None
        try:
            await session.connect()
            await self._join_all(session)
            await self._probe(session)
            live_since = time.monotonic()
            self._set_status(Status.CONNECTED, "")
            await self._stay(session)
        except SessionError as error:
            self._set_reason(str(error), error.configuration)
        finally:
            if not self._closed:
                await session.close()
                self._session = None
        return time.monotonic() - live_since if live_since is not None else 0.0

    async def _join_all(self, session: RealtimeSession) -> None:
        self._changed.clear()
        self._renewing.clear()
        probe = (Binding(self._take_echo, None),)
        wanted = {PROBE_TABLE: probe} | {table: tuple(bindings) for table, bindings in self._bindings.items()}
        joined = await asyncio.gather(*(session.join(table, bindings) for table, bindings in wanted.items()))
        session.check()
        if not joined[0]:
            raise SessionError(f"the probe's table can't be subscribed: {session.problem(PROBE_TABLE)}")
        for table in wanted:
            if problem := session.problem(table):
                logger.warning("table '%s' is left out, trying again every minute: %s", table, problem)
            else:
                self._joined(table)

    async def _stay(self, session: RealtimeSession) -> None:
        await until_one_ends(
            session.watch(),
            self._probe_for_ever(session),
            self._follow_subscriptions(session),
            self._refresh_tokens(session),
        )

    async def _probe_for_ever(self, session: RealtimeSession) -> None:
        while True:
            await asyncio.sleep(PROBE_SECONDS)
            await self._probe(session)

    async def _probe(self, session: RealtimeSession) -> None:
        started, nonce = time.monotonic(), uuid.uuid4().hex
        echo = self._echoes[nonce] = asyncio.Event()
        try:
            await self._write(nonce, session)
            # The time that the database takes to accept the row isn't Realtime's delay.
            self.probing_since = time.monotonic()
            await session.until(echo.wait(), PROBE_ECHO_SECONDS, self._why_no_echo())
        except SessionError:
            raise
        except Exception as error:
            raise SessionError(f"the probe can't be written to the database ({type(error).__name__})") from None
        finally:
            del self._echoes[nonce]
            self.probing_since = None
        self._on_probe(time.monotonic() - started)

    async def _write(self, nonce: str, session: RealtimeSession) -> None:
        """Writes the probe. While the database refuses it, the session is kept: Realtime isn't at fault."""
        while True:
            try:
                return await self._write_probe(nonce)
            except ProbeRefused:
                await session.until(asyncio.sleep(REFUSED_PROBE_SECONDS), 2 * REFUSED_PROBE_SECONDS, "")

    def _why_no_echo(self) -> str:
        told, role = "the probe row didn't come back through Supabase", read_key(self._key).role
        if self._token is None and role in PUBLIC_ROLES:
            return f"{told}: the role '{role}' of SUPABASE_KEY may not read it"
        return told

    def _take_echo(self, payload: object) -> None:
        with suppress(Exception):
            echo = self._echoes.get(payload["data"]["record"]["nonce"])  # type: ignore[index]
            if echo is not None:
                echo.set()

    async def _follow_subscriptions(self, session: RealtimeSession) -> None:
        """Joins and leaves what ``subscribe`` and ``unsubscribe`` ask for, and retries quarantined tables."""
        joined = {table: tuple(bindings) for table, bindings in self._bindings.items()}
        while True:
            await wait_for_event(self._changed, SLOW_PROBE_SECONDS)
            self._changed.clear()
            wanted = {table: tuple(bindings) for table, bindings in self._bindings.items()}
            for table in joined.keys() - wanted.keys():
                await session.leave(table)
            renewing, self._renewing = self._renewing, set()
            for table, bindings in wanted.items():
                stale = joined.get(table) != bindings or table in renewing or bool(session.problem(table))
                if stale and await session.join(table, bindings):
                    logger.info("table '%s' is subscribed", table)
                    self._joined(table)
            joined = wanted

    def _joined(self, table: str) -> None:
        self._on_joined(table)
        self._on_gap(Gap.SUBSCRIBED)

    async def _refresh_tokens(self, session: RealtimeSession) -> None:
        while True:
            await asyncio.sleep(TOKEN_REFRESH_SECONDS)
            await session.refresh_token()

    def _set_reason(self, reason: str, configuration: bool) -> None:
        self.reason = reason
        log = logger.error if configuration else logger.warning
        log("not connected: %s", reason)

    def _set_status(self, status: Status, reason: str) -> None:
        changed = status is not self.status or reason != self.reason
        previous, self.status, self.reason = self.status, status, reason
        if changed:
            if status is not previous:
                logger.info("status %s → %s", previous, status)
            self._on_status(status, reason)
