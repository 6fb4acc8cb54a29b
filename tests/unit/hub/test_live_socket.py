"""A socket that nobody reads has a bounded buffer, and gets the state instead of the backlog."""

import asyncio
import json

from realtime.hub import wire
from realtime.hub.live_socket import BUFFER_BYTES, BUFFER_LIMIT, LiveSocket

# Fifty rows that changed together.
LARGE = "x" * 100_000
# static/js/live/live-socket.js
ACKNOWLEDGED_EVERY = 32


def patch(number: int) -> str:
    return wire.patch("view", number, [])


async def read(socket: LiveSocket, seconds: float = 0.01) -> str | None:
    """The next frame, or None when nothing may be written."""
    try:
        async with asyncio.timeout(seconds):
            return await socket.next_frame()
    except TimeoutError:
        return None


def test_no_more_frames_are_under_way_than_are_acknowledged() -> None:
    async def scenario() -> None:
        socket = LiveSocket("session")
        for number in range(wire.FRAMES_UNDER_WAY + 10):
            if number < BUFFER_LIMIT:
                socket.send(patch(number), droppable=True)
                assert await read(socket) is not None
        socket.send(patch(-1), droppable=True)
        assert await read(socket) is None, "nobody has read what was written before"
        socket.acknowledge(1)
        assert await read(socket) == patch(-1)

    asyncio.run(scenario())


def test_large_frames_wait_for_an_acknowledgement_that_the_browser_is_bound_to_send() -> None:
    async def scenario() -> None:
        socket, written = LiveSocket("session"), 0
        for number in range(wire.FRAMES_UNDER_WAY):
            socket.send(f"{number} {LARGE}")
            written += await read(socket) is not None
        assert written == wire.FRAMES_OF_ANY_SIZE >= 2 * ACKNOWLEDGED_EVERY
        socket.acknowledge(written - written % ACKNOWLEDGED_EVERY)
        assert await read(socket) is not None

    asyncio.run(scenario())


def test_a_backlog_of_large_patches_is_bounded_by_its_size() -> None:
    async def scenario() -> None:
        socket = LiveSocket("session")
        socket.views = {"view"}
        for number in range(BUFFER_LIMIT):
            socket.send(f"{number} {LARGE}", droppable=True)
            assert sum(len(frame) for frame, _ in socket._frames) <= BUFFER_BYTES
        assert json.loads(await read(socket) or "")["type"] == "resync"

    asyncio.run(scenario())


def test_one_patch_goes_out_whatever_its_size() -> None:
    async def scenario() -> None:
        socket = LiveSocket("session")
        socket.views = {"view"}
        socket.send("x" * (BUFFER_BYTES + 1), droppable=True)
        assert await read(socket) == "x" * (BUFFER_BYTES + 1)

    asyncio.run(scenario())


def test_a_backlog_is_dropped_for_the_state_and_what_is_no_patch_is_kept() -> None:
    async def scenario() -> None:
        socket = LiveSocket("session")
        socket.views = {"view"}
        socket.send(wire.pong(1))
        for number in range(BUFFER_LIMIT * 3):
            socket.send(patch(number), droppable=True)
        frames = []
        while (frame := await read(socket)) is not None:
            frames.append(json.loads(frame))
        assert len(frames) <= BUFFER_LIMIT
        assert frames[0]["type"] == "pong"
        assert any(frame["type"] == "resync" for frame in frames)
        # After the last resync, everything is in order and without a hole.
        tail = frames[max(i for i, frame in enumerate(frames) if frame["type"] == "resync") + 1 :]
        assert [frame["seq"] for frame in tail] == list(range(BUFFER_LIMIT * 3 - len(tail), BUFFER_LIMIT * 3))

    asyncio.run(scenario())


def test_an_acknowledgement_of_what_was_never_sent_opens_nothing() -> None:
    async def scenario() -> None:
        socket = LiveSocket("session")
        socket.acknowledge(10**9)
        for number in range(wire.FRAMES_UNDER_WAY):
            socket.send(patch(number))
            assert await read(socket) is not None
        socket.send(patch(0))
        assert await read(socket) is None

    asyncio.run(scenario())


def test_a_socket_that_reads_nothing_can_still_be_closed() -> None:
    async def scenario() -> None:
        socket = LiveSocket("session")
        for number in range(wire.FRAMES_UNDER_WAY):
            socket.send(patch(number))
            await read(socket)
        socket.send(patch(0))
        socket.close(wire.CLOSE_SIGNED_OUT, "signed out")
        async with asyncio.timeout(5):
            assert await socket.next_frame() is None

    asyncio.run(scenario())
