import random
from collections.abc import Callable

import pytest

from project.chaos import storm as storms
from project.chaos.fault import Fault
from project.chaos.storm import Storm


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def strftime(self, form: str) -> str:
        return "12:00:00"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(storms, "time", clock)
    return clock


class Parts:
    """Faults of two parts; they remember what is broken and complain about two faults at once."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.log: list[str] = []
        self.faults = [self._fault(name, part) for name, part in (("A", "one"), ("B", "one"), ("C", "two"), ("D", "3"))]

    def _fault(self, name: str, part: str) -> Fault:
        def inject(chance: random.Random, seconds: float) -> None:
            assert part not in self.broken
            self.broken.add(part)
            assert len(self.broken) <= storms.AT_ONCE
            self.log.append(name)

        def mend() -> None:
            self.broken.remove(part)

        return Fault(name, frozenset([part]), (1, 5), inject, mend)


def blow(storm: Storm, clock: Clock, look: Callable[[], None] = lambda: None) -> None:
    while not storm.over:
        storm.tick()
        look()
        clock.now += 0.2
    storm.end()


def test_every_fault_is_mended_and_every_kind_has_its_turn(clock: Clock) -> None:
    parts = Parts()
    storm = Storm(parts.faults, random.Random(1), seconds=60)
    blow(storm, clock)
    assert parts.broken == set()
    assert set(storm.injected) == {"A", "B", "C", "D"}
    assert sum(storm.injected.values()) == len(parts.log)


def test_the_same_seed_deals_the_same_faults(clock: Clock) -> None:
    logs = []
    for _ in range(2):
        parts = Parts()
        blow(Storm(parts.faults, random.Random(7), seconds=60), clock)
        logs.append(parts.log)
    assert logs[0] == logs[1] != []


def test_a_fault_that_cannot_be_injected_is_left_out(clock: Clock) -> None:
    def refuse(chance: random.Random, seconds: float) -> None:
        raise ConnectionRefusedError("still starting")

    def mend() -> None:
        raise ConnectionRefusedError("still starting")

    storm = Storm([Fault("A", frozenset(["one"]), (1, 2), refuse, mend)], random.Random(1), seconds=10)
    blow(storm, clock)
    assert not storm.injected
    assert "could not be injected: still starting" in storm.history[0]
    assert "could not be mended yet: still starting" in storm.history[1]
