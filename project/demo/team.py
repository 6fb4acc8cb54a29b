"""The demo's team at work: somebody does one thing every few seconds."""

import random

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import ProtectedError

from project.accounts.models import User
from project.demo.colleagues import COLLEAGUES
from project.demo.sales import Sales
from project.demo.seeding import sizes
from project.demo.service_desk import ServiceDesk
from project.demo.work import Department, NothingToDo
from realtime.database.actor import acting_user

# After this many chores with nothing to do, wait until the next time.
TRIES = 5


class Team:
    """``tickets`` is how many the portal was asked for; None means the usual number."""

    def __init__(self, dice: random.Random, tickets: int | None = None) -> None:
        self._dice = dice
        self._departments = (Sales(dice, sizes(tickets)), ServiceDesk(dice, sizes(tickets)))

    def pause(self) -> float:
        """Seconds until somebody does the next thing."""
        return self._dice.uniform(1, 4)

    def act(self) -> str:
        """Commits one change by one colleague and tells it in a sentence; empty when there was nothing to do."""
        for _ in range(TRIES):
            department = self._dice.choice(self._departments)
            colleague = self._one_of(department)
            if colleague is None:
                continue
            weights, chores = zip(*department.chores(), strict=True)
            chore = self._dice.choices(chores, weights=weights)[0]
            try:
                with acting_user(str(colleague.pk)), transaction.atomic():
                    return f"{colleague} {chore(colleague)}"
            except (NothingToDo, ObjectDoesNotExist, ProtectedError):
                # Somebody else took that very row in the meantime, or needs it.
                continue
        return ""

    def _one_of(self, department: Department) -> User | None:
        usernames = [one.username for one in COLLEAGUES if one.group in department.groups]
        people = list(User.objects.filter(username__in=usernames, is_active=True).order_by("username"))
        return self._dice.choice(people) if people else None
