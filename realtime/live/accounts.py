"""Who changed a row, and what, in a few words: "Anna: Status Open → Pending". From the change log."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Field, TextField
from django.utils.text import Truncator

from realtime.live.field_changes import label_of, logged_value, shown_fields
from realtime.live.kind import Kind
from realtime.live.people import known_names
from realtime.live.person import person_hash

# More rows than this change at once only by machine, and nobody reads so many badges.
ROWS_LIMIT = 20
FIELDS_LIMIT = 2
VALUE_LENGTH = 40
NOTHING = "–"

UPDATES = (
    "select row_key, coalesce(old, '{}'), coalesce(new, '{}'), actor from realtime_change"
    " where table_name = %s and op = 'UPDATE' and revision = any(%s)"
)
# The key, the row before and after as JSON, the actor.
Update = tuple[Any, str, str, str]

# A column's name and value as people call it.
InWords = Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Account:
    """``person`` is the hash of who acted, so that somebody's own page can tell; both are empty for nobody known."""

    name: str
    person: str
    did: str

    @property
    def told(self) -> dict[str, str]:
        """As patches carry it."""
        return {"name": self.name, "person": self.person, "did": self.did}


def accounts_of(kind: Kind, revisions: Mapping[str, int], in_words: InWords) -> dict[str, Account]:
    """Of rows that have just come to these revisions, by key; rows that the log says nothing about are left out."""
    with connection.cursor() as cursor:
        # Plain SQL: it is part of every change's way, and building a query would take longer than running it.
        cursor.execute(UPDATES, [kind.table, list(revisions.values())])
        return told_by(kind, cursor.fetchall(), in_words)


def told_by(kind: Kind, updates: Sequence[Update], in_words: InWords) -> dict[str, Account]:
    """The same, of what ``UPDATES`` found."""
    names = known_names(actor for _, _, _, actor in updates)
    return {
        key: Account(
            names.get(actor, ""),
            person_hash(actor) if actor in names else "",
            _did(kind, json.loads(old), json.loads(new), in_words),
        )
        for key, old, new, actor in updates
    }


def _did(kind: Kind, old: Mapping[str | None, Any], new: Mapping[str | None, Any], in_words: InWords) -> str:
    changed = [field for field in shown_fields(kind.model) if old.get(field.column) != new.get(field.column)]
    told = [_change(field, old.get(field.column), new.get(field.column), in_words) for field in changed[:FIELDS_LIMIT]]
    more = len(changed) - len(told)
    return ", ".join([*told, *([f"{more} more"] if more > 0 else [])])


def _change(field: "Field[Any, Any]", was: Any, now: Any, in_words: InWords) -> str:
    # A long text would be too much, and a time would have to be in the reader's zone.
    if isinstance(field, TextField | DateTimeField):
        return f"{label_of(field)} edited"
    before, after = (_short(in_words(field.name, logged_value(field, value))) for value in (was, now))
    return f"{label_of(field)} {before} → {after}"


def _short(value: Any) -> str:
    return NOTHING if value in (None, "") else str(Truncator(" ".join(str(value).split())).chars(VALUE_LENGTH))
