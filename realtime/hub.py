"""The hub: one per web process, between the channel layer and the sockets.

It gets the workers' messages once for the whole process, finds the views they touch, re-reads those on one
database thread in one consistent transaction, and hands each view's frame, encoded once, to all its sockets.
It starts with the first socket (Daphne has no lifespan).
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import redis.asyncio
from django.conf import settings
from django.core.signing import BadSignature
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from realtime import last_beat, metrics, wire
from realtime.arrivals import Arrivals
from realtime.build import build_id
from realtime.connection_words import Hops, words
from realtime.database_thread import DatabaseThread
from realtime.gaps import MessageNumbers
from realtime.layer_listener import LayerListener
from realtime.live import Definition, Params, RowChange, UnknownDefinition, read_token, rows, view_key
from realtime.live_socket import LiveSocket
from realtime.live_view import Attaching, LiveView
from realtime.publisher import STATUS_GROUP, table_group
from realtime.related import related_tables
from realtime.repository import live_tables
from realtime.rights import REREAD_SECONDS, Rights, Standing, read_standing
from realtime.snapshot import Shown, Snapshot
from realtime.status_store import status_key
from realtime.waiting import wait_for_event

logger = logging.getLogger(__name__)

# Changes of one burst share a reading. Below what an eye notices, above what a burst of commits spreads over.
GATHER_SECONDS = 0.02
RETRY_SECONDS = 1.0
# So many readings of one view in a row may be refused by a database that is there.
REFUSALS = 5
# While nothing is live, every view is read this often.
SILENT_REREAD_SECONDS = 5.0
STATUS_LOOK_SECONDS = 1.0
# Every page hears of the status at least this often, so that a silent socket is a dead one.
STATUS_REPEAT_SECONDS = 10.0


class Resync(StrEnum):
    """Why views were read anew without a change that concerned them."""

    JOINED = "joined the channel layer"
    HOLE = "messages missing"
    EPOCH = "another worker"
    SILENCE = "changes are not told"
    RESET = "table reset"
    FAILURE = "a part of the hub failed"


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def get_hub() -> "Hub":
    """This process's hub (one per event loop), started at the first call."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = Hub()
        hub.start()
    return hub


class Hub:
    def __init__(self) -> None:
        self.views: dict[str, LiveView] = {}
        self.sockets: set[LiveSocket] = set()
        self.database = DatabaseThread("realtime-hub")
        self._numbers = MessageNumbers()
        self._dirty = asyncio.Event()
        self._beat: dict[str, Any] | None = None
        self._heard_at = time.time()
        tables = (*live_tables(), *related_tables())
        self._listener = LayerListener(
            [STATUS_GROUP, *(table_group(table) for table in tables)],
            self._handle,
            # What was sent before the membership is unknown.
            partial(self._mark_all, Resync.JOINED),
            self._tell_status,
        )
        self._arrivals = Arrivals(self.database)
        self._reread_rights = asyncio.Event()
        # When the last reading of every view began.
        self._read_at: float | None = None
        self._told: dict[str, Any] = {}
        self._told_at = 0.0
        self._failing = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        parts = (self._listener.run, self._refresh_for_ever, self._watch_status, self._watch_rights)
        self._tasks = [asyncio.create_task(self._keep_going(part)) for part in parts]

    async def _keep_going(self, part: Callable[[], Awaitable[None]]) -> None:
        """No error may end a part of the hub unnoticed, with every page going on to look live."""
        while True:
            try:
                await part()
            except Exception as error:
                logger.error("the hub's %s failed (%s): beginning it again", part.__qualname__, type(error).__name__)
                self._mark_all(Resync.FAILURE)
                await asyncio.sleep(RETRY_SECONDS)

    # Sockets

    async def join(self, socket: LiveSocket) -> bool:
        """Takes a socket in, with its user's rights; False when its session or account has ended."""
        identities, standing = await self._arrivals.read(socket.session)
        identity = identities.get(socket.session)
        if identity is None:
            return False
        socket.user, socket.auth_hash = identity.user, identity.auth_hash
        if not self._is_standing(socket, standing):
            return False
        socket.rights = standing.rights[socket.user]
        self.sockets.add(socket)
        metrics.SOCKETS.set(len(self.sockets))
        socket.send(wire.hello(build_id()))
        socket.send(wire.status(self._words()))
        return True

    def leave(self, socket: LiveSocket) -> None:
        self.sockets.discard(socket)
        metrics.SOCKETS.set(len(self.sockets))
        for key in list(socket.views):
            self._detach(socket, key)

    def attach(self, socket: LiveSocket, identifier: int, token: str, shown: Shown) -> str | None:
        """Makes a socket follow the view of a token; returns the view's key, or None after a refusal."""
        try:
            definition, params = read_token(token)
        except BadSignature:
            socket.send(wire.refused(identifier, "This list's token is not valid."))
            return None
        except UnknownDefinition:
            socket.send(wire.refused(identifier, "This page is of another version of the portal.", reload=True))
            return None
        if not socket.rights.allow(definition.permission):
            socket.send(wire.refused(identifier, "You may not see this list."))
            return None
        view = self._view(definition, params)
        if len(socket.views | {view.key}) > wire.VIEWS_A_SOCKET:
            socket.send(wire.refused(identifier, f"A page can follow {wire.VIEWS_A_SOCKET} lists at most."))
            return None
        socket.views.add(view.key)
        view.attach(Attaching(socket, identifier, shown))
        if view.dirty:
            self._dirty.set()
        return view.key

    def detach(self, socket: LiveSocket, key: str) -> None:
        self._detach(socket, key)

    def _detach(self, socket: LiveSocket, key: str) -> None:
        socket.views.discard(key)
        view = self.views.get(key)
        if view is not None:
            view.detach(socket)
            if view.unused:
                del self.views[key]

    def _view(self, definition: Definition, params: Params) -> LiveView:
        key = view_key(definition, params)
        view = self.views.get(key)
        if view is None:
            view = self.views[key] = LiveView(key, definition, params)
        return view

    # The workers' messages

    def _handle(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "realtime.beat":
            self._hear_beat(message)
            return
        table = message["table"]
        complete = self._numbers.is_next(message["epoch"], table, message["n"])
        if kind == "realtime.reset":
            rows.forget()
            self._mark_table(table, Resync.RESET)
            if table in related_tables():
                self._reread_rights.set()
            return
        if not complete:
            self._mark_table(table, Resync.HOLE)
            return
        changes = [
            RowChange(revision, op, key, tuple(columns), actor)
            for revision, op, key, columns, actor, _path in message["changes"]
        ]
        for view in self.views.values():
            if table in view.definition.tables and view.definition.concerns(view.params, table, changes):
                self._mark(view)

    def _hear_beat(self, message: dict[str, Any]) -> None:
        if not self._numbers.knows(message["epoch"]):
            # Another worker, and nobody knows what the last one failed to send.
            self._mark_all(Resync.EPOCH)
        for table in self._numbers.missed(message["epoch"], message["numbers"]):
            self._mark_table(table, Resync.HOLE)
        self._beat, self._heard_at = message["status"], time.time()
        last_beat.note(self._beat)
        self._tell_status()

    def _mark(self, view: LiveView) -> None:
        view.dirty = True
        self._dirty.set()

    def _mark_table(self, table: str, cause: Resync) -> None:
        metrics.HUB_RESYNCS.labels(cause.value).inc()
        for view in self.views.values():
            if table in view.definition.tables:
                self._mark(view)

    def _mark_all(self, cause: Resync) -> None:
        metrics.HUB_RESYNCS.labels(cause.value).inc()
        logger.debug("recomputing every view: %s", cause)
        for view in self.views.values():
            self._mark(view)

    # Reading

    async def _refresh_for_ever(self) -> None:
        while True:
            await self._dirty.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._dirty.clear()
            dirty = [view for view in self.views.values() if view.dirty]
            began = time.time()
            for view in dirty:
                view.begin_reading()
            try:
                snapshots = await self.database.run(_read, [(view.definition, view.params) for view in dirty])
            except (DatabaseError, InterfaceError) as error:
                self._reading_failed(dirty, error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if self._failing:
                logger.info("views can be read again")
                self._failing = False
            metrics.VIEW_READINGS.observe(time.time() - began)
            if len(dirty) == len(self.views) and all(isinstance(snapshot, Snapshot) for snapshot in snapshots):
                self._read_at = began
            for view, snapshot in zip(dirty, snapshots, strict=True):
                self._take(view, snapshot)

    def _take(self, view: LiveView, snapshot: Snapshot | Exception) -> None:
        if isinstance(snapshot, Snapshot):
            metrics.FRAMES.inc(view.take(snapshot))
        elif isinstance(snapshot, OperationalError) and view.refusals < REFUSALS:
            # A deadlock with somebody's TRUNCATE, a query that was cancelled: the next reading may well succeed.
            view.refusals += 1
            view.reading_failed()
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._dirty.set)
        else:
            self._drop(view, snapshot)

    def _reading_failed(self, dirty: list[LiveView], error: Exception) -> None:
        if not self._failing:
            logger.warning("views can't be read (%s): trying again", type(error).__name__)
        self._failing = True
        for view in dirty:
            view.reading_failed()
        self._dirty.set()

    def _drop(self, view: LiveView, error: Exception) -> None:
        """A view whose definition fails takes no other down: its pages are told to reload."""
        logger.error("view '%s' can't be rendered (%s)", view.definition.name, type(error).__name__)
        for socket in view.everyone():
            socket.views.discard(view.key)
            socket.send(wire.failed(view.key, "This list can't be shown right now; please reload the page."))
        self.views.pop(view.key, None)

    # Status and rights

    def _words(self) -> dict[str, Any]:
        listener, database = self._listener, self.database
        hops = Hops(
            layer_reachable=listener.reachable,
            layer_ms=listener.round_trip_ms,
            heard_since=listener.heard_since,
            read_at=self._read_at,
            database_at=database.answered_at,
            database=database.problem,
        )
        return words(self._beat, self._heard_at, time.time(), hops)

    def _tell_status(self) -> None:
        told = self._words()
        # What moves with every beat is alone worth a frame only now and then.
        steady = {name: value for name, value in told.items() if name not in ("fresh_at", "layer_ms")}
        now = time.monotonic()
        if steady == self._told and now - self._told_at < STATUS_REPEAT_SECONDS:
            return
        self._told, self._told_at = steady, now
        frame = wire.status(told)
        for socket in self.sockets:
            socket.send(frame)

    async def _watch_status(self) -> None:
        await self._ask_store()
        reread_at = 0.0
        while True:
            await asyncio.sleep(STATUS_LOOK_SECONDS)
            self._tell_status()
            now = time.monotonic()
            unheard = not self._told["live"] and not self.database.problem
            if unheard and now - reread_at >= SILENT_REREAD_SECONDS:
                # Nobody tells what changes: look. Pages stay a few seconds behind instead of as they were.
                reread_at = now
                self._mark_all(Resync.SILENCE)
            self._measure()

    def _measure(self) -> None:
        metrics.VIEWS.set(len(self.views))
        # Without a socket nobody asks it anything, so an old failure is no news.
        metrics.DATABASE_ANSWERS.set(not (self.sockets and self.database.problem))
        metrics.LAYER_REACHABLE.set(self._listener.reachable)
        metrics.LAYER_SECONDS.set((self._listener.round_trip_ms or 0) / 1000)
        metrics.WORKER_SILENCE.set(time.time() - self._heard_at)

    async def _ask_store(self) -> None:
        """What the worker said before this process listened: a fresh page needn't wait for the next beat."""
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
        with suppress(redis.RedisError, OSError):
            async with client:
                told = await client.get(status_key())
            if self._beat is None and told:
                self._beat = json.loads(told)
                self._tell_status()

    async def _watch_rights(self) -> None:
        while True:
            await wait_for_event(self._reread_rights, REREAD_SECONDS)
            self._reread_rights.clear()
            sockets = list(self.sockets)
            if not sockets:
                continue
            # Without the database nothing new can be shown to anybody either.
            with suppress(DatabaseError, InterfaceError):
                standing = await self.database.run(
                    read_standing, {socket.user for socket in sockets}, {socket.session for socket in sockets}
                )
                for socket in sockets:
                    self._apply(socket, standing)

    def _apply(self, socket: LiveSocket, standing: Standing) -> None:
        if not self._is_standing(socket, standing):
            self.leave(socket)
            socket.close(wire.CLOSE_SIGNED_OUT, "signed out")
            return
        socket.rights = standing.rights.get(socket.user, Rights())
        for key in list(socket.views):
            view = self.views.get(key)
            if view is not None and not socket.rights.allow(view.definition.permission):
                self._detach(socket, key)
                socket.send(wire.revoked(key, "You may not see this list any more."))

    @staticmethod
    def _is_standing(socket: LiveSocket, standing: Standing) -> bool:
        rights = standing.rights.get(socket.user)
        # The hash goes with the password: whoever changes it ends the other sessions.
        return socket.session in standing.sessions and rights is not None and rights.auth_hash == socket.auth_hash


def _read(wanted: list[tuple[Definition, Params]]) -> list[Snapshot | Exception]:
    """Every wanted view at one moment. A view that fails yields its error instead of its content."""
    snapshots: list[Snapshot | Exception] = []
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read read only")
        for definition, params in wanted:
            try:
                with transaction.atomic():
                    snapshots.append(definition.snapshot(params))
            except Exception as error:
                if connection.connection is None or connection.connection.closed:
                    raise
                snapshots.append(error)
    return snapshots
