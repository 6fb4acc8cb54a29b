"""`bin/bench all`: fan-out, reconnecting and the worker in one run; with --write, docs/PERFORMANCE.md tells of it."""

import os
import shlex
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from project.bench.report import Table, as_json, from_json, machine
from realtime.local.process import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "PERFORMANCE.md"
INTRODUCTION = """# What a change costs

<!-- Written by `bin/bench all --write`. -->

Measured on {day} by `{command}`. {machine}

Each table is one run, so compare within it. Figures are medians; the spread is from the smallest to the largest run.
CPU time is the operating system's accounting of the processes that hold the sockets, divided by changes and sockets;
*beside* is that of PostgreSQL, Redis and our worker. The peers get messages of the same size: through Redis, nchan by
HTTP. They neither read a database nor decide who may see what. Where there are fewer frames than changes, changes were
put together ([BULK.md](BULK.md#how-much-a-page-is-sent)).
"""


def run(
    sockets: list[int], seconds: float, rates: list[float], runs: int, changes: int, peers: bool, write: bool
) -> None:
    numbers, paces = list(map(str, sockets)), list(map(str, rates))
    many = ["--runs", str(runs)]
    told = machine()
    # Each in a process of its own: Django is set up for one database.
    fanout = ["--sockets", *numbers, "--rates", *paces, "--seconds", str(seconds), *([] if peers else ["--no-peers"])]
    parts = {
        "Fan-out": _tables("fanout", *many, *fanout),
        "Everybody at once": _tables("reconnect", *many, "--sockets", *numbers),
        "The worker": _tables("worker", *many, "--changes", str(changes)),
    }
    if write:
        text = INTRODUCTION.format(
            day=f"{datetime.now(UTC):%Y-%m-%d}", machine=told, command=shlex.join(["bin/bench", *sys.argv[1:]])
        )
        for heading, tables in parts.items():
            text += f"\n## {heading}\n\n" + "\n".join(table.markdown() for table in tables)
        DOCUMENT.write_text(text)
        DOCUMENT.with_suffix(".json").write_text(as_json(table for tables in parts.values() for table in tables) + "\n")


def _tables(*arguments: str) -> list[Table]:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        subprocess.run(
            [sys.executable, "-m", "project.bench", *arguments],
            cwd=REPOSITORY,
            env=os.environ | {"BENCH_JSON": file.name},
            check=True,
        )
        return from_json(Path(file.name).read_text())
