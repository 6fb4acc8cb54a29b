"""The views that a person has pinned, as every page's side bar shows them: each with its list's live count."""

from dataclasses import dataclass

from django.http import HttpRequest, QueryDict
from django.urls import reverse

from realtime.live.counts import count_of
from realtime.live.definition import UnknownDefinition, definition_named
from realtime.live.first_paint import Patience, RenderedView
from realtime.live.lists import LiveList
from realtime.live.snapshot import Fragment
from realtime.models import PinnedView, SavedView
from realtime.pages.saved_views import address_of, seen_by

# What stands beside a page may take this long altogether.
COUNTS_SECONDS = 0.3
NO_COUNT = Fragment("", "")


@dataclass(frozen=True, slots=True)
class Pin:
    name: str
    address: str
    icon: str
    is_open: bool
    count: RenderedView


def pinned(request: HttpRequest) -> list[Pin]:
    """Only views that this person may still see, of lists that they may still see."""
    user = request.user
    if not user.is_authenticated:
        return []
    pins = PinnedView.objects.filter(user=user.pk, view__in=seen_by(user)).select_related("view")
    views = [
        (pin.view, listing) for pin in pins if (listing := _list_of(pin.view)) and user.has_perm(listing.permission)
    ]
    wanted = [(count_of(listing.name), listing.for_reader(QueryDict(view.query), user.pk)) for view, listing in views]
    counts = Patience(COUNTS_SECONDS, NO_COUNT).live_views(wanted)
    return [_pin(request, view, listing, count) for (view, listing), count in zip(views, counts, strict=True)]


def _pin(request: HttpRequest, view: SavedView, listing: LiveList, count: RenderedView) -> Pin:
    address = reverse(listing.kind.list_name)
    is_open = request.path == address and request.GET.get("view") == str(view.pk)
    return Pin(view.name, address + address_of(view), listing.kind.icon, is_open, count)


def _list_of(view: SavedView) -> LiveList | None:
    """None for a list that this version of the portal doesn't have."""
    try:
        definition = definition_named(view.listing)
    except UnknownDefinition:
        return None
    return definition if isinstance(definition, LiveList) else None
