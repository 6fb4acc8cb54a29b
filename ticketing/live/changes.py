"""What happened to a ticket besides its comments, from the change log, as entries of its conversation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce
from django.utils.dateparse import parse_datetime

from crm.models import Customer
from realtime.database.actor import Origin
from realtime.database.words import word_of
from realtime.keys import is_row_key
from realtime.live.people import is_key, known_names
from realtime.live.rendering import fragment
from realtime.live.snapshot import Row
from realtime.models import RealtimeChange
from realtime.sight import current_sight, hidden_keys, visible_keys
from ticketing import people
from ticketing.kinds import TICKET
from ticketing.models import Ticket

# Of one page of a conversation; the latest are shown.
LIMIT = 200

CREATED = "created the ticket"
BROUGHT_BACK = "brought back the ticket"

ICONS = {
    "status": "circle-dot",
    "priority": "flag",
    "assigned_to": "user-check",
    "customer_id": "user",
    "merged_into_id": "merge",
}


@dataclass(frozen=True, slots=True)
class TicketChange:
    """One entry: who did what, as words around values: ``("changed the status to", "Pending")``."""

    revision: int
    at: datetime
    who: str
    did: tuple[tuple[str, str], ...]
    icon: str
    # The customers and the tickets that it names, by key.
    customers: frozenset[str] = frozenset()
    tickets: frozenset[str] = frozenset()

    def row(self) -> Row:
        key = f"change-{self.revision}"
        context = {"change": self, "key": key}
        version = fragment("ticketing/changes/_row.html", context | {"version": ""}).version
        return Row(key, version, fragment("ticketing/changes/_row.html", context | {"version": version}).html)


@dataclass(frozen=True, slots=True)
class Names:
    """What those are called that entries speak of, by key."""

    people: Mapping[str, str]
    customers: Mapping[str, str]
    tickets: Mapping[str, str]


def changes_of(ticket: str, since: datetime | None, until: datetime | None) -> list[TicketChange]:
    """What was done to the ticket in a stretch of time, the oldest first; the log may have been pruned."""
    sight = current_sight()
    if hidden_keys(TICKET.table, [ticket], sight):
        return []
    logged = RealtimeChange.objects.filter(table_name=TICKET.table, row_key=ticket, new__isnull=False)
    created = Q(op=RealtimeChange.Op.INSERT) & ~Q(action__startswith=f"{Origin.UNDO}:")
    within = ~created
    if since is not None:
        within &= Q(at__gte=since)
    if until is not None:
        within &= Q(at__lt=until)
    # It begins with its creation, whenever that was written: an imported ticket is older than its entry.
    wanted = within if since is not None else within | created
    entries = list(logged.filter(wanted).order_by("-revision")[:LIMIT])[::-1]
    came = list(_came(ticket).filter(within).order_by("-revision")[:LIMIT])[::-1]
    if sight is not None:
        seen = visible_keys(TICKET.table, {str(entry.row_key) for entry in came}, sight)
        came = [entry for entry in came if str(entry.row_key) in seen]
    names = _names([*entries, *came])
    told = (*(_told(entry, names) for entry in entries), *(_told_of_other(entry, ticket, names) for entry in came))
    return [change for change in told if change is not None]


def _came(ticket: str) -> Any:
    """Entries of other tickets that were merged into this one, or no longer are. As the index has it."""
    into = Coalesce(KeyTextTransform("merged_into_id", "new"), KeyTextTransform("merged_into_id", "old"))
    logged = RealtimeChange.objects.filter(table_name=TICKET.table, op=RealtimeChange.Op.UPDATE)
    return logged.annotate(into=into).filter(into=ticket)


def _told_of_other(entry: RealtimeChange, ticket: str, names: Names) -> TicketChange | None:
    old, new = entry.old or {}, entry.new or {}
    if old.get("merged_into_id") == new.get("merged_into_id"):
        return None
    name = str(new.get("title"))
    is_here = str(new.get("merged_into_id")) == ticket
    did = ("merged into this ticket:", name) if is_here else ("undid the merge of", name)
    return TicketChange(entry.revision, entry.at, _who(entry, names), (did,), "merge" if is_here else "undo-2")


def _who(entry: RealtimeChange, names: Names) -> str:
    return names.people.get(entry.actor, people.UNKNOWN if is_key(entry.actor) else people.OUTSIDE)


def _told(entry: RealtimeChange, names: Names) -> TicketChange | None:
    who = _who(entry, names)
    if entry.op == RealtimeChange.Op.INSERT and (entry.action or "").startswith(f"{Origin.UNDO}:"):
        return TicketChange(entry.revision, entry.at, who, ((BROUGHT_BACK, ""),), "undo-2")
    if entry.op == RealtimeChange.Op.INSERT:
        return TicketChange(entry.revision, _created(entry), who, ((CREATED, ""),), "plus")
    old, new = entry.old or {}, entry.new or {}
    changed = [column for column in _PHRASES if old.get(column) != new.get(column)]
    if changed[:1] == ["merged_into_id"]:
        # Its status goes along, and comes back.
        changed = [column for column in changed if column != "status"]
    if not changed:
        return None
    did = tuple(_PHRASES[column](old.get(column), new.get(column), names, entry.actor) for column in changed)
    named = {str(new.get("customer_id"))} if "customer_id" in changed else set()
    into = {str(row.get("merged_into_id")) for row in (old, new)} if "merged_into_id" in changed else set()
    return TicketChange(
        entry.revision, entry.at, who, did, ICONS.get(changed[0], "pencil"), frozenset(named), frozenset(into)
    )


def _created(entry: RealtimeChange) -> datetime:
    told = parse_datetime(str((entry.new or {}).get("created_at")))
    return told if told is not None and told.tzinfo is not None else entry.at


def _assigned(was: Any, now: Any, names: Names, actor: str) -> tuple[str, str]:
    if not now:
        return ("took the ticket from", names.people.get(str(was), people.UNKNOWN))
    if now == actor:
        return ("took the ticket", "")
    return ("assigned the ticket to", names.people.get(str(now), people.UNKNOWN))


def _customer(was: Any, now: Any, names: Names, actor: str) -> tuple[str, str]:
    if not now:
        return ("removed the customer", "")
    return ("set the customer to", names.customers.get(str(now), "a deleted one"))


def _merged(was: Any, now: Any, names: Names, actor: str) -> tuple[str, str]:
    if not now:
        return ("undid the merge into", names.tickets.get(str(was), "a deleted ticket"))
    return ("merged the ticket into", names.tickets.get(str(now), "a deleted ticket"))


def _word(column: str) -> Any:
    def told(was: Any, now: Any, names: Names, actor: str) -> tuple[str, str]:
        before, after = (word_of(TICKET.table, column, value).label for value in (was, now))
        return (f"changed the {column} from {before} to", after)

    return told


_PHRASES: dict[str, Any] = {
    "merged_into_id": _merged,
    "status": _word("status"),
    "priority": _word("priority"),
    "assigned_to": _assigned,
    "customer_id": _customer,
    "title": lambda was, now, names, actor: ("renamed the ticket to", str(now)),
    "description": lambda was, now, names, actor: ("edited the description", ""),
}


def _names(entries: Iterable[RealtimeChange]) -> Names:
    """The names of all people and customers that the entries speak of, by key."""
    staff: set[str] = set()
    customers: set[str] = set()
    tickets: set[str] = set()
    for entry in entries:
        staff.add(entry.actor)
        for row in filter(None, (entry.old, entry.new)):
            staff.add(str(row.get("assigned_to") or ""))
            customers.add(str(row.get("customer_id") or ""))
            tickets.add(str(row.get("merged_into_id") or ""))
    known = Customer.objects.filter(pk__in=[key for key in customers if is_row_key(key)]).values_list("pk", "name")
    merged = Ticket.objects.filter(pk__in=[key for key in tickets if is_row_key(key)]).values_list("pk", "title")
    return Names(known_names(staff), {str(key): name for key, name in known}, {str(key): name for key, name in merged})
