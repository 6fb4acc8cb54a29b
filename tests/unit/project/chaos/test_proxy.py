"""The proxy between every two parts of `bin/chaos` must do exactly the harm it is asked for."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from project.chaos.proxy import Proxy
from realtime.local.process import LOOPBACK, pick_port

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


@asynccontextmanager
async def proxied_echo() -> AsyncIterator[Proxy]:
    async def echo(reader: Reader, writer: Writer) -> None:
        try:
            while data := await reader.read(1000):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, LOOPBACK, 0)
    proxy = Proxy("echo", server.sockets[0].getsockname()[1], pick_port())
    await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.close()
        server.close()


def with_proxy(test: Callable[[Proxy], Awaitable[None]]) -> None:
    async def run() -> None:
        async with proxied_echo() as proxy, asyncio.timeout(10):
            await test(proxy)

    asyncio.run(run())


async def ask(proxy: Proxy) -> tuple[Reader, Writer]:
    reader, writer = await asyncio.open_connection(LOOPBACK, proxy.port)
    writer.write(b"hello")
    return reader, writer


async def nothing_comes(reader: Reader) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(5), 0.2)


def test_it_passes_bytes_both_ways_and_the_end_of_a_connection() -> None:
    async def test(proxy: Proxy) -> None:
        reader, writer = await ask(proxy)
        assert await reader.readexactly(5) == b"hello"
        writer.close()
        assert await reader.read() == b""

    with_proxy(test)


def test_a_stall_keeps_connections_and_every_byte() -> None:
    async def test(proxy: Proxy) -> None:
        reader, writer = await ask(proxy)
        await reader.readexactly(5)
        await proxy.stall()
        writer.write(b"later")
        newcomer, _ = await ask(proxy)
        await nothing_comes(reader)
        await nothing_comes(newcomer)
        await proxy.mend()
        assert await reader.readexactly(5) == b"later"
        assert await newcomer.readexactly(5) == b"hello"

    with_proxy(test)


def test_a_cut_resets_and_refuses_until_mended() -> None:
    async def test(proxy: Proxy) -> None:
        reader, _ = await ask(proxy)
        await reader.readexactly(5)
        await proxy.cut()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        with pytest.raises(ConnectionRefusedError):
            await ask(proxy)
        await proxy.mend()
        reader, _ = await ask(proxy)
        assert await reader.readexactly(5) == b"hello"

    with_proxy(test)


def test_a_black_hole_accepts_and_in_the_end_resets() -> None:
    async def test(proxy: Proxy) -> None:
        await proxy.hole()
        reader, _ = await ask(proxy)
        await nothing_comes(reader)
        await proxy.mend()
        with pytest.raises(ConnectionResetError):
            await reader.read()

    with_proxy(test)


def test_an_abort_lets_exactly_so_many_bytes_through() -> None:
    async def test(proxy: Proxy) -> None:
        reader, writer = await ask(proxy)
        await reader.readexactly(5)
        # Counted in both directions together: three to the service, of which one comes back.
        await proxy.abort_after(4)
        writer.write(b"abc")
        assert await reader.readexactly(1) == b"a"
        with pytest.raises(ConnectionResetError):
            await reader.read()

    with_proxy(test)


def test_a_delay_keeps_the_order_even_when_it_ends() -> None:
    async def test(proxy: Proxy) -> None:
        reader, writer = await ask(proxy)
        await reader.readexactly(5)
        await proxy.delay(0.2)
        began = asyncio.get_running_loop().time()
        writer.write(b"one ")
        await asyncio.sleep(0.05)
        await proxy.mend()
        writer.write(b"two ")
        assert await reader.readexactly(8) == b"one two "
        assert asyncio.get_running_loop().time() - began >= 0.19

    with_proxy(test)


def test_a_service_that_is_away_resets_the_client() -> None:
    async def test(proxy: Proxy) -> None:
        proxy.upstream = pick_port()
        reader, _ = await ask(proxy)
        with pytest.raises(ConnectionResetError):
            await reader.read()

    with_proxy(test)
