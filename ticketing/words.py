"""A ticket's values as words, for notices about other people's changes: names instead of ids."""

from typing import Any
from uuid import UUID

from crm.models import Customer
from ticketing import people
from ticketing.models import Ticket


def in_words(column: str, value: Any) -> Any:
    """What people call the value of a ticket's column; values that need no explanation stay as they are."""
    if column == "assigned_to":
        return people.name(value)
    if column == "merged_into" and isinstance(value, UUID):
        return Ticket.objects.filter(pk=value).values_list("title", flat=True).first() or "a deleted ticket"
    if column == "customer" and isinstance(value, UUID):
        return Customer.objects.filter(pk=value).values_list("name", flat=True).first() or people.UNKNOWN
    words = {"status": Ticket.Status, "priority": Ticket.Priority}.get(column)
    return dict(words.choices).get(value, value) if words else value
