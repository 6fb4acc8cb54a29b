from django.http import HttpRequest

from realtime.keys import Key
from ticketing import actions, words
from ticketing.actions import Refused
from ticketing.kinds import TICKET
from ticketing.views.answers import ticket_action
from ticketing.views.tickets import number


@ticket_action(TICKET.permission("change"))
def change_status(request: HttpRequest, pk: Key) -> str:
    status = request.POST.get("status", "")
    known = dict(words.statuses())
    if status not in known:
        raise Refused(422, f"Nothing was changed: a status is one of {', '.join(known)}.")
    actions.change_status(pk, number(request.POST), status)
    return f"The ticket is {known[status].lower()} now."
