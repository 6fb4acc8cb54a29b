"""The board: a short list for each status."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import Q, QuerySet

from realtime.database.words import word_of
from realtime.live.definition import Params, register
from realtime.live.filters import asked
from realtime.live.sorting import by_time
from ticketing.live.lists import ShortList
from ticketing.live.tickets import TicketRows
from ticketing.words import statuses

# The column for every status that is no word here.
OTHER = None


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
        if raw["status"] is not OTHER and raw["status"] not in dict(statuses()):
            raise ValueError(raw["status"])
        return {"status": raw["status"]}

    def members(self, params: Params, by_row: bool = False) -> "QuerySet[Any]":
        if params["status"] is not OTHER:
            return self.rows().filter(status=params["status"])
        # Whoever wrote it knows a word that we don't, or none.
        return self.rows().filter(~Q(status__in=[value for value, _ in statuses()]) | Q(status=None))

    def rest(self, params: Params) -> dict[str, Any]:
        return {"word": word_of("tickets", "status", params["status"]).label.lower(), "asked": asked(params["status"])}
