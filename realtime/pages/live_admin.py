"""The admin of live tables: stamped columns are shown but never asked for, and nobody overwrites unseen changes."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.text import Truncator

from realtime.live.tracked import tracked_table
from realtime.pages.merging import FieldConflict, MergingForm
from realtime.pages.sent_values import as_sent
from realtime.sight import current_sight, hidden_columns

STAMPED = ("revision", "created_at", "updated_at")
# Not "revision": a field of that name would replace the one that is shown.
OPENED_AT = "opened_at"
TOLD_LENGTH = 100


class OpenedAtField(forms.IntegerField):
    """The revision that a form was opened at; by itself it is never a change to save."""

    widget = forms.HiddenInput

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class LiveAdminForm(MergingForm):
    """What others changed since it was opened stays, unless both changed the same field: then it comes back with both.
    Saving that once more puts mine over theirs knowingly.
    """

    revision_field: ClassVar[str] = OPENED_AT

    opened_at = OpenedAtField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_gone = False
        # A program that posts without it has seen nothing that it could overwrite unseen.
        if self.is_bound and not self.instance._state.adding and self.data.get(self.add_prefix(OPENED_AT)):
            self._meet_others()
        self.fields[OPENED_AT].initial = None if self.instance._state.adding else self.instance.revision

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self._is_gone:
            self.add_error(None, f"Somebody deleted this {self.instance._meta.verbose_name} meanwhile.")
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        for conflict in self.conflicts():
            self.add_error(conflict.name, _both_changed(conflict))

    def _meet_others(self) -> None:
        # The admin saves in the transaction that it validates in, so the lock lasts until then.
        rows = type(self.instance)._default_manager.select_for_update()
        current = rows.filter(pk=self.instance.pk).first()
        self._is_gone = current is None
        if current is None:
            return
        for field in current._meta.concrete_fields:
            setattr(self.instance, field.attname, getattr(current, field.attname))
        self.initial = {**self.initial, **forms.model_to_dict(self.instance, self._meta.fields, self._meta.exclude)}
        self._bound_fields_cache.clear()  # type: ignore[attr-defined]
        self.catch_up()


class LiveInlineForm(LiveAdminForm):
    """One row among others. An untouched one isn't saved with them, so nothing of it has to be merged."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._compare_with_shown()

    def _compare_with_shown(self) -> None:
        for field in self.fields.values():
            # A field is touched if it differs from what was shown, whatever the row has become since.
            field.show_hidden_initial = True

    def _meet_others(self) -> None:
        self._compare_with_shown()
        if not self.has_changed():
            return
        super()._meet_others()
        data: Any = self.data
        for name in self.taken:
            # As if theirs had been shown.
            shown = as_sent(self.fields[name], self.add_initial_prefix(name), self.shown_value(name), data)
            for key, value in shown.items():
                data[key] = value
        self.__dict__.pop("changed_data", None)


class LiveInlineForms(forms.BaseInlineFormSet):  # type: ignore[type-arg]
    def clean(self) -> None:
        super().clean()
        if any(form.instance._state.adding for form in self.initial_forms):
            # Django reports this on a hidden field of a row that it no longer shows.
            raise ValidationError("Somebody deleted one of these meanwhile. Nothing was saved; reload to go on.")


class OpenedAtShown(admin.options.BaseModelAdmin):  # type: ignore[type-arg]
    """Adds the hidden revision where something can be changed; elsewhere it would be shown as a value.

    Columns that whoever looks may not see are left out.
    """

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        left_out = {OPENED_AT, *hidden_columns(self.opts.db_table)}
        fields = [name for name in super().get_fields(request, obj) if name not in left_out]
        changeable = obj is not None and self.has_change_permission(request, obj)
        return [*fields, OPENED_AT] if changeable else fields


class LiveModelAdmin(OpenedAtShown, admin.ModelAdmin):  # type: ignore[type-arg]
    form = LiveAdminForm
    list_per_page = 50

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        hidden = hidden_columns(self.opts.db_table)
        return [name for name in super().get_list_display(request) if name not in hidden]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            obj.save(update_fields=form.touched)
            if form.kept_of_others:
                messages.info(request, form.kept_of_others)
        else:
            super().save_model(request, obj, form, change)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Django's own names the columns that were changed; the portal's leaves out what isn't seen."""
        if hidden_columns(self.opts.db_table) and (tracked := tracked_table(self.opts.db_table)):
            return redirect(reverse("history", query={"record": f"{tracked.kind.singular}/{object_id}"}))
        return super().history_view(request, object_id, extra_context)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What goes along may be more than somebody sees: to them, it has no names."""
        to_delete, count, needed, protected = super().get_deleted_objects(objs, request)
        if current_sight() is not None:
            to_delete, protected = [str(row) for row in objs], ["another record"] if protected else []
        return to_delete, count, needed, protected

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


def _both_changed(conflict: FieldConflict) -> str:
    theirs = f"“{Truncator(conflict.theirs).chars(TOLD_LENGTH)}”" if conflict.theirs not in (None, "") else "nothing"
    return (
        f"{conflict.by} changed this to {theirs} meanwhile. Nothing was saved. "
        "Save again to put yours over it, or enter theirs."
    )
