"""Names of staff for ids without a foreign key: other writers know users that this portal doesn't (rule 19)."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Func

from realtime.live.people import known_names, named
from realtime.live.people import name_of as name_of

# In addresses and forms.
NOBODY = "nobody"
# On pages.
NOBODY_NAME = "Nobody"
UNKNOWN = "Unknown"
OUTSIDE = "Somebody outside the portal"


def staff() -> list[tuple[str, str]]:
    """Everybody a ticket can be given to: id and name, sorted by name."""
    people = named().filter(is_active=True).order_by(Func("shown_name", function="lower"), "pk")
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
    found: str | None = named().filter(pk=key).values_list("shown_name", flat=True).first()
    return found or UNKNOWN


def names(keys: Iterable[str]) -> dict[str, str]:
    """The names for several ids."""
    keys = list(keys)
    known = known_names(keys)
    return {key: known.get(key, UNKNOWN) for key in keys}
