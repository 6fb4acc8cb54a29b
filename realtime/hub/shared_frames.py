"""uvicorn's WebSocket protocol with a short way for what the hub does all day: writing one frame to many sockets.

``uvicorn --ws realtime.hub.shared_frames:SharedFrames``. What goes the short way: encoded frames straight to the
transport, and small messages of a browser (its acknowledgements) straight to the application. Handshake, pings,
closing and whatever else comes take uvicorn's own way, and so does everything where an extension such as
permessage-deflate was negotiated, for then a frame is no longer the same for all.
"""

from asyncio import BaseTransport
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame as Received
from websockets.frames import apply_mask  # type: ignore[attr-defined]  # in C where it can be
from websockets.protocol import OPEN

from realtime.hub.frame import SHARED_FRAMES, FrameListener

_WHOLE_TEXT, _MASKED = 0x81, 0x80
# Two bytes of header and four of mask come before a message that is shorter than this.
_SMALL, _HEAD = 126, 6
_CUT_OFF = 1006


class SharedFrames(WebSocketsSansIOProtocol):
    write: Callable[[bytes], None]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._listener: FrameListener | None = None
        # Bytes that are still to come of a frame that has begun; None when that can't be told.
        self._missing: int | None = 0
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
        if not self.writable.is_set():
            listener.pause()
        return True

    # What comes

    def data_received(self, data: bytes) -> None:
        self._heard = True
        if self._listener is not None and self._missing == 0 and self.conn.cur_size is None:
            text = small_text(data)
            if text is not None and not self.close_sent:
                self._listener.take(text)
                return
        if self.handshake_complete and self._missing is not None:
            self._missing = missing(data, self._missing)
        super().data_received(data)

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


def small_text(data: bytes) -> str | None:
    """The message, if the bytes are exactly one short masked text frame, and valid."""
    length = len(data) - _HEAD
    if not 0 <= length < _SMALL or data[0] != _WHOLE_TEXT or data[1] != _MASKED | length:
        return None
    try:
        return apply_mask(data[_HEAD:], data[2:_HEAD]).decode()
    except UnicodeDecodeError:
        return None


def missing(data: bytes, before: int) -> int | None:
    """How many bytes of the last frame in ``data`` are still to come, if ``before`` were; None if its header is cut."""
    place, end = before, len(data)
    while place < end:
        if place + 2 > end:
            return None
        length = data[place + 1] & ~_MASKED
        size = {126: 2, 127: 8}.get(length, 0)
        head = place + 2 + size
        if head > end:
            return None
        if size:
            length = int.from_bytes(data[place + 2 : head])
        place = head + (4 if data[place + 1] & _MASKED else 0) + length
    return place - end
