"""The live lists and regions of ticketing."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Count, Max, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest

from crm.kinds import CUSTOMER
from crm.search import matching
from realtime.field_changes import label_of
from realtime.live import (
    COUNT_LIMIT,
    DetailRegion,
    EditingRegion,
    LiveList,
    LiveRegion,
    Params,
    RowRegion,
    clean_page,
    fragment,
    register,
    rows,
)
from realtime.related import people_table
from realtime.row_version import versioned
from realtime.snapshot import Snapshot
from ticketing.kinds import ATTACHMENT, COMMENT, TICKET
from ticketing.models import Attachment, Comment, Ticket
from ticketing.people import NOBODY, name_of
from ticketing.words import in_words

# Support groups and CRM groups alike may see customers' names (docs/PERMISSIONS.md), so ticket rows show them.
CUSTOMER_NAME = frozenset({"name"})
# Whatever changes in a comment moves its ticket's last activity.
COMMENT_COLUMNS = frozenset({"ticket_id", "author_id", "content"})
ATTACHMENT_COLUMNS = frozenset({"ticket_id", "comment_id", "file_name", "file_url", "file_type", "file_size"})

# Rows show who a ticket is with and who wrote a comment; people aren't live, so any of their changes counts.
PEOPLE: dict[str, frozenset[str]] = {people_table(): frozenset()}

ANY = "all"
LATEST = 5
CUSTOMER_TICKETS = 20


def described(tickets: "QuerySet[Ticket]") -> "QuerySet[Any]":
    """With everything that a row shows of a ticket's relatives, read in one query."""
    own = Comment.objects.filter(ticket=OuterRef("pk")).order_by().values("ticket")
    return tickets.select_related("customer").annotate(
        assignee_name=name_of("assigned_to"),
        comment_count=Coalesce(Subquery(own.annotate(told=Count("pk")).values("told")), 0),
        last_activity=Greatest("updated_at", Subquery(own.annotate(told=Max("updated_at")).values("told"))),
    )


class TicketRows(LiveList):
    """Rows of tickets; subclasses say which by ``tickets``."""

    kind = TICKET
    related: ClassVar = {CUSTOMER.table: CUSTOMER_NAME, COMMENT.table: COMMENT_COLUMNS, **PEOPLE}

    @abstractmethod
    def tickets(self, params: Params) -> "QuerySet[Ticket]": ...

    def queryset(self, params: Params) -> "QuerySet[Any]":
        return described(self.tickets(params))

    def count(self, params: Params) -> int:
        # Without what the rows show besides: counting needs none of it.
        return self.tickets(params).order_by()[: COUNT_LIMIT + 1].count()

    def row_state(self, instance: Any) -> tuple[Any, ...]:
        customer = instance.customer.name if instance.customer else None
        return (customer, instance.assignee_name, instance.comment_count, instance.last_activity)


@register
class TicketList(TicketRows):
    choices: ClassVar = {"status": (ANY, *Ticket.Status.values)}

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        params = super().normalise(raw) | {"assigned": clean_assigned(raw.get("assigned"))}
        # Absent where it isn't asked for, as in the CRM's lists.
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
    """ "me" is no answer here: whoever asks is put in by the page, before the parameters are signed (rule 8)."""
    return NOBODY if value == NOBODY else clean_key(value) or ANY


def clean_key(value: Any) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        return ""


class ShortList(LiveList):
    """The first rows and how many more there are, without pages: one list beside others.

    Shown by ``templates`` + ``_row.html``; ``_rest.html`` says what is there when nothing is, and what is not shown.
    """

    templates: ClassVar[str]

    def snapshot(self, params: Params) -> Snapshot:
        found = list(versioned(self.queryset(params))[: self.page_size])
        count = self.count(params)
        rest = params | {"is_empty": not found, "more": max(0, count - len(found)), "shown": len(found)}
        return Snapshot(
            rows=tuple(rows.render(f"{self.templates}/_row.html", row, self.row_state(row)) for row in found),
            count=self.count_text(count),
            parts={"rest": fragment(f"{self.templates}/_rest.html", rest)},
        )


@register
class BoardColumn(ShortList, TicketRows):
    """The tickets of one status; the board is one such list for each."""

    name = "board"
    templates = "ticketing/board"

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"status": Ticket.Status(raw["status"]).value}

    def tickets(self, params: Params) -> "QuerySet[Ticket]":
        return Ticket.objects.filter(status=params["status"])


@register
class Conversation(LiveList):
    """A ticket's comments, the latest page of them first; within a page the oldest first, as people talk."""

    kind = COMMENT
    page_size = 100
    related: ClassVar = {ATTACHMENT.table: ATTACHMENT_COLUMNS, **PEOPLE}

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"ticket": str(UUID(str(raw["ticket"]))), "page": clean_page(raw.get("page", 1))}

    def queryset(self, params: Params) -> "QuerySet[Any]":
        files = Prefetch("attachments", versioned(Attachment.objects.all()), to_attr="files")
        comments = Comment.objects.filter(ticket=params["ticket"]).order_by("-created_at", "-id")
        return comments.annotate(author_name=name_of("author_id")).prefetch_related(files)

    def count(self, params: Params) -> int:
        return Comment.objects.filter(ticket=params["ticket"]).order_by()[: COUNT_LIMIT + 1].count()

    def row_state(self, instance: Any) -> tuple[Any, ...]:
        return (instance.author_name, tuple((str(file.pk), file.row_version) for file in instance.files))

    def snapshot(self, params: Params) -> Snapshot:
        count = self.count(params)
        pages = max(1, -(-count // self.page_size))
        page = min(params["page"], pages)
        first = (page - 1) * self.page_size
        found = list(versioned(self.queryset(params))[first : first + self.page_size])[::-1]
        steps = {"page": page, "pages": pages, "earlier": page + 1, "later": page - 1, "is_empty": not found}
        template = f"{COMMENT.templates}/_row.html"
        return Snapshot(
            rows=tuple(rows.render(template, comment, self.row_state(comment)) for comment in found),
            count=self.count_text(count),
            parts={
                "earlier": fragment(f"{COMMENT.templates}/_earlier.html", steps),
                "later": fragment(f"{COMMENT.templates}/_later.html", steps),
            },
        )


@register
class AttachmentList(ShortList):
    """A ticket's own files; those of a comment are shown with it."""

    kind = ATTACHMENT
    page_size = 200
    templates = ATTACHMENT.templates

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"ticket": str(UUID(str(raw["ticket"])))}

    def queryset(self, params: Params) -> "QuerySet[Attachment]":
        return Attachment.objects.filter(ticket=params["ticket"], comment=None)


@register
class TicketDetail(DetailRegion):
    kind = TICKET
    related: ClassVar = {CUSTOMER.table: CUSTOMER_NAME, **PEOPLE}

    def queryset(self) -> "QuerySet[Any]":
        return Ticket.objects.select_related("customer").annotate(assignee_name=name_of("assigned_to"))


@register
class TicketActions(RowRegion):
    """The buttons that change a ticket in one click, with the revision they act on: always the one that is shown."""

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
class CommentEditing(EditingRegion):
    """For whoever sees the comment: an author needs no more to edit an own one."""

    kind = COMMENT
    verb = "view"
    template = "ticketing/comments/_editing.html"


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


@register
class CustomerTickets(LiveRegion):
    """On a customer's page."""

    name = "customer-tickets"
    permission = TICKET.permission("view")
    template = "ticketing/customers/_tickets.html"
    tables = frozenset({TICKET.table})

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
