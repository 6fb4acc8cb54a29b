"""Merging a ticket into another one: choose which, see both side by side, confirm.

A page of its own, which static/js/ticketing/merge-dialog.js brings into a dialog on the ticket's page.
"""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from realtime.keys import Key, read_key
from realtime.pages.access import may
from realtime.pages.unsent import wants_sentence
from ticketing import actions
from ticketing.actions import Refused
from ticketing.forms import MergeForm
from ticketing.kinds import TICKET
from ticketing.live.tickets import described
from ticketing.merges import end_of, place_in_words
from ticketing.models import Attachment, Ticket
from ticketing.rights import may_merge


@require_http_methods(["GET", "HEAD", "POST"])
@may(TICKET.permission("change"))
def merge(request: HttpRequest, pk: Key) -> HttpResponse:
    if not may_merge(request.user):
        raise PermissionDenied
    if request.method == "POST":
        return _merge(request, pk)
    form = MergeForm(request.GET if "into" in request.GET else None)
    chosen = form.cleaned_data["into"].pk if form.is_valid() else None
    return _shown(request, pk, form, chosen)


def _merge(request: HttpRequest, pk: Key) -> HttpResponse:
    chosen: Key | None = None
    try:
        chosen = _chosen(request)
        source, target = actions.merge_tickets(pk, chosen)
    except Refused as refusal:
        if wants_sentence(request):
            return JsonResponse({"said": refusal.sentence}, status=refusal.status)
        messages.error(request, refusal.sentence)
        return _shown(request, pk, MergeForm(), refusal.context.get("ticket", chosen), refusal.status)
    said = f"“{source}” was merged into “{target}”."
    if wants_sentence(request):
        return JsonResponse({"said": said, "url": reverse(TICKET.detail_name, args=[pk])})
    messages.success(request, said)
    return redirect(TICKET.detail_name, pk=target.pk)


def _chosen(request: HttpRequest) -> Key:
    try:
        return read_key(request.POST.get("into", ""))
    except ValueError:
        raise Refused(422, "Nothing was merged: choose the ticket to merge into.") from None


def _shown(request: HttpRequest, pk: Key, form: MergeForm, chosen: Key | None, status: int = 200) -> HttpResponse:
    source = get_object_or_404(described(Ticket.objects.all()), pk=pk)
    context = {"object": source, "kind": TICKET, "form": form, **_compared(source, chosen)}
    if wants_sentence(request):
        html = render_to_string("ticketing/merging/_merge.html", context, request)
        return JsonResponse({"html": html}, headers={"Cache-Control": "no-store"})
    return render(request, "ticketing/merging/merge.html", context, status=status)


def _compared(source: Ticket, chosen: Key | None) -> dict[str, Any]:
    """Both side by side, or why they can't be merged; ``instead`` is where the chosen one has gone itself."""
    if source.merged_into_id:
        return {"hindrance": f"This ticket was merged into {place_in_words(source)} already."}
    target = described(Ticket.objects.all()).filter(pk=chosen).first() if chosen else None
    if target is None:
        return {}
    if target == source:
        return {"hindrance": "This is the ticket itself. Choose another one."}
    if target.merged_into_id:
        end, hindrance = end_of(target), f"“{target}” was merged into another ticket."
        return {"hindrance": hindrance, "instead": end if end != target else None}
    files = {ticket.pk: Attachment.objects.filter(ticket=ticket).count() for ticket in (source, target)}
    sides = (("This ticket", source), ("Into", target))
    return {
        "target": target,
        "sides": [{"title": title, "ticket": ticket, "files": files[ticket.pk]} for title, ticket in sides],
        "customers_differ": bool(source.customer and target.customer and source.customer != target.customer),
    }
