"""The admin of live tables: stamped columns are shown but never asked for, and nobody overwrites unseen changes."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from django.utils.text import Truncator

from realtime.live.field_changes import changes_since
from realtime.models import LiveModel
from realtime.pages.live_form import UntouchedValues, moved_to

STAMPED = ("revision", "created_at", "updated_at")
# Not "revision": a field of that name would replace the one that is shown.
OPENED_AT = "opened_at"
TOLD_LENGTH = 100


class OpenedAtField(forms.IntegerField):
    """The revision that a form was opened at; by itself it is never a change to save."""

    widget = forms.HiddenInput

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class LiveAdminForm(UntouchedValues):
    """Refuses to overwrite what somebody changed since the form was opened; saving once more does so knowingly."""

    opened_at = OpenedAtField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[OPENED_AT].initial = None if self.instance._state.adding else self.instance.revision

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        opened_at = cleaned.get(OPENED_AT)
        # A program that posts without it has seen nothing that it could overwrite unseen.
        if opened_at is not None:
            self._refuse_stale(opened_at)
        return cleaned

    def _refuse_stale(self, opened_at: int) -> None:
        # The admin saves in the transaction that it validates in, so the lock lasts until then.
        rows = type(self.instance)._default_manager.select_for_update()
        current: LiveModel | None = rows.filter(pk=self.instance.pk).first()
        if current is None:
            self.add_error(None, f"Somebody deleted this {self.instance._meta.verbose_name} meanwhile.")
        elif current.revision != opened_at:
            self.add_error(None, _what_changed(current, opened_at))
            self.data = moved_to(self.data, self.add_prefix(OPENED_AT), current.revision)


class LiveInlineForm(LiveAdminForm):
    """One row among others. An untouched one isn't saved with them, so it is never stale."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # A field is touched if it differs from what was shown, whatever the row has become since.
            field.show_hidden_initial = True

    def _refuse_stale(self, opened_at: int) -> None:
        if self.has_changed() and not self.instance._state.adding:
            super()._refuse_stale(opened_at)


class LiveInlineForms(forms.BaseInlineFormSet):  # type: ignore[type-arg]
    def clean(self) -> None:
        super().clean()
        if any(form.instance._state.adding for form in self.initial_forms):
            # Django reports this on a hidden field of a row that it no longer shows.
            raise ValidationError("Somebody deleted one of these meanwhile. Nothing was saved; reload to go on.")


class OpenedAtShown(admin.options.BaseModelAdmin):  # type: ignore[type-arg]
    """Adds the hidden revision where something can be changed; elsewhere it would be shown as a value."""

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fields = [name for name in super().get_fields(request, obj) if name != OPENED_AT]
        changeable = obj is not None and self.has_change_permission(request, obj)
        return [*fields, OPENED_AT] if changeable else fields


class LiveModelAdmin(OpenedAtShown, admin.ModelAdmin):  # type: ignore[type-arg]
    form = LiveAdminForm
    list_per_page = 50

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            obj.save(update_fields=form.touched)
        else:
            super().save_model(request, obj, form, change)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # A new row has none of them yet.
        shown = tuple(super().get_readonly_fields(request, obj))
        return (*shown, *STAMPED) if obj is not None else shown


class LiveInline(OpenedAtShown, admin.TabularInline):  # type: ignore[type-arg]
    form = LiveInlineForm
    formset = LiveInlineForms
    # Django's own is too wide for a table beside the admin's menu.
    formfield_overrides = {models.TextField: {"widget": forms.Textarea(attrs={"rows": 4, "cols": 45})}}
    extra = 0
    show_change_link = True


def _what_changed(current: LiveModel, opened_at: int) -> str:
    changes = [
        f"{change.label} is now “{Truncator(change.now).chars(TOLD_LENGTH)}”"
        for change in changes_since(current, opened_at)
    ]
    return (
        f"Somebody changed this meanwhile: {', '.join(changes) or 'it is another version now'}. Nothing was saved. "
        "Save again to put yours over theirs, or reload to begin with theirs."
    )
