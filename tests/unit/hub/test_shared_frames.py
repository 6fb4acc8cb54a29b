"""One encoded frame for all sockets, and the short way of a browser's small messages; whatever else is uvicorn's."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from websockets.frames import Frame as Spoken
from websockets.frames import Opcode

from realtime.hub.frame import SHARED_FRAMES, Frame
from realtime.hub.shared_frames import Gate, Messages, SharedFrames, missing, small_text

LENGTHS = (0, 1, 125, 126, 127, 65_535, 65_536, 100_000)
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bGl2ZWRlc2stYmVuY2gtMQ==\r\n\r\n"
)


def said(text: str | bytes, opcode: Opcode = Opcode.TEXT, fin: bool = True) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return Spoken(opcode, data, fin).serialize(mask=True)


@pytest.mark.parametrize("length", LENGTHS)
def test_an_encoded_frame_is_what_a_server_would_send(length: int) -> None:
    text = "ö" * (length // 2) + "x" * (length % 2)
    assert Frame(text).encoded == Spoken(Opcode.TEXT, text.encode()).serialize(mask=False)


def test_only_one_whole_short_text_is_taken_directly() -> None:
    assert small_text(said('{"type":"ack","n":32}')) == '{"type":"ack","n":32}'
    assert small_text(said("")) == ""
    for other in (
        said("x" * 126),
        said("one") + said("two"),
        said("cut")[:-1],
        said(b"\xff\xfe"),
        said("binary", Opcode.BINARY),
        said("part", fin=False),
        said("ping", Opcode.PING),
        Spoken(Opcode.TEXT, b"unmasked").serialize(mask=False),
        b"",
    ):
        assert small_text(other) is None


@pytest.mark.parametrize("length", LENGTHS)
def test_where_a_frame_ends_is_known_however_it_was_cut(length: int) -> None:
    stream = said("before") + said("x" * length)
    assert missing(stream, 0) == (0, b"")
    for cut in {1, len(stream) // 2, len(stream) - 1} - {0}:
        begun, header = missing(stream[:cut], 0)
        assert missing(header + stream[cut:], begun) == (0, b"")


class Listener:
    def __init__(self) -> None:
        self.took: list[str | None] = []
        self.is_lost = False

    def take(self, text: str | None) -> None:
        self.took.append(text)

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def lost(self) -> None:
        self.is_lost = True


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  what is looked at belongs to the server and has no event
            await asyncio.sleep(0)


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, SharedFrames, Listener]]:
    """A raw connection to a real uvicorn whose application has handed over to the listener."""
    listener = Listener()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        assert scope["extensions"][SHARED_FRAMES].hand_over(listener)
        assert (await receive())["type"] == "websocket.disconnect"

    config = uvicorn.Config(application, port=0, ws=SharedFrames, ws_per_message_deflate=False, lifespan="off")
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    reader, writer = await asyncio.open_connection(*server.servers[0].sockets[0].getsockname())
    try:
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        protocol: Any = next(one for one in server.server_state.connections if isinstance(one, SharedFrames))
        await until(lambda: protocol._listener is not None)
        yield reader, writer, protocol, listener
    finally:
        writer.close()
        await server.shutdown()


@pytest.mark.parametrize("seed", range(4))
def test_every_message_arrives_once_and_in_order_however_it_is_cut(seed: int) -> None:
    chance = random.Random(seed)
    texts, stream = [f"{n}{'x' * chance.choice(LENGTHS)}" for n in range(40)], b""
    for text in texts:
        cut = chance.randrange(len(text)) if chance.random() < 0.3 else 0
        stream += said(text[:cut], fin=False) + said(text[cut:], Opcode.CONT) if cut else said(text)
        stream += said("ping", Opcode.PING) if chance.random() < 0.2 else b""

    async def check() -> None:
        async with connected() as (_, writer, protocol, listener):
            rest = stream
            while rest:
                size = chance.choice((1, 7, 100, 5_000, 70_000))
                writer.write(rest[:size])
                rest = rest[size:]
                await writer.drain()
                await asyncio.sleep(0)
            await until(lambda: len(listener.took) == len(texts))
            assert listener.took == texts
            kept = protocol.conn.parser.gi_frame.f_locals.get("frame")
            assert kept is None, "the parser keeps no message"
            assert not listener.is_lost

    asyncio.run(check())


def test_what_waits_for_messages_and_for_room_goes_on_when_there_is_some() -> None:
    async def check() -> None:
        messages, gate = Messages(), Gate()
        getting = asyncio.create_task(messages.get())
        await asyncio.sleep(0)
        messages.put_nowait(1)
        messages.put_nowait(2)
        assert [await getting, await messages.get(), messages.empty()] == [1, 2, True]
        gate.clear()
        passing = [asyncio.create_task(gate.wait()) for _ in range(2)]
        await asyncio.sleep(0)
        assert not gate.is_set()
        assert not any(task.done() for task in passing)
        gate.set()
        await asyncio.gather(*passing, gate.wait())

    asyncio.run(check())
