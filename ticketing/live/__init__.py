"""The live lists and regions of ticketing, a file per page. Importing them registers them."""

from ticketing.live import attachments, board, conversation, customers, figures, history, links, notifications, tickets

__all__ = [
    "attachments",
    "board",
    "conversation",
    "customers",
    "figures",
    "history",
    "links",
    "notifications",
    "tickets",
]
