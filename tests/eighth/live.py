from django.db.models import QuerySet

from realtime.live.definition import Params, register
from realtime.live.lists import LiveList
from realtime.live.regions import DetailRegion, EditingRegion
from tests.eighth.kinds import SUPPLIER
from tests.eighth.models import Supplier


@register
class SupplierList(LiveList):
    kind = SUPPLIER

    def queryset(self, params: Params) -> QuerySet[Supplier]:
        return Supplier.objects.filter(name__icontains=params["q"])


@register
class SupplierDetail(DetailRegion):
    kind = SUPPLIER


@register
class SupplierEditing(EditingRegion):
    kind = SUPPLIER
