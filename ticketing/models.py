from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Greatest, Least

from crm.models import Customer
from realtime.database.word_field import KnownWords, WordField
from realtime.database.words import Word, word_of
from realtime.models import LiveModel
from ticketing.file_names import host_of, linkable, safe_name, stored_name

# The words of a table that our migrations make; another installation may have others.
STATUS = (
    Word("open", "Open", "blue", True),
    Word("pending", "Pending", "amber", True),
    Word("resolved", "Resolved", "green"),
    Word("closed", "Closed", "grey"),
)
PRIORITY = (
    Word("low", "Low", "grey"),
    Word("normal", "Normal", "grey"),
    Word("high", "High", "amber"),
    Word("urgent", "Urgent", "red"),
)


class Ticket(LiveModel):
    class Status(models.TextChoices):
        OPEN = "open", "Open"
        PENDING = "pending", "Pending"
        RESOLVED = "resolved", "Resolved"
        CLOSED = "closed", "Closed"

    class Priority(models.TextChoices):
        LOW = "low", "Low"
        NORMAL = "normal", "Normal"
        HIGH = "high", "High"
        URGENT = "urgent", "Urgent"

    title = models.CharField(max_length=500)
    description = models.TextField(blank=True, default="", db_default="")
    status = WordField(words=STATUS, first=Status.OPEN, db_default="open")
    priority = WordField(words=PRIORITY, first=Priority.NORMAL, db_default="normal")
    customer = models.ForeignKey(Customer, models.PROTECT, null=True, blank=True, related_name="tickets")
    # Staff ids have no foreign key: other writers know users that this portal doesn't (design rule 19).
    assigned_to = models.UUIDField(null=True, blank=True)
    # What happens at a deletion is the database's to do, for every writer (0009_merges_end).
    merged_into = models.ForeignKey(
        "self", models.DO_NOTHING, null=True, blank=True, editable=False, related_name="merged"
    )
    nouns: ClassVar = {"assigned_to": "assignee"}
    # It shows its customer's name. What it was merged into isn't what it hangs on.
    hangs_on: ClassVar = ("customer",)
    hideable: ClassVar = ("description",)

    class Meta:
        db_table = "tickets"
        ordering = ("-created_at", "-id")
        constraints = [
            models.CheckConstraint(condition=~models.Q(title__regex=r"^\s*$"), name="tickets_title_not_blank"),
            KnownWords(
                condition=models.Q(status__in=["open", "pending", "resolved", "closed"]), name="tickets_status_known"
            ),
            KnownWords(
                condition=models.Q(priority__in=["low", "normal", "high", "urgent"]), name="tickets_priority_known"
            ),
            models.CheckConstraint(condition=~models.Q(merged_into=models.F("id")), name="tickets_merged_elsewhere"),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="tickets_newest_first"),
            models.Index(fields=["status", "-created_at", "-id"], name="tickets_by_status"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def status_word(self) -> Word:
        return word_of("tickets", "status", self.status)

    @property
    def priority_word(self) -> Word:
        return word_of("tickets", "priority", self.priority)


class Comment(LiveModel):
    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="comments")
    author_id = models.UUIDField(null=True, blank=True)
    content = models.TextField()
    # The ticket that it was written on, when it has come along with a merge.
    merged_from = models.ForeignKey(Ticket, models.DO_NOTHING, null=True, blank=True, editable=False, related_name="+")

    hangs_on: ClassVar = ("ticket",)

    class Meta:
        db_table = "comments"
        ordering = ("created_at", "id")
        constraints = [
            models.CheckConstraint(condition=~models.Q(content__regex=r"^\s*$"), name="comments_content_not_blank"),
        ]
        indexes = [models.Index(fields=["ticket", "created_at", "id"], name="comments_of_a_ticket")]

    def __str__(self) -> str:
        return f"Comment on {self.ticket}"


class Attachment(LiveModel):
    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="attachments")
    comment = models.ForeignKey(Comment, models.CASCADE, null=True, blank=True, related_name="attachments")
    file_name = models.CharField(max_length=255)
    # For our own uploads, "storage:" and the storage's name; for other writers', an http(s) address.
    file_url = models.CharField(max_length=2000)
    file_type = models.CharField(max_length=255, blank=True, default="", db_default="")
    file_size = models.BigIntegerField(default=0, db_default=0)
    merged_from = models.ForeignKey(Ticket, models.DO_NOTHING, null=True, blank=True, editable=False, related_name="+")

    hangs_on: ClassVar = ("ticket",)

    class Meta:
        db_table = "attachments"
        ordering = ("created_at", "id")
        constraints = [
            models.CheckConstraint(condition=models.Q(file_size__gte=0), name="attachments_size_not_negative"),
        ]
        indexes = [models.Index(fields=["ticket", "created_at", "id"], name="attachments_of_a_ticket")]

    def __str__(self) -> str:
        return self.shown_name

    @property
    def shown_name(self) -> str:
        """Made safe here: no upload has checked the names of other writers."""
        return safe_name(self.file_name)

    @property
    def stored_name(self) -> str:
        """Its name in the storage, when it is our own upload."""
        return stored_name(self.file_url)

    @property
    def link(self) -> str:
        """Another writer's address, when it may be a link."""
        return linkable(self.file_url)

    @property
    def link_host(self) -> str:
        return host_of(self.file_url)


class TicketLink(LiveModel):
    """Two tickets that belong together: related, or ``ticket`` is a duplicate of ``other``. A pair has one link."""

    class Kind(models.TextChoices):
        RELATED = "related", "Related"
        DUPLICATE = "duplicate", "Duplicate of"

    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="links")
    other = models.ForeignKey(Ticket, models.CASCADE, related_name="linked_by", verbose_name="linked ticket")
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.RELATED, db_default="related")
    created_by = models.UUIDField(null=True, blank=True)

    hangs_on: ClassVar = ("ticket", "other")

    class Meta:
        db_table = "ticket_links"
        verbose_name = "link"
        ordering = ("created_at", "id")
        constraints = [
            models.CheckConstraint(condition=~models.Q(ticket=models.F("other")), name="ticket_links_two_tickets"),
            models.CheckConstraint(
                condition=models.Q(kind__in=["related", "duplicate"]), name="ticket_links_kind_known"
            ),
            models.UniqueConstraint(
                Least("ticket", "other"), Greatest("ticket", "other"), name="ticket_links_one_a_pair"
            ),
        ]

    def __str__(self) -> str:
        return f"Link of {self.ticket} with {self.other}"


class Notification(models.Model):
    """Tells one person of one change (``ticketing/notifying.py``). It has no words of the record in it.

    A personal table (``realtime.database.tables``): the change log only says whose rows changed.
    """

    class Kind(models.TextChoices):
        MENTION = "mention", "Mentions"
        ASSIGNED = "assigned", "Assigned to me"
        REPLY = "reply", "Replies"

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    kind = models.TextField(choices=Kind.choices)
    # The revision of the change that it tells of.
    cause = models.BigIntegerField()
    # Who did it, as the change log names whoever acts.
    actor = models.TextField()
    ticket = models.ForeignKey(Ticket, models.CASCADE, db_constraint=False, related_name="+")
    comment = models.ForeignKey(Comment, models.CASCADE, db_constraint=False, null=True, related_name="+")
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    # Of an assignment: what it was part of, and how many other tickets that gave the same person.
    action = models.TextField(blank=True, default="", db_default="")
    others = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "ticketing_notification"
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=("person", "cause"), name="ticketing_notification_once"),
            models.UniqueConstraint(
                fields=("person", "action"), condition=~models.Q(action=""), name="ticketing_notification_action_once"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=["mention", "assigned", "reply"]), name="ticketing_notification_kind_known"
            ),
        ]
        indexes = [
            models.Index(fields=["person", "-id"], name="notifications_of_a_person"),
            models.Index(fields=["person"], condition=models.Q(read_at=None), name="notifications_unread"),
            models.Index(fields=["at"], name="notifications_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class NotificationChoice(models.Model):
    """That somebody doesn't want to be told of a kind; whoever has none is told of everything."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    kind = models.TextField(choices=Notification.Kind.choices)

    class Meta:
        db_table = "ticketing_notification_choice"
        constraints = [models.UniqueConstraint(fields=("person", "kind"), name="ticketing_notification_choice_once")]

    def __str__(self) -> str:
        return f"no {self.kind} for {self.person_id}"
