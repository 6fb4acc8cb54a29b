from realtime.worker.repository import RealtimeRepository
from ticketing.models import Attachment, Comment, Ticket, TicketLink


class TicketingRealtimeRepository(RealtimeRepository):
    models = (Ticket, Comment, Attachment, TicketLink)
