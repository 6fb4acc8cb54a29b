"""Keeps on the screen what was sent and can't be saved: what was typed, to be sent again (design rule 41).

Nothing here asks the database: it may be the very thing that is away. It shows only what this person filled into a
page of ours, never what another site has put into a form.
"""

import logging
import sys
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.middleware.csrf import get_token
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django.utils.encoding import escape_uri_path
from django.views import defaults

from realtime.database.refusals import Trouble, trouble_of
from realtime.live.person import FIELD, TYPED, person_of, signed, typed_names, unsigned

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 10
# The hidden fields of every form of ours; the page adds its own.
_OURS = ("csrfmiddlewaretoken", FIELD, TYPED)
UNREADABLE = (UnreadablePostError, SuspiciousOperation, MultiPartParserError)
_LOOK_FIRST = "It isn’t certain that nothing was saved: check before you send it again."


@dataclass(frozen=True, slots=True)
class Why:
    status: int
    heading: str
    sentence: str
    sign_in: bool = False
    # Whether it is worth sending again as it is.
    again: bool = True


@dataclass(frozen=True, slots=True)
class _Control:
    name: str
    label: str
    value: str
    # 0 for a single-line field.
    rows: int


SESSION_ENDED = Why(
    401,
    "Your session has ended",
    "Nothing was saved. Sign in again in another tab, then send this once more; what you typed stays here.",
    sign_in=True,
)
OUT_OF_DATE = Why(
    403,
    "This form is out of date",
    "You signed in again since it was opened. Nothing was saved yet: send it once more.",
)
NOT_YOURS = Why(
    409,
    "This form is somebody else’s",
    "It was opened while somebody else was signed in here. Nothing was saved, and nothing of it is shown to you.",
)
_FORBIDDEN = Why(
    403, "Not for your account", "Nothing was saved: your account may not do this. Ask an administrator if it should."
)
GONE = Why(
    404,
    "Nothing here any more",
    "Nothing was saved: somebody has deleted what this belongs to. What you typed is still here, so you can copy it.",
    again=False,
)
_BROKEN = Why(500, "Something broke", f"The fault is ours and has been recorded. {_LOOK_FIRST}")


def wants_sentence(request: HttpRequest) -> bool:
    """Sent by <background-form>: the page stays, so it wants the sentence alone."""
    return request.headers.get("accept", "").startswith("application/json")


def kept(request: HttpRequest, why: Why) -> HttpResponse | None:
    """The answer to a form that wasn't saved, with what was filled in; None for anything else."""
    if request.method != "POST":
        return None
    if wants_sentence(request):
        told = {"said": f"{why.heading}. {why.sentence}"} | (
            {"sign_in": resolve_url(settings.LOGIN_URL)} if why.sign_in else {}
        )
        return JsonResponse(told, status=why.status)
    person = _whose(request)
    if not person:
        return None
    typed, untouched = _fields(request)
    context = {
        "why": why,
        "typed": typed,
        "untouched": untouched,
        "chosen": any(name not in ("revision", "seen", "draft") and value for name, value in untouched),
        "lost": [file.name for _, files in request.FILES.lists() for file in files],
        "address": request.get_full_path(),
        "csrf_token": get_token(request),
        "ours": {FIELD: signed(person), TYPED: request.POST.get(TYPED, "")}.items(),
        "sign_in": resolve_url(settings.LOGIN_URL),
    }
    return HttpResponse(render_to_string("unsent.html", context), status=why.status)


def _whose(request: HttpRequest) -> str:
    """The person a form was painted for, if that is who has sent it, as far as anybody can tell."""
    person = unsigned(sent_mark(request))
    # Known once the session was read. Without the database nobody knows, and what is shown is on this screen anyway.
    signed_in = getattr(request, "person", "")
    return "" if signed_in and signed_in != person else person


def sent_mark(request: HttpRequest) -> str:
    """Whom the form says that it was painted for; empty for one that doesn't say, or that can't be read."""
    try:
        return request.POST.get(FIELD, "")
    except UNREADABLE:
        return ""


def _fields(request: HttpRequest) -> tuple[list[_Control], list[tuple[str, str]]]:
    """What was typed, and what else the form sent along: choices, the revision, the button."""
    lines = typed_names(request.POST.get(TYPED, ""))
    typed: list[_Control] = []
    untouched: list[tuple[str, str]] = []
    for name, values in request.POST.lists():
        if name in _OURS or "password" in name:
            continue
        for value in values:
            if name in lines:
                typed.append(_Control(name, label_of(name), str(value), _rows(str(value)) if lines[name] else 0))
            else:
                untouched.append((name, str(value)))
    return typed, untouched


def label_of(name: str) -> str:
    """A control's name in words, where its form isn't there to ask."""
    return name.rpartition("-")[2].replace("_", " ").capitalize()


def _rows(text: str) -> int:
    return min(max(1 + sum(1 + len(line) // 70 for line in text.splitlines()), 4), 20)


# Error views, for project/urls.py and settings.CSRF_FAILURE_VIEW


def out_of_date(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The CSRF token no longer belongs to this session."""
    request.person = person_of(request.user)  # type: ignore[attr-defined]
    if is_anothers(request):
        return not_yours(request)
    if answer := kept(request, OUT_OF_DATE if request.user.is_authenticated else SESSION_ENDED):
        return answer
    return HttpResponse(render_to_string("403_csrf.html"), status=403)


def is_anothers(request: HttpRequest) -> bool:
    """Whether somebody other than the person the form was painted for is signed in by now."""
    mark, signed_in = sent_mark(request), getattr(request, "person", "")
    return bool(mark and signed_in) and unsigned(mark) != signed_in


def not_yours(request: HttpRequest) -> HttpResponse:
    if wants_sentence(request):
        told = {"said": f"{NOT_YOURS.heading}. {NOT_YOURS.sentence}", "another": True}
        return JsonResponse(told, status=NOT_YOURS.status)
    return HttpResponse(render_to_string("409.html", {"why": NOT_YOURS}), status=NOT_YOURS.status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if trouble := trouble_of(exception):
        return _troubled(request, trouble)
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return kept(request, _FORBIDDEN) or defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return kept(request, GONE) or defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    error = sys.exc_info()[1]
    if error and (trouble := trouble_of(error)):
        return _troubled(request, trouble)
    return kept(request, _BROKEN) or defaults.server_error(request)


def _troubled(request: HttpRequest, trouble: Trouble) -> HttpResponse:
    logger.error("%s %s: the database failed (%s)", request.method, escape_uri_path(request.path), trouble.name)
    signing_in = request.path == resolve_url(settings.LOGIN_URL)
    after = (
        "" if request.method != "POST" or signing_in else f" {'Nothing was saved.' if trouble.settled else _LOOK_FIRST}"
    )
    why = Why(503, "Not right now", f"{trouble.sentence}{after}")
    address = request.get_full_path() if request.method == "GET" or signing_in else ""
    page = {"why": why, "passes": trouble.passes, "address": address}
    answer = kept(request, why) or HttpResponse(render_to_string("503.html", page), status=why.status)
    answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    # Django would log it again, with a traceback whose last line may quote a record.
    answer._has_been_logged = True  # type: ignore[attr-defined]
    return answer
