import uuid
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from realtime.database.number_fields import AmountField
from realtime.database.word_field import KnownWords, WordField
from realtime.database.words import Word, word_of
from realtime.models import LiveModel

# PostgreSQL knows "infinity" and years that Python doesn't: one such row would make its lists unreadable.
EARLIEST = datetime(1000, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
# The columns' digits allow no more than this anyway.
LARGEST_PRICE = 10**10
LARGEST_TOTAL = 10**12


class Product(LiveModel):
    name = models.CharField(max_length=500)
    description = models.TextField(blank=True, default="", db_default="")
    price = AmountField(max_digits=12, decimal_places=2, default=0, db_default=0, validators=[MinValueValidator(0)])

    hideable: ClassVar = ("description", "price")

    class Meta:
        db_table = "products"
        # The key breaks ties: without a total order a reload could differ from the live page.
        ordering = ("-created_at", "-id")
        constraints = [
            models.CheckConstraint(condition=models.Q(price__gte=0), name="products_price_not_negative"),
            # PostgreSQL sorts NaN above every number, so "at least 0" accepts it.
            models.CheckConstraint(condition=models.Q(price__lt=LARGEST_PRICE), name="products_price_a_number"),
            models.CheckConstraint(condition=~models.Q(name__regex=r"^\s*$"), name="products_name_not_blank"),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="products_newest_first")]

    def __str__(self) -> str:
        return self.name


class Customer(LiveModel):
    name = models.CharField(max_length=500)
    email = models.EmailField(max_length=320, blank=True, default="", db_default="")
    phone = models.CharField(max_length=50, blank=True, default="", db_default="")

    hideable: ClassVar = ("email", "phone")

    class Meta:
        db_table = "customers"
        ordering = ("-created_at", "-id")
        constraints = [
            models.CheckConstraint(condition=~models.Q(name__regex=r"^\s*$"), name="customers_name_not_blank"),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="customers_newest_first")]

    def __str__(self) -> str:
        return self.name


class Acquisition(LiveModel):
    # Protected: tidying up must never delete what was sold to whom (design rule 19).
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="acquisitions")
    product = models.ForeignKey(Product, models.PROTECT, related_name="acquisitions")
    quantity = models.PositiveIntegerField(default=1, db_default=1, validators=[MinValueValidator(1)])
    total_amount = AmountField(
        max_digits=14, decimal_places=2, default=0, db_default=0, validators=[MinValueValidator(0)]
    )

    hangs_on: ClassVar = ("customer",)
    hideable: ClassVar = ("total_amount",)

    class Meta:
        db_table = "acquisitions"
        ordering = ("-created_at", "-id")
        constraints = [
            models.CheckConstraint(condition=models.Q(quantity__gte=1), name="acquisitions_quantity_at_least_one"),
            models.CheckConstraint(condition=models.Q(total_amount__gte=0), name="acquisitions_total_not_negative"),
            models.CheckConstraint(
                condition=models.Q(total_amount__lt=LARGEST_TOTAL), name="acquisitions_total_a_number"
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="acquisitions_newest_first")]

    def __str__(self) -> str:
        # An acquisition that has no relatives yet needs a name, too.
        if self.customer_id is None or self.product_id is None:
            return "New acquisition"
        count = "" if self.quantity is None else f"{self.quantity} × "
        return f"{count}{self.product} for {self.customer}"


# The words of a table that our migrations make; another installation may have others.
TYPE = (Word("call", "Call"), Word("email", "Email"), Word("meeting", "Meeting"), Word("note", "Note"))


class Interaction(LiveModel):
    class Type(models.TextChoices):
        CALL = "call", "Call"
        EMAIL = "email", "Email"
        MEETING = "meeting", "Meeting"
        NOTE = "note", "Note"

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="interactions")
    type = WordField(words=TYPE, first=Type.NOTE, db_default="note")
    notes = models.TextField(blank=True, default="", db_default="")
    interaction_at = models.DateTimeField(
        default=timezone.now,
        db_default=Now(),
        validators=[MinValueValidator(EARLIEST), MaxValueValidator(LATEST)],
    )
    nouns: ClassVar = {"interaction_at": "time"}
    hangs_on: ClassVar = ("customer",)
    hideable: ClassVar = ("notes",)

    class Meta:
        db_table = "interactions"
        ordering = ("-interaction_at", "-id")
        constraints = [
            KnownWords(
                condition=models.Q(type__in=["call", "email", "meeting", "note"]), name="interactions_type_known"
            ),
            models.CheckConstraint(
                condition=models.Q(interaction_at__gte=EARLIEST, interaction_at__lte=LATEST),
                name="interactions_time_readable",
            ),
        ]
        indexes = [models.Index(fields=["-interaction_at", "-id"], name="interactions_newest_first")]

    def __str__(self) -> str:
        if self.customer_id is None:
            return "New interaction"
        return f"{self.type_word.label} with {self.customer}"

    @property
    def type_word(self) -> Word:
        return word_of("interactions", "type", self.type)


class FileImport(models.Model):
    """A file between the steps of its import (``crm/importing``). It is no live table, and belongs to one person."""

    class State(models.TextChoices):
        MATCHING = "matching"
        CHECKING = "checking"
        CHECKED = "checked"
        IMPORTING = "importing"
        DONE = "done"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # The kind's plural.
    table = models.TextField()
    file_name = models.TextField()
    content = models.BinaryField()
    reading = models.JSONField()
    sheets = models.JSONField(default=list)
    headings = models.JSONField()
    # The first rows, to match the columns by.
    preview = models.JSONField()
    row_count = models.PositiveIntegerField()
    columns = models.JSONField(default=dict)
    state = models.TextField(choices=State.choices, default=State.MATCHING)
    # Names the work on it that counts: one that was given up can't finish any more.
    run = models.UUIDField(null=True)
    progress = models.PositiveIntegerField(default=0)
    touched_at = models.DateTimeField(default=timezone.now)
    outcome = models.JSONField(default=dict)
    # Why the last step wasn't carried out.
    failure = models.TextField(default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "file_imports"
        default_permissions = ()

    def __str__(self) -> str:
        return self.file_name

    @classmethod
    def throw_away_old(cls) -> None:
        """Whatever its owner makes of it, no file stays longer than a day."""
        cls.objects.filter(created_at__lt=timezone.now() - timedelta(days=1)).delete()
