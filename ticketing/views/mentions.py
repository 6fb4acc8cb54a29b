"""Who can be mentioned in a ticket's comments."""

from django.db.models import Q
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from crm.mentions import MENTIONABLE, those_with
from realtime.keys import Key
from realtime.pages.access import may
from realtime.sight import blind_to, limited_people
from ticketing.kinds import COMMENT, TICKET
from ticketing.models import Ticket
from ticketing.notifying import SEES_COMMENTS

OFFERED = 8
LONGEST = 60


@require_safe
@may(COMMENT.permission("view"))
@may(TICKET.permission("view"))
def people(request: HttpRequest, pk: Key) -> JsonResponse:
    """Those who may see the ticket's comments, and whose username or a word of whose name begins with ``q``."""
    get_object_or_404(Ticket.objects.only("pk"), pk=pk)
    text = request.GET.get("q", "").replace("\0", "")[:LONGEST]
    found = those_with(SEES_COMMENTS).filter(username__regex=MENTIONABLE).exclude(pk=request.user.pk)
    blind = blind_to(TICKET.table, {(person, str(pk)) for person in limited_people()})
    found = found.exclude(pk__in=[person for person, _ in blind])
    if text:
        begins = Q(username__istartswith=text)
        for column in ("first_name", "last_name"):
            begins |= Q(**{f"{column}__istartswith": text}) | Q(**{f"{column}__icontains": f" {text}"})
        found = found.filter(begins)
    told = found.order_by("shown_name", "pk").values_list("username", "shown_name")[:OFFERED]
    return JsonResponse({"people": [{"username": username, "name": name} for username, name in told]})
