"""`bin/bench retention`: what pruning the change log costs, by itself and for a writer beside it."""

import statistics
import subprocess
import sys
import threading
import time

import psycopg

from project.bench.services import database
from realtime.local.process import REPOSITORY

SECONDS = 4.0
ROUNDS = 3


def run(entries: int) -> None:
    with database(durable=True) as url:
        calm: list[float] = []
        busy: list[float] = []
        pruning: list[float] = []
        for _ in range(ROUNDS):
            fill(url, entries)
            calm.append(commits_a_second(url))
            stop = threading.Event()
            worker = threading.Thread(target=prune_until, args=(url, stop, entries, pruning))
            worker.start()
            busy.append(commits_a_second(url))
            stop.set()
            worker.join()
        share = statistics.median(busy) / statistics.median(calm)
        print(f"pruning: {statistics.median(pruning):,.0f} entries/s (median of {len(pruning)} times {entries:,})")
        print(f"a writer beside it keeps {share:.2f} of its commits/s (medians of {ROUNDS})")


def fill(url: str, entries: int) -> None:
    with psycopg.connect(url, autocommit=True) as sql:
        sql.execute("alter table products disable trigger realtime_doorbell")
        sql.execute("insert into products (name) select 'x' from generate_series(1, %s)", [entries])
        sql.execute("vacuum analyze realtime_change")


def prune_until(url: str, stop: threading.Event, entries: int, speeds: list[float]) -> None:
    from realtime.retention import prune

    while not stop.is_set():
        started = time.monotonic()
        pruned = sum(prune(0))
        if pruned >= entries // 2:
            speeds.append(pruned / (time.monotonic() - started))
        fill(url, entries)


def commits_a_second(url: str) -> float:
    command = [sys.executable, "-m", "project.bench.writer", url, str(SECONDS), "0"]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    return len(done.stdout.splitlines()) / SECONDS
