"""A row's fields as people know them: which are shown, what they and their values are called, also in the log."""

from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import DecimalField, Field, ForeignKey

from realtime.models import LiveModel
from realtime.sight import hidden_columns

HIDDEN_FIELDS = frozenset({"id", "revision", "created_at", "updated_at"})


def logged_value(field: "Field[Any, Any]", logged: Any) -> Any:
    """A logged value as the row would hold it: JSON has no decimals, so the column gives their places."""
    if isinstance(field, DecimalField) and logged is not None:
        amount = Decimal(str(logged))
        if not amount.is_finite():
            return None
        with suppress(InvalidOperation):
            return amount.quantize(Decimal(1).scaleb(-field.decimal_places))
        # More digits than an amount has.
        return amount
    try:
        return field.to_python(logged)
    except ValidationError:
        # A time that no form would accept.
        return logged


def shown_fields(instance: LiveModel | type[LiveModel]) -> "list[Field[Any, Any]]":
    left_out = HIDDEN_FIELDS | hidden_columns(instance._meta.db_table)
    return [field for field in instance._meta.concrete_fields if field.name not in left_out]


def label_of(field: "Field[Any, Any]") -> str:
    return str(field.verbose_name).capitalize()


def worded(field: "Field[Any, Any]", value: Any) -> Any:
    """What people call the value of a field: a related row by its name, a choice by its word."""
    if isinstance(field, ForeignKey) and value is not None:
        return field.related_model._default_manager.filter(pk=value).first() or "a deleted one"
    return dict(field.flatchoices).get(value, value)
