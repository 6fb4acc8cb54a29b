"""`bin/bench reconnect`: all pages at once, on both servers: when each is current, the CPU and the memory of a socket.

First the web process has just been started, as after a deploy; then it has been running.
"""

import time

from project.bench.accounting import cpu_seconds, resident_bytes
from project.bench.crowd import Crowd
from project.bench.report import Table, middle, spread
from project.bench.services import manage, stack
from project.bench.site import Site, portal
from project.web_server import WebServer

# Until the sockets of the former round have left.
REST_SECONDS = 2.0


def run(sockets: list[int], runs: int) -> list[Table]:
    tables = []
    with stack() as services:
        manage("seed_demo")
        for count in sockets:
            rows = []
            for server in WebServer:
                for words, restarts in (("just started", True), ("running", False)):
                    rounds = []
                    with portal(services, server) as site:
                        for _ in range(runs):
                            rounds.append(_herd(site, count, restarts))
                    rows.append(_row(f"{server}, {words}", rounds))
            tables.append(Table(f"{count:,} sockets that connect at once, {runs} runs", rows))
            print(tables[-1], flush=True)
    return tables


def _row(name: str, rounds: list[tuple[list[float], float, float]]) -> dict[str, object]:
    return {
        "server": name,
        "half current s": round(middle(ready[len(ready) // 2] for ready, _, _ in rounds), 2),
        "last current s": round(middle(ready[-1] for ready, _, _ in rounds), 2),
        "spread": spread(ready[-1] for ready, _, _ in rounds),
        "ms CPU a socket": round(middle(cost for _, cost, _ in rounds), 2),
        "kB a socket": round(middle(memory for _, _, memory in rounds), 1),
    }


def _herd(site: Site, sockets: int, restarts: bool) -> tuple[list[float], float, float]:
    """When each was current, milliseconds of CPU and kilobytes a socket."""
    from project.bench.people import openings

    if restarts:
        site.web.stop()
        site.web.start()
    else:
        time.sleep(REST_SECONDS)
    told = openings()
    idle, before = resident_bytes(site.web.pid), cpu_seconds(site.web.pid)
    crowd = Crowd(site.port, "/ws/live/", sockets, told, ready='"attached"', counted='"patch"', acknowledges=True)
    with crowd:
        cost = cpu_seconds(site.web.pid) - before
        memory = resident_bytes(site.web.pid) - idle
        return crowd.ready, cost / sockets * 1000, memory / sockets / 1000
