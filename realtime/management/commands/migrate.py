from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as DjangosCommand
from django.db import DEFAULT_DB_ALIAS

from realtime.adopting.plan import foreign_tables, pending_migrations
from realtime.database.adopted import is_adopted


class Command(DjangosCommand):
    """Django's own, but for a database with an app's tables in it: `adopt` knows how to leave those alone."""

    def handle(self, *args: Any, **options: Any) -> None:
        if options["database"] == DEFAULT_DB_ALIAS and not options["plan"]:
            if is_adopted():
                if options["app_label"]:
                    raise CommandError(
                        "This database was adopted: `manage.py adopt` brings it up to date, `manage.py adopt --undo`"
                        " takes everything back."
                    )
                if pending_migrations():
                    raise CommandError("This database was adopted: `manage.py adopt` brings it up to date.")
            elif found := foreign_tables():
                raise CommandError(
                    f"This database has {_and(found)} already: `manage.py adopt --dry-run` says what it takes to show"
                    f" {'them' if len(found) > 1 else 'it'} in the portal, and changes nothing."
                )
        super().handle(*args, **options)


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
