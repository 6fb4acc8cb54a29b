"""supabase-py's own client, counting: ``python -m project.bench.bare_client EVENTS``.

It prints a line when it has joined, and another when it has heard so many: how many, and the monotonic clock.
"""

import asyncio
import os
import sys
import time
from contextlib import suppress
from typing import Any

JOINED = "joined"
SILENCE_SECONDS = 20.0


async def main(wanted: int) -> None:
    # Only the library's: our package of that name is extended by it.
    from realtime._async.client import AsyncRealtimeClient

    url = os.environ["SUPABASE_URL"].replace("http", "ws", 1)
    client = AsyncRealtimeClient(f"{url}/realtime/v1", os.environ["SUPABASE_KEY"])
    heard, at, joined, news = 0, time.monotonic(), asyncio.Event(), asyncio.Event()

    def hear(_: Any) -> None:
        nonlocal heard, at
        heard, at = heard + 1, time.monotonic()
        news.set()

    channel = client.channel("bench")
    channel.on_postgres_changes("INSERT", hear, table="products", schema="public")  # type: ignore[arg-type]
    channel.on_system(lambda _: joined.set())
    await client.connect()
    await channel.subscribe()
    await joined.wait()
    print(JOINED, flush=True)
    at = time.monotonic()
    with suppress(TimeoutError):
        while heard < wanted:
            news.clear()
            async with asyncio.timeout(SILENCE_SECONDS):
                await news.wait()
    print(heard, at, flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
