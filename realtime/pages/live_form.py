"""Forms over live rows: a save is merged with what others have changed since the form was opened (design rule 30)."""

from typing import Any, ClassVar

from django import forms

from realtime.pages.merging import MergingForm


class LiveModelForm(MergingForm):
    """A ModelForm with the row's revision as a hidden field.

    After ``catch_up()`` it shows theirs where nothing was touched. ``conflicts()`` says which fields both have changed;
    while there are any, nothing may be saved.
    """

    revision_field: ClassVar[str] = "revision"

    revision = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)
    # Written by static/js/live-form.js and typed.js: fields that were shown, or typed over, at another revision.
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["revision"].initial = None if self.instance._state.adding else self.instance.revision

    @property
    def hidden_errors(self) -> list[str]:
        """The errors of fields that nobody sees, for the top of the page."""
        return [str(error) for field in self.hidden_fields() for error in field.errors]
