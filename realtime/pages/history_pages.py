"""The history, and undo from it or from a notice. All of it works without JavaScript."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_safe

from realtime.live.bulks import action_of
from realtime.live.definition import definition_named
from realtime.live.first_paint import live_view
from realtime.live.history import ORIGIN_WORDS
from realtime.live.people import named
from realtime.live.tracked import seen_by, tracked_named
from realtime.models import Bulk
from realtime.pages.bulk import begin_undo
from realtime.pages.said import HEADER
from realtime.pages.undo import Outcome, action_targets, field_target, looked_at, moment_target, undo
from realtime.pages.undo_plan import Plan, Target
from realtime.pages.unsent import SESSION_ENDED, kept, wants_sentence

# Of the problems of one undo, so many are shown.
SHOWN_PROBLEMS = 50
LONGEST_NAME = 100


LABELS = {
    "kind": "Kind",
    "record": "Record",
    "doing": "Action",
    "by": "Person",
    "origin": "From where",
    "day": "Day",
    "before": "Page",
}


@require_safe
@login_required
def history(request: HttpRequest) -> HttpResponse:
    """Everything that this person may know of, filtered by its address."""
    seen = seen_by(request.user)
    if not seen:
        raise PermissionDenied
    asked, refused = _understood(request, seen)
    name, _, key = asked.get("record", "").partition("/")
    tracked = tracked_named(name)
    record = tracked.kind.model._default_manager.filter(pk=key).first() if tracked else None
    context = {
        "live": live_view("history", {"seen": seen, **asked}),
        "asked": asked,
        "refused": refused,
        "kind": tracked.kind if tracked else None,
        "record": record,
        "kinds": [(name, kind.kind.plural.capitalize()) for name in seen if (kind := tracked_named(name))],
        "people": _people(),
        "origins": ORIGIN_WORDS.items(),
        "may_undo": _may_change_anything(request.user, seen),
    }
    return render(request, "live/history.html", context)


def _understood(request: HttpRequest, seen: list[str]) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """What an address asks for, and what of it can't be asked for."""
    asked = {name: value for name in LABELS if (value := request.GET.get(name, "").replace("\0", ""))}
    valid = {"kind": seen, "origin": [*ORIGIN_WORDS], "day": ["a day such as 2026-11-27"], "before": ["a number"]}
    refused = []
    for name in list(asked):
        try:
            definition_named("history").normalise({"seen": seen, name: asked[name]})
        except ValueError:
            refused.append({"label": LABELS[name], "value": asked.pop(name), "valid": valid.get(name, [])})
    return asked, refused


def _people() -> list[tuple[str, str]]:
    return [(str(key), name) for key, name in named().order_by("shown_name", "pk").values_list("pk", "shown_name")]


def _may_change_anything(user: Any, seen: Iterable[str]) -> bool:
    kinds = [tracked.kind for name in seen if (tracked := tracked_named(name))]
    return any(user.has_perm(kind.permission(verb)) for kind in kinds for verb in ("add", "change", "delete"))


@require_http_methods(["GET", "HEAD", "POST"])
def undo_page(request: HttpRequest) -> HttpResponse:
    """Undoes an action (``doing``), a ``field`` of an entry (number and column), or what came to a ``record`` since."""
    if not request.user.is_authenticated:
        return kept(request, SESSION_ENDED) or redirect_to_login(reverse("history"))
    data = request.POST if request.method == "POST" else request.GET
    asked = {name: value for name in ("doing", "field", "record") if (value := data.get(name, "").replace("\0", ""))}
    # What somebody has been asked about is put back at once.
    is_plain = request.method == "POST" and "anyway" not in data
    if is_plain and (back := begin_undo(request.user, asked.get("doing", ""))):
        return _begun(request, back)
    targets = _targets(request.user, asked)
    if targets is None:
        return _refused(request, asked, Plan(), "This changed more rows than can be undone here.")
    if request.method != "POST":
        return _asking(request, asked, looked_at(request.user, targets))
    outcome = undo(request.user, targets, data.getlist("anyway"), rest="rest" in data)
    if not outcome.action:
        return _refused(request, asked, outcome.plan, outcome.said)
    return _done(request, outcome)


def _targets(user: Any, asked: dict[str, str]) -> list[Target] | None:
    if doing := asked.get("doing"):
        if len(doing) > LONGEST_NAME:
            raise Http404("no such action")
        return action_targets(user, doing)
    if field := asked.get("field"):
        revision, _, column = field.partition(":")
        return field_target(user, _number(revision), column)
    if record := asked.get("record"):
        return moment_target(user, _number(record))
    raise Http404("nothing to undo was named")


def _number(text: str) -> int:
    """An entry's; -1, which none has, for what is no number."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else -1


def _done(request: HttpRequest, outcome: Outcome) -> HttpResponse:
    if wants_sentence(request):
        return JsonResponse({"said": outcome.said}, headers={HEADER: outcome.action})
    messages.success(request, outcome.said, extra_tags=outcome.action)
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if safe and not back.startswith(reverse("undo")) else reverse("history"))


def _begun(request: HttpRequest, back: Bulk) -> HttpResponse:
    said = f"Putting back {back.total:,} {back.listing}."
    if wants_sentence(request):
        answer = {"said": said, "ask": reverse("bulk", args=[back.pk])}
        return JsonResponse(answer, headers={HEADER: action_of(back)})
    return redirect("bulk", pk=back.pk)


def _refused(request: HttpRequest, asked: dict[str, str], plan: Plan, said: str) -> HttpResponse:
    if wants_sentence(request):
        address = reverse("undo", query=asked) if plan.problems else ""
        return JsonResponse({"said": said, "ask": address if plan.can_choose or plan.does_anything else ""}, status=409)
    return _asking(request, asked, plan, status=409)


def _asking(request: HttpRequest, asked: dict[str, str], plan: Plan, status: int = 200) -> HttpResponse:
    context = {
        "asked": asked,
        "plan": plan,
        "problems": plan.problems[:SHOWN_PROBLEMS],
        "more": max(len(plan.problems) - SHOWN_PROBLEMS, 0),
        "next": request.POST.get("next") or reverse("history"),
    }
    return render(request, "live/undo.html", context, status=status)
