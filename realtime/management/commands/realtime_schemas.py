from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from realtime.webhooks.schemas import FOLDER, breaks, published, schemas, text_of


class Command(BaseCommand):
    help = "Writes the JSON Schemas of what webhooks are sent into docs/schemas/, from the models."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--break", action="store_true", help="also where receivers lose what they read today")

    def handle(self, *args: Any, **options: Any) -> None:
        now, before = schemas(), published()
        lost = breaks(before, now)
        if lost and not options["break"]:
            raise CommandError("\n".join([*lost, "Nothing was written; --break does it all the same."]))
        FOLDER.mkdir(exist_ok=True)
        for table in before.keys() - now.keys():
            (FOLDER / f"{table}.json").unlink()
        for table, schema in now.items():
            (FOLDER / f"{table}.json").write_text(text_of(schema))
        self.stdout.write(f"docs/schemas/ has {len(now)} tables")
