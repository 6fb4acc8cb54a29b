"""Tickets: their list, and the pages of one."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from django.db.models import Count, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest

from crm.kinds import CUSTOMER
from crm.search import matching
from realtime.live.definition import Params, register
from realtime.live.field_changes import label_of
from realtime.live.lists import COUNT_LIMIT, LiveList
from realtime.live.regions import DetailRegion, EditingRegion, LiveRegion, RowRegion
from ticketing.kinds import COMMENT, TICKET
from ticketing.live.lists import COMMENT_COLUMNS, PEOPLE, clean_key
from ticketing.models import Comment, Ticket
from ticketing.people import NOBODY, name_of
from ticketing.words import in_words

# Support groups and CRM groups both may see customers' names (docs/PERMISSIONS.md), so ticket rows show them.
CUSTOMER_NAME = frozenset({"name"})


ANY = "all"
LATEST = 5


def described(tickets: "QuerySet[Ticket]") -> "QuerySet[Any]":
    """Adds everything that a row shows of a ticket's relatives, in one query."""
    own = Comment.objects.filter(ticket=OuterRef("pk")).order_by().values("ticket")
    return tickets.select_related("customer").annotate(
        assignee_name=name_of("assigned_to"),
        comment_count=Coalesce(Subquery(own.annotate(told=Count("pk")).values("told")), 0),
        last_activity=Greatest("updated_at", Subquery(own.annotate(told=Max("updated_at")).values("told"))),
    )


class TicketRows(LiveList):
    """Rows of tickets; subclasses choose which in ``tickets``."""

    kind = TICKET
    related: ClassVar = {CUSTOMER.table: CUSTOMER_NAME, COMMENT.table: COMMENT_COLUMNS, **PEOPLE}

    @abstractmethod
    def tickets(self, params: Params) -> "QuerySet[Ticket]": ...

    def queryset(self, params: Params) -> "QuerySet[Any]":
        return described(self.tickets(params))

    def count(self, params: Params) -> int:
        # Without the extras that rows show: counting needs none of them.
        return self.tickets(params).order_by()[: COUNT_LIMIT + 1].count()

    def row_state(self, instance: Any) -> tuple[Any, ...]:
        customer = instance.customer.name if instance.customer else None
        return (customer, instance.assignee_name, instance.comment_count, instance.last_activity)


@register
class TicketList(TicketRows):
    choices: ClassVar = {"status": (ANY, *Ticket.Status.values)}

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        params = super().normalise(raw) | {"assigned": clean_assigned(raw.get("assigned"))}
        # Left out when nobody asks for it, as in the CRM's lists.
        return params | ({"customer": customer} if (customer := clean_key(raw.get("customer"))) else {})

    def tickets(self, params: Params) -> "QuerySet[Ticket]":
        tickets = matching(Ticket.objects.all(), params["q"], "title", "description", "customer__name")
        if params["status"] != ANY:
            tickets = tickets.filter(status=params["status"])
        if params["assigned"] == NOBODY:
            tickets = tickets.filter(assigned_to=None)
        elif params["assigned"] != ANY:
            tickets = tickets.filter(assigned_to=params["assigned"])
        if "customer" in params:
            tickets = tickets.filter(customer=params["customer"])
        return tickets

    def is_filtered(self, params: Params) -> bool:
        return super().is_filtered(params) or params["assigned"] != ANY or "customer" in params

    def query_string(self, params: Params) -> str:
        return super().query_string(
            {name: value for name, value in params.items() if (name, value) != ("assigned", ANY)}
        )


def clean_assigned(value: Any) -> str:
    """ "me" isn't valid here: the page puts the user's id in its place before the parameters are signed (rule 8)."""
    return NOBODY if value == NOBODY else clean_key(value) or ANY


@register
class TicketDetail(DetailRegion):
    kind = TICKET
    related: ClassVar = {CUSTOMER.table: CUSTOMER_NAME, **PEOPLE}

    def queryset(self) -> "QuerySet[Any]":
        return Ticket.objects.select_related("customer").annotate(assignee_name=name_of("assigned_to"))


@register
class TicketActions(RowRegion):
    """The buttons that change a ticket in one click; they always act on the revision that is shown."""

    kind = TICKET
    suffix = "-actions"
    verb = "change"
    template = "ticketing/tickets/_actions.html"

    def context(self, params: Params) -> dict[str, Any]:
        choices = {"statuses": Ticket.Status.choices, "priorities": Ticket.Priority.choices}
        return super().context(params) | choices


@register
class TicketEditing(EditingRegion):
    kind = TICKET
    related: ClassVar = TicketDetail.related

    def context(self, params: Params) -> dict[str, Any]:
        context = super().context(params)
        columns = {label_of(field): field.name for field in Ticket._meta.concrete_fields}
        context["changes"] = [
            replace(
                change,
                was=in_words(columns[change.label], change.was),
                now=in_words(columns[change.label], change.now),
            )
            for change in context["changes"]
        ]
        return context


@register
class TicketSummary(LiveRegion):
    name = "ticket-summary"
    permission = TICKET.permission("view")
    template = "ticketing/tickets/_summary.html"
    tables = frozenset({TICKET.table})

    def context(self, params: Params) -> dict[str, Any]:
        tickets = TicketList()
        wanted = tickets.normalise({"status": Ticket.Status.OPEN})
        latest = list(tickets.tickets(wanted)[:LATEST])
        return {"count_text": tickets.count_text(tickets.count(wanted)), "latest": latest}
