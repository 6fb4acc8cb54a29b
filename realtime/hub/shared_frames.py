"""uvicorn's WebSocket protocol with a short way for what the hub does all day: writing one frame to many sockets.

``uvicorn --ws realtime.hub.shared_frames:SharedFrames``. What goes the short way: encoded frames straight to the
transport, and small messages of a browser (its acknowledgements) straight to the application. Handshake, pings,
closing and whatever else comes take uvicorn's own way, and so does everything where an extension such as
permessage-deflate was negotiated, for then a frame is no longer the same for all.
"""

import asyncio
from asyncio import BaseTransport
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame as Received
from websockets.frames import apply_mask  # type: ignore[attr-defined]  # in C where it can be
from websockets.protocol import OPEN, Protocol

from realtime.hub.frame import SHARED_FRAMES, FrameListener

_WHOLE_TEXT, _MASKED = 0x81, 0x80
# Two bytes of header and four of mask come before a message that is shorter than this.
_SMALL, _HEAD = 126, 6
_CUT_OFF = 1006


class SharedFrames(WebSocketsSansIOProtocol):
    write: Callable[[bytes], None]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.queue = Messages()  # type: ignore[assignment]
        self.writable = Gate()  # type: ignore[assignment]
        self._listener: FrameListener | None = None
        # Bytes that are still to come of a frame that has begun, or those that have come of its header.
        self._missing, self._header = 0, b""
        self._heard = False

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.write = self.transport.write

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            extensions: Any = self.scope["extensions"]
            extensions[SHARED_FRAMES] = self

    def hand_over(self, listener: FrameListener) -> bool:
        """As ``FrameWriter.hand_over``."""
        if self.conn.extensions or self.conn.state is not OPEN:
            return False
        self._listener = listener
        # The handshake is over, and the connection may last for days.
        del self.request, self.response
        self._forget()
        if not self.writable.is_set():
            listener.pause()
        return True

    # What comes

    def data_received(self, data: bytes) -> None:
        self._heard = True
        if self._listener is not None and self._is_between_frames and self.conn.cur_size is None:
            text = small_text(data)
            if text is not None and not self.close_sent:
                self._listener.take(text)
                return
        if self.handshake_complete:
            self._missing, self._header = missing(self._header + data, self._missing)
        super().data_received(data)
        if self._listener is not None:
            self._forget()

    @property
    def _is_between_frames(self) -> bool:
        return not self._missing and not self._header

    def _forget(self) -> None:
        """A new parser: between two messages the old one keeps the last, and the handshake for ever."""
        if self._is_between_frames and self.conn.state is OPEN and self.conn.parser_exc is None:
            self.conn.parser = Protocol.parse(self.conn)
            next(self.conn.parser)

    def send_receive_event_to_app(self) -> None:
        if self._listener is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        data, self.frames = b"".join(self.frames), []
        if self.curr_msg_data_type == "bytes":
            self._listener.take(None)
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.conn.fail(1007, "invalid UTF-8")
            self.handle_parser_exception()
            return
        self._listener.take(text)

    def send_keepalive_ping(self) -> None:
        # Whoever has just said something is there, and needn't be asked.
        if self._heard:
            self._heard = False
            self.schedule_ping()
        else:
            super().send_keepalive_ping()

    # When it may be written

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._listener is not None:
            self._listener.pause()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._listener is not None:
            self._listener.resume()

    def handle_close(self, event: Received) -> None:
        self._lost()
        super().handle_close(event)

    def handle_parser_exception(self) -> None:
        self._lost()
        super().handle_parser_exception()

    def keepalive_timeout(self) -> None:
        self._lost()
        super().keepalive_timeout()

    def shutdown(self) -> None:
        self._lost()
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost()
        if self.conn.close_rcvd is None and self.conn.close_sent is None:
            # uvicorn says 1005, as if the browser had said goodbye.
            self.queue.put_nowait({"type": "websocket.disconnect", "code": _CUT_OFF})
        super().connection_lost(exc)

    def _lost(self) -> None:
        if self._listener is not None:
            self._listener.lost()


class Messages:
    """What uvicorn needs of ``asyncio.Queue``, which takes 3 kB for each connection."""

    __slots__ = ("_messages", "_waiting")

    def __init__(self) -> None:
        self._messages: list[Any] = []
        self._waiting: asyncio.Future[None] | None = None

    def put_nowait(self, message: Any) -> None:
        self._messages.append(message)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def empty(self) -> bool:
        return not self._messages

    async def get(self) -> Any:
        """For one who waits at a time."""
        while not self._messages:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        return self._messages.pop(0)


class Gate:
    """What uvicorn needs of ``asyncio.Event``; open at first, and large only while it is closed."""

    __slots__ = ("_opens",)

    def __init__(self) -> None:
        self._opens: asyncio.Event | None = None

    def is_set(self) -> bool:
        return self._opens is None

    def clear(self) -> None:
        self._opens = self._opens or asyncio.Event()

    def set(self) -> None:
        if self._opens is not None:
            self._opens.set()
            self._opens = None

    async def wait(self) -> None:
        while self._opens is not None:
            await self._opens.wait()


def small_text(data: bytes) -> str | None:
    """The message, if the bytes are exactly one short masked text frame, and valid."""
    length = len(data) - _HEAD
    if not 0 <= length < _SMALL or data[0] != _WHOLE_TEXT or data[1] != _MASKED | length:
        return None
    try:
        return apply_mask(data[_HEAD:], data[2:_HEAD]).decode()
    except UnicodeDecodeError:
        return None


def missing(data: bytes, before: int) -> tuple[int, bytes]:
    """How many bytes of the last frame in ``data`` are still to come, if ``before`` were; what there is of its header,
    if that is cut."""
    place, end = before, len(data)
    while place < end:
        head = place + 2
        if head <= end:
            length = data[place + 1] & ~_MASKED
            size = {126: 2, 127: 8}.get(length, 0)
            head += size
        if head > end:
            return 0, data[place:]
        if size:
            length = int.from_bytes(data[head - size : head])
        place = head + (4 if data[place + 1] & _MASKED else 0) + length
    return place - end, b""
