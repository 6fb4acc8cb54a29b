"""Where a merged ticket has gone: what follows from ``Ticket.merged_into``."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from realtime.keys import Key
from realtime.live.people import is_key, known_names
from realtime.models import RealtimeChange
from ticketing import people
from ticketing.models import Ticket
from ticketing.words import closed_status


def chain_of(ticket: Ticket) -> list[Key]:
    """The keys of the tickets that it was merged into, one after the other; they end, whatever the rows say."""
    passed: list[Key] = []
    place = ticket.merged_into_id
    while place is not None and place not in passed:
        passed.append(place)
        place = Ticket.objects.filter(pk=place).values_list("merged_into_id", flat=True).first()
    return passed


def end_of(ticket: Ticket) -> Ticket:
    """The last ticket of the chain that whoever asks may see; the ticket itself if there is none."""
    found = Ticket.objects.in_bulk(chain := chain_of(ticket))
    return next((found[key] for key in reversed(chain) if key in found), ticket)


def place_of(ticket: Ticket) -> Ticket | None:
    """What it was merged into, for whoever may see that: a ticket doesn't hang on it."""
    key = ticket.merged_into_id
    return Ticket.objects.filter(pk=key).first() if key is not None else None


def place_in_words(ticket: Ticket) -> str:
    """In a sentence about a merged ticket."""
    place = place_of(ticket)
    return f"“{place}”" if place is not None else "another ticket"


def held_end_of(ticket: Key) -> Key:
    """The key of that ticket. None of the chain is merged or deleted before the transaction ends.

    A key without a ticket is its own end.
    """
    passed: list[Key] = []
    place: Key | None = ticket
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
    return f"this ticket was merged into {place_in_words(ticket)}. Undo the merge to open it again."


@dataclass(frozen=True, slots=True)
class Merge:
    """By whom and when a ticket was merged, as far as the change log goes back. ``action`` is what undoes it."""

    into: Ticket
    who: str = ""
    at: datetime | None = None
    action: str = ""


def merge_of(ticket: Any) -> Merge | None:
    """None too where whoever asks may not see what it was merged into."""
    into = place_of(ticket) if ticket is not None else None
    if into is None:
        return None
    key = str(ticket.merged_into_id)
    logged = RealtimeChange.objects.filter(
        table_name=Ticket._meta.db_table, row_key=str(ticket.pk), op=RealtimeChange.Op.UPDATE, new__merged_into_id=key
    )
    entry = logged.exclude(old__merged_into_id=key).order_by("-revision").first()
    if entry is None:
        return Merge(into)
    who = known_names([entry.actor]).get(entry.actor, people.UNKNOWN) if is_key(entry.actor) else people.OUTSIDE
    return Merge(into, who, entry.at, entry.action or "")
