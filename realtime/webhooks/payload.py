"""What a webhook is sent: one change as JSON. ``schemas.py`` describes it; what receivers read must not go.

Amounts are texts, so that no program rounds them. Times are ISO 8601. Columns that a model doesn't have are left out.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from django.db import models
from django.utils.dateparse import parse_datetime

from realtime.database.change_log import Change
from realtime.database.tables import live_models

# A larger event is sent without its row; the receiver asks for that.
BODY_LIMIT = 256 * 1024
TEST = "webhook.test"


class Operation(StrEnum):
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    # Every row of the table is gone at once.
    TRUNCATE = "truncate"


def body_of(change: Change) -> str:
    """The request's body. A row that makes it too large is left out."""
    told = event(change)
    body = _json(told)
    if len(body.encode()) > BODY_LIMIT:
        told["data"] |= {"record": None, "record_left_out": True}
        body = _json(told)
    return body


def event(change: Change) -> dict[str, Any]:
    operation = Operation(change.op.lower())
    row = change.old if operation is Operation.DELETE else change.new
    return {
        "type": f"{change.table}.{operation}",
        "timestamp": change.at.isoformat(),
        "data": {
            "table": change.table,
            "operation": operation.value,
            "id": _key(change.key),
            "revision": change.revision,
            "changed": list(change.changed),
            "record": None if row is None else record(change.table, row),
            "record_left_out": False,
            "actor": change.actor,
            "action": change.action,
        },
    }


def test_body() -> str:
    """What the admin's test sends: nothing of a row."""
    told = {"type": TEST, "timestamp": datetime.now(UTC).isoformat(), "data": {"message": "It works."}}
    return _json(told)


def record(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """The row as the log has it, in the columns and types of the model. What doesn't fit its column is null."""
    model = next(model for model in live_models() if model._meta.db_table == table)
    return {field.column: _value(field, row.get(field.column)) for field in model._meta.concrete_fields}


def _value(field: "models.Field[Any, Any]", value: Any) -> Any:
    if value is None:
        return None
    if is_key(field):
        return _key(value)
    if isinstance(field, models.DecimalField):
        return _amount(value)
    if isinstance(field, models.IntegerField):
        return _whole(value)
    if isinstance(field, models.BooleanField):
        return bool(value)
    if isinstance(field, models.DateTimeField):
        return _time(str(value))
    return str(value)


def is_key(field: "models.Field[Any, Any]") -> bool:
    """Whether a column holds the key of a live row: a UUID or a number, the same for a whole database."""
    return field.primary_key or field.is_relation


def _key(value: Any) -> str | int | None:
    return value if value is None or isinstance(value, int) else str(value)


def _amount(value: Any) -> str | None:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return f"{amount:f}" if amount.is_finite() else None


def _time(value: str) -> str | None:
    """A time without a zone, as an adopted table may have, is UTC; one that no calendar has is null."""
    try:
        told = parse_datetime(value)
    except ValueError:
        return None
    if told is None:
        return None
    return value if told.tzinfo else f"{value}+00:00"


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (ValueError, ArithmeticError):
        return None


def _json(told: dict[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
