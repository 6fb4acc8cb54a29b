"""The engine's tables, and the base of every live table."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now


class RandomUUID(models.Func):
    """``gen_random_uuid()``: other Supabase clients insert without an id."""

    function = "gen_random_uuid"
    arity = 0
    output_field: "ClassVar[models.UUIDField[uuid.UUID, uuid.UUID]]" = models.UUIDField()


class LiveModel(models.Model):
    """A row that open pages follow.

    ``revision``, ``created_at`` and ``updated_at`` belong to the database (``database/triggers.py``):
    what a writer puts there is ignored. ``revision`` names a change and is the forms' optimistic lock; it never
    says whether a row exists (design rule 1).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    revision = models.BigIntegerField(db_default=0, editable=False)

    class Meta:
        abstract = True


class RealtimeChange(models.Model):
    """The change log: one entry per changed row, written by trigger in the change's own transaction.

    ``old`` and ``new`` are whole rows as JSON; for a TRUNCATE or RESET, only the table is known. ``xid`` (PostgreSQL's
    xid8) isn't mapped: Django has no type for it, and only ``realtime.database.change_log`` reads it.
    """

    class Op(models.TextChoices):
        INSERT = "INSERT"
        UPDATE = "UPDATE"
        DELETE = "DELETE"
        TRUNCATE = "TRUNCATE"
        RESET = "RESET"

    revision = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    table_name = models.TextField()
    op = models.TextField(choices=Op.choices)
    row_key = models.UUIDField(null=True)
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)
    actor = models.TextField()

    class Meta:
        managed = False
        db_table = "realtime_change"
        ordering = ("-revision",)

    def __str__(self) -> str:
        return f"{self.op} {self.table_name} {self.row_key} r{self.revision}"


class RealtimeWatermark(models.Model):
    """How far the change log has been emitted: a ``pg_snapshot``, valid for one cluster and timeline (rule 6)."""

    name = models.TextField(primary_key=True)
    snapshot = models.TextField()
    system_identifier = models.TextField()
    timeline = models.TextField()
    stored_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "realtime_watermark"

    def __str__(self) -> str:
        return f"{self.name} at {self.snapshot}"


class RealtimeProbe(models.Model):
    """The row a worker writes to see it come back through Supabase; the last proof that Realtime delivers."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    nonce = models.TextField()
    written_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "realtime_probe"

    def __str__(self) -> str:
        return f"probe of worker {self.id}"
