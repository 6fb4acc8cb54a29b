"""The dashboard: what is going on, put together from the apps' regions, each only for people who may see it."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from realtime.live.activity import followed_by
from realtime.live.definition import definition_named
from realtime.live.first_paint import Patience

# Beyond this, the page is shown without the blocks that aren't read yet.
PAINT_SECONDS = 2.0

TILES = ("ticket-tiles", "sales-tiles", "customer-tiles", "interaction-tiles")


@dataclass(frozen=True, slots=True)
class Chart:
    """``shape`` is how static/js/elements/live-chart.js draws it. One ``of_sales`` is by weeks or by months."""

    title: str
    list: str
    region: str
    shape: str
    note: str
    empty: str
    wide: bool = False
    of_sales: bool = False


FLOW = Chart(
    "Created and solved",
    "ticketing:tickets",
    "ticket-flow",
    "lines",
    "Tickets in the last 30 days. Solved: their status stopped counting as open on that day.",
    "No ticket was created or solved in the last 30 days.",
    wide=True,
)
QUEUE = Chart(
    "Open tickets", "ticketing:tickets", "ticket-queue", "across", "By priority and age.", "No ticket is open."
)
PEOPLE = Chart(
    "Busiest people",
    "ticketing:tickets",
    "ticket-people",
    "across",
    "Tickets that somebody has to solve, and has solved in 7 days.",
    "No ticket is assigned to anybody.",
)
SALES = Chart(
    "Sales",
    "crm:acquisitions",
    "sales-over-time",
    "bars",
    "",
    "Nothing was sold in this time.",
    wide=True,
    of_sales=True,
)
PRODUCTS = Chart(
    "Best-selling products",
    "crm:acquisitions",
    "sales-by-product",
    "across",
    "",
    "Nothing was sold in this time.",
    of_sales=True,
)
SALES_BY = {"weeks": "Weeks", "months": "Months"}

# Title, the list it leads to, and the region that shows it.
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
    by = request.GET.get("sales", "")
    page = Page(request.user, by if by in SALES_BY else "weeks")
    context = {
        "tiles": page.tiles(),
        "rows": [panels for panels in (page.row(FLOW, QUEUE), page.row(SALES, PRODUCTS)) if panels],
        "people": page.row(PEOPLE),
        "activity": page.activity(),
        "blocks": page.blocks(),
    }
    return render(request, "dashboard.html", context)


class Page:
    """Paints what one person may see, in the order of the page."""

    def __init__(self, user: Any, by: str) -> None:
        self._user = user
        self._by = by
        self._paint = Patience(PAINT_SECONDS).live_view

    def _may_see(self, region: str) -> bool:
        definition = definition_named(region)
        return bool(self._user.has_perm(definition.permission)) and not definition.is_hidden()

    def tiles(self) -> list[Any]:
        return [self._paint(region, {}) for region in TILES if self._may_see(region)]

    def row(self, *charts: Chart) -> list[dict[str, Any]]:
        shown = [chart for chart in charts if self._may_see(chart.region)]
        return [self._panel(chart, is_first=chart is shown[0]) for chart in shown]

    def _panel(self, chart: Chart, is_first: bool) -> dict[str, Any]:
        panel: dict[str, Any] = {"chart": chart, "url": reverse(chart.list), "note": chart.note}
        if not chart.of_sales:
            return panel | {"live": self._paint(chart.region, {})}
        # One switch for the whole row.
        switch = [(value, word, value == self._by) for value, word in SALES_BY.items()] if is_first else []
        note = f"By total, the last 12 {self._by}."
        return panel | {"live": self._paint(chart.region, {"by": self._by}), "note": note, "switch": switch}

    def activity(self) -> Any:
        kinds = followed_by(self._user)
        return self._paint("activity", {"kinds": kinds}) if kinds else None

    def blocks(self) -> list[dict[str, Any]]:
        return [
            {"title": title, "url": reverse(url), "live": self._paint(region, {})}
            for title, url, region in BLOCKS
            if self._may_see(region)
        ]
