"""What stands above a customer's timeline: a link for each kind of entry. It depends on the address and the reader."""

from typing import Any

from django.http import HttpRequest

from crm import customer_page
from crm.live.timeline import CustomerTimeline, query_string
from realtime.live.first_paint import live_view


def timeline(request: HttpRequest, customer: object, adds: list[dict[str, Any]]) -> dict[str, Any] | None:
    """For the template: the timeline of the kinds that the address names and this user may see; None without any.

    ``adds`` are the page's links to new rows.
    """
    allowed = {
        source.name: source.label for source in customer_page.sources if request.user.has_perms(source.permissions)
    }
    if not allowed:
        return None
    asked = request.GET.getlist("show")
    chosen = [name for name in allowed if name in asked] or list(allowed)
    everything = len(chosen) == len(allowed)
    place = {name: value for name in ("after", "before") if (value := request.GET.get(name))}
    live = live_view(CustomerTimeline.name, {"id": customer, "show": chosen, **place})
    kinds = [{"label": "Everything", "query": query_string([]), "on": everything}]
    for name, label in allowed.items():
        on = not everything and name in chosen
        others = [] if everything else [other for other in chosen if other != name]
        shown = [other for other in allowed if other in others or (other == name and not on)]
        kinds.append({"label": label, "query": query_string(shown if len(shown) < len(allowed) else []), "on": on})
    return {
        "live": live,
        "kinds": kinds if len(allowed) > 1 else [],
        # An empty timeline offers to add what it would show.
        "adds": [add for add in adds if add["kind"].plural in chosen],
        "is_later_page": bool(place),
        "refused": [value for value in asked if value not in allowed],
        "valid": list(allowed.values()),
    }
