from realtime.live.kind import Kind
from tests.eighth.models import Supplier

SUPPLIER = Kind(Supplier, "supplier", "suppliers")
