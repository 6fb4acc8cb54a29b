"""The admin of live tables: what the database stamps is shown and never asked for, and nobody overwrites unseen."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from realtime.field_changes import changes_since
from realtime.live_form import moved_to, with_plain_lines
from realtime.models import LiveModel

STAMPED = ("revision", "created_at", "updated_at")


class LiveAdminForm(forms.ModelForm):  # type: ignore[type-arg]
    """Refuses to save over what somebody changed since the form was opened; saved once more, it does so knowingly."""

    opened_at = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["opened_at"].initial = None if self.instance._state.adding else self.instance.revision

    def clean(self) -> dict[str, Any]:
        cleaned = with_plain_lines(self, super().clean() or self.cleaned_data)
        opened_at = cleaned.get("opened_at")
        # A program that posts without it has seen nothing that it could overwrite unseen.
        if opened_at is not None and not self.instance._state.adding:
            self._refuse_stale(opened_at)
        return cleaned

    def _refuse_stale(self, opened_at: int) -> None:
        # The admin saves within the transaction that it validates in, so the lock lasts until then.
        rows = type(self.instance)._default_manager.select_for_update()
        current: LiveModel | None = rows.filter(pk=self.instance.pk).first()
        if current is None or current.revision == opened_at:
            return
        self.data = moved_to(self.data, self.add_prefix("opened_at"), current.revision)
        changes = [f"{change.label} is now “{change.now}”" for change in changes_since(current, opened_at)]
        raise ValidationError(
            f"Somebody changed this meanwhile: {', '.join(changes) or 'it is another version now'}. Nothing was saved. "
            "Save again to put yours over theirs, or reload to begin with theirs."
        )


class LiveModelAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = LiveAdminForm
    list_per_page = 50

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # A row that isn't there yet has none of them.
        shown = tuple(super().get_readonly_fields(request, obj))
        return (*shown, *STAMPED) if obj is not None else shown


class LiveInline(admin.TabularInline):  # type: ignore[type-arg]
    form = LiveAdminForm
    extra = 0
    show_change_link = True

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*dict.fromkeys([*super().get_fields(request, obj), "opened_at"])]
