import asyncio
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from realtime.operating.check.database import check_database
from realtime.operating.check.realtime import check_realtime
from realtime.operating.check.report import Section


class Command(BaseCommand):
    help = (
        "Says line by line whether the database and the Supabase project have what Livedesk needs, and how to mend it."
    )
    # They would stop the very command that says what is missing.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database-only", action="store_true", help="leave Supabase Realtime alone")

    def handle(self, *args: Any, **options: Any) -> None:
        self._missing = 0
        for section in check_database():
            self._tell(section)
        if not options["database_only"]:
            asyncio.run(self._check_realtime())
        if self._missing:
            self.stdout.write(f"\n✗ {self._missing} to mend.")
            sys.exit(1)
        self.stdout.write("\n✓ Everything is there.")

    async def _check_realtime(self) -> None:
        async for section in check_realtime():
            self._tell(section)

    def _tell(self, section: Section) -> None:
        self.stdout.write(f"\n{section.title}")
        for finding in section.findings:
            if finding.ok:
                self.stdout.write(f"  ✓ ok     {finding.text}")
            else:
                self._missing += 1
                self.stdout.write(f"  ✗ WRONG  {finding.text}\n    → {finding.remedy}")
        self.stdout.flush()
