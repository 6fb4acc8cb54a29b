"""A decoded change and its `data` text in a postgres_changes frame."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from realtime.local.realtime_server import pgoutput
from realtime.local.realtime_server.catalog import Table, TableColumn
from realtime.local.realtime_server.pgoutput import Relation, Row, Unchanged
from realtime.local.realtime_server.protocol import compact
from realtime.local.realtime_server.values import json_object, json_text, to_json

UNAUTHORIZED: Final = "Error 401: Unauthorized"
NO_PRIMARY_KEY: Final = "Error 400: Bad Request, no primary key"
TOO_LARGE: Final = "Error 413: Payload Too Large"
# What an oversized change keeps: record bigrow.
KEPT_BYTES: Final = 64
# The real server measures wal2json's text: names and braces count too.
BYTES_PER_COLUMN: Final = 40

Named = dict[str, str | Unchanged | None]


@dataclass(frozen=True)
class Change:
    kind: str
    oid: int
    commit_time: datetime
    new: Named = field(default_factory=dict)
    old: Named = field(default_factory=dict)
    size: int = 0

    @property
    def filtered_row(self) -> Named:
        """What filters look at: the new row, for a DELETE the replica identity."""
        return self.old if self.kind == "DELETE" else self.new


class Assembler:
    """Turns the messages of one poll into changes in commit order. TRUNCATE is silent, as on the real server.

    It takes them in parts, because a transaction may be larger than memory. A part may need what an earlier one said.
    """

    def __init__(self) -> None:
        self._relations: dict[int, Relation] = {}
        self._commit_time = pgoutput.POSTGRES_EPOCH

    def assemble(self, messages: Iterable[pgoutput.Message | None]) -> list[Change]:
        return [change for message in messages if (change := self._take(message)) is not None]

    def _take(self, message: pgoutput.Message | None) -> Change | None:
        match message:
            case pgoutput.Begin():
                self._commit_time = message.commit_time
            case pgoutput.Relation():
                self._relations[message.oid] = message
            case pgoutput.Insert():
                new = _named(self._relations[message.oid], message.new)
                return Change("INSERT", message.oid, self._commit_time, new, size=_size(new))
            case pgoutput.Update():
                return _update(self._relations[message.oid], message, self._commit_time)
            case pgoutput.Delete():
                old = _identity(self._relations[message.oid], message.old)
                return Change("DELETE", message.oid, self._commit_time, old=old, size=_size(old))
        return None


def _update(relation: Relation, message: pgoutput.Update, commit_time: datetime) -> Change:
    new = _named(relation, message.new)
    old = _identity(relation, message.new if message.old is None else message.old)
    filled = {
        name: old.get(name, value) if relation.full_identity and isinstance(value, Unchanged) else value
        for name, value in new.items()
    }
    # What is filled in from the old row isn't in the WAL a second time and doesn't count: record bigrow.
    return Change("UPDATE", message.oid, commit_time, filled, old, _size(new) + _size(old))


def _size(row: Named) -> int:
    return sum(
        len(name) + BYTES_PER_COLUMN + len(value.encode()) for name, value in row.items() if isinstance(value, str)
    )


def _named(relation: Relation, row: Row) -> Named:
    return {column.name: value for column, value in zip(relation.columns, row, strict=True)}


def _identity(relation: Relation, row: Row) -> Named:
    return {column.name: value for column, value in zip(relation.columns, row, strict=True) if column.in_identity}


def commit_timestamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def refusal(change: Change, table: Table, error: str) -> str:
    """The event for a role that can't be shown the row: no timestamp, no columns (facts 3.3)."""
    return _data(change, table, record="{}", columns=[], errors=[error], timestamp=None, old_record="{}")


def data(change: Change, table: Table, role: str, select: tuple[str, ...] | None, max_bytes: int) -> str:
    """The event as this role may see it, cut to `select` if the binding asks for that."""
    columns = [column for column in table.columns if role in column.roles and (select is None or column.name in select)]
    too_large = change.size > max_bytes
    old_columns = columns
    if change.kind == "DELETE" and table.row_security:
        old_columns = [column for column in columns if column.in_primary_key]
    return _data(
        change,
        table,
        record=_record(change.new, columns, too_large),
        columns=columns,
        errors=[TOO_LARGE] if too_large else None,
        timestamp=commit_timestamp(change.commit_time),
        old_record=_record(change.old, old_columns, too_large),
    )


def _record(row: Named, columns: list[TableColumn], too_large: bool) -> str:
    members: dict[str, str] = {}
    for column in columns:
        value = row.get(column.name, Unchanged.TOAST)
        if isinstance(value, Unchanged) or (too_large and value is None):
            continue
        text = to_json(value, column.type)
        if not too_large or len(text.encode()) <= KEPT_BYTES:
            members[column.name] = text
    return json_object(members)


def _data(
    change: Change,
    table: Table,
    *,
    record: str,
    columns: list[TableColumn],
    errors: list[str] | None,
    timestamp: str | None,
    old_record: str,
) -> str:
    described = [{"name": column.name, "type": column.type_name} for column in columns]
    members = [
        ("table", json_text(table.name)),
        ("type", json_text(change.kind)),
        ("record", None if change.kind == "DELETE" else record),
        ("columns", json.dumps(described, ensure_ascii=False)),
        ("errors", compact(errors)),
        ("schema", json_text(table.schema)),
        ("commit_timestamp", compact(timestamp)),
        ("old_record", None if change.kind == "INSERT" else old_record),
    ]
    return "{" + ",".join(f'"{name}":{text}' for name, text in members if text is not None) + "}"
