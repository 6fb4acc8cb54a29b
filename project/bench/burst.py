"""`bin/bench burst`: one list under 2,000 changes a second, with many sockets: frames, memory, the end.

Of every ten sockets one reads slowly, and one belongs to a hidden tab.
"""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from websockets.asyncio.client import ClientConnection

from project.bench.services import manage, stack
from project.chaos.crowd import Crowd, Follower, sign_in
from project.chaos.loop_thread import LoopThread
from project.demo.portal import DAPHNE
from realtime.local.process import LOOPBACK, Service, pick_port
from realtime.local.stack import LocalStack, healthy

ROWS = 400
STATEMENTS_A_SECOND = 20
PATIENCE_SECONDS = 60.0
# A phone on a bad line.
SLOW_SECONDS = 0.4
LIST = "/crm/products/"
CHANGE = (
    "update products set price = price %% 100000 + 1 where id in"
    " (select id from products order by created_at desc, id desc offset %s limit %s)"
)


class Counting(Follower):
    """Notes when each patch of its list came."""

    slow = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.patches: list[float] = []

    async def _take(self, socket: ClientConnection, frame: dict[str, Any]) -> None:
        if frame["type"] == "patch":
            self.patches.append(time.monotonic())
            if self.slow:
                await asyncio.sleep(SLOW_SECONDS)
        await super()._take(socket, frame)


def run(seconds: int, changes: int, sockets: int) -> None:
    with stack() as services, portal(services) as web:
        loop = LoopThread()
        loop.start()
        try:
            measure(services, web, loop, seconds, changes, sockets)
        finally:
            loop.stop()


@contextmanager
def portal(services: LocalStack) -> Iterator[Service]:
    """A web process and a worker over the stack."""
    port = pick_port()
    environment = os.environ | {"STATIC_ROOT": str(services.directory / "static"), "PYTHONUNBUFFERED": "1"}
    web = Service(
        name="web",
        argv=[sys.executable, *DAPHNE, "-b", LOOPBACK, "-p", str(port), "project.asgi:application"],
        log=services.directory / "web.log",
        env=environment,
        address=f"{LOOPBACK}:{port}",
        ready=lambda: healthy(f"http://{LOOPBACK}:{port}/healthz"),
    )
    worker = Service(
        name="worker",
        argv=[sys.executable, "manage.py", "run_realtime_worker"],
        log=services.directory / "worker.log",
        env=environment,
    )
    manage("seed_demo")
    web.start()
    worker.start()
    try:
        yield web
    finally:
        worker.stop()
        web.stop()


def measure(services: LocalStack, web: Service, loop: LoopThread, seconds: int, changes: int, sockets: int) -> None:
    address = f"http://{web.address}"
    with psycopg.connect(services.database_url, autocommit=True) as sql:
        sql.execute("insert into products (name, price) select 'Burst ' || n, n from generate_series(1, %s) n", [ROWS])
        cookies = loop.run(sign_in(address, "demo", "demo"))
        counts: Counter[str] = Counter()
        followers = [Counting(f"socket {number}", address, LIST, cookies, counts) for number in range(sockets)]
        crowd = Crowd([address], address, cookies)
        page = loop.run(crowd.load([LIST]))[LIST]
        principal = next(number for number, shown in enumerate(page) if shown.is_list)
        tasks = [loop.run(_open(follower, page, principal)) for follower in followers]
        until(lambda: all(follower.green for follower in followers))
        for number, follower in enumerate(followers):
            follower.slow = number % 10 == 1
            if number % 10 == 2:
                loop.run(follower.look(True))
        before, began, done = resident(web), time.monotonic(), 0
        most = before
        while time.monotonic() - began < seconds:
            each = changes // STATEMENTS_A_SECOND
            sql.execute(CHANGE, [done // each % (ROWS // each) * each, each])
            done += each
            most = max(most, resident(web))
            time.sleep(max(0.0, began + done / changes - time.monotonic()))
        took = time.monotonic() - began
    for follower in followers:
        follower.slow = False
        loop.run(follower.look(False))
    ended = time.monotonic()
    until(lambda: not _wrong(loop, crowd, followers))
    print(f"{done:,} changes in {took:.0f} s ({done / took:,.0f} a second), {sockets} sockets on one list")
    for words, remainder in (("that read at once", (0, 3, 4, 5, 6, 7, 8, 9)), ("slow", (1,)), ("hidden", (2,))):
        some = [follower for number, follower in enumerate(followers) if number % 10 in remainder]
        rates = [len([at for at in follower.patches if at < began + took]) / took for follower in some]
        seconds_full = [_most_in_a_second(follower.patches) for follower in some]
        print(
            f"  {words:18}{len(some):4} sockets{sum(rates) / len(rates):8.1f} patches/s each on average,"
            f" {max(seconds_full):3} at most in any second"
        )
    print(f"  memory of the web process: {before:.0f} MB before, {most:.0f} MB at most")
    print(f"  every socket equals a reload {time.monotonic() - ended:.1f} s after the last change")
    for task in tasks:
        task.cancel()


async def _open(follower: Follower, page: Any, index: int) -> "asyncio.Task[None]":
    follower.show(page, [index])
    await asyncio.sleep(0.01)
    return asyncio.create_task(follower.run())


def _wrong(loop: LoopThread, crowd: Crowd, followers: list[Counting]) -> list[str]:
    page = loop.run(crowd.load([LIST]))[LIST]
    return [told for follower in followers if (told := follower.difference(page))]


def _most_in_a_second(times: list[float]) -> int:
    return max((sum(at <= other < at + 1 for other in times) for at in times), default=0)


def resident(service: Service) -> float:
    """Megabytes."""
    status = Path(f"/proc/{service.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def until(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE_SECONDS:g} s")
        time.sleep(0.1)
