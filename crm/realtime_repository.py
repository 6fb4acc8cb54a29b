from crm.models import Acquisition, Customer, Interaction, Product
from realtime.worker.repository import RealtimeRepository


class CrmRealtimeRepository(RealtimeRepository):
    models = (Product, Customer, Acquisition, Interaction)
