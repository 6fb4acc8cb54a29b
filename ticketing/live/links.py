"""The tickets that one is linked with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from realtime.keys import Key, read_key
from realtime.live.definition import Concern, Params, register
from realtime.live.regions import LiveRegion
from realtime.live.rendering import fragment
from realtime.live.snapshot import Snapshot
from ticketing.kinds import LINK, TICKET
from ticketing.live.lists import PEOPLE
from ticketing.models import Ticket, TicketLink
from ticketing.people import name_of


@dataclass(frozen=True, slots=True)
class Linked:
    """A link as one of its two tickets sees it."""

    link: Any
    other: Ticket
    words: str

    @property
    def can_merge(self) -> bool:
        """Whether merging them is near at hand: the duplicate into the other, if neither is merged."""
        is_duplicate = self.link.kind == TicketLink.Kind.DUPLICATE and self.other.pk == self.link.other_id
        return is_duplicate and not (self.link.ticket.merged_into_id or self.other.merged_into_id)


@register
class TicketLinks(LiveRegion):
    """For those who see tickets: a link shows the other one's name and status."""

    name = "ticket-links"
    permission = LINK.permission("view")
    template = "ticketing/links/_links.html"
    tables = frozenset({LINK.table, TICKET.table, *PEOPLE})
    own_table = TICKET.table

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"id": str(read_key(raw["id"]))}

    def permissions(self, params: Params) -> frozenset[str]:
        return frozenset({self.permission, TICKET.permission("view")})

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        return {
            # Either end may be this ticket. Links are few and come seldom.
            LINK.table: Concern(),
            TICKET.table: Concern(frozenset(), coming=False, shown=frozenset({"title", "status", "merged_into_id"})),
            **{table: Concern() for table in PEOPLE},
        }

    def context(self, params: Params) -> dict[str, Any]:
        return {"linked": linked_with(read_key(params["id"]))}

    def snapshot(self, params: Params) -> Snapshot:
        context = self.context(params)
        shown = {(TICKET.table, params["id"])}
        for one in context["linked"]:
            shown |= {(TICKET.table, str(one.other.pk)), (LINK.table, str(one.link.pk))}
        return Snapshot(parts={"body": fragment(self.template, context)}, keys=frozenset(shown))


def linked_with(ticket: Key) -> list[Linked]:
    links = TicketLink.objects.filter(Q(ticket=ticket) | Q(other=ticket)).select_related("ticket", "other")
    return [_seen_from(ticket, link) for link in links.annotate(creator_name=name_of("created_by"))]


def _seen_from(ticket: Key, link: TicketLink) -> Linked:
    if link.ticket_id == ticket:
        return Linked(link, link.other, link.get_kind_display())
    return Linked(link, link.ticket, "Duplicated by" if link.kind == TicketLink.Kind.DUPLICATE else "Related")
