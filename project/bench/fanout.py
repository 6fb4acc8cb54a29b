"""`bin/bench fanout`: what it costs to bring one change to many sockets, beside other servers in the same run.

Every server gets messages of the same size at the same rate. Its CPU time is what the operating system counts for its
processes; what works for all of them (PostgreSQL, Redis, our worker, nobody's client) is told beside it.
"""

import json
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from project.bench.accounting import cpu_seconds, resident_bytes
from project.bench.crowd import BUSY, Crowd, SocketsLost
from project.bench.peer_servers import Peer, Unavailable, names, started
from project.bench.report import Table, middle, spread
from project.bench.services import manage, stack
from project.bench.site import Site, portal
from project.web_server import WebServer
from realtime.local.stack import LocalStack

ROWS = 50
CHANGE = "update products set price = %s where name = %s"
# A row's price tells which change it shows; from here on, so that the first one changes something.
FIRST_PRICE = 1_000
_ROW = re.compile(r"Bench (\d+)<.*?<data value=\"(\d+)", re.DOTALL)
# What is still under way when the last change was made.
REST_SECONDS = 1.0
BASELINE = "nchan"
NOTE = (
    f"Where the load generator was busy for more than {BUSY:.0%} of a core, the times would be its own: none are told."
)
# Some of the others give up connections that come faster than they can accept them.
WAVE = 20


@dataclass(frozen=True)
class Sample:
    """Of one run: CPU microseconds for each change and socket, frames for each change, and milliseconds to the last."""

    cost: float
    beside: float
    frames: float
    memory: float
    client: float
    late: tuple[float, ...]


def run(sockets: list[int], seconds: float, rates: list[float], runs: int, peers: bool) -> list[Table]:
    """A table for each number of sockets and each rate; at the highest rate Livedesk puts changes together."""
    tables = []
    with stack() as services:
        manage("seed_demo")
        for count in sockets:
            for rate in rates:
                found: dict[str, list[Sample]] = {}
                for _ in range(runs):
                    for name, sample in _one_run(services, count, seconds, rate, peers):
                        found.setdefault(name, []).append(sample)
                tables.append(table_of(count, rate, runs, found))
                print(tables[-1], flush=True)
    return tables


def _one_run(
    services: LocalStack, sockets: int, seconds: float, rate: float, peers: bool
) -> Iterator[tuple[str, Sample]]:
    for server in WebServer:
        with portal(services, server) as site:
            yield f"Livedesk on {server}", measure(site, sockets, seconds, rate)
    for name in names() if peers else ():
        try:
            with started(name, services.redis_url, services.directory) as peer:
                yield name, measure_peer(peer, sockets, seconds, rate)
        except (Unavailable, SocketsLost) as why:
            print(f"without {name}: {why}", flush=True)


def table_of(sockets: int, rate: float, runs: int, found: dict[str, list[Sample]]) -> Table:
    base = middle(sample.cost for sample in found[BASELINE]) if BASELINE in found else None
    rows = []
    for name, samples in found.items():
        cost = middle(sample.cost for sample in samples)
        late = sorted(at for sample in samples for at in sample.late)
        busy = max(sample.client for sample in samples)
        if busy > BUSY:
            late = []
        rows.append(
            {
                "server": name,
                "µs CPU": round(cost, 1),
                "spread": spread(sample.cost for sample in samples),
                f"× {BASELINE}": round(cost / base, 2) if base else None,
                "µs beside": round(middle(sample.beside for sample in samples), 1),
                "frames a change": round(middle(sample.frames for sample in samples), 2),
                "last socket p50 ms": round(statistics.median(late), 1) if late else None,
                "p99 ms": round(late[int(len(late) * 0.99)], 1) if late else None,
                "generator busy": f"{busy:.0%}",
                "kB a socket": round(middle(sample.memory for sample in samples), 1),
            }
        )
    return Table(f"{sockets:,} sockets, {rate:g} changes a second, {runs} runs", rows, NOTE)


def measure(site: Site, sockets: int, seconds: float, rate: float) -> Sample:
    from project.bench.people import openings

    with psycopg.connect(site.services.database_url, autocommit=True) as sql:
        sql.execute("delete from products where name like 'Bench %'")
        sql.execute(
            "insert into products (name, price) select 'Bench ' || n, n from generate_series(0, %s) n", [ROWS - 1]
        )
        idle = resident_bytes(site.web.pid)
        crowd = Crowd(
            site.port,
            "/ws/live/",
            sockets,
            openings(),
            ready='"attached"',
            counted='"patch"',
            wave=WAVE,
            acknowledges=True,
            tells=True,
        )
        beside = [site.worker.pid, site.services.redis.service.pid, site.services.postgres.service.pid]
        return _measure(
            crowd,
            [site.web.pid],
            beside,
            idle,
            seconds,
            rate,
            lambda number: sql.execute(CHANGE, [FIRST_PRICE + number, f"Bench {number % ROWS}"]),
            puts_together=True,
        )


def measure_peer(peer: Peer, sockets: int, seconds: float, rate: float) -> Sample:
    text = message()
    crowd = Crowd(
        peer.port,
        peer.path,
        sockets,
        [({}, peer.opening)],
        ready=peer.ready,
        counted="patch",
        wave=WAVE,
        ask=peer.ask,
        pong=peer.pong,
    )
    idle = resident_bytes(peer.service.pid)
    return _measure(crowd, [peer.service.pid], [], idle, seconds, rate, lambda _: peer.publish(text))


def _measure(
    crowd: Crowd,
    servers: list[int],
    beside: list[int],
    idle: int,
    seconds: float,
    rate: float,
    change: Callable[[int], Any],
    puts_together: bool = False,
) -> Sample:
    with crowd:
        memory = sum(map(resident_bytes, servers)) - idle
        crowd.count()
        before, besides = sum(map(cpu_seconds, servers)), sum(map(cpu_seconds, beside))
        made = _make(change, seconds, rate)
        time.sleep(REST_SECONDS)
        cost, extra = sum(map(cpu_seconds, servers)) - before, sum(map(cpu_seconds, beside)) - besides
        found = crowd.stop()
    if found["lost"]:
        raise SocketsLost(f"{found['lost']} sockets were lost")
    wanted = len(made) * crowd.sockets
    # A peer that can't keep up has only delivered what arrived; the last state of ours tells of every change.
    delivered = wanted if puts_together else max(1, found["counted"])
    last: list[float] = found["last"]
    shown = frames_of(found["told"], len(made)) if puts_together else list(range(len(made)))
    # A frame that some socket never got has no time.
    late = [(last[frame] - sent) * 1000 for frame, sent in zip(shown, made, strict=True) if frame < len(last)]
    if len(late) < len(made):
        late = []
    return Sample(
        cost=cost / delivered * 1e6,
        beside=extra / delivered * 1e6,
        frames=found["counted"] / wanted,
        memory=memory / crowd.sockets / 1000,
        client=found["cpu"] / found["seconds"],
        late=tuple(late),
    )


def frames_of(told: Sequence[str], changes: int) -> list[int]:
    """For each change, the number of the first frame that shows it or a later one of its row; beyond all for none."""
    found, done = [len(told)] * changes, dict[int, int]()
    for number, text in enumerate(told):
        for operation in json.loads(text)["ops"]:
            if match := _ROW.search(operation.get("html", "")):
                row, change = int(match[1]), int(match[2]) - FIRST_PRICE
                for earlier in range(done.get(row, row), change + 1, ROWS):
                    found[earlier] = number
                done[row] = max(done.get(row, row), change + ROWS)
    return found


def _make(change: Callable[[int], Any], seconds: float, rate: float) -> list[float]:
    """When each change was made: committed, or handed over."""
    made: list[float] = []
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        change(len(made))
        made.append(time.monotonic())
        time.sleep(max(0.0, began + len(made) / rate - time.monotonic()))
    return made


def message() -> str:
    """What Livedesk sends for one changed row."""
    from realtime.hub import wire
    from realtime.live.definition import definition_named

    definition = definition_named("products")
    row = definition.snapshot(definition.normalise({})).rows[0]
    account = {"name": "Anna Example", "person": "0" * 32, "did": "Price 1.00 → 2.00"}
    put = {"op": "put", "id": row.id, "version": row.version, "html": row.html, "by": account}
    return str(wire.patch("0" * 24, 1, [put]))
