"""A browser's socket as the hub sees it: who it is, what it follows, and a bounded buffer of frames."""

from collections import deque
from collections.abc import Callable

from realtime.hub import wire
from realtime.hub.frame import Frame
from realtime.hub.rights import NO_RIGHTS
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

    __slots__ = (
        "_acknowledged",
        "_behind",
        "_frames",
        "_hidden",
        "_patch_bytes",
        "_under_way",
        "auth_hash",
        "closing",
        "missed",
        "name",
        "presence",
        "rights",
        "session",
        "sight",
        "stay",
        "user",
        "views",
        "wake",
        "words",
        "write",
    )

    def __init__(self, session: str) -> None:
        self.session = session
        # The hub finds out whose session it is.
        self.user = ""
        self.auth_hash = ""
        self.name = ""
        self.rights = NO_RIGHTS
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
        # Writes an encoded frame at once; None while the connection can't take any. Without it, frames are queued.
        self.write: Callable[[bytes], None] | None = None
        # Called when there may be a frame to write, or the socket is to be closed.
        self.wake: Callable[[], None] = _nobody_waits
        self._frames: deque[tuple[Frame, bool]] | None = None
        # The size of what may be dropped.
        self._patch_bytes = 0
        # The sizes of the frames that were written and aren't acknowledged yet.
        self._under_way: list[int] = []
        self._acknowledged = 0

    def may_see(self, definition: Definition, params: Params) -> bool:
        """Whether its person has the rights that a view takes and, where it is one person's alone, is that one."""
        is_theirs = definition.reader(params) in (None, self.user)
        return is_theirs and self.rights.allow_all(definition.permissions(params))

    def take_patch(self, frame: Frame, pace: Pace) -> bool:
        """Sends a view's patch; False where it takes none now. It is called for every socket of a view."""
        if self.write is None or self._frames or self._hidden or self._behind or self.closing is not None:
            return self._take_patch_later(frame, pace)
        if len(self._under_way) >= BEHIND:
            return self._take_patch_later(frame, pace)
        encoded = frame.encoded
        self._under_way.append(len(encoded))
        self.write(encoded)
        return True

    def _take_patch_later(self, frame: Frame, pace: Pace) -> bool:
        if not self._behind and len(self._under_way) + self._queued >= BEHIND:
            self._behind = True
            metrics.SLOW_SOCKETS.inc()
        if self._behind or (self._hidden and not pace.hidden):
            return False
        self.send(frame, droppable=True)
        return True

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

    def send(self, frame: Frame, droppable: bool = False) -> None:
        """``droppable`` is for what a new attach makes good: a patch and nothing else."""
        if self.write is not None and not self._frames and self.closing is None and self._may_write():
            encoded = frame.encoded
            self._under_way.append(len(encoded))
            self.write(encoded)
            return
        if self._queued >= BUFFER_LIMIT or (droppable and self._is_too_much(frame)):
            self.drop_patches()
        self._append(frame, droppable)
        self.wake()

    def _append(self, frame: Frame, droppable: bool) -> None:
        if self._frames is None:
            self._frames = deque()
        self._frames.append((frame, droppable))
        if droppable:
            self._patch_bytes += len(frame.encoded)

    def _is_too_much(self, frame: Frame) -> bool:
        # A single frame goes out whatever its size: its view's state would be no smaller.
        return self._patch_bytes > 0 and self._patch_bytes + len(frame.encoded) > BUFFER_BYTES

    @property
    def _queued(self) -> int:
        return len(self._frames) if self._frames else 0

    @property
    def is_behind(self) -> bool:
        """Whether it hasn't taken yet what it was sent."""
        return bool(self._frames)

    def acknowledge(self, frames: int) -> None:
        """The browser has received this many frames; more than were sent is nonsense and ignored."""
        read = frames - self._acknowledged
        if 0 < read <= len(self._under_way):
            del self._under_way[:read]
            self._acknowledged = frames
            if self._frames:
                self.wake()
            if self._behind and len(self._under_way) + self._queued <= CAUGHT_UP:
                self._behind = False
                self._catch_up()

    def drop_patches(self) -> None:
        kept = [frame for frame, droppable in self._frames or () if not droppable]
        self._frames = deque((frame, False) for frame in kept)
        self._patch_bytes = 0
        if len(kept) >= BUFFER_LIMIT:
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
            self.wake()

    def next_frame(self) -> Frame | None:
        """The next frame to write, or None when none may be written now."""
        if not self._frames or not self._may_write():
            return None
        frame, droppable = self._frames.popleft()
        size = len(frame.encoded)
        if droppable:
            self._patch_bytes -= size
        self._under_way.append(size)
        if not self._frames:
            # Most sockets never need it again.
            self._frames = None
        return frame

    def _may_write(self) -> bool:
        frames = len(self._under_way)
        if frames < wire.FRAMES_OF_ANY_SIZE:
            return True
        return frames < wire.FRAMES_UNDER_WAY and sum(self._under_way) < wire.BYTES_UNDER_WAY


def _nobody_waits() -> None:
    pass
