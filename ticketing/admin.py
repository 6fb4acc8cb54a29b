from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from realtime.live_admin import STAMPED, LiveInline, LiveModelAdmin
from ticketing.models import Attachment, Comment, Ticket
from ticketing.rights import may_change


class CommentInline(LiveInline):
    model = Comment
    fields = ("author_id", "content")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # ``obj`` is the ticket here: inline, only those who may change every comment change any.
        return super().has_change_permission(request, obj) and super().has_delete_permission(request, obj)


class AttachmentInline(admin.TabularInline):  # type: ignore[type-arg]
    """To look at and to delete: a file comes in through the ticket's page, which checks it."""

    model = Attachment
    extra = 0
    fields = ("file_name", "file_url", "file_type", "file_size", "comment", *STAMPED)
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Ticket)
class TicketAdmin(LiveModelAdmin):
    list_display = ("title", "status", "priority", "customer", "assigned_to", "created_at", "updated_at")
    list_filter = ("status", "priority", "created_at", "updated_at")
    list_select_related = ("customer",)
    search_fields = ("title", "description", "customer__name")
    autocomplete_fields = ("customer",)
    inlines = (CommentInline, AttachmentInline)


@admin.register(Comment)
class CommentAdmin(LiveModelAdmin):
    list_display = ("__str__", "author_id", "created_at", "updated_at")
    list_filter = ("created_at", "updated_at")
    list_select_related = ("ticket",)
    search_fields = ("content", "ticket__title")
    autocomplete_fields = ("ticket",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or may_change(request.user, obj))


@admin.register(Attachment)
class AttachmentAdmin(LiveModelAdmin):
    list_display = ("file_name", "ticket", "file_type", "file_size", "created_at")
    list_filter = ("file_type", "created_at")
    list_select_related = ("ticket",)
    search_fields = ("file_name", "ticket__title")
    raw_id_fields = ("comment",)
    autocomplete_fields = ("ticket",)
    readonly_fields = ("file_url", "file_type", "file_size")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
