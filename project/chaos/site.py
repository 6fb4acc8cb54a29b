"""The portal under test: its own services in one directory, and a proxy on every hop between them."""

import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from project.chaos.loop_thread import LoopThread
from project.chaos.proxy import Proxy
from project.web_server import WebServer, command
from realtime.local.faults_client import RealtimeFaults
from realtime.local.process import LOOPBACK, REPOSITORY, Service, ServiceError, die_with_parent, pick_port
from realtime.local.stack import LocalStack, RealtimeOptions, healthy
from realtime.local.supabase import provision

WORKERS = ("worker1", "worker2")
WEBS = ("web1", "web2")
# As fast as possible: the delays of production would only make a round longer.
REALTIME = RealtimeOptions(poll_interval_ms=50, idle_multiplier=1, refusal_delay_scale=0, faults=True)
RELAUNCH_SECONDS = 0.5
AWAY_SECONDS = 60.0

# Few rows, so that random writes hit the pages that are watched; `seed_demo` then adds only the people.
SEED = (
    "insert into customers (name, email, phone) select 'Customer ' || n,"
    " case when n % 2 = 0 then 'c' || n || '@example.org' else '' end, '' from generate_series(1, 70) n",
    "insert into products (name, price) select 'Product ' || n, n * 20 from generate_series(1, 70) n",
    "insert into acquisitions (customer_id, product_id, total_amount)"
    " select c.id, p.id, p.price from (select id, row_number() over () n from customers) c"
    " join (select id, price, row_number() over () n from products) p using (n)",
    "insert into interactions (customer_id, notes) select id, 'Hello' from customers",
    "insert into tickets (title, customer_id) select 'Ticket of ' || name, id from customers",
    "insert into comments (ticket_id, content) select id, 'First' from tickets",
    "insert into attachments (ticket_id, file_name, file_url)"
    " select id, 'file.txt', 'https://files.example/x' from tickets limit 30",
)


class Site:
    """Starts services and injects faults from one thread, which must live as long as the services."""

    def __init__(
        self,
        directory: Path,
        loop: LoopThread,
        *,
        realtime: bool,
        doorbell: bool,
        adopt: Path | None,
        server: WebServer,
    ) -> None:
        self.directory = directory
        self._adopt = adopt
        self._server = server
        self.logs = directory / "logs"
        self.records = directory / "records"
        self.with_realtime = realtime
        self.loop = loop
        self.stack = LocalStack(directory, durable=True, realtime=REALTIME, logs=self.logs)
        self.faults = RealtimeFaults(self.stack.supabase_url)
        self.proxies: dict[tuple[str, str], Proxy] = {}
        # Stays down on purpose until removed from here.
        self.held: set[str] = set()
        # Our processes that ended without being told to.
        self.ended: list[str] = []
        self._killed: set[str] = set()
        self._tried: dict[str, float] = {}
        self._environment = (
            dict(os.environ)
            | self.stack.environment()
            | {
                "PYTHONUNBUFFERED": "1",
                "URL_PREFIX": "/",
                "DJANGO_SECRET_KEY": secrets.token_urlsafe(30),
                "DJANGO_DEBUG": "",
                "DJANGO_SETTINGS_MODULE": "project.settings",
                "STATIC_ROOT": str(directory / "static"),
                "MEDIA_ROOT": str(directory / "media"),
                "CHAOS_RECORDS": str(self.records),
                "REALTIME_DOORBELL": "1" if doorbell else "0",
            }
        )
        self.services: dict[str, Service] = {"postgres": self.stack.postgres.service, "redis": self.stack.redis.service}
        if realtime:
            self.services["realtime"] = self.stack.realtime
        for name in WORKERS:
            self.services[name] = self._worker(name)
        for name in WEBS:
            self.services[name] = self._web(name)

    def start(self, say: Callable[[str], None]) -> None:
        """Raises ServiceError or psycopg.Error when something can't be started."""
        self.records.mkdir(parents=True)
        self._start("postgres")
        self.stack.postgres.create_database(self.stack.database)
        with psycopg.connect(self.stack.database_url, autocommit=True) as connection:
            provision(connection)
        self._start("redis")
        for proxy in self.proxies.values():
            self.loop.run(proxy.open())
        say("PostgreSQL and Redis are ready; migrating")
        if self._adopt:
            with psycopg.connect(self.stack.database_url, autocommit=True) as connection:
                connection.execute(self._adopt.read_bytes())
            self._manage("adopt")
        else:
            self._manage("migrate", "--noinput")
        with psycopg.connect(self.stack.database_url, autocommit=True) as connection:
            for statement in SEED:
                connection.execute(statement.encode())
        self._manage("seed_demo")
        self._manage("collectstatic", "--noinput")
        for name in self.services:
            if name not in ("postgres", "redis"):
                self._start(name)
        say(f"ready: {', '.join(self.services)}")

    def stop(self) -> None:
        for name in reversed(self.services):
            self.services[name].stop()
        for proxy in self.proxies.values():
            self.loop.run(proxy.close())

    def remove(self) -> None:
        self.stack.remove()

    # Breaking and mending

    def kill(self, *names: str) -> None:
        """Kills processes and keeps them down until ``release()``."""
        for name in names:
            self.held.add(name)
            self._killed.add(name)
            self.services[name].kill()

    def end(self, name: str) -> None:
        """Ends a process in good order, as an operator would, and keeps it down."""
        self.held.add(name)
        self._killed.add(name)
        self.services[name].stop()

    def release(self, *names: str) -> None:
        self.held.difference_update(names)
        self.tend()

    def tend(self) -> None:
        """Starts what should run and doesn't, without waiting for it."""
        for name, service in self.services.items():
            if service.alive or name in self.held or time.monotonic() - self._tried.get(name, 0) < RELAUNCH_SECONDS:
                continue
            if name not in self._killed:
                self.ended.append(f"{name} ended with exit code {service.exit_code}: {service.last_line()}")
            self._killed.add(name)
            self._tried[name] = time.monotonic()
            try:
                service.launch()
            except ServiceError as error:
                # PostgreSQL's children outlive it for a moment; the next look tries again.
                print(f"    {name} can't be started yet: {error}", flush=True)
            else:
                self._killed.discard(name)

    def mend(self) -> None:
        """Mends everything, whatever was broken. Returns when every service answers, or after a minute."""
        self.held.clear()
        for service in self.services.values():
            if service.alive:
                service.thaw()
        for proxy in self.proxies.values():
            self.loop.run(proxy.mend())
        deadline = time.monotonic() + AWAY_SECONDS
        while not self._all_answer() and time.monotonic() < deadline:
            self.tend()
            time.sleep(0.1)
        if self.with_realtime:
            self.faults.reset()

    def _all_answer(self) -> bool:
        return all(service.alive and service.ready() for service in self.services.values())

    # Observing

    @property
    def addresses(self) -> list[str]:
        """Where browsers and sockets reach each web process: through its proxy."""
        return [f"http://{LOOPBACK}:{self.proxies[name, 'front'].port}" for name in WEBS]

    @property
    def direct_address(self) -> str:
        return f"http://{self.services[WEBS[0]].address}"

    def connect(self) -> "psycopg.Connection[Any]":
        """A direct connection that commits each statement."""
        return psycopg.connect(self.stack.database_url, autocommit=True, connect_timeout=10)

    # The parts

    def _start(self, name: str) -> None:
        self.services[name].start()

    def _worker(self, name: str) -> Service:
        return Service(
            name=name,
            argv=[sys.executable, "-m", "project.chaos.worker"],
            log=self.logs / f"{name}.log",
            env=self._environment_of(name) | {"CHAOS_NAME": name},
        )

    def _web(self, name: str) -> Service:
        port = pick_port()
        self._proxy(name, "front", port)
        return Service(
            name=name,
            argv=[sys.executable, *command(self._server, LOOPBACK, port)],
            log=self.logs / f"{name}.log",
            env=self._environment_of(name),
            address=f"{LOOPBACK}:{port}",
            ready=lambda: healthy(f"http://{LOOPBACK}:{port}/healthz"),
        )

    def _environment_of(self, name: str) -> dict[str, str]:
        ports = self.stack.ports
        # Without a Realtime server nothing listens behind this hop either.
        hops = {"DATABASE_URL": ports.postgres, "REDIS_URL": ports.redis, "SUPABASE_URL": ports.realtime}
        return self._environment | {
            variable: re.sub(rf":{port}\b", f":{self._proxy(name, variable, port)}", self._environment[variable])
            for variable, port in hops.items()
        }

    def _proxy(self, name: str, hop: str, port: int) -> int:
        proxy = Proxy(f"{name} {hop}", port, pick_port(taken=[other.port for other in self.proxies.values()]))
        self.proxies[name, hop] = proxy
        return proxy.port

    def _manage(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=REPOSITORY,
            env=self._environment,
            capture_output=True,
            text=True,
            preexec_fn=die_with_parent(),
        )
        if done.returncode:
            raise ServiceError(f"manage.py {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
