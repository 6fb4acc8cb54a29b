"""The list of my drafts, and what static/js/drafts.js asks and sends. Only the owner ever reads a draft."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from realtime.live.person import person_of
from realtime.pages import drafts
from realtime.pages.drafts import LARGEST, NoForm, Place, Typed

View = Callable[[HttpRequest], HttpResponse]

_NOT_READABLE = "A draft is JSON with an address, a form, a writing, a title, values, and the time of the last key."


@login_required
@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    found = [(draft, drafts.lines(draft)) for draft in drafts.mine(request.user)]
    return render(request, "drafts.html", {"drafts": found})


@login_required
@require_POST
def drop(request: HttpRequest, pk: UUID) -> HttpResponse:
    drafts.drop(request.user, pk)
    messages.success(request, "The draft was thrown away.")
    return redirect("drafts")


def _for_scripts(view: View) -> View:
    """Answers the person that the page was painted for, in JSON; nobody else is told more than that."""

    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return _said("You are signed out.", 401)
        if request.headers.get("X-Person") != person_of(request.user):
            return _said("Somebody else is signed in.", 403)
        try:
            return view(request)
        except NoForm as error:
            return _said(str(error), 400)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            return _said(_NOT_READABLE, 400)

    return checked


@require_http_methods(["GET", "PUT", "DELETE"])
@_for_scripts
def here(request: HttpRequest) -> HttpResponse:
    """GET: the drafts at an address. PUT: keep one. DELETE: its writings have ended."""
    if request.method == "GET":
        return _at(request)
    length = len(request.body)
    if length > LARGEST:
        return _said(f"This draft has {length:,} bytes, and {LARGEST:,} is the most that is kept.", 413)
    sent = json.loads(request.body, parse_constant=_no_number)
    place = Place(_text(sent["address"]), _text(sent["form"]))
    if request.method == "DELETE":
        drafts.end(request.user, place, [UUID(one) for one in sent["writings"]])
        return HttpResponse(status=204)
    if not drafts.may_open(request.user, place.address):
        return _said("Your account may not open this form.", 403)
    kept = drafts.keep(request.user, place, _typed(sent))
    return HttpResponse(status=204) if kept else _said("This was sent or thrown away already.", 409)


def _at(request: HttpRequest) -> HttpResponse:
    found = [
        json.loads(draft.kept)
        | {"form": draft.form, "writing": str(draft.writing), "kept_at": draft.updated_at.timestamp() * 1000}
        for draft in drafts.mine(request.user, request.GET.get("address", "").replace("\0", "") or "/")
    ]
    return JsonResponse({"drafts": found})


def _typed(sent: dict[str, Any]) -> Typed:
    values, revision, seen = dict(sent["values"]), sent["revision"], dict(sent["seen"])
    if revision is not None:
        revision = _text(revision)
    kept = {"values": values, "revision": revision, "seen": seen}
    return Typed(UUID(sent["writing"]), _text(sent["title"]), float(sent["at"]), float(sent["age"]), kept)


def _no_number(constant: str) -> None:
    """Python reads NaN and Infinity, which are no JSON and can't be compared."""
    raise ValueError(constant)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _said(sentence: str, status: int) -> JsonResponse:
    return JsonResponse({"said": sentence}, status=status)
