"""`bin/bench retention`: what pruning the change log costs, by itself and for a writer beside it."""

import statistics
import subprocess
import sys
import threading
import time

import psycopg

from project.bench.services import database
from realtime.local.process import REPOSITORY

SECONDS = 3.0
ROUNDS = 5


def run(entries: int) -> None:
    with database(durable=True) as url:
        calm: list[float] = []
        busy: list[float] = []
        speeds: list[float] = []
        for _ in range(ROUNDS):
            fill(url, entries)
            calm.append(commits_a_second(url))
            pruning = threading.Thread(target=lambda: speeds.append(prune_all()))
            pruning.start()
            busy.append(commits_a_second(url))
            pruning.join()
        share = statistics.median(busy) / statistics.median(calm)
        print(f"pruning: {statistics.median(speeds):,.0f} entries/s (median of {ROUNDS} times {entries:,})")
        print(f"a writer beside it keeps {share:.2f} of its commits/s (medians of {ROUNDS})")


def fill(url: str, entries: int) -> None:
    with psycopg.connect(url, autocommit=True) as sql:
        sql.execute("insert into products (name) select 'x' from generate_series(1, %s)", [entries])
        sql.execute("vacuum analyze realtime_change")


def prune_all() -> float:
    from realtime.worker.retention import prune

    started = time.monotonic()
    return sum(prune(0)) / (time.monotonic() - started)


def commits_a_second(url: str) -> float:
    command = [sys.executable, "-m", "project.bench.writer", url, str(SECONDS), "0"]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    return len(done.stdout.splitlines()) / SECONDS
