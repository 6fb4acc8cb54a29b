from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from realtime.pages.live_admin import STAMPED, LiveAdminForm, LiveInline, LiveModelAdmin
from ticketing import people
from ticketing.forms import KeepsMergedClosed, PersonField
from ticketing.models import Attachment, Comment, Ticket, TicketLink
from ticketing.rights import may_change


class TicketAdminForm(KeepsMergedClosed, LiveAdminForm):
    assigned_to = PersonField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "assigned_to" in self.fields:
            self.fields["assigned_to"].choices = people.choices(self.instance.assigned_to)  # type: ignore[attr-defined]


class ByAuthor(admin.options.BaseModelAdmin):  # type: ignore[type-arg]
    """Comments with the names of their authors, which nobody can choose."""

    readonly_fields = ("author",)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Comment]":
        comments: QuerySet[Comment] = super().get_queryset(request)
        return comments.annotate(author_name=people.name_of("author_id"))

    @admin.display(ordering="author_name")
    def author(self, comment: Any) -> str:
        return _name(comment.author_id, getattr(comment, "author_name", None))


class CommentInline(ByAuthor, LiveInline):
    model = Comment
    fk_name = "ticket"
    fields = ("author", "content")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # ``obj`` is the ticket here: inline, only users who may change every comment may change any.
        return super().has_change_permission(request, obj) and super().has_delete_permission(request, obj)


class AttachmentInline(admin.TabularInline):  # type: ignore[type-arg]
    """For viewing and deleting only: a file comes in through the ticket's page, which checks it."""

    model = Attachment
    fk_name = "ticket"
    extra = 0
    fields = ("file_name", "file_url", "file_type", "file_size", "comment", *STAMPED)
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Ticket)
class TicketAdmin(LiveModelAdmin):
    form = TicketAdminForm
    list_display = ("title", "status", "priority", "customer", "assignee", "created_at", "updated_at")
    list_filter = ("status", "priority", "created_at", "updated_at")
    list_select_related = ("customer",)
    search_fields = ("title__folded", "description__folded", "customer__name__folded")
    autocomplete_fields = ("customer",)
    inlines = (CommentInline, AttachmentInline)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Ticket]":
        tickets: QuerySet[Ticket] = super().get_queryset(request)
        return tickets.annotate(assignee_name=people.name_of("assigned_to"))

    @admin.display(description="assigned to", ordering="assignee_name")
    def assignee(self, ticket: Any) -> str:
        return _name(ticket.assigned_to, ticket.assignee_name)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for added in formset.extra_forms:
            if isinstance(added.instance, Comment):
                added.instance.author_id = request.user.pk
        super().save_formset(request, form, formset, change)


@admin.register(Comment)
class CommentAdmin(ByAuthor, LiveModelAdmin):
    fields = ("ticket", "author", "content")
    list_display = ("__str__", "author", "created_at", "updated_at")
    list_filter = ("created_at", "updated_at")
    list_select_related = ("ticket",)
    search_fields = ("content__folded", "ticket__title__folded")
    autocomplete_fields = ("ticket",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or may_change(request.user, obj))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.author_id = request.user.pk
        super().save_model(request, obj, form, change)


@admin.register(TicketLink)
class TicketLinkAdmin(LiveModelAdmin):
    fields = ("ticket", "kind", "other")
    list_display = ("ticket", "kind", "other", "created_at")
    list_filter = ("kind", "created_at")
    list_select_related = ("ticket", "other")
    search_fields = ("ticket__title__folded", "other__title__folded")
    autocomplete_fields = ("ticket", "other")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user.pk
        super().save_model(request, obj, form, change)


@admin.register(Attachment)
class AttachmentAdmin(LiveModelAdmin):
    list_display = ("file_name", "ticket", "file_type", "file_size", "created_at")
    list_filter = ("file_type", "created_at")
    list_select_related = ("ticket",)
    search_fields = ("file_name__folded", "ticket__title__folded")
    raw_id_fields = ("comment",)
    autocomplete_fields = ("ticket",)
    readonly_fields = ("file_url", "file_type", "file_size")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


def _name(key: Any, name: str | None) -> str:
    return (name or people.UNKNOWN) if key else people.NOBODY_NAME
