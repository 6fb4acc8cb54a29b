"""The real server's silent rate limit on changes (supabase-facts.md 3.5.1)."""

import time
from collections import deque
from collections.abc import Callable

BUCKET_SECONDS = 5.0
BUCKETS = 12
FORGET_AFTER = 300.0


class RateLimit:
    """Average over up to twelve finished buckets of five seconds, one count per subscription id.

    A burst itself passes; then everything is dropped until the average has fallen. Nobody is told.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._finished: deque[int] = deque(maxlen=BUCKETS)
        self._current = 0
        self._bucket_start = self._last_event = clock()

    def add(self, count: int) -> None:
        self._turn()
        self._current += count
        self._last_event = self._clock()

    def exceeded(self) -> bool:
        if self._per_second <= 0:
            return False
        self._turn()
        if not self._finished:
            return False
        return sum(self._finished) / (len(self._finished) * BUCKET_SECONDS) >= self._per_second

    def _turn(self) -> None:
        now = self._clock()
        if now - self._last_event > FORGET_AFTER:
            self._finished.clear()
            self._current, self._bucket_start, self._last_event = 0, now, now
        while now - self._bucket_start >= BUCKET_SECONDS:
            self._finished.append(self._current)
            self._current = 0
            self._bucket_start += BUCKET_SECONDS
