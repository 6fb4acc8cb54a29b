"""`bin/bench latency`: from COMMIT to the worker's handler, through the doorbell and through Realtime alone."""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from project.bench.services import stack
from realtime.local.process import REPOSITORY

# Changes per second, and for how many seconds.
RATES = ((1, 40.0), (200, 10.0))
PATHS = {"doorbell": "through the doorbell", "realtime": "through Realtime alone"}


def run() -> None:
    with stack() as services:
        found = {path: asyncio.run(measure(services.database_url, path)) for path in PATHS}
    print(f"{'commit → handler, ms':28}{'changes':>9}{'median':>9}{'p95':>9}{'max':>9}")
    for rate, _ in RATES:
        for path, words in PATHS.items():
            lags = sorted(found[path][rate])
            p95 = lags[int(len(lags) * 0.95)]
            name = f"{rate}/s {words}"
            print(f"{name:28}{len(lags):9,}{statistics.median(lags):9.1f}{p95:9.1f}{lags[-1]:9.1f}")
        ratio = statistics.median(found["realtime"][rate]) / statistics.median(found["doorbell"][rate])
        print(f"{rate}/s: the doorbell's median is 1 : {ratio:.0f} of Realtime's")


async def measure(url: str, path: str) -> dict[int, list[float]]:
    """The milliseconds that each change took, by rate."""
    from django.conf import settings

    settings.REALTIME_SWEEP = settings.REALTIME_DOORBELL = path == "doorbell"
    found = {}
    async with running_worker() as heard:
        for rate, seconds in RATES:
            written = await write(url, seconds, rate)
            await until(lambda: written.keys() <= heard.keys())  # noqa: B023  awaited before the next turn
            found[rate] = [(heard[key] - committed) * 1000 for key, committed in written.items()]
    return found


@asynccontextmanager
async def running_worker() -> AsyncIterator[dict[str, float]]:
    """A connected worker; yields the time at which its handler heard of each key."""
    from realtime.events import RealtimeConnectionStatus, RealtimeEvent
    from realtime.worker.event_dispatcher import ALL_TABLES
    from realtime.worker.worker import RealtimeWorker

    heard: dict[str, float] = {}

    def hear(event: Any) -> None:
        if isinstance(event, RealtimeEvent):
            heard.setdefault(str(event.key), time.monotonic())

    worker, stop = RealtimeWorker(), asyncio.Event()
    worker.dispatcher.on(ALL_TABLES, hear)
    running = asyncio.create_task(worker.run(stop))
    await until(lambda: worker.manager.status is RealtimeConnectionStatus.CONNECTED)
    try:
        yield heard
    finally:
        stop.set()
        await running


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  what is looked at belongs to the worker and has no event
            await asyncio.sleep(0.1)


async def write(url: str, seconds: float, rate: float) -> dict[str, float]:
    writer = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "project.bench.writer",
        url,
        str(seconds),
        str(rate),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await writer.communicate()
    return {key: float(at) for key, at in (line.split() for line in output.decode().splitlines())}
