from realtime.live.kind import Kind
from ticketing.models import Attachment, Comment, Ticket

TICKET = Kind(Ticket, "ticket", "tickets", icon="ticket")
COMMENT = Kind(Comment, "comment", "comments", icon="message-circle")
ATTACHMENT = Kind(Attachment, "attachment", "attachments", icon="paperclip")
