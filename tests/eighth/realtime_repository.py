from realtime.worker.repository import RealtimeRepository
from tests.eighth.models import Supplier


class EighthRealtimeRepository(RealtimeRepository):
    models = (Supplier,)
