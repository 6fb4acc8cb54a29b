"""The board: a short list for each status."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from realtime.live.definition import Params, register
from ticketing.live.lists import ShortList
from ticketing.live.tickets import TicketRows
from ticketing.models import Ticket


@register
class BoardColumn(ShortList, TicketRows):
    """The tickets of one status; the board has one such list for each."""

    name = "board"
    templates = "ticketing/board"

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"status": Ticket.Status(raw["status"]).value}

    def tickets(self, params: Params) -> "QuerySet[Ticket]":
        return Ticket.objects.filter(status=params["status"])
