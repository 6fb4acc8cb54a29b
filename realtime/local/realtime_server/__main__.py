"""Command line of the local Realtime server; bad configuration is one sentence on stderr and exit code 2."""

import argparse
import asyncio
import logging
import os
import signal
import sys

import psycopg

from realtime.local.realtime_server import database
from realtime.local.realtime_server.server import RealtimeServer
from realtime.local.realtime_server.settings import Settings

MAY_DECODE = """
select current_setting('wal_level'), rolsuper or rolreplication from pg_roles where rolname = current_user
"""


class ConfigurationError(Exception):
    """One sentence for the operator."""


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="realtime_server: %(message)s")
    # Its tracebacks of failed handshakes carry the request line, and with it the API key.
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    try:
        settings = read_settings()
        asyncio.run(serve(settings))
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def read_settings() -> Settings:
    arguments = parser().parse_args()
    return Settings(
        database_url=_environment("DATABASE_URL", "the PostgreSQL to follow"),
        jwt_secret=_environment("REALTIME_JWT_SECRET", "the secret tokens are signed with"),
        host=arguments.host,
        port=arguments.port,
        publication=arguments.publication,
        poll_interval=arguments.poll_interval_ms / 1000,
        idle_multiplier=arguments.idle_multiplier,
        refusal_delay_scale=arguments.refusal_delay_scale,
        publication_refresh=arguments.publication_refresh,
        max_events_per_second=arguments.max_events_per_second,
        idle_timeout=arguments.idle_timeout,
        faults=arguments.faults,
    )


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m realtime.local.realtime_server", description=__doc__)
    parser.add_argument("--port", type=_port, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--publication", default="supabase_realtime")
    parser.add_argument("--poll-interval-ms", type=_positive, default=100.0)
    parser.add_argument("--idle-multiplier", type=_positive, default=5.0)
    parser.add_argument("--refusal-delay-scale", type=_not_negative, default=1.0)
    parser.add_argument("--publication-refresh", type=_positive, default=60.0, metavar="SECONDS")
    parser.add_argument("--max-events-per-second", type=_not_negative, default=0.0, help="0 is without a limit")
    parser.add_argument("--idle-timeout", type=_positive, default=60.0, metavar="SECONDS")
    parser.add_argument("--faults", action="store_true", help="answer /_faults/ (for tests)")
    return parser


def _environment(name: str, meaning: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ConfigurationError(f"{name} is not set: it names {meaning}.")
    return value


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError("a port is 1 to 65535")
    return int(text)


def _positive(text: str) -> float:
    if (value := _not_negative(text)) == 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def _not_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError("must be 0 or more")
    return value


async def serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await check_database(settings)
    address = f"ws://{settings.host}:{settings.port}/realtime/v1/websocket"
    try:
        await RealtimeServer(settings).run(stop, lambda: print(f"Realtime server listening on {address}", flush=True))
    except OSError as error:
        raise ConfigurationError(f"Can't listen on {settings.host}:{settings.port}: {error.strerror}.") from error


async def check_database(settings: Settings) -> None:
    """Refuse what waiting can't mend; the poller waits for a database that is merely away."""
    try:
        psycopg.conninfo.conninfo_to_dict(settings.database_url)
    except psycopg.ProgrammingError:
        raise ConfigurationError("DATABASE_URL is not a PostgreSQL connection string.") from None
    try:
        connection = await database.connect(settings.database_url, "check")
    except psycopg.OperationalError:
        return
    async with connection:
        row = await (await connection.execute(MAY_DECODE)).fetchone()
    level, replicates = row or ("unknown", False)
    if level != "logical":
        raise ConfigurationError(f"wal_level is {level}: logical decoding needs wal_level=logical and a restart.")
    if not replicates:
        raise ConfigurationError("The role in DATABASE_URL may not replicate: give it the REPLICATION attribute.")


if __name__ == "__main__":
    sys.exit(main())
