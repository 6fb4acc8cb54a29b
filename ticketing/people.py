"""Names of staff for ids without a foreign key: other writers know users that this portal doesn't (rule 19)."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, F, Func, QuerySet

from realtime.database.columns import column_of
from realtime.live.people import known_names, named
from realtime.live.people import name_of as name_of

# In addresses and forms.
NOBODY = "nobody"
# On pages.
NOBODY_NAME = "Nobody"
UNKNOWN = "Unknown"
OUTSIDE = "Somebody outside the portal"
# In an adopted database, an app may accept its own people alone.
NOT_LINKED = (
    "your account isn’t linked with a person of the app that these tickets come from. An administrator can do that."
)


def staff() -> list[tuple[str, str]]:
    """Everybody a ticket can be given to: id and name, sorted by name."""
    people = assignable().order_by(Func("shown_name", function="lower"), "pk")
    return [(str(key), name) for key, name in people.values_list("pk", "shown_name")]


def assignable() -> "QuerySet[Any]":
    """Those with an open account whose ids ``assigned_to`` may hold: in an adopted table, an app may limit them."""
    people = named().filter(is_active=True)
    place = column_of("tickets", "assigned_to").references
    return people.filter(Known(F("pk"), *place)) if place else people


def may_be(person: UUID, table: str, column: str) -> bool:
    """Whether a column may hold somebody's id: an app may accept its own people alone."""
    place = column_of(table, column).references
    return place is None or named().filter(Known(F("pk"), *place), pk=person).exists()


class Known(Func):
    """Whether a column of another table has this value; its names come quoted from the catalog."""

    output_field = BooleanField()
    conditional = True

    def __init__(self, value: Any, table: str, column: str) -> None:
        super().__init__(value)
        self.table, self.column = table, column

    def as_sql(self, compiler: Any, connection: Any, **kwargs: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        sql, parameters = compiler.compile(self.get_source_expressions()[0])
        return f"exists (select from {self.table} as known where known.{self.column} = {sql})", parameters


def choices(current: UUID | str | None, me: UUID | None = None) -> list[tuple[str, str]]:
    """For a field: me, nobody, all other staff, and the current person.

    Somebody this portal doesn't know is offered too: saving a form mustn't take a ticket away from them.
    """
    known = staff()
    mine = [(key, f"Me ({word})") for key, word in known if key == str(me)]
    offered = [*mine, ("", NOBODY_NAME), *(person for person in known if person[0] != str(me))]
    if str(current or "") not in dict(offered):
        offered.append((str(current), name(current)))
    return offered


def name(key: UUID | str | None) -> str:
    """The name for one id, in the same words as in rows."""
    if not key:
        return NOBODY_NAME
    return known_names([str(key)]).get(str(key), UNKNOWN)


def names(keys: Iterable[str]) -> dict[str, str]:
    """The names for several ids."""
    keys = list(keys)
    known = known_names(keys)
    return {key: known.get(key, UNKNOWN) for key in keys}
