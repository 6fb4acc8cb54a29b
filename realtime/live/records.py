"""What follows from the table of a record: the right to see it, and what people call its fields."""

from functools import cache
from typing import Any

from realtime.database.tables import live_models
from realtime.live.field_changes import shown_fields
from realtime.live.kind import model_name


@cache
def seeing(table: str) -> str:
    """The right to see the records of a live table. Raises KeyError for a table that isn't live."""
    model = _models()[table]
    return f"{model._meta.app_label}.view_{model_name(model)}"


def field_words(table: str, name: str) -> str:
    """What people call a field of a table's form, in a sentence; empty for one that the table doesn't have."""
    model = _models()[table]
    field = next((field for field in shown_fields(model) if name in (field.name, field.attname)), None)
    return model.nouns.get(field.name, str(field.verbose_name)) if field is not None else ""


@cache
def _models() -> dict[str, Any]:
    return {model._meta.db_table: model for model in live_models()}
