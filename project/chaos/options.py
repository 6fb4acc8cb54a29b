"""What `bin/chaos` can be asked for."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from project.web_server import WebServer


@dataclass(frozen=True)
class Options:
    seed: int
    minutes: float
    realtime: bool
    doorbell: bool
    storm_seconds: float
    sockets: int
    writers: int
    # Seconds between one writer's actions, on average.
    pace: float
    keep: bool
    # The SQL that builds the project whose database is adopted; None for a database of our own.
    adopt: Path | None
    # The web processes'.
    server: WebServer


def read_options(arguments: list[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(
        prog="bin/chaos",
        description="Breaks a portal of its own in every way there is, then compares it with a reload.",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the first round; each further round has the next one")
    parser.add_argument("--minutes", type=float, default=2, help="rounds begin until these are over; one at least")
    parser.add_argument("--no-realtime", action="store_true", help="without a Realtime server: the change log alone")
    parser.add_argument("--no-doorbell", action="store_true", help="without LISTEN/NOTIFY")
    parser.add_argument("--storm-seconds", type=float, default=80, help="how long faults and writes last in a round")
    parser.add_argument("--sockets", type=int, default=200, help="plain WebSocket clients")
    parser.add_argument("--writers", type=int, default=4, help="programs that write")
    parser.add_argument("--pace", type=float, default=0.15, help="seconds between one writer's actions, on average")
    parser.add_argument("--keep", action="store_true", help="leave the directory with logs and records")
    parser.add_argument(
        "--adopt",
        type=Path,
        metavar="SQL",
        help="over a database that was adopted: a script that builds an app's project, as in tests/their_projects",
    )
    parser.add_argument("--server", type=WebServer, choices=list(WebServer), default=WebServer.DAPHNE)
    given = parser.parse_args(arguments)
    if given.adopt and not given.adopt.is_file():
        parser.error(f"--adopt: there is no file {given.adopt}")
    return Options(
        seed=given.seed,
        minutes=given.minutes,
        realtime=not given.no_realtime,
        doorbell=not given.no_doorbell,
        storm_seconds=given.storm_seconds,
        sockets=given.sockets,
        writers=given.writers,
        pace=given.pace,
        keep=given.keep,
        adopt=given.adopt,
        server=given.server,
    )
