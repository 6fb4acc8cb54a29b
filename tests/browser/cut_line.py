"""A line between browser and server that can be cut at any byte of a write or of its answer."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from project.chaos.proxy import Link, Proxy, Side
from realtime.local.process import LOOPBACK, pick_port


class _Link(Link):
    def carry(self, source: Side, data: bytes) -> None:
        line = self.proxy
        assert isinstance(line, _Line)
        if source is self.client and line.cut_after is not None and data.startswith(b"POST ") and line.about in data:
            self.left, line.cut_after = line.cut_after, None
            line.was_cut.set()
        super().carry(source, data)


class _Line(Proxy):
    cut_after: int | None = None
    about = b""

    def __init__(self, name: str, upstream: int, port: int) -> None:
        super().__init__(name, upstream, port)
        self.was_cut = threading.Event()

    def link(self) -> Link:
        return _Link(self)


class CutLine:
    """``url`` leads to where ``upstream`` does, another of this machine's addresses, as long as nothing is cut."""

    def __init__(self, upstream: str) -> None:
        self._loop = asyncio.new_event_loop()
        there = urlsplit(upstream)
        assert there.port is not None, upstream
        self._line = _Line("browser", there.port, pick_port())
        self.url = there._replace(netloc=f"{LOOPBACK}:{self._line.port}").geturl()

    def cut_next_write(self, about: str, after: int) -> None:
        """The connection with the next POST whose head names ``about`` ends after so many bytes in both directions.

        Over TLS no head can be read, so none is found.
        """
        self._line.was_cut.clear()
        self._line.about = about.encode()
        self._line.cut_after = after

    def go_down(self) -> None:
        self._do(self._line.cut())

    def come_back(self) -> None:
        self._line.cut_after = None
        self._do(self._line.mend())

    def _do(self, work: "Coroutine[Any, Any, None]") -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    @contextmanager
    def running(self) -> "Iterator[CutLine]":
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        self._do(self._line.open())
        try:
            yield self
        finally:
            self._do(self._line.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(10)
            self._loop.close()
