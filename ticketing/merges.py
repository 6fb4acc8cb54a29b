"""Where a merged ticket has gone: what follows from ``Ticket.merged_into``."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from realtime.live.people import is_key, known_names
from realtime.models import RealtimeChange
from ticketing import people
from ticketing.models import Ticket
from ticketing.words import closed_status


def chain_of(ticket: Ticket) -> list[UUID]:
    """The keys of the tickets that it was merged into, one after the other; they end, whatever the rows say."""
    passed: list[UUID] = []
    place = ticket.merged_into_id
    while place is not None and place not in passed:
        passed.append(place)
        place = Ticket.objects.filter(pk=place).values_list("merged_into_id", flat=True).first()
    return passed


def end_of(ticket: Ticket) -> Ticket:
    """The ticket at the end of the chain; the ticket itself if it wasn't merged."""
    chain = chain_of(ticket)
    return Ticket.objects.get(pk=chain[-1]) if chain else ticket


def held_end_of(ticket: UUID) -> UUID:
    """The key of that ticket. None of the chain is merged or deleted before the transaction ends.

    A key without a ticket is its own end.
    """
    passed: list[UUID] = []
    place: UUID | None = ticket
    with connection.cursor() as cursor:
        while place is not None and place not in passed:
            passed.append(place)
            # A lock of the key alone would find the row as it was before a merge that it waits for.
            cursor.execute("select merged_into_id from tickets where id = %s for share", [place])
            place = (cursor.fetchone() or (None,))[0]
    return passed[-1]


def still_merged(ticket: Ticket, status: str) -> str:
    """Why a ticket can't get this status; empty if it can. What another program has opened isn't closed by force."""
    if ticket.merged_into_id is None or status in (closed_status(), ticket.status):
        return ""
    return f"this ticket was merged into “{ticket.merged_into}”. Undo the merge to open it again."


@dataclass(frozen=True, slots=True)
class Merge:
    """By whom and when a ticket was merged, as far as the change log goes back. ``action`` is what undoes it."""

    into: Ticket
    who: str = ""
    at: datetime | None = None
    action: str = ""


def merge_of(ticket: Any) -> Merge | None:
    """``ticket`` comes with what it was merged into."""
    if ticket is None or ticket.merged_into is None:
        return None
    key = str(ticket.merged_into_id)
    logged = RealtimeChange.objects.filter(
        table_name=Ticket._meta.db_table, row_key=ticket.pk, op=RealtimeChange.Op.UPDATE, new__merged_into_id=key
    )
    entry = logged.exclude(old__merged_into_id=key).order_by("-revision").first()
    if entry is None:
        return Merge(ticket.merged_into)
    who = known_names([entry.actor]).get(entry.actor, people.UNKNOWN) if is_key(entry.actor) else people.OUTSIDE
    return Merge(ticket.merged_into, who, entry.at, entry.action or "")
