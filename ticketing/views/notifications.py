"""What somebody was told of: the page, the bell, and what is done with them. Everybody sees only their own."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_safe

from realtime.live.first_paint import Patience, RenderedView, live_view
from realtime.live.snapshot import Fragment
from realtime.pages.access import may
from realtime.pages.unsent import wants_sentence
from ticketing import notifying
from ticketing.kinds import TICKET
from ticketing.live.notifications import Bell, Newest, Notifications
from ticketing.models import Notification

MAY = may(TICKET.permission("view"))
# What stands beside a page may take this long; after that it comes over the socket.
BELL_SECONDS = 0.3

KIND_WORDS = {
    Notification.Kind.MENTION: "Somebody mentions me in a comment",
    Notification.Kind.ASSIGNED: "Somebody assigns a ticket to me",
    Notification.Kind.REPLY: "Somebody comments on a ticket that is mine, or that I have commented on",
}


@dataclass(frozen=True, slots=True)
class PaintedBell:
    """The button in the page's head, and what it opens, which stands behind the page's own text."""

    button: RenderedView
    newest: RenderedView


def bell(request: HttpRequest) -> PaintedBell | None:
    """The bell as every page has it; none for somebody who may not see tickets."""
    if not request.user.has_perms(notifying.SEES_TICKETS):
        return None
    who = _person(request)
    painted = Patience(BELL_SECONDS, Fragment("", "")).live_views([(Bell.name, who), (Newest.name, who)])
    return PaintedBell(*painted)


def _person(request: HttpRequest) -> dict[str, Any]:
    return {"person": request.user.pk, "comments": request.user.has_perms(notifying.SEES_COMMENTS)}


@require_safe
@MAY
def listing(request: HttpRequest) -> HttpResponse:
    asked, refused = _understood(request)
    unwanted = notifying.unwanted_by(request.user)
    context = {
        "live": live_view(Notifications.name, _person(request) | asked),
        "asked": asked,
        "refused": refused,
        "kinds": Notification.Kind.choices,
        "choices": [(str(kind), words, kind not in unwanted) for kind, words in KIND_WORDS.items()],
    }
    return render(request, "ticketing/notifications/list.html", context)


def _understood(request: HttpRequest) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """What an address asks for, and what of it can't be asked for."""
    asked = {name: value for name in ("kind", "unread", "before") if (value := request.GET.get(name, ""))}
    refused: list[dict[str, Any]] = []
    if asked.get("kind", Notification.Kind.MENTION) not in Notification.Kind.values:
        refused.append({"label": "Kind", "value": asked.pop("kind"), "valid": Notification.Kind.values})
    if not (asked.get("before", "0").isascii() and asked.get("before", "0").isdecimal()):
        refused.append({"label": "Page", "value": asked.pop("before"), "valid": ["a number"]})
    return asked, refused


@require_http_methods(["GET", "HEAD", "POST"])
@MAY
def follow(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: opens what a notification tells of, and marks it as read. POST: marks it as ``read``, yes or no."""
    if request.method == "POST":
        if notifying.mark(request.user.pk, pk, request.POST.get("read") == "yes") is None:
            raise Http404("no such notification")
        return _done(request, "")
    found = notifying.shown_to(request.user.pk, request.user.has_perms(notifying.SEES_COMMENTS)).filter(pk=pk).first()
    if found is None:
        raise Http404("no such notification")
    if request.method == "GET":
        notifying.mark(request.user.pk, pk, is_read=True)
    if found.comment_id is not None:
        return redirect("ticketing:comment", pk=found.comment_id)
    return redirect(TICKET.detail_name, pk=found.ticket_id)


@require_http_methods(["GET", "HEAD", "POST"])
@MAY
def mark_all(request: HttpRequest) -> HttpResponse:
    """Marks what was there when the page was shown: up to the notification ``until``."""
    until = request.POST.get("until", "")
    if request.method == "POST" and until.isascii() and until.isdecimal() and len(until) < 19:
        notifying.mark_read(request.user.pk, int(until))
        return _done(request, "Marked as read.")
    return redirect("notifications")


@require_http_methods(["GET", "HEAD", "POST"])
@MAY
def choices(request: HttpRequest) -> HttpResponse:
    """Keeps which kinds this person wants to be told of."""
    if request.method == "POST":
        notifying.choose(request.user, request.POST.getlist("kind"))
        messages.success(request, "Your choice was saved.")
    return redirect("notifications")


def _done(request: HttpRequest, said: str) -> HttpResponse:
    if wants_sentence(request):
        return JsonResponse({"said": said, "url": reverse("notifications")})
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if safe else reverse("notifications"))
