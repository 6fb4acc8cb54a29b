from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from realtime.build import build_id
from realtime.database.words import signature
from realtime.pages.drafts import told
from realtime.pages.search_everywhere import found_icons
from realtime.pages.side_bar import pinned
from ticketing.views.notifications import bell

# Label, address, icon, who may see it, and the key that goes there after "g".
ENTRIES = (
    ("Dashboard", "dashboard", "layout-dashboard", None, "d"),
    ("Products", "crm:products", "package", "crm.view_product", "p"),
    ("Customers", "crm:customers", "users", "crm.view_customer", "c"),
    ("Acquisitions", "crm:acquisitions", "shopping-cart", "crm.view_acquisition", "a"),
    ("Interactions", "crm:interactions", "messages-square", "crm.view_interaction", "i"),
    ("Tickets", "ticketing:tickets", "ticket", "ticketing.view_ticket", "t"),
    ("Board", "ticketing:board", "square-kanban", "ticketing.view_ticket", "b"),
    ("Notifications", "notifications", "bell", "ticketing.view_ticket", "n"),
    # Shows whatever one may see, and whoever sees no customers sees next to nothing.
    ("History", "history", "history", "crm.view_customer", "h"),
)

# What people can begin from every page.
NEW = (
    ("New ticket", "ticketing:ticket-create", "ticketing.add_ticket"),
    ("New customer", "crm:customer-create", "crm.add_customer"),
    ("New interaction", "crm:interaction-create", "crm.add_interaction"),
    ("New acquisition", "crm:acquisition-create", "crm.add_acquisition"),
    ("New product", "crm:product-create", "crm.add_product"),
)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the entries this user may open, the current one marked, views, bell and deploy."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"nav": [], "build": build_id()}
    entries = []
    for label, name, icon, permission, key in ENTRIES:
        if permission and not user.has_perm(permission):
            continue
        url = reverse(name)
        active = request.path == url or (url != settings.URL_PREFIX and request.path.startswith(url))
        entries.append({"label": label, "url": url, "icon": icon, "active": active, "key": key})
    return {
        "nav": entries,
        "new": [{"label": label, "url": reverse(name)} for label, name, permission in NEW if user.has_perm(permission)],
        "found_icons": found_icons(),
        # Read only where a menu and a side bar are painted.
        "my_drafts": SimpleLazyObject(partial(told, request)),
        "pinned": SimpleLazyObject(partial(pinned, request)),
        "bell": SimpleLazyObject(partial(bell, request)),
        "build": build_id(),
        "words": SimpleLazyObject(signature),
    }
