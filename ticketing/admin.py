from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from ticketing.models import Attachment, Comment, Ticket
from ticketing.rights import may_change

FROM_THE_DATABASE = ("revision", "created_at", "updated_at")


class CommentInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Comment
    extra = 0
    fields = ("author_id", "content")
    show_change_link = True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # ``obj`` is the ticket here: inline, only those who may change every comment change any.
        return super().has_change_permission(request, obj) and super().has_delete_permission(request, obj)


class AttachmentInline(admin.TabularInline):  # type: ignore[type-arg]
    """To look at and to delete: a file comes in through the ticket's page, which checks it."""

    model = Attachment
    extra = 0
    fields = ("file_name", "file_url", "file_type", "file_size", "comment", *FROM_THE_DATABASE)
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TicketingAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_per_page = 50

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        # The database's own (realtime.models.LiveModel), so a row that isn't there yet has none.
        return (*self.readonly_fields, *FROM_THE_DATABASE) if obj else (*self.readonly_fields,)


@admin.register(Ticket)
class TicketAdmin(TicketingAdmin):
    list_display = ("title", "status", "priority", "customer", "assigned_to", "created_at", "updated_at")
    list_filter = ("status", "priority", "created_at", "updated_at")
    list_select_related = ("customer",)
    search_fields = ("title", "description", "customer__name")
    autocomplete_fields = ("customer",)
    inlines = (CommentInline, AttachmentInline)


@admin.register(Comment)
class CommentAdmin(TicketingAdmin):
    list_display = ("__str__", "author_id", "created_at", "updated_at")
    list_filter = ("created_at", "updated_at")
    list_select_related = ("ticket",)
    search_fields = ("content", "ticket__title")
    autocomplete_fields = ("ticket",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or may_change(request.user, obj))


@admin.register(Attachment)
class AttachmentAdmin(TicketingAdmin):
    list_display = ("file_name", "ticket", "file_type", "file_size", "created_at")
    list_filter = ("file_type", "created_at")
    list_select_related = ("ticket",)
    search_fields = ("file_name", "ticket__title")
    raw_id_fields = ("comment",)
    autocomplete_fields = ("ticket",)
    readonly_fields = ("file_url", "file_type", "file_size")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
