from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from realtime.live.first_paint import live_view
from realtime.pages.access import may
from ticketing.kinds import TICKET
from ticketing.models import Ticket
from ticketing.views.tickets import quick_choices


@require_safe
@may(TICKET.permission("view"))
def board(request: HttpRequest) -> HttpResponse:
    columns = [
        {"status": value, "title": word, "live": live_view("board", {"status": value})}
        for value, word in Ticket.Status.choices
    ]
    context = {
        "columns": columns,
        "kind": TICKET,
        "can_add": request.user.has_perm(TICKET.permission("add")),
        "can_change": request.user.has_perm(TICKET.permission("change")),
    }
    return render(request, "ticketing/board/board.html", context | quick_choices(request))
