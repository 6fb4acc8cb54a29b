"""The silent rate limit, with its own clock (supabase-facts.md 3.5.1 names the figures)."""

from realtime.local.realtime_server.rate import RateLimit


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def blackout_after(burst: int, quiet: float) -> int:
    """How many seconds are dropped after a burst that follows `quiet` seconds of one event each."""
    clock = Clock()
    limit = RateLimit(100, clock)
    for _ in range(int(quiet)):
        limit.add(1)
        clock.now += 1
    limit.add(burst)
    dropped = 0
    for _ in range(200):
        clock.now += 1
        dropped += limit.exceeded()
    return dropped


def test_a_small_burst_passes() -> None:
    assert blackout_after(400, 0) == 0


def test_a_thousand_at_once_cost_ten_seconds() -> None:
    assert blackout_after(1_000, 0) == 10


def test_six_thousand_after_a_minute_cost_a_minute() -> None:
    assert blackout_after(6_000, 60) == 60


def test_a_quiet_time_is_forgotten() -> None:
    clock = Clock()
    limit = RateLimit(100, clock)
    limit.add(100_000)
    clock.now += 301
    assert not limit.exceeded()


def test_zero_is_without_a_limit() -> None:
    clock = Clock()
    limit = RateLimit(0, clock)
    limit.add(10**9)
    clock.now += 5
    assert not limit.exceeded()
