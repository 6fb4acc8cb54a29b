"""The WebSocket as an ASGI application: authorise, hand messages to the hub, write what the hub sends.

There is no Channels consumer for each socket: its queue, its tasks and its channel took most of the memory and a good
part of the time of a delivery, and the hub needs none of them.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from realtime.hub import wire
from realtime.hub.frame import SHARED_FRAMES, FrameWriter
from realtime.hub.hub import Hub, get_hub
from realtime.hub.live_socket import LiveSocket
from realtime.live.whereabouts import Doing

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# An invalid message is answered; a socket that keeps sending them is closed.
ERRORS_FORGIVEN = 5
# The code of a connection that ended without a closing frame.
ABNORMAL = 1006


async def serve_live_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """One socket from the handshake to its end."""
    await receive()
    # Accepted before any check: browsers hide why a handshake was refused.
    await send({"type": "websocket.accept"})
    session = scope["cookies"].get(settings.SESSION_COOKIE_NAME)
    hub = get_hub()
    # Anything else is no session of ours, and could break the reading for all that arrive with it.
    socket = LiveSocket(session) if session and session.isalnum() else None
    refusal = wire.CLOSE_SIGNED_OUT if socket is None else await _refusal(hub, socket)
    if socket is None or refusal:
        await send({"type": "websocket.close", "code": refusal})
        return
    # Kilobytes, and the socket may stay for days.
    scope["headers"].clear()
    scope["cookies"].clear()
    connection = Connection(hub, socket, send, scope.get("extensions", {}).get(SHARED_FRAMES))
    try:
        while (message := await receive())["type"] == "websocket.receive":
            connection.take(message.get("text"))
        # Without a goodbye it was cut off, or silent for so long that its person has been away already.
        if message.get("code") != ABNORMAL:
            hub.presence.away(socket)
    finally:
        connection.end()


async def _refusal(hub: Hub, socket: LiveSocket) -> int | None:
    """Joins the hub; the code to close with if it may not."""
    try:
        welcome = await hub.join(socket)
    except (DatabaseError, InterfaceError):
        return wire.CLOSE_TRY_LATER
    if not welcome:
        return wire.CLOSE_SIGNED_OUT
    if not hub.has_room_for(socket):
        hub.leave(socket)
        return wire.CLOSE_TOO_MANY
    return None


class Connection:
    """Between the server's connection and the hub's socket.

    Where the server takes encoded frames, the hub writes them itself. Otherwise, or when that must wait, a task writes
    what is queued. It lasts only as long as there is something to write.
    """

    __slots__ = (
        "_ended",
        "_errors",
        "_hub",
        "_messages",
        "_paused",
        "_send",
        "_socket",
        "_views",
        "_window",
        "_writer",
        "_writing",
    )

    def __init__(self, hub: Hub, socket: LiveSocket, send: Send, writer: FrameWriter | None) -> None:
        self._hub, self._socket, self._send = hub, socket, send
        self._views: dict[int, str] = {}
        self._errors = 0
        self._window, self._messages = 0.0, 0
        self._writing: asyncio.Task[None] | None = None
        self._paused = self._ended = False
        self._writer: FrameWriter | None = None
        if writer is not None and writer.hand_over(self):
            self._writer = writer
        socket.wake = self._wake
        self._write_directly()
        self._wake()

    # What the browser says

    def take(self, text: str | None) -> None:
        """A message; None for a binary one."""
        try:
            self._count_message()
            self._obey(self._socket, wire.decode(text))
        except wire.WireError as error:
            self._errors += 1
            self._socket.send(wire.error(str(error)))
            if self._errors > ERRORS_FORGIVEN:
                self._socket.close(wire.CLOSE_BAD_MESSAGE, "too many messages that are not understood")

    def _obey(self, socket: LiveSocket, message: dict[str, Any]) -> None:
        if message["type"] == "ack":
            socket.acknowledge(wire.read_ack(message))
        elif message["type"] == "ping":
            socket.send(wire.pong(message.get("n")))
        elif message["type"] == "attach":
            identifier, token, shown = wire.read_attach(message)
            key = self._hub.attach(socket, identifier, token, shown)
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
        self._hub.presence.stay(socket, self._views[identifier], doing, idle, field)

    def _forget(self, socket: LiveSocket, identifier: int) -> None:
        """The element is gone or shows another view; a second element may still follow its former one."""
        key = self._views.pop(identifier, None)
        if key is not None and key not in self._views.values():
            self._hub.detach(socket, key)

    def _count_message(self) -> None:
        now = time.monotonic()
        if now - self._window >= 1:
            self._window, self._messages = now, 0
        self._messages += 1
        # Allows for a page's own burst: attaching all its lists after a reconnect.
        if self._messages > wire.MESSAGES_A_SECOND + wire.VIEWS_A_SOCKET:
            raise wire.WireError(f"more than {wire.MESSAGES_A_SECOND} messages a second")

    # What the server says

    def pause(self) -> None:
        self._paused = True
        self._write_directly()

    def resume(self) -> None:
        self._paused = False
        self._write_directly()

    def lost(self) -> None:
        """As ``FrameListener.lost``; the application still hears of the end."""
        self._ended = True
        self._write_directly()

    def end(self) -> None:
        self._ended = True
        self._socket.write = None
        self._hub.leave(self._socket)
        if self._writing is not None:
            self._writing.cancel()

    # Writing

    def _write_directly(self) -> None:
        """Lets the hub write, or not: never past a frame that a task is about to write."""
        may = self._writer is not None and not (self._paused or self._ended or self._writing is not None)
        self._socket.write = self._writer.write if may and self._writer is not None else None

    def _wake(self) -> None:
        if self._writing is not None or self._ended:
            return
        if self._writer is not None and not self._paused:
            while (frame := self._socket.next_frame()) is not None:
                self._writer.write(frame.encoded)
            if self._socket.closing is None:
                return
        self._writing = asyncio.create_task(self._write())
        self._write_directly()

    async def _write(self) -> None:
        try:
            while (frame := self._socket.next_frame()) is not None:
                await self._send({"type": "websocket.send", "text": frame})
        except Exception:
            # A socket that can't be written to must not look alive.
            self._socket.close(wire.CLOSE_FAILED, "a frame couldn't be sent")
        if self._socket.closing is None:
            self._writing = None
            self._write_directly()
            return
        code, reason = self._socket.closing
        self._ended = True
        with suppress(Exception):
            await self._send({"type": "websocket.close", "code": code, "reason": reason})
