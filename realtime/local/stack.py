"""The whole of Supabase's part on one machine: PostgreSQL, Redis and the local Realtime server."""

import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psycopg

from realtime.local.keys import make_jwt
from realtime.local.postgres import EmbeddedPostgres
from realtime.local.process import LOOPBACK, Service, pick_port, port_is_free, require_free_port
from realtime.local.redis import EmbeddedRedis
from realtime.local.remembered import remembered, write_private
from realtime.local.supabase import provision


@dataclass(frozen=True)
class Ports:
    postgres: int
    redis: int
    realtime: int


@dataclass(frozen=True)
class RealtimeOptions:
    """How the Realtime server behaves; by default as Supabase's own does."""

    poll_interval_ms: int = 100
    idle_multiplier: int = 5
    refusal_delay_scale: float = 1.0
    faults: bool = False

    def arguments(self) -> list[str]:
        return [
            f"--poll-interval-ms={self.poll_interval_ms}",
            f"--idle-multiplier={self.idle_multiplier}",
            f"--refusal-delay-scale={self.refusal_delay_scale}",
            *(["--faults"] if self.faults else []),
        ]


class LocalStack:
    """Starts what a Supabase project and a Redis would otherwise provide, with everything it keeps in ``directory``.

    Ports and secrets are chosen once per directory; a port that something else has taken since is replaced.
    With ``postgres`` given, the stack uses that running cluster, adds its own database, and leaves it running.
    """

    def __init__(
        self,
        directory: Path,
        *,
        durable: bool = True,
        database: str = "livedesk",
        ports: Ports | None = None,
        postgres: EmbeddedPostgres | None = None,
        realtime: RealtimeOptions | None = None,
        logs: Path | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.database = database
        self._durable = durable
        self._given_ports = ports
        self._shared_postgres = postgres
        self._options = realtime or RealtimeOptions()
        self._logs = logs or self.directory / "logs"

    @cached_property
    def ports(self) -> Ports:
        return self._given_ports or remembered_ports(self.directory / "ports.json")

    @cached_property
    def postgres(self) -> EmbeddedPostgres:
        return self._shared_postgres or EmbeddedPostgres(
            self.directory / "postgres",
            self.ports.postgres,
            durable=self._durable,
            log=self._logs / "postgres.log",
        )

    @cached_property
    def redis(self) -> EmbeddedRedis:
        return EmbeddedRedis(self.directory / "redis", self.ports.redis, log=self._logs / "redis.log")

    @cached_property
    def realtime(self) -> Service:
        port = self.ports.realtime
        return Service(
            name="Realtime",
            argv=[sys.executable, "-m", "realtime.local.realtime_server", f"--port={port}", *self._options.arguments()],
            log=self._logs / "realtime.log",
            env=os.environ
            | {
                # PostgreSQL writes several lines per read of a slot, ten times a second, to its log.
                "DATABASE_URL": f"{self.database_url}?options=-c%20log_min_messages%3Dfatal",
                "REALTIME_JWT_SECRET": self.jwt_secret,
                "PYTHONUNBUFFERED": "1",
            },
            address=f"{LOOPBACK}:{port}",
            prepare=lambda: require_free_port(port, "Realtime"),
            ready=lambda: healthy(f"{self.supabase_url}/health"),
        )

    @property
    def services(self) -> list[Service]:
        """What this stack runs, in the order of starting."""
        own = [] if self._shared_postgres else [self.postgres.service]
        return [*own, self.redis.service, self.realtime]

    @property
    def database_url(self) -> str:
        return self.postgres.url(self.database)

    @property
    def redis_url(self) -> str:
        return self.redis.url

    @property
    def supabase_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.realtime}"

    @cached_property
    def supabase_key(self) -> str:
        """The `service_role` key: reads and writes past row level security."""
        return make_jwt(self.jwt_secret, "service_role")

    @cached_property
    def anon_key(self) -> str:
        return make_jwt(self.jwt_secret, "anon")

    @cached_property
    def jwt_secret(self) -> str:
        return remembered(self.directory / "jwt-secret", lambda: secrets.token_urlsafe(40))

    def environment(self) -> dict[str, str]:
        """The variables that point the portal at this stack."""
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "SUPABASE_URL": self.supabase_url,
            "SUPABASE_KEY": self.supabase_key,
            "SUPABASE_JWT_SECRET": self.jwt_secret,
        }

    def start(self, started: Callable[[Service], None] = lambda service: None) -> None:
        """Starts every service, each when the ones before are ready; ``started`` hears of each."""
        try:
            for service in self.services:
                if service is self.realtime:
                    self._provision()
                service.start()
                started(service)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        for service in reversed(self.services):
            service.stop()

    def healthy(self) -> bool:
        """Whether every service runs and answers."""
        return all(service.alive and service.ready() for service in self.services)

    def remove(self) -> None:
        """Deletes the stack's data, except that of a shared PostgreSQL."""
        if not self._shared_postgres:
            self.postgres.remove()

    def _provision(self) -> None:
        self.postgres.create_database(self.database)
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            provision(connection)


def healthy(url: str) -> bool:
    """Whether the address answers with success."""
    # Straight to it: a proxy from the environment knows nothing of this machine's loopback.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def remembered_ports(path: Path) -> Ports:
    """The ports of the last start; any that is no longer free is replaced."""
    try:
        known = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        known = {}
    chosen: dict[str, int] = {}
    for name in Ports.__dataclass_fields__:
        port = known.get(name)
        if not isinstance(port, int) or not port_is_free(port):
            port = pick_port(taken=chosen.values())
        chosen[name] = port
    if chosen != known:
        write_private(path, json.dumps(chosen))
    return Ports(**chosen)
