"""A browser's socket as the hub sees it: who it is, what it follows, and a bounded buffer of frames."""

import asyncio

from realtime import wire
from realtime.rights import Rights

# About a screen's worth of bursts. A socket this far behind is served better by its state than by a backlog.
BUFFER_LIMIT = 256


class LiveSocket:
    """``send()`` never waits. On overflow the backlog is dropped and each view is told to attach again."""

    def __init__(self, user: str, session: str, auth_hash: str = "") -> None:
        self.user = user
        self.session = session
        self.auth_hash = auth_hash
        self.rights = Rights()
        self.views: set[str] = set()
        self.closing: tuple[int, str] | None = None
        self._frames: asyncio.Queue[tuple[str, bool]] = asyncio.Queue()
        self._ended = asyncio.Event()

    def send(self, frame: str, droppable: bool = False) -> None:
        """``droppable``: what a new attach makes good, so a patch and nothing else."""
        if self._frames.qsize() >= BUFFER_LIMIT:
            self._drop_patches()
        self._frames.put_nowait((frame, droppable))

    def _drop_patches(self) -> None:
        kept = [self._frames.get_nowait() for _ in range(self._frames.qsize())]
        for frame, droppable in kept:
            if not droppable:
                self._frames.put_nowait((frame, False))
        if self._frames.qsize() >= BUFFER_LIMIT:
            # Not even answers to its own messages are read.
            self.close(wire.CLOSE_TRY_LATER, "too slow")
        for view in self.views:
            self._frames.put_nowait((wire.resync(view), True))

    def close(self, code: int, reason: str) -> None:
        """Ends the socket after what is already in its buffer."""
        if self.closing is None:
            self.closing = (code, reason)
            self._ended.set()

    async def next_frame(self) -> str | None:
        """The next frame to write, or None when the socket is to be closed."""
        if self._frames.empty() and not self._ended.is_set():
            getting = asyncio.ensure_future(self._frames.get())
            ended = asyncio.ensure_future(self._ended.wait())
            try:
                await asyncio.wait([getting, ended], return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    return getting.result()[0]
            finally:
                ended.cancel()
                if not getting.done():
                    getting.cancel()
        return None if self._frames.empty() else self._frames.get_nowait()[0]
