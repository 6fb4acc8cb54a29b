"""The hub: one per web process, between the channel layer and the sockets.

It gets the workers' messages once for the whole process, finds the views they touch and has those reread. Each view's
frame is encoded once and fanned out to all its sockets. The hub starts with the first socket (Daphne has no lifespan).
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from django.core.signing import BadSignature

from realtime.build import build_id
from realtime.database.tables import live_tables, personal_tables, related_tables
from realtime.database.words import signature
from realtime.groups import PRESENCE_GROUP, STATUS_GROUP, table_group
from realtime.hub import wire
from realtime.hub.admission import Admission
from realtime.hub.freshness import Freshness
from realtime.hub.gaps import MessageNumbers
from realtime.hub.layer_listener import LayerListener
from realtime.hub.live_socket import LiveSocket
from realtime.hub.live_view import Attaching, LiveView
from realtime.hub.presence import Presence
from realtime.hub.reach import Reach
from realtime.hub.view_reader import ViewReader
from realtime.live.definition import Definition, Params, RowChange, UnknownDefinition
from realtime.live.person import person_hash
from realtime.live.rendering import rows
from realtime.live.snapshot import Shown
from realtime.live.tokens import read_view
from realtime.sight import Sight, seeing
from realtime.status import metrics
from realtime.status.connection_words import Hops

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
# In this process. Nobody has so many tabs; a program that opens more would only use up memory.
SOCKETS_A_SESSION = 300
SOCKETS_A_PERSON = 600


class Resync(StrEnum):
    """Why views were reread without a change that concerned them."""

    JOINED = "joined the channel layer"
    HOLE = "messages missing"
    EPOCH = "another worker"
    SILENCE = "changes are not told"
    RESET = "table reset"
    WORDS = "words look different"
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
        # By session and by person.
        self._count: Counter[str] = Counter()
        self.reader = ViewReader(self.views, self._view_read, self._all_read)
        self._reach = Reach(self.reader.quick, self.reader.reading, self.reader.mark)
        self._admission = Admission(self.sockets, self.leave, self._revoke, self._see_again)
        self._freshness = Freshness(self.sockets, self._hops, self._measure, partial(self._mark_all, Resync.SILENCE))
        self.presence = Presence(self.sockets, self.views)
        self._numbers = MessageNumbers()
        tables = (*live_tables(), *related_tables(), *personal_tables())
        self._listener = LayerListener(
            [STATUS_GROUP, PRESENCE_GROUP, *(table_group(table) for table in tables)],
            self._handle,
            self._joined,
            self._freshness.tell,
        )
        # The signature of the words that views were read with.
        self._words = ""
        # When the last reading of every view began.
        self._read_at: float | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        parts = (
            self._listener.run,
            self.reader.run,
            self._reach.run,
            self._freshness.watch,
            self._admission.watch,
            self.presence.say,
            self.presence.tell,
        )
        self._tasks = [asyncio.create_task(self._keep_going(part)) for part in parts]

    async def _keep_going(self, part: Callable[[], Awaitable[None]]) -> None:
        """Restarts a part that fails: no error may silently end it while every page still looks live."""
        while True:
            try:
                await part()
            except Exception as error:
                logger.error("the hub's %s failed (%s): beginning it again", part.__qualname__, type(error).__name__)
                self._mark_all(Resync.FAILURE)
                await asyncio.sleep(RETRY_SECONDS)

    # Sockets

    async def join(self, socket: LiveSocket) -> bool:
        """Admits a socket with its user's rights; False when its session or account has ended."""
        if not await self._admission.admit(socket):
            return False
        self.sockets.add(socket)
        self._count.update((socket.session, socket.user))
        metrics.SOCKETS.set(len(self.sockets))
        socket.send(wire.hello(build_id(), person_hash(socket.user), socket.words))
        socket.send(self._freshness.frame())
        return True

    def has_room_for(self, socket: LiveSocket) -> bool:
        """Whether its session and its person have fewer sockets here than any number of tabs needs."""
        return self._count[socket.session] <= SOCKETS_A_SESSION and self._count[socket.user] <= SOCKETS_A_PERSON

    def leave(self, socket: LiveSocket) -> None:
        if socket in self.sockets:
            self.sockets.discard(socket)
            for owner in (socket.session, socket.user):
                self._count[owner] -= 1
                if not self._count[owner]:
                    del self._count[owner]
        metrics.SOCKETS.set(len(self.sockets))
        for key in list(socket.views):
            self.detach(socket, key)

    def attach(self, socket: LiveSocket, identifier: int, token: str, shown: Shown) -> str | None:
        """Makes a socket follow the view of a token; returns the view's key, or None after a refusal."""
        try:
            # A filter or an order by what isn't seen falls away, as in a reload.
            with seeing(socket.sight):
                definition, params, key = read_view(token)
        except BadSignature:
            socket.send(wire.refused(identifier, "This list's token is not valid."))
            return None
        except UnknownDefinition:
            socket.send(wire.refused(identifier, "This page is of another version of the portal.", reload=True))
            return None
        if not socket.may_see(definition, params):
            socket.send(wire.refused(identifier, "You may not see this list.", revoked=True))
            return None
        view = self._view(key, definition, params, socket.sight)
        if len(socket.views | {view.key}) > wire.VIEWS_A_SOCKET:
            socket.send(wire.refused(identifier, f"A page can follow {wire.VIEWS_A_SOCKET} lists at most."))
            return None
        socket.views.add(view.key)
        view.attach(Attaching(socket, identifier, shown))
        self.presence.shown()
        if view.dirty:
            self.reader.wake()
        return view.key

    def detach(self, socket: LiveSocket, key: str) -> None:
        socket.views.discard(key)
        socket.missed.discard(key)
        self.presence.moved()
        view = self.views.get(key)
        if view is not None:
            view.detach(socket)
            if view.unused:
                del self.views[key]
                self._reach.index.remove(view)

    def _view(self, key: str, definition: Definition, params: Params, sight: Sight | None) -> LiveView:
        view = self.views.get(key)
        if view is None:
            view = self.views[key] = LiveView(key, definition, params, sight)
            self._reach.index.add(view)
        return view

    # The workers' messages

    def _handle(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "realtime.beat":
            self._hear_beat(message)
            return
        if kind == "realtime.presence":
            self.presence.hear(message)
            return
        table = message["table"]
        complete = self._numbers.is_next(message["epoch"], table, message["n"])
        if kind == "realtime.reset":
            rows.forget()
            self._mark_table(table, Resync.RESET)
            if table in related_tables():
                self._admission.reread()
            return
        if not complete:
            self._mark_table(table, Resync.HOLE)
            return
        changes = [
            RowChange(revision, op, key, tuple(columns), actor)
            for revision, op, key, columns, actor, _path in message["changes"]
        ]
        self._reach.hear(table, changes)

    def _hear_beat(self, message: dict[str, Any]) -> None:
        if not self._numbers.knows(message["epoch"]):
            # A different worker, and nobody knows what the last one failed to send.
            self._mark_all(Resync.EPOCH)
        for table in self._numbers.missed(message["epoch"], message["numbers"]):
            self._mark_table(table, Resync.HOLE)
        self._freshness.hear(message["status"])

    def _mark_table(self, table: str, cause: Resync) -> None:
        metrics.HUB_RESYNCS.labels(cause.value).inc()
        for view in self.views.values():
            if table in view.definition.tables or table in view.concerns:
                self.reader.mark(view)

    def _mark_all(self, cause: Resync) -> None:
        metrics.HUB_RESYNCS.labels(cause.value).inc()
        logger.debug("recomputing every view: %s", cause)
        for view in self.views.values():
            self.reader.mark(view)

    # What the parts ask

    def _joined(self) -> None:
        # What was sent before is unknown.
        self._mark_all(Resync.JOINED)
        self.presence.joined()

    def _view_read(self, view: LiveView) -> None:
        self.presence.shown()
        if (words := signature()) != self._words:
            # Others may have been read with the old ones, or be asked about in their order.
            self._words = words
            self._mark_all(Resync.WORDS)
        # Nobody may follow it any more.
        if self.views.get(view.key) is view:
            self._reach.read(view)

    def _all_read(self, began: float) -> None:
        self._read_at = began

    def _revoke(self, socket: LiveSocket) -> None:
        for key in list(socket.views):
            view = self.views.get(key)
            if view is not None and not socket.may_see(view.definition, view.params):
                self.detach(socket, key)
                socket.send(wire.revoked(key, "You may not see this list any more."))

    def _see_again(self, socket: LiveSocket) -> None:
        """The page stays as it is and attaches again; the difference takes rows off it, or brings them."""
        socket.drop_patches()
        for key in list(socket.views):
            self.detach(socket, key)
            socket.send(wire.resync(key))

    def _hops(self) -> Hops:
        listener, quick, people = self._listener, self.reader.quick, self._admission.people
        return Hops(
            layer_reachable=listener.reachable,
            layer_ms=listener.round_trip_ms,
            heard_since=listener.heard_since,
            read_at=self._read_at,
            database_at=max(filter(None, (quick.answered_at, people.answered_at)), default=None),
            database=quick.problem or people.problem,
        )

    def _measure(self) -> None:
        metrics.VIEWS.set(len(self.views))
        metrics.VIEWS_FAILING.set(sum(bool(view.failures) for view in self.views.values()))
        # Without sockets nobody queries the database, so an old failure says nothing.
        metrics.DATABASE_ANSWERS.set(not (self.sockets and self._hops().database))
        metrics.LAYER_REACHABLE.set(self._listener.reachable)
        metrics.LAYER_SECONDS.set((self._listener.round_trip_ms or 0) / 1000)
