"""The JSON Schema (draft 2020-12) of what webhooks are sent, made from the models: one file for each table.

Receivers are built upon it. So nothing that they read may go or become another type (``breaks``); more may come.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import models

from realtime.database.tables import live_models
from realtime.webhooks.payload import Operation, is_key

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
AMOUNT = r"^-?[0-9]+(\.[0-9]+)?$"
# Never null, whoever made the table.
ALWAYS_THERE = ("id", "revision")
WORDS = {
    Operation.INSERT: "A row was added; the record is the row as it came.",
    Operation.UPDATE: "A row was changed; the record is the row as it became, and “changed” names its columns.",
    Operation.DELETE: "A row was deleted; the record is the row as it was.",
    Operation.TRUNCATE: "The whole table was emptied at once.",
}

Schema = dict[str, Any]


def schemas() -> dict[str, Schema]:
    """By table."""
    return {model._meta.db_table: schema_of(model) for model in live_models()}


def schema_of(model: type[models.Model]) -> Schema:
    """The schema of every event of one table."""
    table = model._meta.db_table
    return {
        "$schema": DIALECT,
        "title": f"Events of {table}",
        "oneOf": [{"$ref": f"#/$defs/{operation}"} for operation in Operation],
        "$defs": {
            "key": {
                "description": "A row’s key: a UUID in some databases, a number in others, one kind in each.",
                "type": ["string", "integer"],
            },
            "record": _record(model),
            **{operation.value: _event(table, operation) for operation in Operation},
        },
    }


def text_of(schema: Schema) -> str:
    """As a file has it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def published() -> dict[str, Schema]:
    """What the files say, by table."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def breaks(old: dict[str, Schema], new: dict[str, Schema]) -> list[str]:
    """What receivers of ``old`` would miss in ``new``, as sentences."""
    found = [f"No event of “{table}” is sent any more." for table in old.keys() - new.keys()]
    for table in sorted(old.keys() & new.keys()):
        before, now = dict(_places(old[table])), dict(_places(new[table]))
        for place, told in before.items():
            if place not in now:
                found.append(f"“{place}” is gone from the events of “{table}”: receivers read it.")
            elif now[place] != told:
                found.append(
                    f"“{place}” in the events of “{table}” was {told} and is {now[place]}: receivers rely on it."
                )
    return found


def _record(model: type[models.Model]) -> Schema:
    fields = model._meta.concrete_fields
    return {
        "type": "object",
        "description": "The row. A table that another app made may have null where ours never has.",
        "properties": {field.column: _column(field) for field in fields},
        "required": [field.column for field in fields],
    }


def _column(field: "models.Field[Any, Any]") -> Schema:
    if is_key(field):
        key: Schema = {"$ref": "#/$defs/key"}
        return key if field.column in ALWAYS_THERE else {"oneOf": [key, {"type": "null"}]}
    kind, more = _type(field)
    return {"type": kind if field.column in ALWAYS_THERE else [kind, "null"], **more}


def _type(field: "models.Field[Any, Any]") -> tuple[str, Schema]:
    if isinstance(field, models.DecimalField):
        return "string", {"pattern": AMOUNT}
    if isinstance(field, models.IntegerField):
        return "integer", {}
    if isinstance(field, models.BooleanField):
        return "boolean", {}
    if isinstance(field, models.UUIDField):
        return "string", {"format": "uuid"}
    if isinstance(field, models.DateTimeField):
        return "string", {"format": "date-time"}
    if isinstance(field, models.CharField | models.TextField):
        return "string", {}
    raise TypeError(f"{field} is a {field.get_internal_type()}: say in schemas.py and payload.py how it is sent")


def _event(table: str, operation: Operation) -> Schema:
    of_a_row = operation is not Operation.TRUNCATE
    record: Schema = {"$ref": "#/$defs/record"}
    data = {
        "table": {"const": table},
        "operation": {"const": operation.value},
        "id": {"$ref": "#/$defs/key"} if of_a_row else {"type": "null"},
        "revision": {"type": "integer", "description": "Of two events of one row, the higher one is the later."},
        "changed": {"type": "array", "items": {"type": "string"}},
        "record": {"oneOf": [record, {"type": "null"}]} if of_a_row else {"type": "null"},
        "record_left_out": {"type": "boolean", "description": "The row was too large to be sent."},
        "actor": {"type": "string", "description": "A staff member’s key, a token’s subject or a database role."},
        "action": {"type": "string", "description": "The same for all that was done in one go; may be empty."},
    }
    return {
        "type": "object",
        "description": WORDS[operation],
        "properties": {
            "type": {"const": f"{table}.{operation}"},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": {"type": "object", "properties": data, "required": list(data)},
        },
        "required": ["type", "timestamp", "data"],
    }


def _places(schema: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Each place of a schema that a receiver may read, with what it holds; descriptions don't count."""
    if not isinstance(schema, dict):
        return
    told = {name: schema[name] for name in ("type", "const", "format", "pattern", "$ref", "oneOf") if name in schema}
    if told and at:
        yield at, json.dumps(told, ensure_ascii=False)
    for name, inner in {**schema.get("$defs", {}), **schema.get("properties", {})}.items():
        yield from _places(inner, f"{at}.{name}" if at else name)
