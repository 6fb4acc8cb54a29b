import asyncio
import logging
import signal
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from realtime.status.metrics import serve_worker
from realtime.worker.preflight import ConfigurationError
from realtime.worker.worker import RealtimeWorker

logger = logging.getLogger("realtime.worker")


class Command(BaseCommand):
    help = "Holds the Supabase Realtime subscriptions and passes every committed change on to the web processes."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            asyncio.run(self._run())
        except (ConfigurationError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from None

    async def _run(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, stop, number)
        worker = RealtimeWorker()
        if settings.REALTIME_METRICS_ADDRESS:
            self._serve_metrics(worker)
        logger.info("worker started: tables %s", ", ".join(worker.repositories.tables))
        await worker.run(stop)
        logger.info("worker stopped")

    def _serve_metrics(self, worker: RealtimeWorker) -> None:
        address = settings.REALTIME_METRICS_ADDRESS
        try:
            serve_worker(address, lambda: worker.heartbeat.told)
        except OSError as error:
            raise ConfigurationError(f"REALTIME_METRICS_ADDRESS '{address}' can't be used: {error.strerror}") from None

    def _stop(self, stop: asyncio.Event, number: int) -> None:
        logger.info("%s: finishing", signal.Signals(number).name)
        stop.set()
