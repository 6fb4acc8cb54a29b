"""`bin/bench catchup`: a worker comes back to changes that were made while every worker was down."""

import asyncio
import resource
import time
from typing import Any

import psycopg

from project.bench.services import stack


def run(changes: int) -> None:
    with stack() as services:
        asyncio.run(work(services.database_url, 0))
        with psycopg.connect(services.database_url, autocommit=True) as sql:
            sql.execute("insert into products (name) select 'x' from generate_series(1, 1000)")
            for _ in range(changes // 1_000 - 1):
                sql.execute("update products set price = price + 1")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seconds = asyncio.run(work(services.database_url, changes))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(f"{changes:,} changes caught up in {seconds:.1f} s ({changes / seconds:,.0f}/s), memory +{grown:.0f} MB")


async def work(url: str, changes: int) -> float:
    """Runs a worker until it has emitted that many changes; returns the seconds since its start."""
    from realtime.worker.event_dispatcher import ALL_TABLES
    from realtime.worker.worker import RealtimeWorker

    heard: set[int] = set()
    done = asyncio.Event()

    def hear(event: Any) -> None:
        heard.add(getattr(event, "revision", 0))
        if len(heard) >= changes:
            done.set()

    worker, stop = RealtimeWorker(), asyncio.Event()
    worker.dispatcher.on(ALL_TABLES, hear)
    started = time.monotonic()
    running = asyncio.create_task(worker.run(stop))
    async with asyncio.timeout(120):
        await done.wait()
    seconds = time.monotonic() - started
    stop.set()
    await running
    return seconds
