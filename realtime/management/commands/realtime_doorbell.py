from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from realtime.database.doorbell import ring, switch
from realtime.database.tables import live_tables


class Command(BaseCommand):
    help = (
        "Switches the triggers that ring at every commit, or says how they stand. Without them commits don't queue for "
        "PostgreSQL's notifications, and pages hear through Supabase Realtime and the sweep's timer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("to", nargs="?", choices=["on", "off"], help="leave it out to ask")

    def handle(self, *args: Any, to: str | None = None, **options: Any) -> None:
        if to:
            try:
                switch(live_tables(), to == "on", self.stdout.write)
            except TimeoutError as error:
                raise CommandError(f"{error}. Some tables may be switched: say it again.") from None
        self.stdout.write(f"The doorbell's triggers are {'on' if ring() else 'off'}.")
