from typing import ClassVar

from realtime.live.definition import register
from realtime.live.lists import Column, LiveList
from realtime.live.regions import DetailRegion, EditingRegion
from tests.eighth.kinds import SUPPLIER


@register
class SupplierList(LiveList):
    kind = SUPPLIER
    searched = ("name",)
    columns = (Column("Supplier"),)
    exported: ClassVar = {"Supplier": "name"}


@register
class SupplierDetail(DetailRegion):
    kind = SUPPLIER


@register
class SupplierEditing(EditingRegion):
    kind = SUPPLIER
