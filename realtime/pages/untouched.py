"""Forms that write what somebody touched, and nothing else."""

from collections.abc import Iterator
from typing import Any

from django import forms

from realtime.database.adopted import is_adopted_table
from realtime.database.columns import columns_of
from realtime.pages.local_times import LocalTimeInput
from realtime.pages.sent_values import given_back, is_typed, plain_lines
from realtime.sight import hidden_columns


class UntouchedValues(forms.ModelForm):  # type: ignore[type-arg]
    """A save in which nothing was touched changes nothing.

    A browser doesn't always send back what it was given: line ends become CRLF, single-line controls lose theirs, and
    fields strip. A value that came back as it was given stays the row's own, whatever its field would make of it or
    object to.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in hidden_columns(self.instance._meta.db_table) & self.fields.keys():
            # Neither shown nor written: a save keeps what is there.
            del self.fields[name]
        self.instance.has_our_constraints = not is_adopted_table(self.instance._meta.db_table)
        for name, field in self.fields.items():
            if isinstance(field, forms.TypedChoiceField) and not self.instance._state.adding:
                # Without an option for the row's own value, a browser would send the first one.
                own = getattr(self.instance, name, None)
                known = dict(field.choices)  # type: ignore[arg-type]
                if isinstance(own, str) and own not in known:
                    field.choices = [*field.choices, (own, own or "none")]  # type: ignore[misc]
                elif own is None and "" not in known:
                    field.choices = [("", "–"), *field.choices]  # type: ignore[misc]

    @property
    def touched(self) -> list[str]:
        """The columns that a save writes: a write of nothing new would still move what an app's own triggers stamp."""
        columns = {field.name: field for field in self.instance._meta.concrete_fields if field.editable}
        return [
            name
            for name in self.cleaned_data
            if name in columns
            and name not in self._untouched
            and getattr(self.instance, columns[name].attname) != self._stood[name]
        ]

    def save(self, commit: bool = True) -> Any:
        """Writes what was touched and nothing else: the rest may hold what Python can't."""
        if not commit or self.errors or self.instance._state.adding:
            return super().save(commit)
        self.instance.save(update_fields=self.touched)
        return self.instance

    def _clean_fields(self) -> None:
        super()._clean_fields()  # type: ignore[misc]
        self._stood = {
            field.name: getattr(self.instance, field.attname) for field in self.instance._meta.concrete_fields
        }
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
            if bound.initial is None and bound.data == "" and self._may_be_missing(name):
                yield name
                continue
            if isinstance(bound.field, forms.TypedChoiceField) and isinstance(bound.initial, str):
                if bound.data == bound.initial:
                    yield name
                continue
            if not is_typed(bound.field.widget):
                continue
            # A missing value (see realtime.database.values) is there to be mended.
            if bound.initial is None or not isinstance(bound.data, str):
                continue
            widget = bound.field.widget
            given = widget.format_value(bound.field.prepare_value(bound.initial)) or ""
            if plain_lines(bound.data) == given_back(widget, str(given)):
                yield name

    def _may_be_missing(self, name: str) -> bool:
        """Whether NULL is a value like any other: an adopted table's columns are its app's."""
        columns = columns_of(self.instance._meta.db_table)
        column = columns.get(str(self.instance._meta.get_field(name).column))
        return column is not None and column.nullable

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
