"""A message to browsers, encoded once for all the sockets that get it, and how a server takes it in that form."""

from collections.abc import Callable
from struct import pack
from typing import Protocol

# The name in an ASGI scope's ``extensions`` under which such a server says so.
SHARED_FRAMES = "livedesk.shared_frames"

_WHOLE_TEXT = 0x81


class Frame(str):
    """The message's text."""

    __slots__ = ("_encoded",)

    @property
    def encoded(self) -> bytes:
        """The whole WebSocket frame, header and all. It is the same for every socket without extensions."""
        try:
            return self._encoded
        except AttributeError:
            self._encoded: bytes = _encode(self.encode())
            return self._encoded


class FrameListener(Protocol):
    """What a server tells the application directly, without a task and a queue in between."""

    def take(self, text: str | None) -> None:
        """A message has come; None for a binary one."""

    def pause(self) -> None:
        """Nothing more should be written for now."""

    def resume(self) -> None: ...

    def lost(self) -> None:
        """Nothing more can be written."""


class FrameWriter(Protocol):
    """A connection that takes encoded frames."""

    write: Callable[[bytes], None]

    def hand_over(self, listener: FrameListener) -> bool:
        """From now on ``listener`` is told, and ``write`` may be called; False where an extension alters frames."""


def _encode(payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        return pack("!BB", _WHOLE_TEXT, length) + payload
    if length < 2**16:
        return pack("!BBH", _WHOLE_TEXT, 126, length) + payload
    return pack("!BBQ", _WHOLE_TEXT, 127, length) + payload
