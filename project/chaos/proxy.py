"""A TCP proxy on the loopback that fails as networks do. Everything here runs on one asyncio loop."""

import asyncio
import socket
import struct
from collections import deque
from contextlib import suppress
from enum import StrEnum
from functools import partial

from realtime.local.process import LOOPBACK


class Mode(StrEnum):
    FLOW = "flow"
    # Connections stay open but no byte moves; new ones wait.
    STALL = "stall"
    # Every connection is reset, and new ones are refused.
    CUT = "cut"
    # Like STALL, but at the end the connections are reset instead of going on.
    HOLE = "hole"


class Proxy:
    """Passes ``port`` on to ``upstream``. One fault at a time; ``mend()`` ends it."""

    def __init__(self, name: str, upstream: int, port: int) -> None:
        self.name = name
        self.upstream = upstream
        self.port = port
        self.mode = Mode.FLOW
        self.delay_seconds = 0.0
        self.links: set[Link] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Side(self.link()), LOOPBACK, self.port, backlog=512)

    def link(self) -> "Link":
        """A new connection."""
        return Link(self)

    async def stall(self) -> None:
        self._change(Mode.STALL)

    async def hole(self) -> None:
        self._change(Mode.HOLE)

    async def cut(self) -> None:
        self.mode = Mode.CUT
        self._close_server()
        self._reset_links()

    async def delay(self, seconds: float) -> None:
        """Everything arrives this much later, in order."""
        self.delay_seconds = seconds

    async def abort_after(self, *sizes: int) -> None:
        """Resets one connection for each of ``sizes``, after that many more bytes: in the middle of a frame."""
        for link, size in zip(sorted(self.links, key=lambda link: link.number), sizes, strict=False):
            link.left = size

    async def mend(self) -> None:
        broken, self.mode, self.delay_seconds = self.mode, Mode.FLOW, 0.0
        for link in self.links:
            link.left = None
        if broken is Mode.HOLE:
            self._reset_links()
        if broken is Mode.CUT:
            await self.open()
        self._change(Mode.FLOW)

    async def close(self) -> None:
        self._close_server()
        self._reset_links()

    def _change(self, mode: Mode) -> None:
        self.mode = mode
        for link in list(self.links):
            link.settle()

    def _close_server(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _reset_links(self) -> None:
        for link in list(self.links):
            link.reset()


class Link:
    """One connection through the proxy: a side towards the client, and one towards the service once that is reached."""

    _count = 0

    def __init__(self, proxy: Proxy) -> None:
        Link._count += 1
        self.number = Link._count
        self.proxy = proxy
        self.left: int | None = None
        self.client: Side | None = None
        self.service: Side | None = None
        self._reaching: asyncio.Task[None] | None = None

    def joined(self, side: "Side") -> None:
        if self.client is None:
            self.client = side
            self.proxy.links.add(self)
        elif self.client.closed:
            side.reset()
            return
        else:
            self.service = side
        self.settle()

    def settle(self) -> None:
        """Starts or stops reading each side, as the proxy's fault and the other side's buffer allow."""
        passing = self.proxy.mode is Mode.FLOW
        if passing and self.service is None and self._reaching is None:
            self._reaching = asyncio.get_running_loop().create_task(self._reach())
        for side, other in ((self.client, self.service), (self.service, self.client)):
            if side is not None:
                side.read(passing and other is not None and not other.full)

    async def _reach(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(partial(Side, self), LOOPBACK, self.proxy.upstream)
        except OSError:
            self.reset()

    def carry(self, source: "Side", data: bytes) -> None:
        target = self.service if source is self.client else self.client
        if target is None:
            return
        if self.left is None:
            target.send(data, self.proxy.delay_seconds)
            return
        target.send(data[: self.left], 0)
        self.left -= len(data)
        if self.left <= 0:
            self.reset()

    def lost(self, side: "Side") -> None:
        self.proxy.links.discard(self)
        other = self.service if side is self.client else self.client
        if other is not None:
            other.finish()

    def reset(self) -> None:
        self.proxy.links.discard(self)
        for side in (self.client, self.service):
            if side is not None:
                side.reset()


class Side(asyncio.Protocol):
    """One end of a connection, as asyncio sees it."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.full = False
        self.closed = False
        self._transport: asyncio.Transport | None = None
        self._late: deque[tuple[float, bytes]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        # Not at once: Python 3.11.2, Debian 12's, begins to read after this call even if it was told to pause in it.
        asyncio.get_running_loop().call_soon(self.link.joined, self)

    def data_received(self, data: bytes) -> None:
        self.link.carry(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self.link.lost(self)

    def pause_writing(self) -> None:
        self.full = True
        self.link.settle()

    def resume_writing(self) -> None:
        self.full = False
        self.link.settle()

    def read(self, on: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if on:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def send(self, data: bytes, delay: float) -> None:
        if not delay and not self._late:
            self._write(data)
            return
        loop = asyncio.get_running_loop()
        self._late.append((loop.time() + delay, data))
        if len(self._late) == 1:
            loop.call_later(delay, self._send_late)

    def _send_late(self) -> None:
        loop = asyncio.get_running_loop()
        while self._late and self._late[0][0] <= loop.time():
            self._write(self._late.popleft()[1])
        if self._late:
            loop.call_at(self._late[0][0], self._send_late)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def finish(self) -> None:
        """Closes after sending what is still queued."""
        while self._late:
            self._write(self._late.popleft()[1])
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Ends with a reset, as a cut cable or a dead machine would: nobody says goodbye."""
        self._late.clear()
        if self._transport is None:
            return
        with suppress(OSError):
            self._transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        self._transport.abort()
