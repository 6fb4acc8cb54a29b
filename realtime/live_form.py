"""Forms over live rows: a save carries the revision it was made from, and a stale one is never applied silently."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.db import transaction

from realtime.field_changes import label_of
from realtime.models import LiveModel


@dataclass(frozen=True, slots=True)
class FieldConflict:
    label: str
    mine: Any
    theirs: Any
    changed: bool


class LiveModelForm(forms.ModelForm):  # type: ignore[type-arg]
    """A ModelForm with the row's revision as a hidden field.

    ``save_unless_stale()`` writes only when nobody changed the row since; otherwise ``conflict`` says who has what,
    the hidden revision moves to theirs, and the next save knowingly overwrites.
    """

    revision = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conflict: list[FieldConflict] | None = None
        self.fields["revision"].initial = None if self.instance._state.adding else self.instance.revision

    def clean(self) -> dict[str, Any]:
        return with_plain_lines(self, super().clean() or self.cleaned_data)

    @property
    def hidden_errors(self) -> list[str]:
        """What is wrong with fields nobody sees, for the page to say at its top."""
        return [str(error) for field in self.hidden_fields() for error in field.errors]

    def save_unless_stale(self) -> LiveModel | None:
        """Saves; returns None and fills ``conflict`` when the row has another revision, or is gone (then [])."""
        model = type(self.instance)
        with transaction.atomic():
            current = model._default_manager.select_for_update().filter(pk=self.instance.pk).first()
            if current is None:
                self.conflict = []
                return None
            if current.revision != self.cleaned_data.get("revision"):
                self.conflict = self._compare(current)
                self.data = moved_to(self.data, self.add_prefix("revision"), current.revision)
                return None
            return self.save()  # type: ignore[no-any-return]

    def _compare(self, current: LiveModel) -> list[FieldConflict]:
        conflict = []
        for name in self._meta.fields or ():
            field = current._meta.get_field(name)
            mine, theirs = self.cleaned_data.get(name), getattr(current, name)
            conflict.append(FieldConflict(label_of(field), mine, theirs, mine != theirs))  # type: ignore[arg-type]
        return conflict


def with_plain_lines(form: forms.BaseForm, cleaned: dict[str, Any]) -> dict[str, Any]:
    """Browsers send text areas with CRLF: a save that changes nothing would else be a change."""
    return {
        name: value.replace("\r\n", "\n")
        if isinstance(value, str) and isinstance(form.fields[name].widget, forms.Textarea)
        else value
        for name, value in cleaned.items()
    }


def moved_to(data: Any, name: str, revision: int) -> Any:
    """What a form was sent, as if it had been opened at ``revision``: what its next save will then be measured by."""
    moved = data.copy()
    moved[name] = str(revision)
    return moved
