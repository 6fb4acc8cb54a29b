from django.http import HttpRequest

from realtime.keys import Key, read_key
from ticketing import actions
from ticketing.actions import Refused
from ticketing.forms import LINKED_AS, LinkForm
from ticketing.kinds import LINK
from ticketing.models import TicketLink
from ticketing.views.answers import person, ticket_action
from ticketing.views.tickets import number


@ticket_action(LINK.permission("add"))
def create(request: HttpRequest, pk: Key) -> str:
    form = LinkForm(request.POST)
    if not form.is_valid():
        told = [str(error) for errors in form.errors.values() for error in errors]
        raise Refused(422, " ".join(["Nothing was linked.", *told]), link_form=form)
    other, kind = form.cleaned_data["other"], TicketLink.Kind(form.cleaned_data["kind"])
    actions.link_tickets(pk, other.pk, kind, person(request))
    return f"This ticket is {LINKED_AS[kind]} “{other}” now."


@ticket_action(LINK.permission("delete"))
def delete(request: HttpRequest, pk: Key) -> str:
    """``link`` names one of the ticket's links, which may have gone by now."""
    try:
        key = read_key(request.POST.get("link", ""))
    except ValueError:
        raise Refused(422, "Nothing was changed: no link was chosen.") from None
    actions.remove_link(key, number(request.POST, f"revision-{key}"))
    return "The link was removed."
