from crm.models import Acquisition, Customer, Interaction, Product
from realtime.live.kind import Kind

PRODUCT = Kind(Product, "product", "products", icon="package-open")
CUSTOMER = Kind(Customer, "customer", "customers", icon="users")
ACQUISITION = Kind(Acquisition, "acquisition", "acquisitions", icon="shopping-cart")
INTERACTION = Kind(Interaction, "interaction", "interactions", icon="messages-square")
