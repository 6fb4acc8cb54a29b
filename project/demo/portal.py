"""What the demo runs, where it keeps things, and how to see that it runs."""

import fcntl
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from project.demo.colleagues import COLLEAGUES
from project.demo.supervisor import Supervisor
from project.web_server import WebServer, command
from realtime.local.process import LOOPBACK, REPOSITORY, Service, ServiceError, die_with_parent, port_is_free
from realtime.local.remembered import remembered, write_private
from realtime.local.stack import LocalStack, healthy

LOCAL = REPOSITORY / ".local"
LOGS = LOCAL / "logs"
LOCK = LOCAL / "demo.lock"
SERVICE_VARIABLES = ("DATABASE_URL", "REDIS_URL", "SUPABASE_URL", "SUPABASE_KEY")

say = partial(print, flush=True)


@dataclass(frozen=True)
class Options:
    port: int = 8000
    activity: bool = True
    reset: bool = False
    # Tickets; None means the usual number.
    rows: int | None = None
    # URL_PREFIX.
    prefix: str = "/"

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}{self.prefix}"


class Portal:
    """One run of the demo, from the first service to the last one's end."""

    def __init__(self, options: Options, environment: Mapping[str, str]) -> None:
        self._options = options
        self._environment = dict(environment)
        self._supervisor = Supervisor(say, self._write_pids)
        self._stack = None if has_own_services(environment) else local_stack()

    def run(self) -> None:
        """Never returns by itself: it stops everything, then ends with the exception that a signal raised."""
        with only_one_per_clone(self._options.url):
            self._require_free_port()
            if self._options.reset:
                self._reset()
            try:
                self._start()
                self._supervisor.watch()
            finally:
                ignore_further_signals()
                say("Stopping …")
                self._supervisor.stop()
                (LOCAL / "demo.pids").unlink(missing_ok=True)

    def _require_free_port(self) -> None:
        port = self._options.port
        if not port_is_free(port):
            raise ServiceError(
                f"Port {port} is already in use: stop what listens there, or choose another with --port."
            )

    def _reset(self) -> None:
        if self._stack is None:
            raise ServiceError("--reset deletes only data of the demo's own services, and DATABASE_URL names another.")
        self._stack.remove()
        for entry in LOCAL.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry != LOCK:
                entry.unlink()
        # A new one, because the old one still knows the secrets that were just deleted.
        self._stack = local_stack()

    def _start(self) -> None:
        if self._stack:
            self._stack.start(self._started)
            self._environment |= self._stack.environment()
        self._environment |= {
            "DJANGO_SECRET_KEY": self._environment.get("DJANGO_SECRET_KEY")
            or remembered(LOCAL / "django-secret-key", lambda: secrets.token_urlsafe(50)),
            "EMAIL_URL": self._environment.get("EMAIL_URL") or "console:",
            "DEMO_PASSWORD": self._environment.get("DEMO_PASSWORD") or "demo",
            "PYTHONUNBUFFERED": "1",
        }
        self._prepare_database()
        self._start_portal()
        self._write_environment()
        say(f"Colleagues, with the same password: {', '.join(f'{one.username} ({one.group})' for one in COLLEAGUES)}")
        say(f"Ready: {self._options.url}  sign in as demo / {self._environment['DEMO_PASSWORD']}")

    def _prepare_database(self) -> None:
        for step in (["migrate", "--noinput"], ["collectstatic", "--noinput"], ["seed_demo", *self._rows()]):
            say(f"manage.py {step[0]}")
            self._manage(step)

    def _rows(self) -> list[str]:
        return [] if self._options.rows is None else ["--rows", str(self._options.rows)]

    def _manage(self, arguments: list[str]) -> None:
        log = LOGS / f"{arguments[0]}.log"
        with log.open("wb") as output:
            done = subprocess.run(
                [sys.executable, "manage.py", *arguments],
                cwd=REPOSITORY,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        if done.returncode:
            lines = log.read_text(errors="replace").strip().splitlines()
            raise ServiceError(f"manage.py {arguments[0]} failed: {lines[-1] if lines else 'no reason given'} ({log})")

    def _start_portal(self) -> None:
        port = self._options.port
        web = self._service("Web", "web", command(WebServer.DAPHNE, LOOPBACK, port))
        web.address = f"{LOOPBACK}:{port}"
        web.ready = lambda: healthy(f"{self._options.url}healthz")
        services = [web, self._service("Worker", "worker", ["manage.py", "run_realtime_worker"])]
        if self._options.activity:
            services.append(self._service("Activity", "activity", ["manage.py", "demo_activity", *self._rows()]))
        for service in services:
            self._supervisor.start(service)
            announce(service)

    def _service(self, name: str, log: str, arguments: list[str]) -> Service:
        return Service(
            name=name,
            argv=[sys.executable, *arguments],
            log=LOGS / f"{log}.log",
            env=self._environment,
        )

    def _started(self, service: Service) -> None:
        self._supervisor.adopt(service)
        announce(service)

    def _write_environment(self) -> None:
        """Writes `.local/demo.env` for work with the same services: `. .local/demo.env`."""
        names = (*SERVICE_VARIABLES, "SUPABASE_JWT_SECRET", "DJANGO_SECRET_KEY", "DEMO_PASSWORD")
        values = {name: self._environment[name] for name in names if name in self._environment}
        values |= {"PORTAL_URL": self._options.url.rstrip("/"), "DEMO_USER": "demo"}
        if self._stack:
            values["SUPABASE_ANON_KEY"] = self._stack.anon_key
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in values.items()]
        write_private(LOCAL / "demo.env", "".join(lines))

    def _write_pids(self) -> None:
        running = [service for service in self._supervisor.services if service.alive]
        lines = [f"supervisor={os.getpid()}\n", *(f"{service.log.stem}={service.pid}\n" for service in running)]
        write_private(LOCAL / "demo.pids", "".join(lines))


def local_stack() -> LocalStack:
    return LocalStack(LOCAL, logs=LOGS)


def announce(service: Service) -> None:
    log = service.log.relative_to(REPOSITORY)
    say(f"{service.name:<11} {service.address:<16} pid {service.pid:<7} {log}")


def has_own_services(environment: Mapping[str, str]) -> bool:
    """Whether the environment names all the services to use, instead of those that the demo brings."""
    missing = [name for name in SERVICE_VARIABLES if not environment.get(name)]
    if missing and len(missing) < len(SERVICE_VARIABLES):
        named = [name for name in SERVICE_VARIABLES if name not in missing]
        raise ServiceError(
            f"{' and '.join(named)} set, but {' and '.join(missing)} not: set all four to use your own services, "
            "or none for the demo's."
        )
    return not missing


@contextmanager
def only_one_per_clone(url: str) -> Iterator[None]:
    """Holds the clone's lock, which is released however the process ends."""
    LOCAL.mkdir(exist_ok=True)
    # Not "w": that would empty the note of the process that holds the lock.
    with LOCK.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = Path(LOCK).read_text().strip()
            raise ServiceError(f"The demo of this clone is already running ({holder}).") from None
        lock.truncate(0)
        lock.write(f"pid {os.getpid()}, {url}")
        lock.flush()
        yield


def ignore_further_signals() -> None:
    """Stopping takes a limited time; a second Ctrl-C in the middle of it would leave services behind to be killed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
