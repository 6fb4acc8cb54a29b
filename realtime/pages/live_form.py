"""Forms over live rows: a save carries the revision it was made from, and a stale one is never applied silently."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db import transaction

from realtime.live.field_changes import label_of
from realtime.models import LiveModel
from realtime.pages.local_times import LocalTimeInput

# Kinds of <input> that somebody types into.
TYPED = ("text", "email", "number", "tel", "url")


@dataclass(frozen=True, slots=True)
class FieldConflict:
    label: str
    mine: Any
    theirs: Any
    changed: bool


class UntouchedValues(forms.ModelForm):  # type: ignore[type-arg]
    """A save in which nothing was touched changes nothing.

    A browser doesn't always send back what it was given: line ends become CRLF, single-line controls lose theirs, and
    fields strip. A value that came back as it was given stays the row's own, whatever its field would make of it or
    object to.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if isinstance(field, forms.TypedChoiceField) and not self.instance._state.adding:
                # Without an option for the row's own value, a browser would send the first one.
                own = getattr(self.instance, name, None)
                if isinstance(own, str) and own not in dict(field.choices):  # type: ignore[arg-type]
                    field.choices = [*field.choices, (own, own or "none")]  # type: ignore[misc]

    @property
    def touched(self) -> list[str]:
        """The columns that a save writes."""
        columns = {field.name for field in self.instance._meta.concrete_fields if not field.primary_key}
        return [name for name in self.cleaned_data if name in columns and name not in self._untouched]

    def save(self, commit: bool = True) -> Any:
        """Writes what was touched and nothing else: the rest may hold what Python can't."""
        if not commit or self.errors or self.instance._state.adding:
            return super().save(commit)
        self.instance.save(update_fields=self.touched)
        return self.instance

    def _clean_fields(self) -> None:
        super()._clean_fields()  # type: ignore[misc]
        self._untouched = set() if self.instance._state.adding else {*self._came_back()}
        for name in self._untouched:
            self._errors.pop(name, None)  # type: ignore[attr-defined]
            self.cleaned_data[name] = getattr(self.instance, name)

    def _came_back(self) -> Iterator[str]:
        for name in self._meta.fields or self.fields:
            if name not in self.fields:
                continue
            bound = self[name]
            if isinstance(bound.field.widget, LocalTimeInput):
                if bound.field.widget.came_back(bound.data, bound.initial):
                    yield name
                continue
            if isinstance(bound.field, forms.MultiValueField):
                # The admin's date and time, which drop what they don't show.
                if not bound.field.has_changed(bound.initial, bound.data):
                    yield name
                continue
            if isinstance(bound.field, forms.TypedChoiceField) and isinstance(bound.initial, str):
                if bound.data == bound.initial:
                    yield name
                continue
            if not _is_typed(bound.field.widget):
                continue
            # A missing value (see realtime.database.values) is there to be mended.
            if bound.initial is None or not isinstance(bound.data, str):
                continue
            widget = bound.field.widget
            given = widget.format_value(bound.field.prepare_value(bound.initial)) or ""
            if plain_lines(bound.data) == _given_back(widget, str(given)):
                yield name

    def _get_validation_exclusions(self) -> set[str]:
        return {*super()._get_validation_exclusions(), *self._untouched}  # type: ignore[misc]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        return {
            name: plain_lines(value)
            if isinstance(value, str) and name not in self._untouched and self._is_textarea(name)
            else value
            for name, value in cleaned.items()
        }

    def _is_textarea(self, name: str) -> bool:
        return isinstance(self.fields[name].widget, forms.Textarea)


def _is_typed(widget: forms.Widget) -> bool:
    is_input = isinstance(widget, forms.widgets.Input) and widget.input_type in TYPED
    return is_input or isinstance(widget, forms.Textarea)


def plain_lines(text: str) -> str:
    """Browsers send text areas with CRLF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _given_back(widget: forms.Widget, value: str) -> str:
    """What a browser sends back for a control with this value, with plain line ends (HTML, 4.10.5.1)."""
    if isinstance(widget, forms.Textarea):
        return plain_lines(value)
    value = value.replace("\r", "").replace("\n", "")
    return value.strip(" \t\f") if isinstance(widget, forms.EmailInput) else value


class LiveModelForm(UntouchedValues):
    """A ModelForm with the row's revision as a hidden field.

    ``save_unless_stale()`` writes only if nobody changed the row since; otherwise ``conflict`` says who has what,
    the hidden revision moves to theirs, and the next save knowingly overwrites.
    """

    revision = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conflict: list[FieldConflict] | None = None
        self.fields["revision"].initial = None if self.instance._state.adding else self.instance.revision

    @property
    def hidden_errors(self) -> list[str]:
        """The errors of fields that nobody sees, for the top of the page."""
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


def moved_to(data: Any, name: str, revision: int) -> Any:
    """A form's data as if it had been opened at ``revision``, which its next save is then checked against."""
    moved = data.copy()
    moved[name] = str(revision)
    return moved
