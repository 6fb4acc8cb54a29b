"""Models' columns of numbers: whatever an adopted table has there, a double or a whole number too, is read alike."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import models


class AmountField(models.DecimalField):  # type: ignore[type-arg]
    """A DecimalField, as migrations see it, that always reads a ``Decimal``."""

    def from_db_value(self, value: Any, *_: Any) -> Decimal | None:
        return value if value is None or isinstance(value, Decimal) else Decimal(str(value))

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.DecimalField", args, kwargs
