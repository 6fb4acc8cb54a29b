from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from realtime.database.words import Word, words_of
from realtime.live.first_paint import live_view
from realtime.pages.access import may
from ticketing.kinds import TICKET
from ticketing.live.board import OTHER
from ticketing.views.tickets import quick_choices


@require_safe
@may(TICKET.permission("view"))
def board(request: HttpRequest) -> HttpResponse:
    columns = [
        {"status": value, "word": word, "live": live_view("board", {"status": value})}
        for value, word in [
            *((word.value, word) for word in words_of(TICKET.table, "status")),
            (OTHER, Word("", "Other")),
        ]
    ]
    context = {
        "columns": columns,
        "kind": TICKET,
        "can_add": request.user.has_perm(TICKET.permission("add")),
        "can_change": request.user.has_perm(TICKET.permission("change")),
    }
    return render(request, "ticketing/board/board.html", context | quick_choices(request))
