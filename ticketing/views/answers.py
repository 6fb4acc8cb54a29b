"""How a view that changes something about a ticket answers a plain form, and one sent in the background."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from realtime.keys import Key
from realtime.pages.access import View, may
from realtime.pages.unsent import GONE, kept, wants_sentence
from ticketing.actions import Refused
from ticketing.kinds import TICKET
from ticketing.views.tickets import PAGES


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What was done went to another ticket, which the answer leads to."""

    sentence: str
    ticket: Key


# Does its work for the ticket and returns a sentence about it, or raises ``Refused``.
TicketAction = Callable[[HttpRequest, Key], str | Elsewhere]


def ticket_action(permission: str) -> Callable[[TicketAction], View]:
    """View decorator for a POST below a ticket's address."""

    def decorate(action: TicketAction) -> View:
        @wraps(action)
        def answer(request: HttpRequest, pk: Key) -> HttpResponse:
            if request.method != "POST":
                # Reached after a new sign-in, or through the address of a refusal.
                return redirect(TICKET.detail_name, pk=pk)
            try:
                return _done(request, pk, action(request, pk))
            except Refused as refusal:
                return _refused(request, pk, refusal)

        methods = require_http_methods(["GET", "HEAD", "POST"])
        return may(TICKET.permission("view"))(may(permission)(methods(answer)))

    return decorate


def person(request: HttpRequest) -> UUID:
    """The key of whoever is signed in."""
    user: Any = request.user
    key: UUID = user.pk
    return key


def _done(request: HttpRequest, pk: Key, done: str | Elsewhere) -> HttpResponse:
    sentence, pk = (done.sentence, done.ticket) if isinstance(done, Elsewhere) else (done, pk)
    if wants_sentence(request):
        return JsonResponse({"said": sentence, "url": reverse(TICKET.detail_name, args=[pk])})
    messages.success(request, sentence)
    return redirect(TICKET.detail_name, pk=pk)


def _refused(request: HttpRequest, pk: Key, refusal: Refused) -> HttpResponse:
    if wants_sentence(request):
        return JsonResponse({"said": refusal.sentence}, status=refusal.status)
    # The page of a deleted ticket has no form that could hold what was typed.
    if refusal.status == GONE.status and (answer := kept(request, GONE)):
        return answer
    messages.error(request, refusal.sentence)
    return PAGES.show(request, pk, refusal.status, **refusal.context)
