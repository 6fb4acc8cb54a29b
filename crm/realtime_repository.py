from crm.models import Acquisition, Customer, Interaction, Product
from realtime.repository import RealtimeRepository


class CrmRealtimeRepository(RealtimeRepository):
    models = (Product, Customer, Acquisition, Interaction)
