"""Names of staff for ids without a foreign key: other writers know users that this portal doesn't (rule 19)."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Func, OuterRef, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Coalesce, Concat, NullIf, Trim

# In addresses and forms.
NOBODY = "nobody"
# On pages.
NOBODY_NAME = "Nobody"
UNKNOWN = "Unknown"


def name_of(column: str) -> Subquery:
    """For ``annotate``: the name of the user whose id is in ``column``, null when nobody here has that id."""
    return Subquery(_named().filter(pk=OuterRef(column)).values("shown_name")[:1], output_field=TextField())


def staff() -> list[tuple[str, str]]:
    """Everybody a ticket can be given to: id and name, sorted by name."""
    people = _named().filter(is_active=True).order_by(Func("shown_name", function="lower"), "pk")
    return [(str(key), name) for key, name in people.values_list("pk", "shown_name")]


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
    found: str | None = _named().filter(pk=key).values_list("shown_name", flat=True).first()
    return found or UNKNOWN


def names(keys: Iterable[UUID | str]) -> dict[str, str]:
    """The names of all of them who have an account here, by key."""
    return {str(key): name for key, name in _named().filter(pk__in=list(keys)).values_list("pk", "shown_name")}


def _named() -> "QuerySet[Any]":
    # The same words as ``User.__str__``, in SQL, so that a list reads the names along with its rows.
    full = NullIf(Trim(Concat("first_name", Value(" "), "last_name")), Value(""))
    users: QuerySet[Any] = get_user_model()._default_manager.all()
    named: QuerySet[Any] = users.annotate(shown_name=Coalesce(full, "username", output_field=TextField()))
    return named
