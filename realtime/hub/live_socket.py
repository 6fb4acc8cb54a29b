"""A browser's socket as the hub sees it: who it is, what it follows, and a bounded buffer of frames."""

import asyncio
from collections import deque
from sys import getsizeof

from realtime.hub import wire
from realtime.hub.rights import Rights
from realtime.live.definition import Definition, Pace, Params
from realtime.live.whereabouts import Stay
from realtime.sight import Sight
from realtime.status import metrics

# About a screen's worth of bursts. A socket this far behind is better served by fresh state than by a backlog.
BUFFER_LIMIT = 256
# The same in bytes: fifty rows that change together make one frame.
BUFFER_BYTES = 2**20


# Unread frames from which on a browser is behind, though it acknowledges every 32nd, and at which it has caught up.
BEHIND = 64
CAUGHT_UP = 32


class LiveSocket:
    """``send()`` never waits. On overflow the backlog is dropped and each view is told to attach again.

    A browser that is behind, or that nobody looks at, gets no patches meanwhile. Afterwards the views that it
    ``missed`` some of attach again, which costs one difference, however much has changed.
    """

    def __init__(self, session: str) -> None:
        self.session = session
        # The hub finds out whose session it is.
        self.user = ""
        self.auth_hash = ""
        self.name = ""
        self.rights = Rights()
        # The signature of the words that its page was told of.
        self.words = ""
        self.sight: Sight | None = None
        self.views: set[str] = set()
        self.missed: set[str] = set()
        self._hidden = False
        self._behind = False
        # The view that tells where its person is, and what they do there; and what it was last told of the others.
        self.stay: tuple[str, Stay] | None = None
        self.presence = wire.NOBODY
        self.closing: tuple[int, str] | None = None
        self._frames: deque[tuple[str, bool]] = deque()
        # The size of what may be dropped.
        self._patch_bytes = 0
        self._under_way: deque[int] = deque()
        self._bytes_under_way = 0
        self._wake = asyncio.Event()
        self._sent = 0
        self._acknowledged = 0

    def may_see(self, definition: Definition, params: Params) -> bool:
        """Whether its person has the rights that a view takes and, where it is one person's alone, is that one."""
        is_theirs = definition.reader(params) in (None, self.user)
        return is_theirs and self.rights.allow_all(definition.permissions(params))

    def takes_patches(self, pace: Pace) -> bool:
        """Whether a view of this pace may send it one now."""
        if not self._behind and len(self._under_way) + len(self._frames) >= BEHIND:
            self._behind = True
            metrics.SLOW_SOCKETS.inc()
        return not self._behind and (pace.hidden or not self._hidden)

    def look(self, hidden: bool) -> None:
        """Somebody looks at its page again, or nobody does any more."""
        self._hidden = hidden
        self._catch_up()

    def _catch_up(self) -> None:
        if self._hidden or self._behind:
            return
        for view in self.missed & self.views:
            self.send(wire.resync(view), droppable=True)
        self.missed.clear()

    def send(self, frame: str, droppable: bool = False) -> None:
        """``droppable`` is for what a new attach makes good: a patch and nothing else."""
        if len(self._frames) >= BUFFER_LIMIT or (droppable and self._is_too_much(frame)):
            self.drop_patches()
        self._append(frame, droppable)
        self._wake.set()

    def _append(self, frame: str, droppable: bool) -> None:
        self._frames.append((frame, droppable))
        if droppable:
            self._patch_bytes += getsizeof(frame)

    def _is_too_much(self, frame: str) -> bool:
        # A single frame goes out whatever its size: its view's state would be no smaller.
        return self._patch_bytes > 0 and self._patch_bytes + getsizeof(frame) > BUFFER_BYTES

    @property
    def is_behind(self) -> bool:
        """Whether it hasn't taken yet what it was sent."""
        return bool(self._frames)

    def acknowledge(self, frames: int) -> None:
        """The browser has received this many frames; more than were sent is nonsense and ignored."""
        if self._acknowledged < frames <= self._sent:
            for _ in range(frames - self._acknowledged):
                self._bytes_under_way -= self._under_way.popleft()
            self._acknowledged = frames
            self._wake.set()
            if self._behind and len(self._under_way) + len(self._frames) <= CAUGHT_UP:
                self._behind = False
                self._catch_up()

    def drop_patches(self) -> None:
        self._frames = deque((frame, False) for frame, droppable in self._frames if not droppable)
        self._patch_bytes = 0
        if len(self._frames) >= BUFFER_LIMIT:
            # It doesn't even read answers to its own messages.
            self.close(wire.CLOSE_TRY_LATER, "too slow")
        for view in self.views:
            self._append(wire.resync(view), droppable=True)
        self.missed.clear()
        metrics.SLOW_SOCKETS.inc()

    def close(self, code: int, reason: str) -> None:
        """Closes the socket after what is already in its buffer and can still be written."""
        if self.closing is None:
            self.closing = (code, reason)
            self._wake.set()

    async def next_frame(self) -> str | None:
        """The next frame to write, or None when the socket is to be closed."""
        while True:
            if self._frames and self._may_write():
                return self._next()
            if self.closing is not None:
                return None
            self._wake.clear()
            await self._wake.wait()

    def _may_write(self) -> bool:
        frames = len(self._under_way)
        if frames < wire.FRAMES_OF_ANY_SIZE:
            return True
        return frames < wire.FRAMES_UNDER_WAY and self._bytes_under_way < wire.BYTES_UNDER_WAY

    def _next(self) -> str:
        frame, droppable = self._frames.popleft()
        size = getsizeof(frame)
        if droppable:
            self._patch_bytes -= size
        self._sent += 1
        self._under_way.append(size)
        self._bytes_under_way += size
        return frame
