"""What each row of a file becomes: a new row, a changed one, or the sentences why it can't be imported.

django-import-export finds the known rows and writes in bulk; the portal's own forms say what is valid.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import tablib
from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import QuerySet
from import_export import resources
from import_export.fields import Field
from import_export.instance_loaders import CachedInstanceLoader
from import_export.results import RowResult
from openpyxl.cell.cell import ERROR_CODES

from crm.importing.amounts import Ambiguous, plain_number
from crm.importing.kinds import CUSTOMERS, KEY, PRODUCTS, Importable
from crm.importing.matching import Columns, column_name
from crm.importing.reading import Row
from crm.models import Customer, Product
from realtime.keys import UUIDS, Key, read_key
from realtime.live.app_columns import why_no_new_rows
from realtime.pages.export import read_back
from realtime.pages.workbook import CUT

# So many rows are read, checked and written at a time: short work between two words about the progress.
PORTION = 250
PROBLEMS = 500
SHOWN_CHARACTERS = 120

_FAILED_FORMULA = "The formula in this cell has failed. Mend it, or enter what the cell should hold."
_EMAIL = "Enter a valid email address, such as anna@example.com, or leave it empty."
_CUT_TEXT = "This text was too long for an Excel file and was cut there. Import the list’s CSV instead."
# In place of a field's name.
_OF_THE_APP = "needed by the app"
_SURPLUS = "This row has more cells than there are headings. Perhaps a separator in a text isn’t quoted."


@dataclass(frozen=True, slots=True)
class Problem:
    row: int
    column: str
    value: str
    sentence: str


@dataclass(slots=True)
class Outcome:
    """What becomes of the rows: their numbers, and the first of the problems."""

    new: int = 0
    changed: int = 0
    same: int = 0
    problem_count: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows can be imported."""
        return self.new + self.changed + self.same

    def add(self, problem: Problem) -> None:
        self.problem_count += 1
        if len(self.problems) < PROBLEMS:
            self.problems.append(problem)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Outcome":
        return cls(**told | {"problems": [Problem(**problem) for problem in told.get("problems", [])]})


class Rows(resources.ModelResource):  # type: ignore[misc]  # import-export has no types
    """One import's rows; subclassed for each kind."""

    importable: ClassVar[Importable]
    id = Field(attribute="id", column_name=KEY)

    class Meta:
        use_bulk = True
        batch_size = PORTION
        skip_diff = True
        # One query finds the known rows of a portion.
        instance_loader_class = CachedInstanceLoader

    def __init__(self, headings: list[str], columns: Columns, may_change: bool) -> None:
        super().__init__()
        self._headings = headings
        self._columns = columns
        self._may_change = may_change
        self._labels = self.importable.labels
        self._matched = [name for name in self._labels if name in columns and name != KEY]
        self._amounts = [
            name for name, known in self.importable.fields.items() if isinstance(known, forms.DecimalField)
        ]
        self._lacking = [name for name in self.importable.needed if name not in self._matched]
        self._noun = self.importable.kind.singular
        self._impossible = why_no_new_rows(self.importable.kind.model, self._noun)
        # The row that a key was first met in.
        self._keys: dict[Key, int] = {}
        self._writing = False
        self._changed = False

    def through(self, rows: Iterable[Row], outcome: Outcome, writing: bool) -> Iterator[int]:
        """Takes in portion by portion; yields how many rows that makes. Writes unless it only checks."""
        self._writing = writing
        done, portion = 0, []
        for row in rows:
            portion.append(row)
            if len(portion) == PORTION:
                self._take(portion, outcome)
                done, portion = done + len(portion), []
                yield done
        if portion:
            self._take(portion, outcome)
            yield done + len(portion)

    def _take(self, portion: list[Row], outcome: Outcome) -> None:
        read = [self._read(row) for row in portion]
        # Each needs a key, or the lookup of known rows is left out for all.
        headers = [KEY, *self._matched, "errors"]
        dataset = tablib.Dataset(*([row.get(name) for name in headers] for row in read), headers=headers)
        result = self.import_data(dataset, dry_run=not self._writing, use_transactions=False, raise_errors=False)
        outcome.new += result.totals[RowResult.IMPORT_TYPE_NEW]
        outcome.changed += result.totals[RowResult.IMPORT_TYPE_UPDATE]
        outcome.same += result.totals[RowResult.IMPORT_TYPE_SKIP]
        for invalid in result.invalid_rows:
            row = portion[invalid.number - 1]
            for name, sentences in invalid.error_dict.items():
                for sentence in sentences:
                    outcome.add(self._problem(row, name, sentence))

    def _read(self, row: Row) -> dict[str, Any]:
        """The matched cells as a form takes them, the key, and what is wrong already."""
        read: dict[str, Any] = {}
        errors: dict[str, str] = {}
        if len(row.cells) > len(self._headings):
            errors[NON_FIELD_ERRORS] = _SURPLUS
        for name in (KEY, *self._matched):
            column = self._columns.get(name)
            text = read_back(row.cells[column]) if column is not None and column < len(row.cells) else ""
            if text.strip() in ERROR_CODES:
                errors[name] = _FAILED_FORMULA
            elif text.endswith(CUT):
                errors[name] = _CUT_TEXT
            elif name in self._amounts:
                try:
                    text = plain_number(text)
                except Ambiguous as two:
                    errors[name] = f"This may mean {two.args[0]} or {two.args[1]}. Write it like one of these."
            read[name] = text
        read[KEY] = self._key(read[KEY].strip(), row.number, errors)
        return read | {"errors": errors}

    def _key(self, text: str, number: int, errors: dict[str, str]) -> Key | None:
        if not text or KEY in errors:
            return None
        try:
            key = read_key(text)
        except ValueError:
            errors[KEY] = "This is no key. Keys come from an exported list; leave it empty where the row is new."
            return None
        if (first := self._keys.setdefault(key, number)) != number:
            errors[KEY] = f"Row {first:,} has the same key. Each key may come once."
        return key

    def _problem(self, row: Row, name: str, sentence: str) -> Problem:
        column = self._columns.get(name)
        if column is None:
            return Problem(row.number, self._labels.get(name, ""), "", sentence)
        value = row.cells[column] if column < len(row.cells) else ""
        return Problem(row.number, column_name(self._headings, column), value[:SHOWN_CHARACTERS], sentence)

    # What import-export calls

    def get_queryset(self) -> "QuerySet[Any]":
        known: QuerySet[Any] = super().get_queryset().order_by("pk")
        # Nobody's change may come between reading a row and writing it.
        return known.select_for_update() if self._writing else known

    def import_instance(self, instance: Any, row: dict[str, Any], **kwargs: Any) -> None:
        errors: dict[str, Any] = dict(row["errors"])
        adding = instance._state.adding
        if adding and row[KEY]:
            instance.pk = row[KEY]
            if not UUIDS:
                # The table would give the same number to another row some day.
                errors.setdefault(KEY, f"There is no {self._noun} with this key. Leave it empty where the row is new.")
        if not adding and not self._may_change:
            errors.setdefault(KEY, f"This {self._noun} is in the list already, and your account may not change it.")
        before = {name: getattr(instance, name) for name in self._matched}
        for name, found in self._checked(instance, row).items():
            errors.setdefault(name, found)
        if adding and self._impossible:
            errors.setdefault(_OF_THE_APP, self._impossible)
        for name in self._lacking if adding else ():
            errors.setdefault(name, f"A new {self._noun} needs a {self._labels[name].lower()}, and no column holds it.")
        if errors:
            raise ValidationError(errors)
        self._changed = adding or any(getattr(instance, name) != value for name, value in before.items())

    def skip_row(self, instance: Any, original: Any, row: Any, import_validation_errors: Any = None) -> bool:
        return not import_validation_errors and not self._changed

    def save_instance(self, instance: Any, is_create: bool, row: Any, **kwargs: Any) -> None:
        if self._writing:
            super().save_instance(instance, is_create, row, **kwargs)

    def get_bulk_update_fields(self) -> list[str]:
        return self._matched

    def handle_import_error(self, result: Any, error: Exception, raise_errors: bool = False) -> None:
        raise error

    def after_import(self, dataset: Any, result: Any, **kwargs: Any) -> None:
        # Anything but an invalid value is a fault, or the database's refusal.
        for failed in result.error_rows:
            raise failed.errors[0].error

    def _checked(self, instance: Any, row: dict[str, Any]) -> dict[str, list[ValidationError]]:
        form = self.importable.form(row, instance=instance)
        for name in set(form.fields) - set(self._matched):
            del form.fields[name]
        # The database checks them as it writes; to be asked about each row, it would take minutes.
        instance.validate_constraints = _not_now
        return {name: [_plainer(form, name, error) for error in found] for name, found in form.errors.as_data().items()}


class ProductRows(Rows):
    importable = PRODUCTS

    class Meta(Rows.Meta):
        model = Product
        fields = (KEY, *PRODUCTS.fields)


class CustomerRows(Rows):
    importable = CUSTOMERS

    class Meta(Rows.Meta):
        model = Customer
        fields = (KEY, *CUSTOMERS.fields)


ROWS = {rows.importable.kind.plural: rows for rows in (ProductRows, CustomerRows)}


def _not_now(exclude: Any = None) -> None:
    """In place of a row's constraints."""


def _plainer(form: forms.BaseForm, name: str, error: ValidationError) -> ValidationError:
    """A form's sentence, with an example where it only says that the value is wrong."""
    if error.code != "invalid":
        return error
    if isinstance(form.fields.get(name), forms.EmailField):
        return ValidationError(_EMAIL)
    if isinstance(form.fields.get(name), forms.DecimalField):
        return ValidationError("Enter a number, such as 1234.50.")
    return error
