"""What ticketing adds to a customer's page: their tickets, and entries of the timeline."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import Count, QuerySet

from crm.kinds import CUSTOMER
from crm.live.regions import FEW_ROWS
from crm.timeline import TimelineSource
from realtime.keys import read_key
from realtime.live.definition import Concern, Params, register
from realtime.live.lists import Related
from realtime.live.people import creator_of, name_of
from realtime.live.regions import LiveRegion
from realtime.live.rendering import fragment
from realtime.live.snapshot import Snapshot
from ticketing.kinds import COMMENT, TICKET
from ticketing.live.lists import PEOPLE
from ticketing.models import Ticket
from ticketing.words import statuses

STAFF = {table: Related(columns) for table, columns in PEOPLE.items()}


@register
class CustomerTickets(LiveRegion):
    """Those that wait for somebody first, and how many there are of each status."""

    name = "customer-tickets"
    permission = TICKET.permission("view")
    template = "ticketing/customers/_tickets.html"
    tables = frozenset({TICKET.table, CUSTOMER.table})
    own_table = CUSTOMER.table
    pause = 2.0

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"id": str(read_key(raw["id"]))}

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        return {TICKET.table: Concern(frozenset(), coming=False, back="customer_id")}

    def snapshot(self, params: Params) -> Snapshot:
        body = fragment(self.template, self.context(params))
        return Snapshot(parts={"body": body}, keys=frozenset({(CUSTOMER.table, params["id"])}))

    def context(self, params: Params) -> dict[str, Any]:
        tickets = Ticket.objects.filter(customer=params["id"])
        counts = dict(tickets.order_by().values_list("status").annotate(told=Count("pk")))
        total = sum(counts.values())
        found: list[Ticket] = []
        known = [value for value, _ in statuses()]
        # What we have no word for comes last.
        for status in [value for value in (*known, *sorted(counts.keys() - known, key=str)) if value in counts]:
            if len(found) < FEW_ROWS:
                found += tickets.filter(status=status)[: FEW_ROWS - len(found)]
        return {
            "tickets": found,
            "counts": [(value, word, counts[value]) for value, word in statuses() if value in counts],
            "total": total,
            "more": total > len(found),
            "customer": params["id"],
        }


class TicketEntries(TimelineSource):
    kind = TICKET
    related = STAFF

    def described(self, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        entries: QuerySet[Any] = queryset.annotate(creator_name=creator_of(self.kind.model))
        return entries

    def row_state(self, instance: Any) -> tuple[Any, ...]:
        return (instance.creator_name,)


class CommentEntries(TimelineSource):
    """Comments on a customer's tickets, for those who may see the tickets, too: an entry names its ticket."""

    kind = COMMENT
    owner = "ticket__customer"
    shows = (TICKET,)
    related: ClassVar = STAFF

    def described(self, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        entries: QuerySet[Any] = queryset.select_related("ticket").annotate(author_name=name_of("author_id"))
        return entries

    def row_state(self, instance: Any) -> tuple[Any, ...]:
        return (instance.author_name, instance.ticket.title)
