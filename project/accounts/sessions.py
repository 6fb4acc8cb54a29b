"""Where somebody is signed in, and ending it from afar.

A session that ends here is gone from the database. So its next request is refused, and within seconds the hub takes the
records off its open pages (design rule 35).
"""

from typing import NamedTuple

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

# The first that a user agent names: many name their ancestors, too.
BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "Chromebook"),
    ("Linux", "Linux"),
)


class Shown(NamedTuple):
    session: UserSession
    browser: str
    is_current: bool


@login_required
@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    mine = UserSession.objects.purge_and_list(request.user)
    mine.sort(key=lambda session: (session.session_key != request.session.session_key, -session.created_at.timestamp()))
    shown = [Shown(one, browser_of(one.user_agent), one.session_key == request.session.session_key) for one in mine]
    return render(request, "usersessions/list.html", {"sessions": shown})


@login_required
@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """Ends one of the person's other sessions, or with ``session=others`` all of them."""
    others = UserSession.objects.filter(user=request.user).exclude(session_key=request.session.session_key)
    asked = request.POST.get("session", "")
    chosen = others if asked == "others" else others.filter(pk=asked if asked.isdecimal() else None)
    ended = list(chosen)
    for session in ended:
        session.end()
    if len(ended) == 1:
        messages.success(request, f"{browser_of(ended[0].user_agent)} was signed out.")
    elif ended:
        messages.success(request, f"{len(ended)} other sessions were signed out.")
    else:
        messages.info(request, "That session had ended already.")
    return redirect("usersessions_list")


def browser_of(user_agent: str) -> str:
    """A browser in the words of its owner: "Firefox on Windows"."""
    browser = next((name for sign, name in BROWSERS if sign in user_agent), "A browser")
    system = next((name for sign, name in SYSTEMS if sign in user_agent), "")
    return f"{browser} on {system}" if system else browser
