"""Which column of a file is which field: guessed from the headings, decided by hand."""

import re
from typing import Any

from django import forms
from openpyxl.utils import get_column_letter

from crm.importing.kinds import KEY, Importable
from crm.importing.reading import ENCODINGS, SEPARATORS, Reading

# The choice that leaves a field out.
ABSENT = "-"

# By field, the number of its column; the first is 0.
Columns = dict[str, int]


def guessed(importable: Importable, headings: list[str]) -> Columns:
    """Each heading serves the first field that goes by it."""
    plain = [_plain(heading) for heading in headings]
    columns: Columns = {}
    for name, known in importable.headings.items():
        found = [plain.index(_plain(word)) for word in known if _plain(word) in plain]
        if free := [column for column in found if column not in columns.values()]:
            columns[name] = free[0]
    return columns


def _plain(heading: str) -> str:
    return re.sub(r"[\W_]+", " ", heading.casefold()).strip()


def column_name(headings: list[str], column: int) -> str:
    """A column as people find it in their spreadsheet."""
    heading = headings[column].strip() if column < len(headings) else ""
    return heading or f"column {get_column_letter(column + 1)}"


class ColumnsForm(forms.Form):
    """A choice of column for each field, and how the file is read."""

    def __init__(
        self,
        importable: Importable,
        headings: list[str],
        reading: Reading,
        sheets: list[str],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._importable = importable
        words = [(str(column), column_name(headings, column)[:80]) for column in range(len(headings))]
        choices = [(ABSENT, "Not in this file"), *words]
        for name, label in importable.labels.items():
            self.fields[name] = forms.ChoiceField(choices=choices, initial=ABSENT, label=label)
        noun = importable.kind.singular
        self.fields[KEY].help_text = f"A row with the key of a known {noun} changes it; other rows are new."
        if reading.encoding:
            self.fields["encoding"] = forms.ChoiceField(choices=list(ENCODINGS.items()), label="Letters")
            words = [(mark, word.capitalize()) for mark, word in SEPARATORS.items()]
            self.fields["separator"] = forms.ChoiceField(choices=words, label="Cells separated by")
        elif len(sheets) > 1:
            self.fields["sheet"] = forms.ChoiceField(choices=[(sheet, sheet) for sheet in sheets], label="Sheet")

    @property
    def column_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self._importable.labels]

    @property
    def reading_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("encoding", "separator", "sheet") if name in self.fields]

    @property
    def columns(self) -> Columns:
        return {name: int(self.cleaned_data[name]) for name in self._chosen(self.cleaned_data)}

    def reading(self, current: Reading) -> Reading:
        """The chosen way to read the file; what can't be chosen, or wasn't, stays."""
        told = {
            name: self.cleaned_data.get(name) or getattr(current, name) for name in ("encoding", "separator", "sheet")
        }
        return Reading(**told)

    def clean(self) -> dict[str, Any]:
        # A copy, because what gets an error goes from the form's own.
        told = dict(super().clean() or self.cleaned_data)
        chosen = self._chosen(told)
        taken: dict[str, str] = {}
        for name in chosen:
            if other := taken.get(told[name]):
                self.add_error(name, f"This column is “{other}” already; choose another, or “Not in this file”.")
            taken.setdefault(told[name], self._importable.labels[name])
        if chosen == [KEY]:
            self.add_error(None, "The key alone changes nothing: match a column to another field too.")
        if KEY not in chosen:
            for name in self._importable.needed:
                if name not in chosen and name not in self.errors:
                    label, kind = self._importable.labels[name], self._importable.kind.singular
                    self.add_error(name, f"A new {kind} needs it: choose the column that holds the {label.lower()}.")
        return told

    def _chosen(self, told: dict[str, Any]) -> list[str]:
        return [name for name in self._importable.labels if told.get(name, ABSENT) != ABSENT]
