import argparse
import os
import signal
import sys
from types import FrameType

from project.demo.portal import Options, Portal
from realtime.local.process import ServiceError

# Fewer than usual would leave the team at work without rows; more than this doesn't fit in memory while it is made.
FEWEST_ROWS, MOST_ROWS = 3_000, 1_000_000


class StopRequested(BaseException):
    """A signal asked the demo to end. Not an ``Exception``, so that nothing on the way takes it for a failure."""


def request_stop(number: int, frame: FrameType | None) -> None:
    raise StopRequested


def parse(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(prog="bin/demo", description="Starts the portal with everything it stands on.")
    parser.add_argument("--port", type=port_number, default=8000, help="where the portal listens (8000)")
    parser.add_argument("--no-activity", action="store_true", help="no made-up colleagues who change things")
    parser.add_argument("--reset", action="store_true", help="delete the demo's data first")
    parser.add_argument("--rows", type=number_of_rows, help="begin with this many tickets, other rows in proportion")
    given = parser.parse_args(arguments)
    return Options(
        port=given.port,
        activity=not given.no_activity,
        reset=given.reset,
        rows=given.rows,
        prefix=os.environ.get("URL_PREFIX") or "/",
    )


def port_number(text: str) -> int:
    port = int(text)
    if not 0 < port < 65536:
        raise argparse.ArgumentTypeError(f"{port} is no port: it takes 1 to 65535")
    return port


def number_of_rows(text: str) -> int:
    rows = int(text)
    if not FEWEST_ROWS <= rows <= MOST_ROWS:
        raise argparse.ArgumentTypeError(f"{rows} tickets: it takes {FEWEST_ROWS:,} to {MOST_ROWS:,}")
    return rows


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, request_stop)
    try:
        Portal(options, os.environ).run()
    except StopRequested:
        return 0
    except (ServiceError, OSError) as error:
        print(f"bin/demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
