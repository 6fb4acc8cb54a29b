"""The dashboard's figures about sales and customers."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from crm.kinds import ACQUISITION, CUSTOMER, INTERACTION, PRODUCT
from crm.live.lists import NAME
from crm.models import Acquisition, Customer, Interaction, Product
from realtime.live.activity import follow
from realtime.live.definition import Concern, Params, register
from realtime.live.figures import (
    Figures,
    Line,
    Series,
    Tile,
    by_stretch,
    last_months,
    last_weeks,
    midnights,
    short_day,
    short_month,
)
from realtime.live.local_numbers import local_number
from realtime.live.regions import DayRegion
from realtime.live.zones import midnight, today

# So many weeks, or months, up to and with the current one.
STRETCHES = 12
BY = ("weeks", "months")
PRODUCTS_SHOWN = 8
MONTH_DAYS = 30
WEEK_DAYS = 7

follow(PRODUCT)
follow(CUSTOMER)
follow(ACQUISITION, related={CUSTOMER.table: NAME, PRODUCT.table: NAME})
follow(INTERACTION, related={CUSTOMER.table: NAME})


class SalesFigures(DayRegion):
    """Of the acquisitions of the last weeks or months, by when they were entered."""

    permission = ACQUISITION.permission("view")
    template = "live/_figures.html"
    tables = frozenset({ACQUISITION.table})

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        by = str(raw.get("by", BY[0]))
        if by not in BY:
            raise ValueError(f"by {by}: one of {BY}")
        return super().normalise(raw) | {"by": by}

    def days(self, params: Params) -> list[date]:
        """When each week or month begins; the last one is where the current one ends."""
        day = today(timezone.now())
        if params["by"] == "weeks":
            weeks = last_weeks(day, STRETCHES)
            return [*weeks, weeks[-1] + timedelta(weeks=1)]
        months = last_months(day, STRETCHES)
        return [*months, (months[-1] + timedelta(days=31)).replace(day=1)]


def acquisitions_between(first: date, end: date, more: str = "") -> str:
    return f"{reverse(ACQUISITION.list_name)}?created_from={first}&created_to={end - timedelta(days=1)}{more}"


@register
class SalesOverTime(SalesFigures):
    name = "sales-over-time"

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        return {ACQUISITION.table: Concern(frozenset({"total_amount"}))}

    def context(self, params: Params) -> dict[str, Any]:
        days = self.days(params)
        sums = by_stretch(Acquisition.objects.all(), "created_at", midnights(days), Sum("total_amount"))
        weekly = params["by"] == "weeks"
        name = short_day if weekly else short_month
        lines = [
            Line(name(first), (amount or Decimal(0),), acquisitions_between(first, end))
            for first, end, amount in zip(days, days[1:], sums, strict=False)
        ]
        heading = "Week from" if weekly else "Month"
        return {"figures": Figures("Sales over time", heading, (Series("Sales", "first"),), lines, places=2)}


@register
class SalesByProduct(SalesFigures):
    name = "sales-by-product"
    tables = frozenset({ACQUISITION.table, PRODUCT.table})

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        return {
            ACQUISITION.table: Concern(frozenset({"total_amount", "product_id"})),
            PRODUCT.table: Concern(NAME, coming=False),
        }

    def context(self, params: Params) -> dict[str, Any]:
        days = self.days(params)
        first, end = days[0], days[-1]
        sold = Acquisition.objects.filter(created_at__gte=midnight(first), created_at__lt=midnight(end)).order_by()
        sums = sold.values_list("product_id").annotate(amount=Coalesce(Sum("total_amount"), Decimal(0)))
        sums = sums.order_by("-amount", "product_id")
        best = list(sums[:PRODUCTS_SHOWN])
        names = dict(Product.objects.filter(pk__in=[key for key, _ in best]).values_list("pk", "name"))
        lines = [
            Line(names[key], (amount,), acquisitions_between(first, end, f"&product={key}")) for key, amount in best
        ]
        return {"figures": Figures("Sales by product", "Product", (Series("Sales", "first"),), lines, places=2)}


@register
class SalesTiles(DayRegion):
    name = "sales-tiles"
    permission = ACQUISITION.permission("view")
    template = "live/_tiles.html"
    tables = frozenset({ACQUISITION.table})

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        return {ACQUISITION.table: Concern(frozenset({"total_amount"}))}

    def context(self, params: Params) -> dict[str, Any]:
        last, this = last_months(today(timezone.now()), 2)
        following = (this + timedelta(days=31)).replace(day=1)
        starts = midnights((last, this, following))
        before, now = by_stretch(Acquisition.objects.all(), "created_at", starts, Sum("total_amount"))
        note = format_html("{} last month", local_number(before or 0, 0))
        return {"tiles": (Tile("Sales this month", now or Decimal(0), acquisitions_between(this, following), note),)}


@register
class CustomerTiles(DayRegion):
    name = "customer-tiles"
    permission = CUSTOMER.permission("view")
    template = "live/_tiles.html"
    tables = frozenset({CUSTOMER.table})

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        return {CUSTOMER.table: Concern(frozenset())}

    def context(self, params: Params) -> dict[str, Any]:
        since = midnight(today(timezone.now()) - timedelta(days=MONTH_DAYS - 1))
        new = Customer.objects.filter(created_at__gte=since).count()
        url = f"{reverse(CUSTOMER.list_name)}?created=month"
        return {"tiles": (Tile("New customers", new, url, f"in {MONTH_DAYS} days"),)}


@register
class InteractionTiles(DayRegion):
    name = "interaction-tiles"
    permission = INTERACTION.permission("view")
    template = "live/_tiles.html"
    tables = frozenset({INTERACTION.table})

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        return {INTERACTION.table: Concern(frozenset({"interaction_at"}))}

    def context(self, params: Params) -> dict[str, Any]:
        since = midnight(today(timezone.now()) - timedelta(days=WEEK_DAYS - 1))
        recent = Interaction.objects.filter(interaction_at__gte=since).count()
        url = f"{reverse(INTERACTION.list_name)}?when=week"
        return {"tiles": (Tile("Interactions", recent, url, f"in {WEEK_DAYS} days"),)}
