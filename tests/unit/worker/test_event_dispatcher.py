"""The seed's list for the dispatcher: registration, emission, parsing, isolation."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from realtime.events import RealtimeEvent, RealtimeEventType, TableReset
from realtime.worker.event_dispatcher import ALL_TABLES, EventError, RealtimeEventDispatcher

KEY = UUID("7351f1a8-0d9f-4f8c-9557-198d077243fb")
RECORDS = Path(__file__).parents[2] / "records"


def event(table: str = "products", **more: Any) -> RealtimeEvent[dict[str, Any]]:
    values: dict[str, Any] = {
        "type": RealtimeEventType.INSERT,
        "data": {"id": str(KEY)},
        "table": table,
        "timestamp": datetime.now(UTC),
        "key": KEY,
    }
    return RealtimeEvent(**(values | more))


def raw(kind: str = "INSERT", **more: Any) -> dict[str, Any]:
    record = {"id": str(KEY), "name": "Lamp", "revision": 7}
    data: dict[str, Any] = {
        "schema": "public",
        "table": "products",
        "type": kind,
        "commit_timestamp": "2026-11-23T02:12:19.831Z",
        "errors": None,
        "columns": [],
    }
    data |= {"old_record": {"id": str(KEY)}} if kind == "DELETE" else {"record": record}
    return {"data": data | more, "ids": [1]}


def test_a_handler_hears_its_table_and_no_other() -> None:
    dispatcher, heard = RealtimeEventDispatcher(), []
    dispatcher.on("products", heard.append)
    dispatcher.emit(event("customers"))
    dispatcher.emit(told := event("products"))
    assert heard == [told]


def test_every_handler_of_a_table_hears_and_one_for_all_tables_too() -> None:
    dispatcher, heard = RealtimeEventDispatcher(), []
    for name in ("a", "b"):
        dispatcher.on("products", lambda _event, name=name: heard.append(name))
    dispatcher.on(ALL_TABLES, lambda _event: heard.append("all"))
    dispatcher.emit(event())
    assert heard == ["a", "b", "all"]


def test_off_and_clear_channel_silence_handlers() -> None:
    dispatcher, heard = RealtimeEventDispatcher(), []
    dispatcher.on("products", heard.append)
    dispatcher.off("products", heard.append)
    dispatcher.off("products", print)
    dispatcher.emit(event())
    dispatcher.on("products", heard.append)
    dispatcher.clear_channel("products")
    dispatcher.emit(event())
    assert heard == []


def test_a_raising_handler_stops_nobody_and_logs_no_content(caplog: pytest.LogCaptureFixture) -> None:
    dispatcher, heard = RealtimeEventDispatcher(), []

    def fail(_event: object) -> None:
        raise RuntimeError("secret-marker")

    dispatcher.on("products", heard.append)
    dispatcher.on("products", fail)
    dispatcher.on("products", heard.append)
    with caplog.at_level(logging.DEBUG):
        dispatcher.emit(event(data={"id": str(KEY), "name": "secret-marker"}))
    assert len(heard) == 2
    assert dispatcher.handler_errors == 1
    assert "secret-marker" not in caplog.text
    assert str(KEY) in caplog.text


def test_a_reset_reaches_the_handlers_of_its_table() -> None:
    dispatcher, heard = RealtimeEventDispatcher(), []
    dispatcher.on("products", heard.append)
    dispatcher.emit(reset := TableReset("products", "emptied"))
    assert heard == [reset]


@pytest.mark.parametrize("kind", ["INSERT", "UPDATE", "DELETE"])
def test_all_types_parse(kind: str) -> None:
    parsed = RealtimeEventDispatcher.parse_event(raw(kind), "products")
    assert parsed.type == RealtimeEventType(kind.lower())
    assert parsed.key == KEY
    assert parsed.timestamp == datetime(2026, 11, 23, 2, 12, 19, 831000, UTC)
    assert parsed.revision == (None if kind == "DELETE" else 7)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({}, "no data"),
        ({"data": None}, "no data"),
        (raw(errors=["Error 401: Unauthorized"]), "401"),
        (raw("TRUNCATE"), "valid are INSERT, UPDATE, DELETE"),
        (raw(table="customers"), "customers"),
        (raw(record=None), "no record"),
        (raw(record={"name": "no id"}), "no usable id"),
        (raw(record={"id": "12"}), "no usable id"),
        (raw(record={"id": str(KEY), "revision": "7"}), "no integer"),
        (raw(record={"id": str(KEY), "revision": True}), "no integer"),
        (raw(commit_timestamp=None), "commit_timestamp"),
    ],
)
def test_an_unusable_event_is_refused_with_a_sentence(broken: dict[str, Any], said: str) -> None:
    with pytest.raises(EventError, match=said):
        RealtimeEventDispatcher.parse_event(broken, "products")


def test_what_a_real_server_sent_parses_or_is_refused_cleanly() -> None:
    """Every recorded change, with its bigint key replaced by a UUID, as our tables have them."""
    parsed = 0
    for path in sorted(RECORDS.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            frame = json.loads(line)["frame"]
            payload = frame.get("payload") if isinstance(frame, dict) else None
            if not isinstance(payload, dict) or "data" not in payload:
                continue
            for name in ("record", "old_record"):
                if name in payload["data"]:
                    payload["data"][name]["id"] = str(uuid4())
            table = payload["data"]["table"]
            if payload["data"]["errors"]:
                with pytest.raises(EventError, match="carries errors"):
                    RealtimeEventDispatcher.parse_event(payload, table)
            else:
                RealtimeEventDispatcher.parse_event(payload, table)
                parsed += 1
    assert parsed > 100
