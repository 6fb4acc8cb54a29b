from django.http import HttpRequest

from realtime.keys import Key
from ticketing import actions, words
from ticketing.actions import Refused
from ticketing.kinds import TICKET
from ticketing.views.answers import ticket_action
from ticketing.views.tickets import number


@ticket_action(TICKET.permission("change"))
def change_priority(request: HttpRequest, pk: Key) -> str:
    priority = request.POST.get("priority", "")
    known = dict(words.priorities())
    if priority not in known:
        raise Refused(422, f"Nothing was changed: a priority is one of {', '.join(known)}.")
    actions.change_priority(pk, number(request.POST), priority)
    return f"The priority is {known[priority].lower()} now."
