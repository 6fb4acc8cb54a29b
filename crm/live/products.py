"""Products: their list, and the pages of one."""

from typing import ClassVar

from django.db.models import Q, Sum

from crm.kinds import PRODUCT
from crm.live.acquisitions import AcquisitionList
from crm.live.lists import AMOUNTS, CrmList, amount_in
from crm.live.regions import NameRegion, OwnedBlock, Summary
from realtime.live.definition import register
from realtime.live.regions import DetailRegion, EditingRegion


@register
class ProductList(CrmList):
    kind = PRODUCT
    searched = ("name", "description")
    filters: ClassVar = {"price": AMOUNTS}

    def chosen(self, name: str, value: str) -> Q:
        return amount_in("price", value)


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
