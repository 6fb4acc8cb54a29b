"""A ticket's values as words: what its status and its priority can be here, and names instead of ids for notices."""

from typing import Any

from crm.models import Customer
from realtime.database.word_field import choices_of
from realtime.database.words import Word, open_words, word_of, words_of
from realtime.keys import Key
from ticketing import people
from ticketing.models import Ticket

TABLE = Ticket._meta.db_table

# What can be chosen: the values with their labels.
statuses = choices_of(TABLE, "status")
priorities = choices_of(TABLE, "priority")


def offered() -> dict[str, Any]:
    """What menus of a ticket need."""
    return {"statuses": words_of(TABLE, "status"), "priorities": words_of(TABLE, "priority")}


def unsolved() -> tuple[Word, ...]:
    """The status words of tickets that are still to be done, that of new ones first."""
    return open_words(TABLE, "status")


def solved() -> tuple[Word, ...]:
    return tuple(word for word in words_of(TABLE, "status") if not word.is_open)


def new_status() -> str:
    """The status of tickets that nobody has begun with; empty where no word counts as open."""
    return next((word.value for word in unsolved()), "")


def closed_status() -> str | None:
    """The status of tickets that nothing more is done about; None where every word counts as open."""
    values = [word.value for word in solved()]
    return next((value for value in values if value.lower() == "closed"), values[-1] if values else None)


def by_urgency() -> tuple[Word, ...]:
    """The most urgent first."""
    return words_of(TABLE, "priority")[::-1]


def in_words(column: str, value: Any) -> Any:
    """What people call the value of a ticket's column; values that need no explanation stay as they are."""
    if column == "assigned_to":
        return people.name(value)
    if column == "merged_into" and isinstance(value, Key):
        return Ticket.objects.filter(pk=value).values_list("title", flat=True).first() or "a deleted ticket"
    if column == "customer" and isinstance(value, Key):
        return Customer.objects.filter(pk=value).values_list("name", flat=True).first() or people.UNKNOWN
    if column in ("status", "priority"):
        return word_of(TABLE, column, value).label
    return value
