from typing import Any

from django.contrib import admin
from django.http import HttpRequest


class LiveModelAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The admin of a live table: what the database stamps is shown and never asked for."""

    stamped = ("revision", "created_at", "updated_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # A row that isn't there yet has none of them.
        shown = tuple(super().get_readonly_fields(request, obj))
        return (*shown, *self.stamped) if obj is not None else shown
