from uuid import UUID

from django.http import HttpRequest

from ticketing import actions
from ticketing.actions import Refused
from ticketing.kinds import TICKET
from ticketing.models import Ticket
from ticketing.views.answers import ticket_action
from ticketing.views.tickets import number


@ticket_action(TICKET.permission("change"))
def change_priority(request: HttpRequest, pk: UUID) -> str:
    try:
        priority = Ticket.Priority(request.POST.get("priority", ""))
    except ValueError:
        raise Refused(422, f"Nothing was changed: a priority is one of {', '.join(Ticket.Priority.values)}.") from None
    actions.change_priority(pk, number(request.POST), priority)
    return f"The priority is {priority.label.lower()} now."
