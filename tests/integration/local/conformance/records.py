"""Reads the transcripts in tests/records and makes frames comparable."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORDS = Path(__file__).resolve().parents[3] / "records"
NAMES = sorted(path.stem for path in RECORDS.glob("*.jsonl"))
CUT = "…(cut)…"

_NOW = re.compile(r"20(2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?\+00:00")
_COMMIT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_AGO = re.compile(r"has expired \d+ seconds ago")


@dataclass(frozen=True)
class Entry:
    """One line of a transcript."""

    at: float
    direction: str
    frame: Any


def load(name: str) -> list[Entry]:
    lines = (RECORDS / f"{name}.jsonl").read_text().splitlines()
    return [Entry(line["t"], line["dir"], line["frame"]) for line in map(json.loads, lines)]


def parts(frame: Any) -> tuple[Any, str, dict[str, Any]]:
    """Topic, event and payload of a frame of either version."""
    if isinstance(frame, list):
        return frame[2], frame[3], frame[4]
    return frame["topic"], frame["event"], frame["payload"]


class Comparable:
    """Replaces what differs between any two runs; one instance per side, so that equal ids stay equal."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, Any], str] = {}
        self._bindings: dict[int, str] = {}

    def text(self, frame: Any) -> str:
        """The frame as text: unlike dict equality this compares the order of keys too."""
        if isinstance(frame, str):
            frame = json.loads(frame)
        _, event, payload = parts(frame)
        if event == "phx_reply":
            self._learn_bindings(payload["response"])
        elif event == "postgres_changes":
            self._normalise_event(payload)
        elif event == "presence_diff":
            payload["joins"] = [_without_refs(state) for state in payload["joins"].values()]
        return _AGO.sub("has expired <n> seconds ago", json.dumps(frame, ensure_ascii=False))

    def _learn_bindings(self, response: dict[str, Any]) -> None:
        for binding in response.get("postgres_changes", []):
            number = binding.pop("id")
            assert 0 < number < 2**27
            self._bindings[number] = json.dumps(binding)

    def _normalise_event(self, payload: dict[str, Any]) -> None:
        data = payload["data"]
        assert payload["ids"] == sorted(payload["ids"])
        payload["ids"] = sorted(self._bindings[number] for number in payload["ids"])
        assert _COMMIT.fullmatch(data["commit_timestamp"])
        data["commit_timestamp"] = "<commit>"
        for record in (data.get("record", {}), data.get("old_record", {})):
            self._normalise_record(data["table"], record)

    def _normalise_record(self, table: str, record: dict[str, Any]) -> None:
        if "id" in record:
            record["id"] = self._keys.setdefault((table, record["id"]), f"{table} #{len(self._keys)}")
        if isinstance(record.get("created_at"), str):
            record["created_at"] = _NOW.sub("<now>", record["created_at"])


def _without_refs(state: dict[str, Any]) -> list[Any]:
    return [
        {"phx_ref": "<ref>", **{key: value for key, value in meta.items() if key != "phx_ref"}}
        for meta in state["metas"]
    ]


def cut_text(text: str) -> str:
    """The beginning of a frame's text up to its long value, comparable."""
    beginning = text[: text.index('"big": "')]
    return _COMMIT.sub("<commit>", re.sub(r'"id": \d+', '"id": <n>', beginning))


def chunks(entries: list[Entry]) -> Iterator[tuple[Entry, list[Entry]]]:
    """Each thing the recorded client (or its surroundings) did, with the frames that came next."""
    current: Entry | None = None
    received: list[Entry] = []
    for entry in entries:
        if entry.direction == "recv":
            received.append(entry)
            continue
        if current is not None:
            yield current, received
        current, received = entry, []
    assert current is not None
    yield current, received
