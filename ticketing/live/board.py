"""The board: a short list for each status."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet

from realtime.live.definition import Params, register
from realtime.live.sorting import by_time
from ticketing.live.lists import ShortList
from ticketing.live.tickets import TicketRows
from ticketing.models import Ticket


@register
class BoardColumn(ShortList, TicketRows):
    """The tickets of one status; the board has one such list for each.

    What was changed last is on top, so a card that somebody moves is where they look.
    """

    name = "board"
    templates = "ticketing/board"
    sorts: ClassVar = {"updated": by_time("updated_at")}
    default_sort = "-updated"
    deciding = frozenset({"status"})

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"status": Ticket.Status(raw["status"]).value}

    def members(self, params: Params, by_row: bool = False) -> "QuerySet[Any]":
        return self.rows().filter(status=params["status"])
