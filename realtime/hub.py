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
from django.db import DatabaseError, InterfaceError

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
from realtime.person import person_hash
from realtime.publisher import STATUS_GROUP, table_group
from realtime.related import related_tables
from realtime.repository import live_tables
from realtime.rights import REREAD_SECONDS, Rights, Standing, read_standing
from realtime.snapshot import Shown
from realtime.status_store import status_key
from realtime.view_reader import ViewReader
from realtime.waiting import wait_for_event

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
# A locked table of users or sessions must not keep rights from being read for ever.
PEOPLE_SETTINGS = {"lock_timeout": "3s", "statement_timeout": "10s"}
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
        self.reader = ViewReader(self.views, self._all_read)
        # Who may see what is read on a connection of its own: no list may hold it up.
        self._people = DatabaseThread("realtime-people", PEOPLE_SETTINGS)
        self._numbers = MessageNumbers()
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
        self._arrivals = Arrivals(self._people)
        self._reread_rights = asyncio.Event()
        # When the last reading of every view began.
        self._read_at: float | None = None
        self._told: dict[str, Any] = {}
        self._told_at = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        parts = (self._listener.run, self.reader.run, self._watch_status, self._watch_rights)
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
        socket.send(wire.hello(build_id(), person_hash(socket.user)))
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
            socket.send(wire.refused(identifier, "You may not see this list.", revoked=True))
            return None
        view = self._view(definition, params)
        if len(socket.views | {view.key}) > wire.VIEWS_A_SOCKET:
            socket.send(wire.refused(identifier, f"A page can follow {wire.VIEWS_A_SOCKET} lists at most."))
            return None
        socket.views.add(view.key)
        view.attach(Attaching(socket, identifier, shown))
        if view.dirty:
            self.reader.wake()
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
                self.reader.mark(view)

    def _hear_beat(self, message: dict[str, Any]) -> None:
        if not self._numbers.knows(message["epoch"]):
            # Another worker, and nobody knows what the last one failed to send.
            self._mark_all(Resync.EPOCH)
        for table in self._numbers.missed(message["epoch"], message["numbers"]):
            self._mark_table(table, Resync.HOLE)
        self._beat, self._heard_at = message["status"], time.time()
        last_beat.note(self._beat)
        self._tell_status()

    def _mark_table(self, table: str, cause: Resync) -> None:
        metrics.HUB_RESYNCS.labels(cause.value).inc()
        for view in self.views.values():
            if table in view.definition.tables:
                self.reader.mark(view)

    def _mark_all(self, cause: Resync) -> None:
        metrics.HUB_RESYNCS.labels(cause.value).inc()
        logger.debug("recomputing every view: %s", cause)
        for view in self.views.values():
            self.reader.mark(view)

    # Status and rights

    def _all_read(self, began: float) -> None:
        self._read_at = began

    @property
    def _database_problem(self) -> str:
        return self.reader.quick.problem or self._people.problem

    def _words(self) -> dict[str, Any]:
        listener = self._listener
        hops = Hops(
            layer_reachable=listener.reachable,
            layer_ms=listener.round_trip_ms,
            heard_since=listener.heard_since,
            read_at=self._read_at,
            database_at=max(filter(None, (self.reader.quick.answered_at, self._people.answered_at)), default=None),
            database=self._database_problem,
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
            unheard = not self._told["live"] and not self._database_problem
            if unheard and now - reread_at >= SILENT_REREAD_SECONDS:
                # Nobody tells what changes: look. Pages stay a few seconds behind instead of as they were.
                reread_at = now
                self._mark_all(Resync.SILENCE)
            self._measure()

    def _measure(self) -> None:
        metrics.VIEWS.set(len(self.views))
        metrics.VIEWS_FAILING.set(sum(bool(view.failures) for view in self.views.values()))
        # Without a socket nobody asks it anything, so an old failure is no news.
        metrics.DATABASE_ANSWERS.set(not (self.sockets and self._database_problem))
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
                standing = await self._people.run(
                    read_standing, {socket.user for socket in sockets}, {socket.session for socket in sockets}
                )
                for socket in sockets:
                    self._apply(socket, standing)

    def _apply(self, socket: LiveSocket, standing: Standing) -> None:
        if not self._is_standing(socket, standing):
            self.leave(socket)
            socket.close(wire.CLOSE_SIGNED_OUT, "signed out")
            return
        before, socket.rights = socket.rights, standing.rights.get(socket.user, Rights())
        if socket.rights != before:
            # Which buttons a page has was decided when it was painted.
            socket.send(wire.rights())
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
