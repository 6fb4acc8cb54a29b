"""Products: their list, and the pages of one."""

from typing import ClassVar

from django.db.models import Sum

from crm.kinds import PRODUCT
from crm.live.acquisitions import AcquisitionList
from crm.live.lists import at_least, at_most, bands, period, since, until
from crm.live.regions import NameRegion, OwnedBlock, Summary
from realtime.live.definition import register
from realtime.live.filters import Filters
from realtime.live.lists import Column, LiveList
from realtime.live.regions import DetailRegion, EditingRegion
from realtime.live.sorting import by_amount, by_text, by_time


class ProductFilters(Filters):
    price = bands("price", "Price")
    price_min = at_least("price", "Price")
    price_max = at_most("price", "Price")
    created = period("created_at", "Created")
    created_from = since("created_at", "Created")
    created_to = until("created_at", "Created")
    updated = period("updated_at", "Updated")


@register
class ProductList(LiveList):
    kind = PRODUCT
    searched = ("name", "description")
    filters = ProductFilters
    sorts: ClassVar = {
        "created": by_time("created_at"),
        "name": by_text("name"),
        "price": by_amount("price"),
        "updated": by_time("updated_at"),
    }
    columns = (Column("Product", "name"), Column("Price", "price", number=True), Column("Updated", "updated"))
    exported: ClassVar = {
        "Product": "name",
        "Description": "description",
        "Price": "price",
        "Created (UTC)": "created_at",
        "Updated (UTC)": "updated_at",
        "Key": "id",
    }


@register
class ProductDetail(DetailRegion):
    kind = PRODUCT


@register
class ProductEditing(EditingRegion):
    kind = PRODUCT


@register
class ProductName(NameRegion):
    kind = PRODUCT


@register
class ProductSummary(Summary):
    listing = ProductList


@register
class ProductAcquisitions(OwnedBlock):
    owner = PRODUCT
    listing = AcquisitionList
    figures: ClassVar = {"total": Sum("total_amount"), "quantity": Sum("quantity")}
