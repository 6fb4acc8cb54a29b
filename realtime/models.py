"""The engine's tables, and the base of every live table."""

import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now
from django.db.models.signals import class_prepared
from django.dispatch import receiver

from realtime.keys import LiveKey
from realtime.sight import Visible, all_scopes, hidden_columns, make_hideable

# Named for what people see; static/css/components/badge.css has each for both themes.
COLOURS = ("grey", "blue", "amber", "green", "red", "violet")

M = TypeVar("M", bound=models.Model)


class _AppColumn(models.TextField):  # type: ignore[type-arg]
    """A column that an adopted table has and the model hasn't; PostgreSQL reads the text as the column's own type."""

    def __init__(self, model: type[models.Model], name: str) -> None:
        super().__init__()
        self.set_attributes_from_name(name)
        self.model = model

    def pre_save(self, model_instance: Any, add: bool) -> str:
        value: str = model_instance.for_the_app[self.name]
        return value


class SeenRows(models.Manager[M]):
    """The rows that whoever asks may see (``realtime/sight.py``)."""

    def get_queryset(self) -> models.QuerySet[M]:
        return super().get_queryset().filter(Visible(self.model._meta.db_table))


class LiveModel(models.Model):
    """A row that open pages follow.

    ``revision``, ``created_at`` and ``updated_at`` belong to the database (``database/triggers.py``):
    what a writer puts there is ignored. ``revision`` names a change and is the forms' optimistic lock; it never
    says whether a row exists (design rule 1).
    """

    id = LiveKey(primary_key=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    revision = models.BigIntegerField(db_default=0, editable=False)
    # What a field is called in "Anna is editing the …", where its own words don't fit there.
    nouns: ClassVar[dict[str, str]] = {}
    # The fields that name the rows which it hangs on: who may not see one of those doesn't see it, either.
    hangs_on: ClassVar[tuple[str, ...]] = ()
    # The columns that an administrator may hide from a group: none that a row is called by, or that a list needs.
    hideable: ClassVar[tuple[str, ...]] = ()

    objects: ClassVar[SeenRows[Self]] = SeenRows()

    class Meta:
        abstract = True

    # An adopted table has its app's, which only the database knows.
    has_our_constraints = True
    # Of a new row in an adopted table: values for columns that the model doesn't have (``live/app_columns.py``).
    for_the_app: "Mapping[str, str]" = MappingProxyType({})

    def validate_constraints(self, exclude: Any = None) -> None:
        if self.has_our_constraints:
            super().validate_constraints(exclude)

    def _do_insert(
        self, manager: Any, using: Any, fields: Any, returning_fields: Any, raw: Any
    ) -> "list[tuple[Any, ...]]":
        told = [_AppColumn(type(self), name) for name in self.for_the_app]
        inserted: list[tuple[Any, ...]] = super()._do_insert(  # type: ignore[misc]
            manager, using, [*fields, *told], returning_fields, raw
        )
        return inserted

    def _do_update(self, base_qs: Any, using: Any, pk_val: Any, values: Any, *more: Any) -> Any:
        # What whoever saves may not see was never read, and stays as it is.
        hidden = hidden_columns(self._meta.db_table)
        kept = [told for told in values if told[0].column not in hidden]
        return super()._do_update(base_qs, using, pk_val, kept, *more)


@receiver(class_prepared)
def _make_hideable(sender: type[models.Model], **_: Any) -> None:
    if issubclass(sender, LiveModel):
        for name in sender.hideable:
            make_hideable(sender._meta.get_field(name))  # type: ignore[arg-type]


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
    row_key = models.TextField(null=True)  # noqa: DJ001 - the column is SQL's own
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)
    actor = models.TextField()
    # What was done in one go has one name (``database/actor.py``); other clients' changes have none.
    action = models.TextField(null=True)  # noqa: DJ001 - the column is SQL's own

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


def leave_what_is_shared(collector: Any, field: Any, sub_objs: Any, using: str) -> None:
    """For ``on_delete``: a shared view outlives its owner's account, a private one goes with it."""
    models.SET_NULL(collector, field, sub_objs.filter(shared=True), using)
    models.CASCADE(collector, field, sub_objs.filter(shared=False), using)


class SavedView(models.Model):
    """An address of a list under a name, without the page. In it, "me" is whoever reads it."""

    NAME_LENGTH = 80

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=leave_what_is_shared, null=True, editable=False, related_name="+"
    )
    # The list's name among the definitions.
    listing = models.TextField(editable=False)
    name = models.CharField(max_length=NAME_LENGTH)
    query = models.TextField(editable=False, blank=True)
    shared = models.BooleanField(default=False)

    class Meta:
        db_table = "realtime_saved_view"
        ordering = (Lower("name"), "id")
        constraints = [
            models.UniqueConstraint("owner", "listing", Lower("name"), name="realtime_saved_view_name"),
            models.CheckConstraint(
                condition=models.Q(shared=True) | models.Q(owner__isnull=False), name="realtime_saved_view_seen"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PinnedView(models.Model):
    """A view that somebody has in the side bar."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    view = models.ForeignKey(SavedView, on_delete=models.CASCADE, related_name="pins")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "realtime_pinned_view"
        ordering = ("at", "id")
        constraints = [models.UniqueConstraint(fields=("user", "view"), name="realtime_pinned_once")]

    def __str__(self) -> str:
        return f"{self.view_id} pinned by {self.user_id}"


class Draft(models.Model):
    """What somebody has typed into a form and not sent, for that person alone (``pages/drafts.py``).

    ``kept`` is JSON as the browser sent it: the values, with the revisions that they were typed at; empty once it was
    sent or dropped. ``ended`` names the writings of which nothing is kept any more.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    address = models.TextField()
    form = models.TextField()
    title = models.TextField(blank=True)
    writing = models.UUIDField(null=True)
    kept = models.TextField(blank=True)
    ended: "ArrayField[list[uuid.UUID], list[uuid.UUID]]" = ArrayField(models.UUIDField(), default=list)
    # When it was typed.
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "realtime_draft"
        ordering = ("-updated_at", "id")
        constraints = [models.UniqueConstraint(fields=("owner", "address", "form"), name="realtime_draft_once")]

    def __str__(self) -> str:
        return f"draft {self.pk}"


class Bulk(models.Model):
    """What somebody does to many rows of one kind (``pages/bulk.py``). A worker does it, portion by portion.

    Its changes are one action, which is named after its key. ``sent`` are the values of its form, by control.
    """

    class Verb(models.TextChoices):
        CHANGE = "change"
        DELETE = "delete"
        MERGE = "merge"
        UNDO = "undo"

    class State(models.TextChoices):
        RUNNING = "running"
        STOPPED = "stopped"
        DONE = "done"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    # The list's name among the definitions.
    listing = models.TextField()
    verb = models.TextField(choices=Verb.choices)
    fields: "ArrayField[list[str], list[str]]" = ArrayField(models.TextField(), default=list)
    sent = models.JSONField(default=dict)
    # In words, such as "status: Closed".
    told = models.TextField(blank=True)
    # The action that it takes back.
    undoes = models.TextField(blank=True)
    state = models.TextField(choices=State.choices, default=State.RUNNING)
    total = models.IntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    # When a portion of it was done last.
    touched_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "realtime_bulk"
        ordering = ("-created_at", "id")
        indexes = [
            models.Index(fields=["touched_at"], name="bulks_running", condition=models.Q(state="running")),
            models.Index(fields=["created_at"], name="bulks_by_age"),
        ]

    def __str__(self) -> str:
        return f"bulk {self.pk}"


class BulkRow(models.Model):
    """One row of a bulk, as it was when that began, and what became of it."""

    class Outcome(models.TextChoices):
        WAITING = ""
        CHANGED = "changed"
        SAME = "same"
        CONFLICT = "conflict"
        FORBIDDEN = "forbidden"
        REFUSED = "refused"
        GONE = "gone"
        FAILED = "failed"

    id = models.BigAutoField(primary_key=True)
    bulk = models.ForeignKey(Bulk, on_delete=models.CASCADE, related_name="rows", db_index=False)
    row_key = models.TextField()
    revision = models.BigIntegerField()
    outcome = models.TextField(choices=Outcome.choices, blank=True, default="")
    # Why not, in a sentence.
    note = models.TextField(blank=True)

    class Meta:
        db_table = "realtime_bulk_row"
        ordering = ("id",)
        indexes = [models.Index(fields=["bulk", "outcome", "id"], name="bulk_rows_by_outcome")]
        constraints = [models.UniqueConstraint(fields=("bulk", "row_key"), name="realtime_bulk_row_once")]

    def __str__(self) -> str:
        return f"row {self.row_key} of bulk {self.bulk_id}"


class KeyedWrite(models.Model):
    """A write that a browser has named with a key of its own, noted in the write's transaction (``pages/writes.py``).

    ``request`` tells apart who has done it from who came with the same key at the same moment. ``answer`` is what was
    told: ``body`` and ``action``, the name in the change log; empty when that never came to be.
    """

    key = models.UUIDField(primary_key=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    address = models.TextField()
    request = models.UUIDField()
    answer = models.JSONField(default=dict)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "realtime_keyed_write"
        indexes: ClassVar = [models.Index(fields=["at"], name="realtime_keyed_write_at")]

    def __str__(self) -> str:
        return f"write {self.key}"


class ListPreference(models.Model):
    """How somebody wants a list: the view that it opens with, its columns in order, and those that are hidden."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    listing = models.TextField()
    default_view = models.ForeignKey(SavedView, on_delete=models.SET_NULL, null=True, related_name="+")
    columns: "ArrayField[list[str], list[str]]" = ArrayField(models.TextField(), default=list)
    hidden: "ArrayField[list[str], list[str]]" = ArrayField(models.TextField(), default=list)

    class Meta:
        db_table = "realtime_list_preference"
        constraints = [models.UniqueConstraint(fields=("user", "listing"), name="realtime_list_preference_once")]

    def __str__(self) -> str:
        return f"{self.listing} of {self.user_id}"


class Word(models.Model):
    """A word that a column may hold, and how people see it (``database/words.py``). The database says which there are.

    A change of a word is logged as a RESET of the table that has it, so that open pages are read again.
    """

    table_name = models.TextField("table", editable=False)
    column_name = models.TextField("column", editable=False)
    value = models.TextField(editable=False)
    label = models.CharField(max_length=80)
    position = models.PositiveIntegerField(help_text="Lowest first. For a priority: from the least urgent on.")
    colour = models.CharField(max_length=20, choices=[(colour, colour.capitalize()) for colour in COLOURS])
    is_open = models.BooleanField(
        "counts as open", default=False, help_text="For a status: its tickets are still to be done."
    )

    class Meta:
        db_table = "realtime_word"
        verbose_name = "word"
        ordering = ("table_name", "column_name", "position", "id")
        constraints = [
            models.UniqueConstraint(fields=("table_name", "column_name", "value"), name="realtime_word_once"),
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.table_name}, {self.column_name})"


def scope_choices() -> list[tuple[str, str]]:
    return [(scope.key, f"{scope.table.capitalize()}: {scope.label}") for scope in all_scopes()]


class RowLimit(models.Model):
    """That a group sees only some rows of a kind. Several for one kind add up."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="row_limits")
    scope = models.TextField("sees", choices=scope_choices)

    class Meta:
        db_table = "realtime_row_limit"
        verbose_name = "limit"
        verbose_name_plural = "which rows it sees (without a limit: all)"
        default_permissions = ()
        ordering = ("scope",)
        constraints = [models.UniqueConstraint(fields=("group", "scope"), name="realtime_row_limit_once")]

    def __str__(self) -> str:
        return str(self.get_scope_display())


class ColumnLimit(models.Model):
    """That a group doesn't see a column of a kind."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="column_limits")
    # ``table/column``; project/accounts/seen.py knows which there are, also of an adopted table.
    column = models.TextField("doesn’t see")

    class Meta:
        db_table = "realtime_column_limit"
        verbose_name = "hidden column"
        verbose_name_plural = "which columns it doesn’t see"
        default_permissions = ()
        ordering = ("column",)
        constraints = [models.UniqueConstraint(fields=("group", "column"), name="realtime_column_limit_once")]

    def __str__(self) -> str:
        table, _, column = self.column.partition("/")
        return f"{table}: {column.replace('_', ' ')}".capitalize()


class Webhook(models.Model):
    """Where another program is told of changes, each in a signed request (``webhooks/``).

    Whoever may keep one sends whole rows of its tables there, so nobody with a limit on rows may. The secrets are
    encrypted. ``off_because`` says why the portal itself has switched it off.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80, unique=True)
    address = models.CharField(max_length=2000)
    is_on = models.BooleanField("on", default=True)
    tables: "ArrayField[list[str], list[str]]" = ArrayField(models.TextField())
    operations: "ArrayField[list[str], list[str]]" = ArrayField(models.TextField())
    secret = models.TextField(editable=False)
    # Signs as well until then, so that the receiver can change over.
    old_secret = models.TextField(editable=False, blank=True)
    old_secret_until = models.DateTimeField(editable=False, null=True)
    off_because = models.TextField(editable=False, blank=True)
    # Since when it is on: of changes before, it isn't told.
    since = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "realtime_webhook"
        ordering = (Lower("name"), "id")

    def __str__(self) -> str:
        return self.name


class WebhookDelivery(models.Model):
    """The outbox: one event for one webhook, with what became of it. The order of ``id`` is the order of sending.

    ``row_key`` is empty for what concerns a whole table or is only a test; such a delivery overtakes none of its
    table, and none overtakes it.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        FAILED = "failed"

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    # What the receiver knows it by, however often it is sent.
    message = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    revision = models.BigIntegerField(null=True)
    table_name = models.TextField("table", blank=True)
    operation = models.TextField()
    row_key = models.TextField("row", blank=True)
    body = models.TextField()
    state = models.TextField(choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    # While it is being sent, the time from which another worker may send it.
    next_at = models.DateTimeField("next attempt", db_default=Now(), null=True)
    answer = models.PositiveIntegerField("answered", null=True)
    problem = models.TextField(blank=True)
    created_at = models.DateTimeField("since", db_default=Now())
    finished_at = models.DateTimeField("finished", null=True)

    class Meta:
        db_table = "realtime_webhook_delivery"
        verbose_name_plural = "webhook deliveries"
        ordering = ("-id",)
        constraints = [models.UniqueConstraint(fields=("webhook", "revision"), name="realtime_delivery_once")]
        indexes = [
            models.Index(
                fields=("webhook", "id"), name="realtime_delivery_waiting", condition=models.Q(state="waiting")
            ),
            models.Index(
                fields=("webhook", "table_name", "row_key", "id"),
                name="realtime_delivery_of_a_row",
                condition=models.Q(state="waiting"),
            ),
            models.Index(fields=("created_at",), name="realtime_delivery_age"),
        ]

    def __str__(self) -> str:
        return f"{self.table_name or 'webhook'}.{self.operation} to {self.webhook}"


class UnusableEvent(models.Model):
    """What the worker was told and couldn't read, with the reason, for whoever looks into it (``worker/unusable.py``).

    ``content`` is what came, so it may hold a record: the admin alone shows it, and few of them are kept for a while.
    """

    at = models.DateTimeField(db_default=Now())
    source = models.TextField()
    table_name = models.TextField("table", blank=True)
    reason = models.TextField()
    content = models.TextField(blank=True)

    class Meta:
        db_table = "realtime_unusable_event"
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.source} of {self.table_name or 'no table'}: {self.reason}"
