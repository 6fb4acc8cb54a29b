from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from realtime.worker.retention import prune


class Command(BaseCommand):
    help = (
        "Deletes what is older than the retention from the change log, and never what a worker hasn't read yet. "
        "The leading worker does the same every hour."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=float, help="instead of REALTIME_RETENTION_DAYS; 0: all that was read")

    def handle(self, *args: Any, days: float | None = None, **options: Any) -> None:
        if days is None:
            days = settings.REALTIME_RETENTION_DAYS
            if not days:
                raise CommandError("REALTIME_RETENTION_DAYS is 0, so all is kept: say --days to prune all the same.")
        if not 0 <= days <= settings.REALTIME_RETENTION_MAX_DAYS:
            raise CommandError(f"--days is {days:g}; it takes 0 to {settings.REALTIME_RETENTION_MAX_DAYS:,}.")
        self.stdout.write(f"Pruned {sum(prune(days)):,} entries older than {days:g} days.")
