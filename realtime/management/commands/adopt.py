import sys
import time
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.management.sql import emit_post_migrate_signal
from django.db import DEFAULT_DB_ALIAS, OperationalError, transaction

from realtime.adopting import doing, notes
from realtime.adopting.plan import OUR_OWN, Plan, foreign_tables, make_plan
from realtime.adopting.steps import Step, Untranslatable
from realtime.database.adopted import adopted_tables, is_adopted
from realtime.database.refusals import first_line


class Command(BaseCommand):
    help = (
        "Makes the tables of a Supabase project that has an app already live in the portal. What is there stays as it"
        " is; what is missing is added, in steps that can be repeated after any failure."
    )
    # The models are checked against the database, which this command is about to change.
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        either = parser.add_mutually_exclusive_group()
        either.add_argument("--dry-run", action="store_true", help="only say what is there and what would be done")
        either.add_argument("--undo", action="store_true", help="take back exactly what an adoption has added")
        parser.add_argument(
            "--no-input", action="store_false", dest="interactive", help="don't ask before anything is taken back"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["undo"]:
                self._undo(options["interactive"])
            else:
                self._adopt(options["dry_run"])
        except OperationalError as error:
            raise CommandError(f"The database can't be reached: {first_line(error)}. Check DATABASE_URL.") from error
        except Untranslatable as error:
            raise CommandError(f"No way is known to bring an adopted table up to {error}.") from error
        except doing.GaveUp as stopped:
            raise CommandError(
                f"Stopped at: {stopped}\nWhat is done stays done. Run this command again, and it goes on from there."
            ) from stopped

    def _adopt(self, only_look: bool) -> None:
        if not foreign_tables():
            self.stdout.write("There is nothing to adopt: no live table is here but those that `migrate` makes.")
            return
        plan = make_plan()
        self._tell(plan)
        if plan.blocked:
            raise CommandError("Nothing was changed. Mend what is marked with ✗, then run this command again.")
        if only_look and plan.steps:
            self.stdout.write("\nNothing was changed. Without --dry-run, this command does it.")
            return
        if plan.steps:
            self._do(plan.steps)
        if not only_look:
            # Also where nothing else is left to do: the last run may have been killed before it came to this.
            emit_post_migrate_signal(verbosity=0, interactive=False, db=DEFAULT_DB_ALIAS)
        if not plan.steps:
            self.stdout.write("\n✓ Everything is adopted. Nothing to do.")
            return
        self.stdout.write(
            "\n✓ Adopted. Next: `manage.py supabase_check`, then `manage.py createsuperuser`."
            " `manage.py adopt --undo` takes everything back."
        )

    def _tell(self, plan: Plan) -> None:
        by_table = {name: list(steps) for name, steps in groupby(_by_table(plan.steps), key=lambda step: step.table)}
        self._tell_obstacles(plan, "")
        for name, place in plan.adopted.items():
            security = "row level security on" if place.table.row_security else "no row level security"
            self.stdout.write(f"\n{name}: {place.table.size}, {security}")
            self._tell_obstacles(plan, name)
            for step in by_table.get(name, []):
                if not step.name.startswith("adopt "):
                    self.stdout.write(f"  + {step.text}\n      locks {step.lock}")
        for name in plan.missing:
            self.stdout.write(f"\n{name}: not there; it will be made")
        if plan.steps:
            self.stdout.write(
                f"\nLivedesk's own tables: {len(by_table.get(OUR_OWN, []))} steps. They touch nothing of yours.\n"
                f"A statement that needs a lock gives up after {doing.LOCK_TIMEOUT_MS / 1000:g} s and is tried again,"
                " so that no writer waits longer behind it."
            )

    def _tell_obstacles(self, plan: Plan, table: str) -> None:
        if not table and any(not one.table for one in plan.obstacles):
            self.stdout.write("\nThe database")
        for one in plan.obstacles:
            if one.table == table or (not table and one.table not in plan.adopted and one.table):
                name = "" if one.table == table else f"{one.table} "
                self.stdout.write(
                    f"  ✗ {name}{one.text}\n    → {one.remedy}" if one.remedy else f"  ! {name}{one.text}"
                )

    def _do(self, steps: tuple[Step, ...]) -> None:
        with transaction.atomic():
            notes.make_notes()
        self.stdout.write("")
        for number, step in enumerate(steps, start=1):
            began = time.monotonic()
            self.stdout.write(f"[{number}/{len(steps)}] {step.table or 'our own'}: {step.text} …", ending="")
            self.stdout.flush()
            doing.do(step, lambda text: self.stdout.write(f"\n    {text} …", ending=""))
            self.stdout.write(f" {time.monotonic() - began:.1f} s")

    def _undo(self, ask: bool) -> None:
        if not is_adopted():
            self.stdout.write("There is nothing to undo: this database was not adopted.")
            return
        tables = ", ".join(adopted_tables()) or "no table"
        self.stdout.write(
            f"This takes back what was added to {tables}, and removes Livedesk's own tables: staff accounts, saved"
            " views, drafts, notifications and the history of changes. Rows of your tables stay as they are now."
        )
        if ask and sys.stdin.isatty() and input("Type 'undo' to go on: ").strip() != "undo":
            raise CommandError("Nothing was changed.")
        for one in doing.undo(lambda text: self.stdout.write(f"    {text}")):
            self.stdout.write(f"- {one.step.removeprefix('begun ')}")
        self.stdout.write("\n✓ Undone. The schema is what it was.")


def _by_table(steps: Iterable[Step]) -> list[Step]:
    return sorted(steps, key=lambda step: step.table)
