"""Tickets: their list, and the pages of one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from django.db.models import Count, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest

from crm.kinds import CUSTOMER
from crm.live.lists import period, since, until
from realtime.live.definition import Concern, Params, register
from realtime.live.filters import Filters, KeyFilter, WordFilter
from realtime.live.lists import Column, LiveList, Related
from realtime.live.regions import DetailRegion, EditingRegion, LiveRegion, RowRegion
from realtime.live.snapshot import Snapshot
from realtime.live.sorting import by_rank, by_text, by_time
from ticketing import words
from ticketing.kinds import COMMENT, TICKET
from ticketing.live.lists import CUSTOMER_NAME, PEOPLE
from ticketing.live.overdue import OverdueFilter
from ticketing.merges import chain_of, end_of, merge_of
from ticketing.models import Comment, Ticket
from ticketing.people import NOBODY, NOBODY_NAME, name, name_of
from ticketing.words import in_words

LATEST = 5


def assignee(value: str) -> str:
    """What a filter's chip calls a person."""
    return NOBODY_NAME if value == NOBODY else name(value)


def described(tickets: "QuerySet[Ticket]") -> "QuerySet[Any]":
    """Adds everything that a row shows of a ticket's relatives, in one query."""
    own = Comment.objects.filter(ticket=OuterRef("pk")).order_by().values("ticket")
    return tickets.select_related("customer").annotate(
        assignee_name=name_of("assigned_to"),
        comment_count=Coalesce(Subquery(own.annotate(told=Count("pk")).values("told")), 0),
        last_activity=Greatest("updated_at", Subquery(own.annotate(told=Max("updated_at")).values("told"))),
    )


class TicketRows(LiveList):
    """Rows of tickets, with what they show of their relatives."""

    kind = TICKET
    # Any change to a comment moves its ticket's last activity.
    related: ClassVar = {
        CUSTOMER.table: Related(CUSTOMER_NAME, by="customer_id"),
        COMMENT.table: Related(None, back="ticket_id"),
        **{table: Related(columns) for table, columns in PEOPLE.items()},
    }

    def described(self, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return described(queryset)

    def in_words(self, column: str, value: Any) -> Any:
        return in_words(column, value)

    def row_state(self, instance: Any) -> tuple[Any, ...]:
        customer = instance.customer.name if instance.customer else None
        return (customer, instance.assignee_name, instance.comment_count, instance.last_activity)


class TicketFilters(Filters):
    status = WordFilter(TICKET.table, "status", label="Status")
    priority = WordFilter(TICKET.table, "priority", label="Priority")
    assigned = KeyFilter(
        noun="colleague", field_name="assigned_to", none=NOBODY, names=assignee, people=True, label="Assigned to"
    )
    customer = KeyFilter(CUSTOMER, field_name="customer", label="Customer")
    overdue = OverdueFilter(label="Overdue")
    created = period("created_at", "Created")
    created_from = since("created_at", "Created")
    created_to = until("created_at", "Created")
    updated = period("updated_at", "Updated")


@register
class TicketList(TicketRows):
    searched = ("title", "description", "customer__name")
    filters = TicketFilters
    sorts: ClassVar = {
        "created": by_time("created_at"),
        "title": by_text("title"),
        "status": by_rank("status"),
        "priority": by_rank("priority"),
        "updated": by_time("updated_at"),
    }
    columns = (
        Column("Ticket", "title"),
        Column("Status", "status"),
        Column("Priority", "priority"),
        Column("Assigned to"),
        Column("Comments", number=True),
        Column("Last activity", "updated"),
    )
    exported: ClassVar = {
        "Ticket": "title",
        "Description": "description",
        "Status": "status",
        "Priority": "priority",
        "Customer": "customer__name",
        "Assigned to": "assignee_name",
        "Comments": "comment_count",
        "Created (UTC)": "created_at",
        "Updated (UTC)": "updated_at",
        "Key": "id",
    }


@register
class TicketDetail(DetailRegion):
    kind = TICKET
    related: ClassVar = {CUSTOMER.table: CUSTOMER_NAME, **PEOPLE}

    def queryset(self) -> "QuerySet[Any]":
        tickets = Ticket.objects.select_related("customer")
        return tickets.annotate(assignee_name=name_of("assigned_to"))

    def context(self, params: Params) -> dict[str, Any]:
        context = super().context(params)
        return context | {"merge": merge_of(context["object"])}

    def snapshot(self, params: Params) -> Snapshot:
        return with_what_it_was_merged_into(super().snapshot(params), params)


@register
class TicketReply(RowRegion):
    """In place of the reply box of a merged ticket: the way to where replies go now."""

    kind = TICKET
    suffix = "-reply"
    template = "ticketing/tickets/_reply.html"

    def context(self, params: Params) -> dict[str, Any]:
        ticket = Ticket.objects.filter(pk=params["id"]).first()
        into = end_of(ticket) if ticket is not None else None
        return {"into": into if into != ticket else None}

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        # Anywhere in the chain of merges.
        return {TICKET.table: Concern(frozenset({"merged_into_id"}), coming=False)}

    def snapshot(self, params: Params) -> Snapshot:
        return with_what_it_was_merged_into(super().snapshot(params), params)


def with_what_it_was_merged_into(snapshot: Snapshot, params: Params) -> Snapshot:
    """The same; it shows the names of the tickets that this one was merged into, too."""
    ticket = Ticket.objects.filter(pk=params["id"]).first()
    keys = {(TICKET.table, str(key)) for key in chain_of(ticket)} if ticket else set()
    return replace(snapshot, keys=snapshot.keys | keys)


@register
class TicketActions(RowRegion):
    """The buttons that change a ticket in one click; they always act on the revision that is shown."""

    kind = TICKET
    suffix = "-actions"
    verb = "change"
    template = "ticketing/tickets/_actions.html"

    def context(self, params: Params) -> dict[str, Any]:
        choices = words.offered()
        return super().context(params) | choices


@register
class TicketEditing(EditingRegion):
    kind = TICKET
    related: ClassVar = TicketDetail.related

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        # It names the ticket that this one was merged into.
        return {**super().concerns(params), TICKET.table: Concern(frozenset({"title"}), coming=False)}

    def in_words(self, column: str, value: Any) -> Any:
        return in_words(column, value)


@register
class TicketSummary(LiveRegion):
    name = "ticket-summary"
    permission = TICKET.permission("view")
    template = "ticketing/tickets/_summary.html"
    tables = frozenset({TICKET.table})
    pause = 2.0

    def context(self, params: Params) -> dict[str, Any]:
        tickets = TicketList()
        wanted = tickets.normalise({"status": words.new_status()})
        latest = list(tickets.order(wanted).apply(tickets.members(wanted))[:LATEST])
        return {"count_text": tickets.count_text(tickets.count(wanted)), "latest": latest}
