from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from realtime.live.definition import definition_named
from realtime.live.first_paint import live_view

# Title, the list it leads to, and the region that shows it; each only for users who may see it.
BLOCKS = (
    ("Tickets", "ticketing:tickets", "ticket-summary"),
    ("Customers", "crm:customers", "customer-summary"),
    ("Acquisitions", "crm:acquisitions", "acquisition-summary"),
    ("Interactions", "crm:interactions", "interaction-summary"),
    ("Products", "crm:products", "product-summary"),
)


@require_safe
@login_required
def dashboard(request: HttpRequest) -> HttpResponse:
    blocks = [
        {"title": title, "url": reverse(url), "live": live_view(region, {})}
        for title, url, region in BLOCKS
        if request.user.has_perm(definition_named(region).permission)
    ]
    return render(request, "dashboard.html", {"blocks": blocks})
