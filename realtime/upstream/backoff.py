from collections.abc import Iterator
from itertools import chain, repeat

# The seed's ladder, then every minute without end: when Supabase returns, so does the portal.
RECONNECT_LADDER = (2.0, 4.0, 8.0, 16.0, 32.0)
SLOW_PROBE_SECONDS = 60.0


def backoff_delays() -> Iterator[float]:
    """Seconds to wait before each next attempt: 2, 4, 8, 16, 32, then 60 without end."""
    return chain(RECONNECT_LADDER, repeat(SLOW_PROBE_SECONDS))
