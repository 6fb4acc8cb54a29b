from uuid import UUID

from django.http import HttpRequest

from realtime.keys import Key
from ticketing import actions, people
from ticketing.actions import Refused
from ticketing.kinds import TICKET
from ticketing.views.answers import ticket_action
from ticketing.views.tickets import number


@ticket_action(TICKET.permission("change"))
def assign(request: HttpRequest, pk: Key) -> str:
    """``to``: "me", "nobody", or "member" with the id of one in ``member``."""
    assignee = _assignee(request)
    actions.assign(pk, number(request.POST), assignee)
    return f"Assigned to {people.name(assignee)}." if assignee else "Assigned to nobody."


def _assignee(request: HttpRequest) -> UUID | None:
    to = request.POST.get("to")
    if to == "me":
        if not people.assignable().filter(pk=request.user.pk).exists():
            raise Refused(422, f"Nothing was changed: {people.NOT_LINKED}")
        return request.user.pk
    if to == people.NOBODY:
        return None
    try:
        member = UUID(request.POST.get("member", "") if to == "member" else "")
    except ValueError:
        raise Refused(422, "Nothing was changed: choose who gets this ticket.") from None
    if not people.assignable().filter(pk=member).exists():
        raise Refused(422, "Nothing was changed: that colleague’s account is closed.")
    return member
