import os
from collections import defaultdict
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from project.accounts.models import User
from project.demo.colleagues import COLLEAGUES
from project.demo.seeding import Seeding, address_somebody, join_some_tickets
from ticketing.models import Ticket


class Command(BaseCommand):
    help = "Fills an empty portal with people who can sign in and believable rows; leaves existing data alone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rows", type=int, help="this many tickets, and other rows in proportion")

    def handle(self, *args: Any, rows: int | None = None, **options: Any) -> None:
        with transaction.atomic():
            demo = self._ensure_demo_user(os.environ.get("DEMO_PASSWORD") or "demo")
            made = Seeding(self._ensure_colleagues(demo.password), tickets=rows).fill()
            if rows is not None and "tickets" not in made:
                self._require_about(rows)
        if made.get("comments"):
            address_somebody(demo)
            join_some_tickets()
        added = ", ".join(f"{count} {table}" for table, count in made.items())
        self.stdout.write(f"The demo user and colleagues are ready; added: {added or 'nothing, the data is there'}.")

    def _require_about(self, rows: int) -> None:
        """The team and visitors add and take away tickets all day; a portal of another size is told."""
        found = Ticket.objects.count()
        if not 0.9 * rows <= found <= 1.1 * rows:
            raise CommandError(
                f"--rows asks for {rows:,} tickets, and the portal has rows already, {found:,} tickets among them: "
                "leave out --rows, or let bin/demo --reset delete them first."
            )

    def _ensure_demo_user(self, password: str) -> User:
        user, _ = User.objects.get_or_create(
            username="demo",
            defaults={"first_name": "Dana", "last_name": "Moreau", "is_staff": True, "is_superuser": True},
        )
        # Setting the same password again would sign out every open browser.
        if not check_password(password, user.password):
            user.password = make_password(password)
            user.save()
        return user

    def _ensure_colleagues(self, hashed_password: str) -> dict[str, list[UUID]]:
        """The team, each in their group; all share one password and one hash, because hashing is slow."""
        staff: defaultdict[str, list[UUID]] = defaultdict(list)
        for colleague in COLLEAGUES:
            user, _ = User.objects.get_or_create(
                username=colleague.username,
                defaults={"first_name": colleague.first_name, "last_name": colleague.last_name, "is_staff": True},
            )
            if user.password != hashed_password:
                user.password = hashed_password
                user.save()
            user.groups.add(Group.objects.get(name=colleague.group))
            staff[colleague.group].append(user.pk)
        return staff
