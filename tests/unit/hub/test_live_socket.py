"""A socket that nobody reads has a bounded buffer, and gets the state instead of the backlog."""

import json

from realtime.hub import wire
from realtime.hub.frame import Frame
from realtime.hub.live_socket import BUFFER_BYTES, BUFFER_LIMIT, LiveSocket
from realtime.live.definition import Pace

# Fifty rows that changed together.
LARGE = "x" * 100_000
# static/js/live/live-socket.js
ACKNOWLEDGED_EVERY = 32


def patch(number: int) -> Frame:
    return wire.patch("view", number, [])


def test_no_more_frames_are_under_way_than_are_acknowledged() -> None:
    socket = LiveSocket("session")
    for number in range(wire.FRAMES_UNDER_WAY + 10):
        if number < BUFFER_LIMIT:
            socket.send(patch(number), droppable=True)
            assert socket.next_frame() is not None
    socket.send(patch(-1), droppable=True)
    assert socket.next_frame() is None, "nobody has read what was written before"
    socket.acknowledge(1)
    assert socket.next_frame() == patch(-1)


def test_large_frames_wait_for_an_acknowledgement_that_the_browser_is_bound_to_send() -> None:
    socket, written = LiveSocket("session"), 0
    for number in range(wire.FRAMES_UNDER_WAY):
        socket.send(Frame(f"{number} {LARGE}"))
        written += socket.next_frame() is not None
    assert written == wire.FRAMES_OF_ANY_SIZE >= 2 * ACKNOWLEDGED_EVERY
    socket.acknowledge(written - written % ACKNOWLEDGED_EVERY)
    assert socket.next_frame() is not None


def test_a_backlog_of_large_patches_is_bounded_by_its_size() -> None:
    socket = LiveSocket("session")
    socket.views = {"view"}
    for number in range(BUFFER_LIMIT):
        socket.send(Frame(f"{number} {LARGE}"), droppable=True)
        assert sum(len(frame) for frame, _ in socket._frames or ()) <= BUFFER_BYTES
    assert json.loads(socket.next_frame() or "")["type"] == "resync"


def test_one_patch_goes_out_whatever_its_size() -> None:
    socket = LiveSocket("session")
    socket.views = {"view"}
    socket.send(Frame("x" * (BUFFER_BYTES + 1)), droppable=True)
    assert socket.next_frame() == "x" * (BUFFER_BYTES + 1)


def test_a_backlog_is_dropped_for_the_state_and_what_is_no_patch_is_kept() -> None:
    socket = LiveSocket("session")
    socket.views = {"view"}
    socket.send(wire.pong(1))
    for number in range(BUFFER_LIMIT * 3):
        socket.send(patch(number), droppable=True)
    frames = []
    while (frame := socket.next_frame()) is not None:
        frames.append(json.loads(frame))
    assert len(frames) <= BUFFER_LIMIT
    assert frames[0]["type"] == "pong"
    assert any(frame["type"] == "resync" for frame in frames)
    # After the last resync, everything is in order and without a hole.
    tail = frames[max(i for i, frame in enumerate(frames) if frame["type"] == "resync") + 1 :]
    assert [frame["seq"] for frame in tail] == list(range(BUFFER_LIMIT * 3 - len(tail), BUFFER_LIMIT * 3))


def test_an_acknowledgement_of_what_was_never_sent_opens_nothing() -> None:
    socket = LiveSocket("session")
    socket.acknowledge(10**9)
    for number in range(wire.FRAMES_UNDER_WAY):
        socket.send(patch(number))
        assert socket.next_frame() is not None
    socket.send(patch(0))
    assert socket.next_frame() is None


def test_a_socket_that_reads_nothing_can_still_be_closed() -> None:
    socket = LiveSocket("session")
    for number in range(wire.FRAMES_UNDER_WAY):
        socket.send(patch(number))
        socket.next_frame()
    socket.send(patch(0))
    socket.close(wire.CLOSE_SIGNED_OUT, "signed out")
    assert socket.next_frame() is None
    assert socket.closing == (wire.CLOSE_SIGNED_OUT, "signed out")


def test_what_may_be_written_at_once_is_written_and_never_past_what_is_queued() -> None:
    socket, written = LiveSocket("session"), list[bytes]()
    socket.send(patch(0))
    socket.write = written.append
    socket.send(patch(1))
    assert written == [], "the first is still queued"
    assert [socket.next_frame(), socket.next_frame()] == [patch(0), patch(1)]
    socket.send(patch(2))
    assert socket.take_patch(patch(3), Pace())
    assert written == [patch(2).encoded, patch(3).encoded]
    for number in range(4, wire.FRAMES_UNDER_WAY):
        socket.send(patch(number))
    socket.send(patch(-1))
    assert len(written) == wire.FRAMES_UNDER_WAY - 2, "nobody has acknowledged any"
    socket.close(wire.CLOSE_SIGNED_OUT, "signed out")
    socket.acknowledge(wire.FRAMES_UNDER_WAY)
    assert socket.next_frame() == patch(-1)
    assert len(written) == wire.FRAMES_UNDER_WAY - 2, "a socket that is to be closed writes nothing past its queue"
