"""One search through the records of all kinds that somebody may see: a page, and the answers for the palette (Ctrl-K).

Each app names its ``Source``s. What a common word or a very short one would take too long to find isn't waited for.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db import OperationalError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import Truncator
from django.views.decorators.http import require_safe
from psycopg.errors import LockNotAvailable, QueryCanceled

from realtime.live.first_paint import time_limit
from realtime.live.kind import Kind
from realtime.live.search import clean_text, matching

# Of each kind.
SHOWN = 6
# The newest that match; the best of these are shown.
LOOKED_AT = 30
# For all kinds together. A kind that isn't found by then is left out, and the answer says so.
BUDGET_SECONDS = 3.0
TITLE_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Source:
    """Where records of a kind are found: the columns as for ``matching``, and what is said of each.

    ``title`` is what it is called, ``hint`` what tells namesakes apart. A kind that ``has_list`` is searched further in
    its own list.
    """

    kind: Kind
    columns: tuple[str, ...]
    rows: Callable[[], "QuerySet[Any]"]
    hint: Callable[[Any], str]
    title: Callable[[Any], str] = str
    has_list: bool = True


@dataclass(frozen=True, slots=True)
class Hit:
    title: str
    hint: str
    url: str


@dataclass(frozen=True, slots=True)
class Group:
    """The hits of one kind; ``all_url`` leads to all of them, or is empty. ``slow``: it was not waited for."""

    kind: Kind
    hits: list[Hit]
    all_url: str
    slow: bool = False


_sources: list[Source] = []


def register_source(source: Source) -> None:
    """Makes a kind known to the search; the order of registration is that of the groups."""
    _sources.append(source)


def found_icons() -> list[str]:
    """The icons of all kinds that can be found."""
    return [source.kind.icon for source in _sources]


@require_safe
@login_required
def search_everywhere(request: HttpRequest) -> HttpResponse:
    text = clean_text(request.GET.get("q", ""))
    groups = list(find(request.user, text)) if text else []
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"query": text, "groups": [_told(group) for group in groups]})
    return render(request, "search.html", {"query": text, "groups": groups, "none": not any(g.hits for g in groups)})


def find(user: Any, text: str) -> Iterator[Group]:
    """The best hits of each kind that ``user`` may see; kinds without any are left out."""
    until = monotonic() + BUDGET_SECONDS
    for source in _sources:
        if not user.has_perm(source.kind.permission("view")):
            continue
        found = _found(source, text, until - monotonic())
        if found is None:
            yield Group(source.kind, [], _all_url(source, text), slow=True)
        elif found:
            hits = [_hit(source, row) for row in _best(source, found, text)[:SHOWN]]
            yield Group(source.kind, hits, _all_url(source, text) if len(found) > SHOWN else "")


def _found(source: Source, text: str, seconds: float) -> list[Any] | None:
    """The newest rows that match, or None when PostgreSQL needs longer than that."""
    if seconds <= 0:
        return None
    try:
        with time_limit(seconds):
            newest = matching(source.rows(), text, source.columns).order_by("-created_at", "-id")
            return list(newest[:LOOKED_AT])
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled | LockNotAvailable):
            raise
        return None


def _best(source: Source, found: Iterable[Any], text: str) -> list[Any]:
    """What is called so comes first, then what has a word of its name begin so, then the newest."""
    folded = text.casefold()

    def rank(row: Any) -> int:
        title = source.title(row).casefold()
        return 0 if title.startswith(folded) else 1 if f" {folded}" in title else 2 if folded in title else 3

    return sorted(found, key=rank)


def _hit(source: Source, row: Any) -> Hit:
    title = Truncator(" ".join(source.title(row).split())).chars(TITLE_LENGTH)
    return Hit(title, source.hint(row), reverse(source.kind.detail_name, args=[row.pk]))


def _all_url(source: Source, text: str) -> str:
    if not source.has_list:
        return ""
    return reverse(source.kind.list_name, query={"q": text})


def _told(group: Group) -> dict[str, Any]:
    return {
        "title": group.kind.plural.capitalize(),
        "icon": group.kind.icon,
        "all": group.all_url,
        "slow": group.slow,
        "hits": [{"title": hit.title, "hint": hit.hint, "url": hit.url} for hit in group.hits],
    }
