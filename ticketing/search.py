"""What the search through everything finds of ticketing."""

from crm.search import excerpt
from realtime.pages.search_everywhere import Source, register_source
from ticketing.kinds import ATTACHMENT, COMMENT, TICKET
from ticketing.models import Attachment, Comment, Ticket


def state(ticket: Ticket) -> str:
    customer = [ticket.customer.name] if ticket.customer else []
    return " · ".join([ticket.status_word.label, *customer])


register_source(
    Source(
        TICKET,
        ("title", "description", "customer__name"),
        lambda: Ticket.objects.select_related("customer"),
        state,
    )
)
register_source(
    Source(
        COMMENT,
        ("content",),
        lambda: Comment.objects.select_related("ticket"),
        lambda comment: comment.ticket.title,
        title=lambda comment: excerpt(comment.content),
        has_list=False,
    )
)
register_source(
    Source(
        ATTACHMENT,
        ("file_name",),
        lambda: Attachment.objects.select_related("ticket"),
        lambda attachment: attachment.ticket.title,
        has_list=False,
    )
)
