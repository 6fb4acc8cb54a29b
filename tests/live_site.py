"""The portal as real processes, for tests of what a browser, a colleague and a failing service see."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from project.web_server import WebServer, command
from realtime.local.faults_client import RealtimeFaults
from realtime.local.process import LOOPBACK, Service, pick_port
from realtime.local.stack import LocalStack, healthy
from tests.prepared import collect_static_files, copy_database, manage, seeded_template, static_files


@dataclass
class LiveSite:
    """A web process and a worker over a stack of their own. Services can be stopped, killed, frozen and started."""

    stack: LocalStack
    web: Service
    worker: Service
    faults: RealtimeFaults
    environment: dict[str, str]
    logs: Path
    username: str = "demo"
    password: str = "demo"
    # That of a proxy in front of the web process.
    address: str = ""

    @property
    def url(self) -> str:
        """Where browsers find the portal, without a slash at its end."""
        return self.address or self.web_url

    @property
    def web_url(self) -> str:
        """The portal past whatever proxy stands in front of it, without a slash at its end."""
        return f"http://{self.web.address}{self.prefix[:-1]}"

    @property
    def prefix(self) -> str:
        return self.environment["URL_PREFIX"]

    @property
    def cookie_suffix(self) -> str:
        return self.prefix[:-1].replace("/", "_")

    def own(self, name: str) -> str:
        """What a script calls something that the browser keeps for the whole host: ``own`` in static/js/root.js."""
        return name if self.prefix == "/" else f"{self.prefix} {name}"

    @property
    def database_url(self) -> str:
        return self.stack.database_url

    def connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        """A connection of another writer: plain SQL, each statement committed."""
        return psycopg.connect(self.database_url, autocommit=True)

    def manage(self, *arguments: str) -> None:
        manage(self.environment, *arguments)

    def start(self) -> None:
        self.start_stack()
        self.web.start()
        self.worker.start()

    def start_stack(self) -> None:
        """All that the processes need; the database has the demo's rows."""
        collect_static_files()
        cluster = self.stack.postgres.url()
        copy_database(cluster, seeded_template(cluster), self.stack.database)
        self.stack.start()

    def stop(self) -> None:
        self.worker.stop()
        self.web.stop()
        self.stack.stop()


def make_live_site(stack: LocalStack, directory: Path, extra: dict[str, str]) -> LiveSite:
    environment = dict(os.environ) | stack.environment() | {"PYTHONUNBUFFERED": "1"}
    # As many as in a deployment, whatever this session's environment says.
    environment |= {"DATABASE_POOL_SIZE": "", "URL_PREFIX": "/"} | extra
    environment["STATIC_ROOT"] = str(static_files())
    web = make_web(environment, directory / "web.log")
    worker = Service(
        name="Worker",
        argv=[sys.executable, "manage.py", "run_realtime_worker"],
        log=directory / "worker.log",
        env=environment,
    )
    return LiveSite(stack, web, worker, RealtimeFaults(stack.supabase_url), environment, directory)


def make_web(environment: dict[str, str], log: Path, server: WebServer = WebServer.DAPHNE) -> Service:
    port = pick_port()
    health = f"http://{LOOPBACK}:{port}{environment['URL_PREFIX']}healthz"
    return Service(
        name="Web",
        argv=[sys.executable, *command(server, LOOPBACK, port)],
        log=log,
        env=environment,
        address=f"{LOOPBACK}:{port}",
        ready=lambda: healthy(health),
    )


@contextmanager
def served_by(site: LiveSite, server: WebServer) -> Iterator[LiveSite]:
    """The same site, seen through a web process of this server."""
    if server is WebServer.DAPHNE:
        yield site
        return
    web = make_web(site.environment, site.logs / f"{server}.log", server)
    web.start()
    try:
        yield replace(site, web=web)
    finally:
        web.stop()
