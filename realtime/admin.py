"""In the admin: the change log, which can be read and searched, never changed; and the words of this installation."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from realtime.database.tables import live_tables
from realtime.database.word_upkeep import indexes_of_another_order
from realtime.database.words import allowed, has_open_words, is_used
from realtime.keys import is_row_key, read_key
from realtime.models import RealtimeChange, Word
from realtime.sight import current_sight

# The paging limit. Counting a million entries costs more than reading a page of them; filters reach further back.
LISTED = 10_000
# Every change touches these.
ALWAYS_CHANGED = ("revision", "updated_at")
NOTHING = "—"
TABLES_ALONE = (RealtimeChange.Op.TRUNCATE, RealtimeChange.Op.RESET)
LIST_ADDRESS = "admin:realtime_realtimechange_changelist"


class NewestPaginator(Paginator):  # type: ignore[type-arg]
    """Pages through the newest entries only, so that its count looks at no more than these."""

    @cached_property
    def count(self) -> int:
        entries: QuerySet[RealtimeChange] = self.object_list  # type: ignore[assignment]
        return entries.order_by()[:LISTED].count()


class ChangeLogList(ChangeList):
    """A page of entries, without their row data and with the actors' names."""

    def get_queryset(self, *args: Any, **options: Any) -> QuerySet[RealtimeChange]:
        return super().get_queryset(*args, **options).defer("old", "new")

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        name_actors(entries := list(self.result_list))
        self.result_list = entries
        if not self.query and not self.get_filters_params():
            # Nothing is filtered out, so there is no full count to offer.
            self.full_result_count = self.result_count


class TableFilter(admin.SimpleListFilter):
    """Filters by registered table. Django's own filter would scan the whole log to find its choices."""

    title = "table"
    parameter_name = "table"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(table, table) for table in live_tables()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[RealtimeChange]) -> QuerySet[RealtimeChange]:
        return queryset.filter(table_name=self.value()) if self.value() else queryset


@admin.register(RealtimeChange)
class RealtimeChangeAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("time", "table", "op", "row", "who", "number")
    list_filter = (TableFilter, "op")
    # Any order but the key's would sort the whole log.
    sortable_by = ()
    list_per_page = 50
    list_max_show_all = 50
    paginator = NewestPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    search_fields = ("row_key", "actor")
    search_help_text = "A row's key; or the name, the key or the role of who acted."
    fields = ("time", "table", "op", "row", "who", "number", "changed")
    readonly_fields = fields

    def has_view_permission(self, request: HttpRequest, obj: RealtimeChange | None = None) -> bool:
        # It has the rows of every table, whoever may see them.
        return current_sight() is None and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: RealtimeChange | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: RealtimeChange | None = None) -> bool:
        return False

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return ChangeLogList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        title = {"title": f"The change log, newest first: up to {LISTED:,} entries of what the filters leave"}
        return super().changelist_view(request, title | (extra_context or {}))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[RealtimeChange], search_term: str
    ) -> tuple[QuerySet[RealtimeChange], bool]:
        return (queryset.filter(wanted(search_term.strip())) if search_term.strip() else queryset), False

    @admin.display(description="time")
    def time(self, change: RealtimeChange) -> str:
        # To the second: a lot can happen within a minute.
        return date_format(localtime(change.at), "Y-m-d H:i:s T")

    @admin.display(description="table")
    def table(self, change: RealtimeChange) -> str:
        return change.table_name

    @admin.display(description="row")
    def row(self, change: RealtimeChange) -> str | SafeString:
        """The row's key, linked to the row's whole history."""
        if change.row_key is None:
            return NOTHING
        return format_html('<a href="{}?q={}">{}</a>', reverse(LIST_ADDRESS), change.row_key, change.row_key)

    @admin.display(description="by")
    def who(self, change: RealtimeChange) -> str:
        if not hasattr(change, "actor_name"):
            name_actors([change])
        return str(change.actor_name)  # type: ignore[attr-defined]

    @admin.display(description="revision")
    def number(self, change: RealtimeChange) -> str:
        # No thousands separator, as in events, forms and the database.
        return str(change.revision)

    @admin.display(description="what changed")
    def changed(self, change: RealtimeChange) -> str | SafeString:
        """Each column before and after the change; an update shows only what differs."""
        rows = [(column, text(before), text(now)) for column, before, now in differences(change)]
        if not rows:
            return "Only the table is known." if change.op in TABLES_ALONE else NOTHING
        lines = format_html_join("", '<tr><th>{}</th><td dir="auto">{}</td><td dir="auto">{}</td></tr>', rows)
        return format_html(
            "<table><thead><tr><th>Column</th><th>Before</th><th>After</th></tr></thead><tbody>{}</tbody></table>",
            lines,
        )


def wanted(term: str) -> Q:
    """The filter for a search term: a row's key, or else an actor's key, name or database role."""
    if is_row_key(term):
        # Names the tables, because the index on row keys begins with them.
        of_row = Q(table_name__in=live_tables(), row_key=str(read_key(term)))
        if RealtimeChange.objects.filter(of_row).exists():
            return of_row
    if (person := as_uuid(term)) is not None:
        return Q(actor=str(person))
    users: Any = get_user_model()._default_manager
    named = Q(username__icontains=term) | Q(first_name__icontains=term) | Q(last_name__icontains=term)
    keys = [str(user) for user in users.filter(named).values_list("pk", flat=True)]
    return Q(actor__in=[term, *keys])


def name_actors(changes: Iterable[RealtimeChange]) -> None:
    """Sets ``actor_name`` on each entry; an actor that is no user of ours keeps its recorded name."""
    changes = list(changes)
    keys = {change.actor for change in changes if as_uuid(change.actor)}
    users: Any = get_user_model()._default_manager
    names = {str(user.pk): str(user) for user in users.filter(pk__in=keys)}
    for change in changes:
        change.actor_name = names.get(change.actor, change.actor)  # type: ignore[attr-defined]


def differences(change: RealtimeChange) -> list[tuple[str, Any, Any]]:
    before, now = change.old or {}, change.new or {}
    columns = [column for column in (change.new or before) if column not in ALWAYS_CHANGED]
    if change.op == RealtimeChange.Op.UPDATE:
        columns = [column for column in columns if before.get(column) != now.get(column)]
    return [(column, before.get(column), now.get(column)) for column in columns]


def text(value: Any) -> str:
    """A column's value as text: a dash when it is missing, so that an empty string still shows as one."""
    if value is None:
        return NOTHING
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


class WordForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean_is_open(self) -> bool:
        is_open: bool = self.cleaned_data["is_open"]
        others = Word.objects.filter(table_name=self.instance.table_name, column_name=self.instance.column_name)
        if not is_open and not others.filter(is_open=True).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("One word has to count as open: new rows get it. Choose another one first.")
        return is_open


@admin.register(Word)
class WordAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Which words there are is the database's to say; how people see them is kept here."""

    form = WordForm
    list_display = ("stored", "place", "label", "position", "colour", "is_open")
    list_display_links = ("stored",)
    list_editable = ("position", "colour")
    list_filter = ("table_name", "column_name")
    fields = ("place", "stored", "label", "position", "colour", "is_open")
    readonly_fields = ("place", "stored")

    def get_fields(self, request: HttpRequest, obj: Word | None = None) -> Any:
        counts = obj is not None and has_open_words(obj.table_name, obj.column_name)
        return [name for name in self.fields if name != "is_open" or counts]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Word | None = None) -> bool:
        may = super().has_delete_permission(request, obj)
        return may and obj is not None and _is_left_over(obj)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        title = {"title": "Words: the database says which there are, this page how people see them"}
        if request.method == "GET":
            self._tell_of_indexes(request)
        return super().changelist_view(request, title | (extra_context or {}))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if (word := kwargs.get("obj")) and request.method == "GET":
            messages.info(request, _why_it_stays(word))
        return super().render_change_form(request, context, *args, **kwargs)

    def _tell_of_indexes(self, request: HttpRequest) -> None:
        if any(indexes_of_another_order()):
            messages.warning(
                request,
                "Open pages follow at once. Long lists that are sorted by words in a changed order open more slowly"
                " until somebody runs “manage.py realtime_words”, which builds their indexes anew.",
            )

    @admin.display(description="in the database", ordering="value")
    def stored(self, word: Word) -> str:
        return word.value or "(empty)"

    @admin.display(description="column", ordering="table_name")
    def place(self, word: Word) -> str:
        return f"{word.column_name} of {word.table_name}"


def _is_left_over(word: Word) -> bool:
    """Nothing in the database has or allows it any more."""
    return word.value not in (allowed(word.table_name, word.column_name) or ()) and not is_used(
        word.table_name, word.column_name, word.value
    )


def _why_it_stays(word: Word) -> str:
    column = f"{word.column_name} of {word.table_name}"
    if word.value in (allowed(word.table_name, word.column_name) or ()):
        return (
            f"The database allows this word in {column}, so it can’t be deleted here. To add or remove words, change"
            " the column’s type or check constraint by a migration; new ones appear here within the hour."
        )
    if is_used(word.table_name, word.column_name, word.value):
        return f"Rows have this word in {column}. It can be deleted when none has it any more."
    return f"No row has this word in {column} any more: it can be deleted."
