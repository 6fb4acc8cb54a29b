"""Forms over live rows: a save is merged with what others have changed since the form was opened (design rule 30)."""

from typing import Any, ClassVar

from django import forms

from realtime.live.app_columns import is_value, label, needed_columns
from realtime.pages.merging import MergingForm


class LiveModelForm(MergingForm):
    """A ModelForm with the row's revision as a hidden field.

    After ``catch_up()`` it shows theirs where nothing was touched. ``conflicts()`` says which fields both have changed;
    while there are any, nothing may be saved.
    """

    revision_field: ClassVar[str] = "revision"
    # Whether a new row's form has fields for what only the app of an adopted table knows.
    asks_for_the_app: ClassVar[bool] = True

    revision = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)
    # Written by static/js/live-form.js and typed.js: fields that were shown, or typed over, at another revision.
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["revision"].initial = None if self.instance._state.adding else self.instance.revision
        asks = self.asks_for_the_app and self.instance._state.adding
        self._for_the_app = needed_columns(type(self.instance)) if asks else []
        for column in self._for_the_app:
            told = f"The app needs it: {column.type}."
            self.fields[column.name] = forms.CharField(label=label(column.name), help_text=told)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for column in self._for_the_app:
            if column.name in cleaned and not is_value(cleaned[column.name], column):
                self.add_error(column.name, f"“{cleaned[column.name]}” is no value of the type {column.type}.")
        return cleaned

    def save(self, commit: bool = True) -> Any:
        if self._for_the_app:
            self.instance.for_the_app = {column.name: self.cleaned_data[column.name] for column in self._for_the_app}
        return super().save(commit)

    @property
    def hidden_errors(self) -> list[str]:
        """The errors of fields that nobody sees, for the top of the page."""
        return [str(error) for field in self.hidden_fields() for error in field.errors]
