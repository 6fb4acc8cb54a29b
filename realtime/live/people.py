"""Names of staff in rows: of the person whose id a column holds, and of whoever created a row."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID
from zlib import crc32

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Case, F, OuterRef, QuerySet, Subquery, TextField, UUIDField, Value, When
from django.db.models.functions import Cast, Coalesce, Concat, NullIf, Trim

from realtime.database.actor import Origin
from realtime.database.app_people import AppName, app_names
from realtime.models import LiveModel, RealtimeChange

COLOURS = 8

_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


def named() -> "QuerySet[Any]":
    """All users with their ``shown_name``: the same words as ``User.__str__``, in SQL, to be read along with rows."""
    full = NullIf(Trim(Concat("first_name", Value(" "), "last_name")), Value(""))
    users: QuerySet[Any] = get_user_model()._default_manager.all()
    found: QuerySet[Any] = users.annotate(shown_name=Coalesce(full, "username", output_field=TextField()))
    return found


def known_names(keys: Iterable[str]) -> dict[str, str]:
    """The names of those who have an account here, or are the app's people (``database/app_people.py``), by key.

    The change log's actors may be roles, too.
    """
    asked = {key for key in keys if is_key(key)}
    found = named().filter(pk__in=asked).values_list("pk", "shown_name") if asked else ()
    known = {str(key): name for key, name in found}
    return app_names(asked - known.keys()) | known


def initials(name: str) -> str:
    """Of the first and the last word."""
    words = [word for word in name.split() if word[0].isalnum()] or name.split()
    return "".join(word[0] for word in dict.fromkeys((words[0], words[-1]))).upper() if words else "?"


def avatar_colour(key: object) -> int:
    """The number of the colour that a person's initials have everywhere (static/css/components/person.css)."""
    return crc32(str(key).encode()) % COLOURS


def is_key(text: str) -> bool:
    """Whether an actor is a person, of this portal or of another system, and not a role."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def name_of(column: str) -> Any:
    """For ``annotate``: the name of the person whose id is in ``column``, null when nobody known has that id."""
    own = Subquery(named().filter(pk=OuterRef(column)).values("shown_name")[:1], output_field=TextField())
    return own if settings.APP_PEOPLE is None else Coalesce(own, AppName(F(column)))


def creator_of(model: type[LiveModel]) -> Any:
    """For ``annotate``: the name of who created a row, as far as the change log goes back; null for other writers."""
    insert = RealtimeChange.objects.filter(
        table_name=model._meta.db_table, row_key=Cast(OuterRef(OuterRef("pk")), TextField())
    )
    # Whoever brings a row back hasn't created it.
    insert = insert.exclude(action__startswith=f"{Origin.UNDO}:")
    # Other writers are roles, or users of another system.
    user = Case(When(actor__regex=_UUID, then=Cast(F("actor"), UUIDField())), output_field=UUIDField())
    found = insert.filter(op=RealtimeChange.Op.INSERT).order_by("-revision").annotate(user=user).values("user")[:1]
    key = Subquery(found)
    own = Subquery(named().filter(pk=key).values("shown_name")[:1], output_field=TextField())
    return own if settings.APP_PEOPLE is None else Coalesce(own, AppName(key))
