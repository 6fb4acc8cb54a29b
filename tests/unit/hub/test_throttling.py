"""How often a page is sent what has changed: by its view's pace, and by what its browser can take."""

import json
from typing import Any

import pytest

from realtime.hub import live_view, wire
from realtime.hub.live_socket import BEHIND, CAUGHT_UP, LiveSocket
from realtime.hub.live_view import LiveView
from realtime.live.definition import Definition, Pace, Params
from realtime.live.snapshot import Fragment, Snapshot


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Figures(Definition):
    name = "figures"
    permission = ""
    tables = frozenset({"tickets"})

    def normalise(self, raw: Any) -> Params:
        return {}

    def snapshot(self, params: Params) -> Snapshot:
        raise AssertionError("nothing is read here")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(live_view, "time", clock)
    return clock


def view_of(*sockets: LiveSocket, pace: Pace = Pace()) -> LiveView:  # noqa: B008  it can't be changed
    definition = Figures()
    vars(definition)["pace"] = pace
    view = LiveView("key", definition, {})
    view.snapshot = Snapshot(parts={"body": Fragment("0", "0")})
    for socket in sockets:
        socket.views.add("key")
        view.sockets.add(socket)
    return view


def change(view: LiveView, to: int) -> None:
    view.begin_reading()
    view.take(Snapshot(parts={"body": Fragment(str(to), str(to))}), {})


def frames(socket: LiveSocket) -> list[str]:
    return [json.loads(frame)["type"] for frame, _ in socket._frames or ()]


def written(socket: LiveSocket) -> int:
    count = 0
    while socket.next_frame() is not None:
        count += 1
    return count


def patches(view: LiveView, clock: Clock, seconds: float, rate: int) -> list[float]:
    """When a view that changes at this rate sends patches."""
    sent, began = list[float](), clock.now
    for number in range(int(seconds * rate)):
        clock.now = began + number / rate
        view.touch(None)
        if clock.now >= view.rests_until - 1e-9:
            change(view, number + 1)
            sent.append(clock.now - began)
    return sent


def test_the_first_change_after_quiet_goes_out_at_once_and_others_come_together_in_a_window(clock: Clock) -> None:
    view = view_of(LiveSocket("a"))
    assert view.rests_until <= clock.now
    sent = patches(view, clock, 2, rate=200)
    assert sent[0] == 0
    assert len(sent) == pytest.approx(2 / Pace().window, rel=0.05)
    clock.now += 1
    assert view.rests_until <= clock.now


def test_twenty_changes_a_second_are_twenty_patches(clock: Clock) -> None:
    assert len(patches(view_of(LiveSocket("a")), clock, 5, rate=20)) == 100


def test_the_window_grows_with_the_changes_and_shrinks_when_they_are_fewer(clock: Clock) -> None:
    view = view_of(LiveSocket("a"))
    sent = patches(view, clock, 5, rate=2000)
    assert len([at for at in sent if at >= 3]) == 8
    assert len([at for at in patches(view, clock, 4, rate=100) if at >= 3]) == 50


def test_many_rows_changed_in_one_go_are_no_burst(clock: Clock) -> None:
    view = view_of(LiveSocket("a"))
    for _ in range(100):
        view.touch(None)
    change(view, 1)
    assert view.interval == Pace().window


def test_a_definition_sets_its_own_pace(clock: Clock) -> None:
    view = view_of(LiveSocket("a"), pace=Pace(window=0.5, longest=1, steady=10))
    change(view, 1)
    assert view.rests_until == clock.now + 0.5
    sent = patches(view, clock, 10, rate=100)
    assert sent[-1] - sent[-2] == pytest.approx(1, abs=0.02)


def test_a_socket_that_owes_acknowledgements_gets_no_patches_and_then_attaches_once() -> None:
    slow, quick = LiveSocket("slow"), LiveSocket("quick")
    view = view_of(slow, quick)
    sent = [0, 0]
    for number in range(BEHIND + 100):
        change(view, number + 1)
        sent[0] += written(slow)
        sent[1] += written(quick)
        quick.acknowledge(number + 1)
    assert sent == [BEHIND, BEHIND + 100]
    slow.acknowledge(BEHIND - CAUGHT_UP - 1)
    assert frames(slow) == []
    slow.acknowledge(BEHIND - CAUGHT_UP)
    assert frames(slow) == ["resync"]
    change(view, -1)
    assert frames(slow) == ["resync", "patch"]


def test_nobody_looks_at_a_hidden_page_but_its_counts_go_on() -> None:
    socket = LiveSocket("a")
    lists, count = view_of(socket), view_of(socket, pace=Pace(hidden=True))
    count.key = "count"
    socket.look(True)
    change(lists, 1)
    change(count, 1)
    assert frames(socket) == ["patch"]
    socket.look(False)
    assert frames(socket) == ["patch", "resync"]
    assert json.loads((socket._frames or [])[-1][0])["view"] == "key"
    # It missed nothing since.
    socket.look(True)
    socket.look(False)
    assert len(socket._frames or ()) == 2


def test_only_true_or_false_says_whether_somebody_looks() -> None:
    with pytest.raises(wire.WireError, match="'hidden' must be true or false"):
        wire.read_look({"hidden": "yes"})
