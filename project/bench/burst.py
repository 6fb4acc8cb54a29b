"""`bin/bench burst`: one list under 2,000 changes a second, with many sockets: frames, memory, the end.

Of every ten sockets one reads slowly, and one belongs to a hidden tab.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from websockets.asyncio.client import ClientConnection

from project.bench.services import manage, stack
from project.bench.site import portal
from project.chaos.crowd import Crowd, Follower, sign_in
from project.chaos.loop_thread import LoopThread
from project.web_server import WebServer
from realtime.local.process import Service

ROWS = 400
STATEMENTS_A_SECOND = 20
PATIENCE_SECONDS = 60.0
# A phone on a bad line.
SLOW_SECONDS = 0.4
# Of ten sockets, by number.
SLOW, HIDDEN = 1, 2
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
    loop = LoopThread()
    with stack() as services:
        manage("seed_demo")
        with portal(services, WebServer.DAPHNE) as site:
            loop.start()
            try:
                tell(measure(services.database_url, site.web, loop, seconds, changes, sockets))
            finally:
                loop.stop()


@dataclass
class Found:
    """``patches`` are when each came, by socket; ``memory`` the web process's megabytes before, and at most."""

    changes: int
    seconds: float
    patches: list[list[float]]
    memory: tuple[float, float]
    healed: float


def measure(url: str, web: Service, loop: LoopThread, seconds: float, changes: int, sockets: int) -> Found:
    """Raises TimeoutError when a socket doesn't come to show what a reload shows."""
    address = f"http://{web.address}"
    followers: list[Counting] = []
    tasks: list[asyncio.Task[None]] = []
    with psycopg.connect(url, autocommit=True) as sql:
        sql.execute("insert into products (name, price) select 'Burst ' || n, n from generate_series(1, %s) n", [ROWS])
        cookies = loop.run(sign_in(address, "demo", "demo"))
        crowd = Crowd([address], address, cookies)
        page = loop.run(crowd.load([LIST]))[LIST]
        principal = next(number for number, shown in enumerate(page) if shown.is_list)
        counts: Counter[str] = Counter()
        try:
            for number in range(sockets):
                followers.append(Counting(f"socket {number}", address, LIST, cookies, counts))
                tasks.append(loop.run(_open(followers[-1], page, principal)))
            until(lambda: all(follower.green for follower in followers))
            for number, follower in enumerate(followers):
                follower.slow = number % 10 == SLOW
                if number % 10 == HIDDEN:
                    loop.run(follower.look(True))
            before = most = resident(web)
            began, done, each = time.monotonic(), 0, changes // STATEMENTS_A_SECOND
            while time.monotonic() - began < seconds:
                sql.execute(CHANGE, [done // each % (ROWS // each) * each, each])
                done += each
                most = max(most, resident(web))
                time.sleep(max(0.0, began + done / changes - time.monotonic()))
            ended = time.monotonic()
            patches = [[at for at in follower.patches if at < ended] for follower in followers]
            for follower in followers:
                follower.slow = False
                loop.run(follower.look(False))
            until(lambda: not _wrong(loop, crowd, followers))
            return Found(done, ended - began, patches, (before, most), time.monotonic() - ended)
        finally:
            loop.run(_cancel(tasks))
            sql.execute("delete from products where name like 'Burst %'")


def tell(found: Found) -> None:
    rate = found.changes / found.seconds
    print(f"{found.changes:,} changes in {found.seconds:.0f} s ({rate:,.0f} a second), {len(found.patches)} sockets")
    kinds = {"that read at once": lambda n: n not in (SLOW, HIDDEN), "slow": SLOW.__eq__, "hidden": HIDDEN.__eq__}
    for words, is_one in kinds.items():
        some = [times for number, times in enumerate(found.patches) if is_one(number % 10)]
        average = sum(map(len, some)) / len(some) / found.seconds
        most = max(_most_in_a_second(times) for times in some)
        print(f"  {words:18}{len(some):4} sockets {average:7.1f} patches/s each, {most:3} at most in any second")
    print(f"  memory of the web process: {found.memory[0]:.0f} MB before, {found.memory[1]:.0f} MB at most")
    print(f"  every socket equals a reload {found.healed:.1f} s after the last change")


async def _cancel(tasks: "list[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


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
