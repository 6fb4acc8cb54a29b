"""Keeps a list of services running, until told to stop."""

import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from realtime.local.process import Service, ServiceError

BACKOFF_SECONDS = (0.3, 1, 2, 4, 8)
# A service that lived this long started well: its next end counts as the first.
STEADY_SECONDS = 20


@dataclass
class _Restart:
    """How often in a row a service ended early, and when it is started next."""

    failures: int = 0
    due: float | None = None
    started: float = 0.0

    def schedule(self, now: float) -> None:
        if now - self.started > STEADY_SECONDS:
            self.failures = 0
        self.due = now + BACKOFF_SECONDS[min(self.failures, len(BACKOFF_SECONDS) - 1)]
        self.failures += 1


class Supervisor:
    """Starts services in order, restarts the ones that end, stops all in reverse order.

    It doesn't wait for a restarted service, which takes no other down with it: each copes while the services it uses
    are away. ``say`` hears one line for each event; ``changed`` is called when there is a new process id.
    """

    def __init__(self, say: Callable[[str], None], changed: Callable[[], None]) -> None:
        self._say = say
        self._changed = changed
        self._restarts: dict[str, _Restart] = {}
        self.services: list[Service] = []

    def start(self, service: Service) -> None:
        """Starts the service, waits until it is ready, and watches it from then on."""
        self.services.append(service)
        service.start()
        self.adopt(service)

    def adopt(self, service: Service) -> None:
        """Watches a service that has been started."""
        if service not in self.services:
            self.services.append(service)
        self._restarts[service.name] = _Restart(started=time.monotonic())
        self._changed()

    def watch(self) -> None:
        """Restarts whatever ends; never returns by itself."""
        while True:
            self._await_event()
            for service in self.services:
                self._attend(service)

    def stop(self) -> None:
        for service in reversed(self.services):
            service.stop()

    def _await_event(self) -> None:
        """Returns when a service ended or a restart is due."""
        now = time.monotonic()
        due = [restart.due - now for restart in self._restarts.values() if restart.due is not None]
        with _watching(service.pid for service in self.services if service.alive) as watcher:
            watcher.poll(max(0.0, min(due)) * 1000 if due else None)

    def _attend(self, service: Service) -> None:
        restart, now = self._restarts[service.name], time.monotonic()
        if service.alive:
            return
        if restart.due is None:
            restart.schedule(now)
        elif restart.due <= now:
            restart.due = None
            self._restart(service, restart)

    def _restart(self, service: Service, restart: _Restart) -> None:
        reason = _ending(service)
        restart.started = time.monotonic()
        try:
            service.launch()
        except ServiceError as error:
            self._say(f"{service.name} {reason} and can't be restarted yet: {error}")
        else:
            self._say(f"{service.name} {reason} and was restarted (pid {service.pid}, log {service.log.name}).")
            self._changed()


@contextmanager
def _watching(pids: Iterator[int]) -> Iterator[select.poll]:
    """A poll object that reports when one of the processes ends."""
    watcher, handles = select.poll(), []
    try:
        for pid in pids:
            handles.append(os.pidfd_open(pid))
            watcher.register(handles[-1], select.POLLIN)
        yield watcher
    finally:
        for handle in handles:
            os.close(handle)


def _ending(service: Service) -> str:
    code = service.exit_code or 0
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
