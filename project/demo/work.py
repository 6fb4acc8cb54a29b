"""What the demo's departments share: which row to work on, who does it, and how a table keeps its size."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar, cast

from django.db.models import QuerySet

from project.accounts.models import User
from project.demo.colleagues import COLLEAGUES
from project.demo.seeding import USUAL
from realtime.models import LiveModel, RealtimeChange

Row = TypeVar("Row", bound=LiveModel)
# Does one thing for one colleague and returns the end of a sentence that begins with the colleague's name. The sentence
# goes to a log, so it names rows by table and key.
Chore = Callable[[User], str]

# How far a table may grow beyond its usual size, as a share of it.
SLACK = 0.02
NEWEST = 100


class NothingToDo(Exception):
    """No row is left for this chore."""


class Department:
    """The people of some groups and what they do all day; ``chores`` gives each thing its weight."""

    # Each group may add and change what the department works on.
    groups: ClassVar[tuple[str, ...]] = ()

    def __init__(self, dice: random.Random, sizes: Mapping[type[LiveModel], int] = USUAL) -> None:
        self.dice = dice
        self._sizes = sizes

    def chores(self) -> Sequence[tuple[float, Chore]]:
        raise NotImplementedError

    def recent(self, rows: QuerySet[Row], spread: float = 25) -> Row:
        """Preferably one of the first rows, which open pages show; locked, so that two teams don't undo each other."""
        keys = list(rows.values_list("pk", flat=True)[:NEWEST])
        if not keys:
            raise NothingToDo
        key = keys[int(self.dice.expovariate(1 / spread)) % len(keys)]
        found: Any = rows.model._default_manager
        return cast(Row, found.select_for_update().get(pk=key))

    def expendable(self, colleague: User, rows: QuerySet[Row]) -> Row:
        """The first of these rows that the team added, if the colleague may delete such rows.

        It never takes away what a visitor entered.
        """
        if not colleague.has_perm(f"{rows.model._meta.app_label}.delete_{rows.model._meta.model_name}"):
            raise NothingToDo
        keys = list(rows.values_list("pk", flat=True)[:NEWEST])
        added = set(
            RealtimeChange.objects.filter(
                table_name=rows.model._meta.db_table, row_key__in=keys, op="INSERT", actor__in=team_keys()
            ).values_list("row_key", flat=True)
        )
        key = next((key for key in keys if str(key) in added), None)
        if key is None:
            raise NothingToDo
        found: Any = rows.model._default_manager
        return cast(Row, found.select_for_update().get(pk=key))

    def grows(self, model: type[LiveModel]) -> bool:
        """Whether to add a row rather than take one away; the larger the table has become, the less likely."""
        return self.dice.random() >= (1 + self._surplus(model)) / 2

    def is_full(self, model: type[LiveModel]) -> bool:
        return self._surplus(model) >= 1

    def _surplus(self, model: type[LiveModel]) -> float:
        """How much larger than usual a table is: 1 at the end of its slack, below 0 when it is smaller."""
        return (model._default_manager.count() - self._sizes[model]) / max(1.0, self._sizes[model] * SLACK)


def named(row: LiveModel) -> str:
    """Names a row for a log: never what is in it."""
    return f"{row._meta.db_table} {row.pk}"


def team_keys() -> list[str]:
    usernames = [colleague.username for colleague in COLLEAGUES]
    return [str(key) for key in User.objects.filter(username__in=usernames).values_list("pk", flat=True)]
