"""`bin/bench WHAT`: figures as ratios within one run. Each benchmark is a module, which says what it shows."""

import argparse
import os
from pathlib import Path

from project.bench import (
    adopt,
    bulk,
    burst,
    catchup,
    doorbell,
    everything,
    fanout,
    history,
    latency,
    lists,
    log,
    pages,
    reconnect,
    retention,
    sweep,
    takeover,
    views,
    worker,
)
from project.bench.report import as_json

MODULES = {
    "sweep": sweep,
    "latency": latency,
    "doorbell": doorbell,
    "retention": retention,
    "catchup": catchup,
    "takeover": takeover,
    "views": views,
    "lists": lists,
    "history": history,
    "log": log,
    "pages": pages,
    "adopt": adopt,
    "bulk": bulk,
    "burst": burst,
    "fanout": fanout,
    "reconnect": reconnect,
    "worker": worker,
    "all": everything,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    parsers = {name: commands.add_parser(name, help=module.__doc__) for name, module in MODULES.items()}
    parsers["sweep"].add_argument("--commits", type=int, default=300_000, help="behind one open transaction")
    parsers["retention"].add_argument("--entries", type=int, default=300_000, help="pruned each time")
    parsers["catchup"].add_argument("--changes", type=int, default=100_000, help="made while no worker runs")
    parsers["views"].add_argument("--rows", type=int, default=200_000, help="tickets")
    parsers["views"].add_argument("--views", type=int, default=1000, help="different lists open at most")
    parsers["lists"].add_argument("--tickets", type=int, default=1_000_000)
    parsers["lists"].add_argument("--customers", type=int, default=300_000, help="as many acquisitions, interactions")
    parsers["lists"].add_argument("--again", action="store_true", help="make new rows, instead of those of last time")
    parsers["history"].add_argument("--entries", type=int, default=1_000_000)
    parsers["history"].add_argument(
        "--again", action="store_true", help="make new entries, instead of those of last time"
    )
    parsers["log"].add_argument("--entries", type=int, default=1_000_000)
    parsers["pages"].add_argument("--tickets", type=int, default=20_000)
    parsers["adopt"].add_argument("--rows", type=int, default=1_000_000, help="in each of the app's tables")
    parsers["bulk"].add_argument("--rows", type=int, default=5_000, help="tickets")
    parsers["burst"].add_argument("--seconds", type=int, default=60)
    parsers["burst"].add_argument("--changes", type=int, default=2_000, help="a second")
    parsers["burst"].add_argument("--sockets", type=int, default=200)
    for name in ("fanout", "reconnect", "worker", "all"):
        parsers[name].add_argument("--runs", type=int, default=3, help="of which the median is told")
    for name in ("fanout", "reconnect", "all"):
        parsers[name].add_argument("--sockets", type=int, nargs="+", default=[500, 2000])
    for name in ("fanout", "all"):
        parsers[name].add_argument("--seconds", type=float, default=15, help="of each run")
        parsers[name].add_argument("--rates", type=float, nargs="+", default=[20, 200], help="changes a second")
        parsers[name].add_argument("--no-peers", dest="peers", action="store_false", help="our two servers alone")
    for name in ("worker", "all"):
        parsers[name].add_argument("--changes", type=int, default=20_000)
    parsers["all"].add_argument("--write", action="store_true", help="write docs/PERFORMANCE.md and .json")
    options = vars(parser.parse_args())
    tables = MODULES[options.pop("what")].run(**options)
    if tables and (path := os.environ.get("BENCH_JSON")):
        Path(path).write_text(as_json(tables))


if __name__ == "__main__":
    main()
