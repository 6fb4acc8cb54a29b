"""A ticket's files."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet

from realtime.keys import read_key
from realtime.live.definition import Params, register
from realtime.live.lists import Related
from realtime.live.sorting import by_time
from ticketing.kinds import ATTACHMENT, TICKET
from ticketing.live.lists import ShortList
from ticketing.models import Ticket


@register
class AttachmentList(ShortList):
    """A ticket's own files; those of a comment are shown with it."""

    kind = ATTACHMENT
    page_size = 200
    templates = ATTACHMENT.templates
    sorts: ClassVar = {"created": by_time("created_at")}
    default_sort = "created"
    deciding = frozenset({"ticket_id", "comment_id"})
    related: ClassVar = {TICKET.table: Related(frozenset({"title"}), by="merged_from_id")}

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"ticket": str(read_key(raw["ticket"]))}

    def members(self, params: Params, by_row: bool = False) -> "QuerySet[Any]":
        return self.rows().filter(ticket=params["ticket"], comment=None)

    def described(self, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        # Only for whoever may see that, too.
        return queryset.prefetch_related(Prefetch("merged_from", Ticket.objects.all()))

    def row_state(self, instance: Any) -> tuple[Any, ...]:
        return (instance.merged_from.title if instance.merged_from else None,)

    def permissions(self, params: Params) -> frozenset[str]:
        # It names the ticket that a file has come from.
        return frozenset({self.permission, TICKET.permission("view")})
