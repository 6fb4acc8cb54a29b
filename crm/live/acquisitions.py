"""Acquisitions: their list, and the pages of one."""

from typing import Any, ClassVar

from django.db.models import Q, QuerySet

from crm.kinds import ACQUISITION, CUSTOMER, PRODUCT
from crm.live.lists import AMOUNTS, NAME, CrmList, amount_in
from crm.live.regions import Summary, WordedEditing
from crm.models import Acquisition
from realtime.live.definition import register
from realtime.live.regions import DetailRegion


@register
class AcquisitionList(CrmList):
    kind = ACQUISITION
    searched = ("product__name", "customer__name")
    filters: ClassVar = {"total": AMOUNTS}
    owners = (CUSTOMER, PRODUCT)
    related: ClassVar = {CUSTOMER.table: NAME, PRODUCT.table: NAME}

    def rows(self) -> "QuerySet[Acquisition]":
        return Acquisition.objects.select_related("customer", "product")

    def chosen(self, name: str, value: str) -> Q:
        return amount_in("total_amount", value)

    def row_state(self, instance: Acquisition) -> tuple[Any, ...]:
        return (instance.customer.name, instance.product.name)


@register
class AcquisitionDetail(DetailRegion):
    kind = ACQUISITION
    related: ClassVar = AcquisitionList.related

    def queryset(self) -> "QuerySet[Acquisition]":
        return AcquisitionList().rows()


@register
class AcquisitionEditing(WordedEditing):
    kind = ACQUISITION
    related: ClassVar = AcquisitionList.related


@register
class AcquisitionSummary(Summary):
    listing = AcquisitionList
