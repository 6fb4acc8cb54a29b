from django.apps import AppConfig


class TicketingConfig(AppConfig):
    name = "ticketing"
    verbose_name = "Ticketing"

    def ready(self) -> None:
        import ticketing.live
        import ticketing.scopes
        import ticketing.search  # noqa: F401  registers what the search through everything finds
        from crm.customer_page import register_block, register_dependants, register_source
        from realtime.database.tables import register_personal
        from realtime.worker.log_readers import register_reader
        from realtime.worker.retention import forgotten, hourly
        from ticketing.customers import ticket_count
        from ticketing.files import forget_files
        from ticketing.kinds import TICKET
        from ticketing.live.customers import CommentEntries, CustomerTickets, TicketEntries
        from ticketing.models import Attachment, Notification
        from ticketing.notifying import READER, forget_old

        register_block("Tickets", CustomerTickets.name, order=40, adds=TICKET)
        register_source(TicketEntries())
        register_source(CommentEntries())
        register_dependants(ticket_count)
        forgotten[Attachment._meta.db_table] = forget_files
        register_personal(Notification._meta.db_table)
        register_reader(READER)
        hourly.append(forget_old)
