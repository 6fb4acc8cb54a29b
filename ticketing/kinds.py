from realtime.live.kind import Kind
from ticketing.models import Attachment, Comment, Ticket, TicketLink

TICKET = Kind(Ticket, "ticket", "tickets", icon="ticket", chosen_by=("title",), told_apart_by="status")
COMMENT = Kind(Comment, "comment", "comments", icon="message-circle")
ATTACHMENT = Kind(Attachment, "attachment", "attachments", icon="paperclip")
LINK = Kind(TicketLink, "link", "links", icon="link")
