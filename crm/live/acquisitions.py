"""Acquisitions: their list, and the pages of one."""

from typing import Any, ClassVar

from django.db.models import QuerySet

from crm.kinds import ACQUISITION, CUSTOMER, PRODUCT
from crm.live.lists import NAME, at_least, at_most, bands, period, since, until
from crm.live.regions import Summary
from crm.models import Acquisition
from realtime.live.definition import register
from realtime.live.filters import Filters, KeyFilter
from realtime.live.lists import Column, LiveList, Related
from realtime.live.regions import DetailRegion, EditingRegion
from realtime.live.sorting import by_amount, by_time


class AcquisitionFilters(Filters):
    total = bands("total_amount", "Total")
    total_min = at_least("total_amount", "Total")
    total_max = at_most("total_amount", "Total")
    quantity_min = at_least("quantity", "Quantity")
    quantity_max = at_most("quantity", "Quantity")
    created = period("created_at", "Created")
    created_from = since("created_at", "Created")
    created_to = until("created_at", "Created")
    updated = period("updated_at", "Updated")
    customer = KeyFilter(CUSTOMER, field_name="customer", label="Customer")
    product = KeyFilter(PRODUCT, field_name="product", label="Product")


@register
class AcquisitionList(LiveList):
    kind = ACQUISITION
    searched = ("product__name", "customer__name")
    filters = AcquisitionFilters
    sorts: ClassVar = {
        "created": by_time("created_at"),
        "quantity": by_amount("quantity"),
        "total": by_amount("total_amount"),
        "updated": by_time("updated_at"),
    }
    columns = (
        Column("Product"),
        Column("Customer"),
        Column("Quantity", "quantity", number=True),
        Column("Total", "total", number=True),
        Column("Updated", "updated"),
    )
    exported: ClassVar = {
        "Product": "product__name",
        "Customer": "customer__name",
        "Quantity": "quantity",
        "Total": "total_amount",
        "Created (UTC)": "created_at",
        "Updated (UTC)": "updated_at",
        "Key": "id",
    }
    related: ClassVar = {
        CUSTOMER.table: Related(NAME, by="customer_id"),
        PRODUCT.table: Related(NAME, by="product_id"),
    }

    def described(self, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.select_related("customer", "product")

    def row_state(self, instance: Acquisition) -> tuple[Any, ...]:
        return (instance.customer.name, instance.product.name)


@register
class AcquisitionDetail(DetailRegion):
    kind = ACQUISITION
    related: ClassVar = {CUSTOMER.table: NAME, PRODUCT.table: NAME}

    def queryset(self) -> "QuerySet[Acquisition]":
        return Acquisition.objects.select_related("customer", "product")


@register
class AcquisitionEditing(EditingRegion):
    kind = ACQUISITION
    related: ClassVar = {CUSTOMER.table: NAME, PRODUCT.table: NAME}


@register
class AcquisitionSummary(Summary):
    listing = AcquisitionList
