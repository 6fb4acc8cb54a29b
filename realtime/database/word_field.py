"""A model's column of fixed choices whose words are this installation's own (``words.py``)."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django import forms
from django.core.exceptions import EmptyResultSet
from django.db import models
from django.db.models import lookups

from realtime.database.columns import Column, columns_of
from realtime.database.words import Word, declare, open_words, words_of


class WordField(models.CharField):  # type: ignore[type-arg]
    """``words`` are those of a table that our migrations make; ``first`` is what a new row gets there.

    Migrations see a plain CharField. Which words a row may have is the database's to say, so a model doesn't check it.
    """

    def __init__(self, *, words: Sequence[Word], first: str, **kwargs: Any) -> None:
        self.words = tuple(words)
        self.first = first
        super().__init__(max_length=20, choices=partial(_choices, self), default=partial(_default, self), **kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()
        choices = [(word.value, word.label) for word in self.words]
        return name, "django.db.models.CharField", args, kwargs | {"choices": choices, "default": self.first}

    def clone(self) -> Any:
        """For the state of migrations."""
        _, _, args, kwargs = self.deconstruct()
        return models.CharField(*args, **kwargs)

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        if not cls._meta.abstract:
            declare(cls._meta.db_table, name, self.words)

    @property
    def is_optional(self) -> bool:
        """Whether a row may do without a word."""
        told = columns_of(self.model._meta.db_table).get(str(self.column))
        return told is not None and told.nullable

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        """Leaves it to the form, which knows the row's own word, and to the database."""

    def run_validators(self, value: Any) -> None:
        """An app's words may be longer than ours."""

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        told = super().get_db_prep_save(value, connection)
        return None if told == "" and self.is_optional and not _has_empty(self) else told

    def _check_choices(self) -> list[Any]:
        return []

    def formfield(self, *args: Any, **kwargs: Any) -> Any:
        return WordChoices(self, label=str(self.verbose_name).capitalize(), help_text=self.help_text)


class KnownWords(models.CheckConstraint):
    """The words that our own migrations allow: an adopted table's app may allow others, so no model checks it."""

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        _, args, kwargs = super().deconstruct()
        return "django.db.models.CheckConstraint", args, kwargs

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """Leaves it to the database."""


class _OfItsType:
    """An enum is compared with its own labels alone, and only with values of its type: any other comparison fails."""

    lhs: Any
    rhs: Any

    @property
    def _told(self) -> Column | None:
        field = getattr(self.lhs, "target", None)
        told = columns_of(field.model._meta.db_table).get(str(field.column)) if field is not None else None
        return told if told is not None and told.is_enum else None

    def _typed(self, sql: str) -> str:
        return f"{sql}::{self._told.type}" if self._told else sql


@WordField.register_lookup
class _Is(_OfItsType, lookups.Exact):
    def process_rhs(self, compiler: Any, connection: Any) -> Any:
        told = self._told
        if told and isinstance(self.rhs, str) and self.rhs not in told.labels:
            raise EmptyResultSet
        sql, parameters = super().process_rhs(compiler, connection)
        return (self._typed(sql) if self.rhs_is_direct_value() else sql), parameters


@WordField.register_lookup
class _IsIn(_OfItsType, lookups.In):
    def process_rhs(self, compiler: Any, connection: Any) -> Any:
        if (told := self._told) and self.rhs_is_direct_value():
            self.rhs = [value for value in self.rhs if value in told.labels]
        return super().process_rhs(compiler, connection)

    def batch_process_rhs(self, compiler: Any, connection: Any, rhs: Any = None) -> Any:
        places, parameters = super().batch_process_rhs(compiler, connection, rhs)
        return [self._typed(sql) for sql in places], parameters


class WordChoices(forms.TypedChoiceField):
    """Asks for one of the words, as they are when the form is made."""

    def __init__(self, column: WordField, label: str, help_text: Any) -> None:
        self._column = column
        super().__init__(choices=self._offered, initial=lambda: column.get_default(), label=label, help_text=help_text)

    def __deepcopy__(self, memo: dict[int, Any]) -> "WordChoices":
        # Each form has a copy; only then the database can be asked.
        copied: WordChoices = super().__deepcopy__(memo)
        copied.required = not (self._column.is_optional or _has_empty(self._column))
        return copied

    def _offered(self) -> list[tuple[str, str]]:
        # What is empty is either a word or none.
        nothing = [("", "–")] if self._column.is_optional and not _has_empty(self._column) else []
        return nothing + _choices(self._column)


def _has_empty(field: WordField) -> bool:
    return any(not value for value, _ in _choices(field))


def _choices(field: WordField) -> list[tuple[str, str]]:
    model = getattr(field, "model", None)
    words = words_of(model._meta.db_table, str(field.column)) if model else field.words
    return [(word.value, word.label) for word in words]


def _default(field: WordField) -> str | None:
    """Ours where it is a word here; otherwise the column's own default, or the first word that is open."""
    table, column = field.model._meta.db_table, str(field.column)
    words = [word.value for word in words_of(table, column)]
    if field.first in words or not words:
        return field.first
    told = columns_of(table).get(column)
    if told is not None and told.default in words:
        return told.default
    begun = next((word.value for word in open_words(table, column)), None)
    return begun if begun is not None or (told is not None and told.nullable) else words[0]


Choices = Callable[[], list[tuple[str, str]]]


def choices_of(table: str, column: str) -> Choices:
    """The words of a column as choices, read anew at each call."""
    return lambda: [(word.value, word.label) for word in words_of(table, column)]
