"""`bin/bench doorbell`: what ringing costs writers. PostgreSQL puts commits that NOTIFY one behind the other."""

import statistics
import subprocess
import sys

from project.bench.services import database
from realtime.local.process import REPOSITORY

ROUNDS = 5
SECONDS = 4.0


def run() -> None:
    with database(durable=True) as url:
        for writers in (1, 8):
            rates: dict[bool, list[float]] = {True: [], False: []}
            # In turn, so that other load on the machine falls on both.
            for _ in range(ROUNDS):
                for on in rates:
                    switch_triggers(on)
                    rates[on].append(commits_a_second(url, writers))
            ringing, silent = statistics.median(rates[True]), statistics.median(rates[False])
            print(
                f"writers {writers}: {ringing:,.0f} commits/s with the doorbell, {silent:,.0f} without,"
                f" that is {ringing / silent:.2f} of it"
            )


def switch_triggers(on: bool) -> None:
    from realtime.database.doorbell import switch
    from realtime.database.tables import live_tables

    switch(live_tables(), on)


def commits_a_second(url: str, writers: int) -> float:
    command = [sys.executable, "-m", "project.bench.writer", url, str(SECONDS), "0"]
    running = [subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) for _ in range(writers)]
    commits = sum(len(process.communicate()[0].splitlines()) for process in running)
    return commits / SECONDS
