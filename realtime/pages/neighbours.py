"""From a record to the next one of the list that somebody came from.

The next one is looked for at the moment of the click, by the place in the list's order. So it is right although
the list has changed since, and also for a record that has just left the list.
"""

from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, QueryDict
from django.urls import reverse

from realtime.live.definition import Params
from realtime.live.kind import Kind
from realtime.live.lists import LiveList
from realtime.live.zones import in_zone


def came_from(request: HttpRequest, kind: Kind) -> QueryDict | None:
    """What the list's address said: named by ``from``, or by the page that led here; None when no list did."""
    if "from" in request.GET:
        return QueryDict(request.GET["from"])
    referer = urlsplit(request.headers.get("Referer", ""))
    if referer.netloc != request.get_host() or referer.path != reverse(kind.list_name):
        return None
    return QueryDict(referer.query)


def ways(kind: Kind, query: QueryDict, pk: Any) -> dict[str, str]:
    """Addresses for a record's page: the one before it in the list, the one behind it, and the list."""
    told = query.urlencode()
    return {
        "previous_url": reverse(f"{kind.detail_name}-previous", args=[pk], query={"from": told}),
        "next_url": reverse(f"{kind.detail_name}-next", args=[pk], query={"from": told}),
        "back_url": reverse(kind.list_name, query=query),
    }


def neighbour(listing: LiveList, params: Params, pk: Any, forwards: bool) -> Any:
    """The key of the record behind this one in the list, or before it; None at the list's end."""
    with in_zone(params.get("tz", "")):
        order = listing.order(params)
        row = order.apply(listing.rows().filter(pk=pk)).first()
        if row is None:
            return None
        key = order.key_of(row)
        beyond = listing.members(params).filter(order.behind(key) if forwards else order.before(key))
        return order.apply(beyond, backwards=not forwards).values_list("pk", flat=True).first()
