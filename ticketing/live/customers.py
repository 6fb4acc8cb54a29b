"""The tickets of a customer, on the customer's page."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Count

from realtime.live.definition import Params, register
from realtime.live.regions import LiveRegion
from ticketing.kinds import TICKET
from ticketing.models import Ticket

CUSTOMER_TICKETS = 20


@register
class CustomerTickets(LiveRegion):
    """On a customer's page."""

    name = "customer-tickets"
    permission = TICKET.permission("view")
    template = "ticketing/customers/_tickets.html"
    tables = frozenset({TICKET.table})
    pause = 2.0

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"id": str(UUID(str(raw["id"])))}

    def context(self, params: Params) -> dict[str, Any]:
        tickets = Ticket.objects.filter(customer=params["id"])
        counts = dict(tickets.order_by().values_list("status").annotate(told=Count("pk")))
        total = sum(counts.values())
        return {
            "tickets": list(tickets[:CUSTOMER_TICKETS]),
            "counts": [(value, word, counts[value]) for value, word in Ticket.Status.choices if value in counts],
            "total": total,
            "more": max(0, total - CUSTOMER_TICKETS),
            "customer": params["id"],
        }
