"""The WebSocket: authorise, hand frames to the hub, write what the hub sends."""

import asyncio
import time
from contextlib import suppress
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import DatabaseError, InterfaceError

from realtime.hub import wire
from realtime.hub.hub import Hub, get_hub
from realtime.hub.live_socket import LiveSocket
from realtime.live.whereabouts import Doing

# An invalid message is answered; a socket that keeps sending them is closed.
ERRORS_FORGIVEN = 5
# The code of a connection that ended without a closing frame.
ABNORMAL = 1006


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    # The hub hears the channel layer for all sockets; as they need no channel each, they open even without Redis.
    channel_layer_alias = ""
    hub: Hub
    socket: LiveSocket | None = None

    async def connect(self) -> None:
        # Accepted before any check: browsers hide why a handshake was refused.
        await self.accept()
        session = self.scope["cookies"].get(settings.SESSION_COOKIE_NAME)
        # Anything else is no session of ours, and could break the reading for all that arrive with it.
        if not session or not session.isalnum():
            await self.close(wire.CLOSE_SIGNED_OUT)
            return
        self.hub = get_hub()
        socket = LiveSocket(session)
        try:
            welcome = await self.hub.join(socket)
        except (DatabaseError, InterfaceError):
            await self.close(wire.CLOSE_TRY_LATER)
            return
        if not welcome:
            await self.close(wire.CLOSE_SIGNED_OUT)
            return
        if not self.hub.has_room_for(socket):
            self.hub.leave(socket)
            await self.close(wire.CLOSE_TOO_MANY)
            return
        self.socket = socket
        self._views: dict[int, str] = {}
        self._errors = 0
        self._window, self._messages = time.monotonic(), 0
        self._writing = asyncio.create_task(self._write(socket))

    async def disconnect(self, code: int) -> None:
        if self.socket is not None:
            # Without a goodbye it was cut off, or silent for so long that its person has been away already.
            if code != ABNORMAL:
                self.hub.presence.away(self.socket)
            self.hub.leave(self.socket)
            self._writing.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.socket is None:
            return
        try:
            self._count_message()
            self._take(self.socket, wire.decode(text_data))
        except wire.WireError as error:
            self._errors += 1
            self.socket.send(wire.error(str(error)))
            if self._errors > ERRORS_FORGIVEN:
                self.socket.close(wire.CLOSE_BAD_MESSAGE, "too many messages that are not understood")

    def _take(self, socket: LiveSocket, message: dict[str, Any]) -> None:
        if message["type"] == "ping":
            socket.send(wire.pong(message.get("n")))
        elif message["type"] == "ack":
            socket.acknowledge(wire.read_ack(message))
        elif message["type"] == "attach":
            identifier, token, shown = wire.read_attach(message)
            key = self.hub.attach(socket, identifier, token, shown)
            if key is not None and key != self._views.get(identifier):
                self._forget(socket, identifier)
                self._views[identifier] = key
        elif message["type"] == "here":
            self._note_stay(socket, *wire.read_here(message))
        elif message["type"] == "look":
            socket.look(wire.read_look(message))
        else:
            self._forget(socket, wire.read_detach(message))

    def _note_stay(self, socket: LiveSocket, identifier: int, doing: Doing, idle: bool, field: str) -> None:
        if identifier not in self._views:
            raise wire.WireError(f"here: no view is attached as {identifier}")
        self.hub.presence.stay(socket, self._views[identifier], doing, idle, field)

    def _forget(self, socket: LiveSocket, identifier: int) -> None:
        """The element is gone or shows another view; a second element may still follow its former one."""
        key = self._views.pop(identifier, None)
        if key is not None and key not in self._views.values():
            self.hub.detach(socket, key)

    def _count_message(self) -> None:
        now = time.monotonic()
        if now - self._window >= 1:
            self._window, self._messages = now, 0
        self._messages += 1
        # Allows for a page's own burst: attaching all its lists after a reconnect.
        if self._messages > wire.MESSAGES_A_SECOND + wire.VIEWS_A_SOCKET:
            raise wire.WireError(f"more than {wire.MESSAGES_A_SECOND} messages a second")

    async def _write(self, socket: LiveSocket) -> None:
        code, reason = wire.CLOSE_FAILED, "a frame couldn't be sent"
        try:
            while (frame := await socket.next_frame()) is not None:
                await self.send(text_data=frame)
            code, reason = socket.closing or (1000, "")
        finally:
            # A socket that can't be written to must not look alive.
            with suppress(Exception):
                await self.close(code, reason)
