"""From decoded messages to changes, and from changes to event texts."""

import json
from datetime import UTC, datetime
from typing import Any

from realtime.local.realtime_server import changes
from realtime.local.realtime_server.catalog import Table, TableColumn
from realtime.local.realtime_server.changes import Assembler, Change
from realtime.local.realtime_server.pgoutput import (
    Begin,
    Column,
    Delete,
    Insert,
    Message,
    Relation,
    Truncate,
    Unchanged,
    Update,
)
from realtime.local.realtime_server.values import PgType

MOMENT = datetime(2026, 11, 23, 2, 12, 19, 831999, tzinfo=UTC)
ROLES = frozenset({"anon"})
TABLE = Table(
    1,
    "public",
    "todos",
    False,
    (
        TableColumn("id", PgType("int8"), "int8", "bigint", True, ROLES),
        TableColumn("title", PgType("text"), "text", "text", False, ROLES),
        TableColumn("secret", PgType("text"), "text", "text", False, frozenset()),
    ),
)


def relation(full: bool) -> Relation:
    columns = (Column("id", 20, True), Column("title", 25, full), Column("secret", 25, full))
    return Relation(1, "public", "todos", full, columns)


def only(message: Message, full: bool = False) -> Change:
    (change,) = Assembler().assemble([Begin(MOMENT), relation(full), message, None])
    return change


def data(change: Change, max_bytes: int = 1_000_000, **options: Any) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(changes.data(change, TABLE, "anon", options.get("select"), max_bytes))
    return parsed


def test_an_update_of_other_columns_names_the_old_row_by_its_key() -> None:
    change = only(Update(1, None, ("1", "new", None)))
    assert data(change)["old_record"] == {"id": 1}


def test_a_changed_key_comes_from_the_old_row() -> None:
    change = only(Update(1, ("1", None, None), ("2", "t", None)))
    assert (data(change)["record"]["id"], data(change)["old_record"]) == (2, {"id": 1})


def test_full_identity_fills_unchanged_values() -> None:
    change = only(Update(1, ("1", "long", None), ("1", Unchanged.TOAST, None)), full=True)
    assert data(change)["record"]["title"] == "long"


def test_without_full_identity_unchanged_values_are_absent() -> None:
    assert data(only(Update(1, None, ("1", Unchanged.TOAST, None))))["record"] == {"id": 1}


def test_a_delete_has_no_record() -> None:
    event = data(only(Delete(1, ("1", None, None))))
    assert "record" not in event
    assert event["old_record"] == {"id": 1}


def test_truncate_is_silent() -> None:
    assert Assembler().assemble([Begin(MOMENT), relation(False), Truncate((1,))]) == []


def test_keys_are_in_the_recorded_order_and_hidden_columns_are_not_there() -> None:
    event = data(only(Insert(1, ("1", "t", "hidden"))))
    assert list(event) == ["table", "type", "record", "columns", "errors", "schema", "commit_timestamp"]
    assert event["columns"] == [{"name": "id", "type": "int8"}, {"name": "title", "type": "text"}]
    assert event["record"] == {"id": 1, "title": "t"}
    assert event["commit_timestamp"] == "2026-11-23T02:12:19.831Z"


def test_select_cuts_record_and_columns() -> None:
    event = data(only(Insert(1, ("1", "t", None))), select=("id",))
    assert (event["record"], event["columns"]) == ({"id": 1}, [{"name": "id", "type": "int8"}])


def test_too_large_changes_keep_only_short_values() -> None:
    event = data(only(Insert(1, ("1", "x" * 200, None))), max_bytes=100)
    assert (event["record"], event["errors"]) == ({"id": 1}, ["Error 413: Payload Too Large"])


def test_refusals_have_neither_columns_nor_time() -> None:
    event = json.loads(changes.refusal(only(Update(1, None, ("1", "t", None))), TABLE, changes.UNAUTHORIZED))
    assert event["commit_timestamp"] is None
    assert (event["record"], event["columns"], event["errors"]) == ({}, [], ["Error 401: Unauthorized"])
