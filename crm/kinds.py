from crm.models import Acquisition, Customer, Interaction, Product
from realtime.live.kind import Kind

PRODUCT = Kind(Product, "product", "products", icon="package-open", chosen_by=("name",), told_apart_by="price")
CUSTOMER = Kind(
    Customer, "customer", "customers", icon="users", chosen_by=("name", "email", "phone"), told_apart_by="email"
)
ACQUISITION = Kind(Acquisition, "acquisition", "acquisitions", icon="shopping-cart")
INTERACTION = Kind(Interaction, "interaction", "interactions", icon="messages-square")
