"""The portal as it runs, for benchmarks: a web process and a worker over the services."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from project.web_server import WebServer, command
from realtime.events import RealtimeConnectionStatus
from realtime.local.process import LOOPBACK, Service, pick_port
from realtime.local.stack import LocalStack, healthy


@dataclass
class Site:
    services: LocalStack
    web: Service
    worker: Service

    @property
    def port(self) -> int:
        return int(self.web.address.rpartition(":")[2])


@contextmanager
def portal(services: LocalStack, server: WebServer) -> Iterator[Site]:
    """Yields once the worker is connected and has emitted what was written before: nobody waits for that every day."""
    from django.conf import settings

    port = pick_port()
    # Tokens that this process signs are to be valid there.
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "DJANGO_DEBUG": "", "DJANGO_SECRET_KEY": settings.SECRET_KEY}
    environment["STATIC_ROOT"] = str(services.directory / "static")
    web = Service(
        name=f"web {server}",
        argv=[sys.executable, *command(server, LOOPBACK, port)],
        log=services.directory / f"web-{server}.log",
        env=environment,
        address=f"{LOOPBACK}:{port}",
        ready=lambda: healthy(f"http://{LOOPBACK}:{port}/healthz"),
    )
    began = time.time()
    worker = Service(
        name="worker",
        argv=[sys.executable, "manage.py", "run_realtime_worker"],
        log=services.directory / "worker.log",
        env=environment,
        ready=lambda: _is_up_to_date(began),
    )
    try:
        web.start()
        worker.start()
        yield Site(services, web, worker)
    finally:
        worker.stop()
        web.stop()


def _is_up_to_date(since: float) -> bool:
    """Whether a worker has said so since then (seconds of the epoch)."""
    from realtime.status.last_beat import known

    told = known().told
    if told is None or told["leads_since"] < since:
        return False
    return bool(told["status"] == RealtimeConnectionStatus.CONNECTED and told["live"] and not told["queue"])
