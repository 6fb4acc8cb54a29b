from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from realtime.build import build_id

ENTRIES = (
    ("Dashboard", "dashboard", "layout-dashboard", None),
    ("Products", "crm:products", "package", "crm.view_product"),
    ("Customers", "crm:customers", "users", "crm.view_customer"),
    ("Acquisitions", "crm:acquisitions", "shopping-cart", "crm.view_acquisition"),
    ("Interactions", "crm:interactions", "messages-square", "crm.view_interaction"),
    ("Tickets", "ticketing:tickets", "ticket", "ticketing.view_ticket"),
    ("Board", "ticketing:board", "list-checks", "ticketing.view_ticket"),
)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the entries this user may open, the current one marked, and this deploy's name."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"nav": [], "build": build_id()}
    entries = []
    for label, name, icon, permission in ENTRIES:
        if permission and not user.has_perm(permission):
            continue
        url = reverse(name)
        active = request.path == url or (url != "/" and request.path.startswith(url))
        entries.append({"label": label, "url": url, "icon": icon, "active": active})
    return {"nav": entries, "build": build_id()}
