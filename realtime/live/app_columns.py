"""The columns that an adopted table has besides ours: shown below a record, and kept by every save."""

import json
from typing import Any

from django.db import DataError, connection, transaction

from realtime.database.adopted import is_adopted_table
from realtime.database.columns import Column, columns_of
from realtime.models import LiveModel

# Longer values are cut; whole documents belong into the app.
SHOWN_LENGTH = 500


def app_columns(model: type[LiveModel]) -> list[Column]:
    """Those that the model doesn't have, in the table's order."""
    table = model._meta.db_table
    if not is_adopted_table(table):
        return []
    ours = {str(field.column) for field in model._meta.concrete_fields}
    return [column for name, column in columns_of(table).items() if name not in ours]


def needed_columns(model: type[LiveModel]) -> list[Column]:
    """Those that a new row can't do without."""
    return [
        column
        for column in app_columns(model)
        if not (column.nullable or column.has_default or column.written_by_database)
    ]


def why_no_new_rows(model: type[LiveModel], noun: str) -> str:
    """Why no row can be made where nobody is asked for what the app needs; empty when there is no reason."""
    names = [f"“{column.name}”" for column in needed_columns(model)]
    if not names:
        return ""
    told = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    column = "that column a default" if len(names) == 1 else "those columns defaults"
    return f"A new {noun} needs a value for {told}, which only the app can give. An administrator can give {column}."


def is_value(text: str, column: Column) -> bool:
    """Whether PostgreSQL can read a text as a value of a column's type."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"select %s::{column.type}", [text])
    except DataError:
        return False
    return True


def app_values(row: LiveModel) -> list[tuple[str, str]]:
    """What a row has in them, as (label, text)."""
    columns = app_columns(type(row))
    if not columns:
        return []
    quote = connection.ops.quote_name
    names = ", ".join(f"to_jsonb({quote(column.name)})::text" for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(f"select {names} from {quote(row._meta.db_table)} where id = %s", [row.pk])
        found = cursor.fetchone() or [None] * len(columns)
    return [
        (label(column.name), _text(json.loads(value) if value is not None else None))
        for column, value in zip(columns, found, strict=True)
    ]


def label(name: str) -> str:
    told = name.replace("_", " ").strip()
    return told[:1].upper() + told[1:]


def _text(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list) and not any(isinstance(one, list | dict) for one in value):
        value = ", ".join(map(_text, value))
    told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return told if len(told) <= SHOWN_LENGTH else f"{told[:SHOWN_LENGTH]}…"
