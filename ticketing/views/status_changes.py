from uuid import UUID

from django.http import HttpRequest

from ticketing import actions
from ticketing.actions import Refused
from ticketing.kinds import TICKET
from ticketing.models import Ticket
from ticketing.views.answers import ticket_action
from ticketing.views.tickets import number


@ticket_action(TICKET.permission("change"))
def change_status(request: HttpRequest, pk: UUID) -> str:
    try:
        status = Ticket.Status(request.POST.get("status", ""))
    except ValueError:
        raise Refused(422, f"Nothing was changed: a status is one of {', '.join(Ticket.Status.values)}.") from None
    actions.change_status(pk, number(request.POST), status)
    return f"The ticket is {status.label.lower()} now."
