"""The demo's service desk: tickets come in, are taken, discussed, solved and, after a long time, archived."""

from collections.abc import Sequence

from django.db.models import QuerySet

from crm.models import Customer, Product
from project.accounts.groups import MANAGERS, SUPPORT_AGENTS
from project.accounts.models import User
from project.demo import desk
from project.demo.work import Chore, Department, NothingToDo, named
from ticketing.models import Attachment, Comment, Ticket

# How the addresses of files in the portal's own storage begin.
UPLOADED = "storage:"


class ServiceDesk(Department):
    groups = (SUPPORT_AGENTS, MANAGERS)

    def chores(self) -> Sequence[tuple[float, Chore]]:
        return (
            (14, self._open_or_archive),
            (30, self._comment),
            (3, self._take_comment_back),
            (24, self._move_on),
            (16, self._take),
            (6, self._prioritise),
            (5, self._attach_or_remove),
        )

    def _open_or_archive(self, colleague: User) -> str:
        # Comments go with their tickets, which keeps that table at its size as well.
        if self.is_full(Comment) or not self.grows(Ticket):
            # A ticket with uploads stays: only a visitor can have put them there.
            uploads = Attachment.objects.filter(file_url__startswith=UPLOADED).values("ticket")
            closed = Ticket.objects.filter(status=Ticket.Status.CLOSED).exclude(pk__in=uploads)
            oldest = self.expendable(colleague, closed.order_by("created_at", "id"))
            told = named(oldest)
            oldest.delete()
            return f"archived {told}"
        product = self.recent(Product.objects.all(), spread=60)
        wish = desk.request(self.dice, product.name.split(",")[0])
        someone = Customer.objects.order_by("?").first() if self.dice.random() > 0.05 else None
        ticket = Ticket.objects.create(
            title=wish.title, description=wish.description, priority=wish.priority, customer=someone
        )
        return f"opened {named(ticket)}"

    def _comment(self, colleague: User) -> str:
        if self.is_full(Comment):
            raise NothingToDo
        ticket = self.recent(self._active())
        Comment.objects.create(ticket=ticket, author_id=colleague.pk, content=desk.comment(self.dice))
        return f"commented on {named(ticket)}"

    def _take_comment_back(self, colleague: User) -> str:
        own = Comment.objects.filter(author_id=colleague.pk).order_by("-created_at", "-id")
        comment = self.expendable(colleague, own)
        comment.delete()
        return f"took back a comment on {named(comment.ticket)}"

    def _move_on(self, colleague: User) -> str:
        ticket = self.recent(self._active())
        ticket.status = self.dice.choice(desk.NEXT_STATUS[Ticket.Status(ticket.status)])
        ticket.save(update_fields=["status"])
        return f"changed the status of {named(ticket)}"

    def _take(self, colleague: User) -> str:
        """Takes mostly unassigned tickets, now and then a colleague's; gives some back."""
        unassigned = self._active().filter(assigned_to=None)
        ticket = self.recent(unassigned if self.dice.random() < 0.7 and unassigned.exists() else self._active())
        ticket.assigned_to = None if ticket.assigned_to == colleague.pk else colleague.pk
        ticket.save(update_fields=["assigned_to"])
        return f"took {named(ticket)}" if ticket.assigned_to else f"gave {named(ticket)} back"

    def _prioritise(self, colleague: User) -> str:
        ticket = self.recent(self._active())
        ticket.priority = desk.weighted(self.dice, desk.PRIORITY_WEIGHTS)
        ticket.save(update_fields=["priority"])
        return f"changed the priority of {named(ticket)}"

    def _attach_or_remove(self, colleague: User) -> str:
        if not self.grows(Attachment):
            links = Attachment.objects.exclude(file_url__startswith=UPLOADED).order_by("created_at", "id")
            leaving = self.expendable(colleague, links)
            told = named(leaving)
            leaving.delete()
            return f"removed {told}"
        ticket, found = self.recent(self._active()), desk.file(self.dice)
        attached = Attachment.objects.create(
            ticket=ticket, file_name=found.name, file_url=found.url, file_type=found.type, file_size=found.size
        )
        return f"attached {named(attached)} to {named(ticket)}"

    def _active(self) -> QuerySet[Ticket]:
        return Ticket.objects.exclude(status=Ticket.Status.CLOSED).order_by("-created_at", "-id")
