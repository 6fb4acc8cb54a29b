"""`bin/bench takeover`: from the loss of the leading worker until its successor has caught up, by how it was lost."""

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from project.bench.services import stack
from project.chaos.loop_thread import LoopThread
from project.chaos.proxy import Proxy
from realtime.local.process import Service, pick_port

ROUNDS = 5
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.01
WAITING = "select count(*) from pg_locks where locktype = 'advisory' and not granted"


class Worker:
    """A worker process with its own proxy in front of the database."""

    def __init__(self, name: str, database_url: str, loop: LoopThread, logs: Path) -> None:
        port = urlsplit(database_url).port
        assert port is not None
        self.proxy = Proxy(name, port, pick_port())
        loop.run(self.proxy.open())
        through = database_url.replace(f":{port}/", f":{self.proxy.port}/")
        self.process = Service(
            name=name,
            argv=[sys.executable, "manage.py", "run_realtime_worker"],
            log=logs / f"{name}.log",
            env=os.environ | {"DATABASE_URL": through},
        )


def run() -> None:
    with stack() as services, workers(services.database_url, services.directory) as (loop, pair):
        print(f"{'loss of the leader → successor, s':36}{'median':>9}{'max':>9}")
        for words, (lose, mend) in ways(loop).items():
            found = sorted(takeover(services.database_url, pair, lose, mend) for _ in range(ROUNDS))
            print(f"{words:36}{statistics.median(found):9.1f}{found[-1]:9.1f}", flush=True)


Step = Callable[[Worker], None]


def ways(loop: LoopThread) -> dict[str, tuple[Step, Step]]:
    def start(worker: Worker) -> None:
        worker.process.start()

    def mend(worker: Worker) -> None:
        loop.run(worker.proxy.mend())

    return {
        "stopped in order": (lambda worker: worker.process.stop(), start),
        "kill -9": (lambda worker: worker.process.kill(), start),
        "SIGSTOP": (lambda worker: worker.process.freeze(), lambda worker: worker.process.thaw()),
        "connections reset": (lambda worker: loop.run(worker.proxy.cut()), mend),
        "connections silent": (lambda worker: loop.run(worker.proxy.hole()), mend),
    }


@contextmanager
def workers(database_url: str, directory: Path) -> Iterator[tuple[LoopThread, list[Worker]]]:
    with ExitStack() as ending:
        loop = LoopThread()
        loop.start()
        ending.callback(loop.stop)
        pair = [Worker(name, database_url, loop, directory) for name in ("one", "two")]
        for worker in pair:
            worker.process.start()
            ending.callback(worker.process.stop)
        yield loop, pair


def takeover(database_url: str, pair: list[Worker], lose: Step, mend: Step) -> float:
    """Returns the seconds. Afterwards the lost worker is back on standby."""
    with psycopg.connect(database_url, autocommit=True) as sql:
        until(lambda: leader() in {worker.process.pid for worker in pair} and waiting(sql) == 1)
        victim = next(worker for worker in pair if worker.process.pid == leader())
        pid, began = victim.process.pid, time.monotonic()
        lose(victim)
        until(lambda: leader() not in (pid, None))
        seconds = time.monotonic() - began
        mend(victim)
        until(lambda: waiting(sql) == 1)
    return seconds


def leader() -> int | None:
    """The last process to report as a leader that has read all of the change log."""
    from realtime.status.status_store import read_status

    told = read_status()
    return told["worker"]["pid"] if told and told["live"] else None


def waiting(sql: "psycopg.Connection[tuple[int]]") -> int:
    row = sql.execute(WAITING).fetchone()
    return row[0] if row else 0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no takeover within {PATIENCE_SECONDS:g} s")
        time.sleep(LOOK_SECONDS)
