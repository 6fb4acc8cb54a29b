"""RealtimeEventDispatcher: raw Supabase events in, typed events out, to any number of handlers."""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from realtime.events import RealtimeEvent, RealtimeEventType, TableReset
from realtime.keys import Key, read_key

logger = logging.getLogger(__name__)

Handler = Callable[[RealtimeEvent[Any] | TableReset], None]

# Handlers registered here, such as the publisher, hear of every table.
ALL_TABLES = "*"


class EventError(ValueError):
    """A raw event that can't be used as it is; the change log has to say what happened."""


class RealtimeEventDispatcher:
    """Registers handlers per channel (a table's name) and emits events to them.

    A handler that raises never stops the next one: the error is counted and logged by table, type and key, without
    the record.
    """

    def __init__(self) -> None:
        self._handlers: defaultdict[str, list[Handler]] = defaultdict(list)
        self.handler_errors = 0

    def on(self, channel: str, handler: Handler) -> None:
        self._handlers[channel].append(handler)

    def off(self, channel: str, handler: Handler) -> None:
        """Unregisters a handler; one that isn't registered is ignored."""
        if handler in self._handlers[channel]:
            self._handlers[channel].remove(handler)

    def clear_channel(self, table: str) -> None:
        self._handlers.pop(table, None)

    def emit(self, event: RealtimeEvent[Any] | TableReset) -> None:
        for handler in (*self._handlers.get(event.table, ()), *self._handlers.get(ALL_TABLES, ())):
            try:
                handler(event)
            except Exception as error:
                self.handler_errors += 1
                what = event.type if isinstance(event, RealtimeEvent) else "reset"
                key = event.key if isinstance(event, RealtimeEvent) else "-"
                # Only the class of the error: its text may quote the record.
                told = (event.table, what, key, type(error).__name__)
                logger.error("handler failed: table=%s type=%s id=%s error=%s", *told)

    @staticmethod
    def parse_event(raw_data: Mapping[str, Any], table: str) -> RealtimeEvent[dict[str, Any]]:
        """Parses what Supabase Realtime sent for ``table``.

        Raises ``EventError`` for anything that isn't a complete, well-formed change of that table, such as the
        401, 400 and 413 events of an unreadable or oversized row.
        """
        data = raw_data.get("data")
        if not isinstance(data, Mapping):
            raise EventError(f"event of '{table}' has no data")
        if data.get("errors"):
            raise EventError(f"event of '{table}' carries errors: {data['errors']}")
        if data.get("table") != table:
            raise EventError(f"event of '{data.get('table')}' on the channel of '{table}'")
        kind = _event_type(data)
        record = data.get("old_record" if kind is RealtimeEventType.DELETE else "record")
        if not isinstance(record, Mapping):
            raise EventError(f"{kind} of '{table}' has no record")
        revision = record.get("revision") if kind is not RealtimeEventType.DELETE else None
        if revision is not None and (isinstance(revision, bool) or not isinstance(revision, int)):
            raise EventError(f"{kind} of '{table}' has a revision that is no integer")
        return RealtimeEvent(
            type=kind,
            data=dict(record),
            table=table,
            timestamp=_timestamp(data, table),
            key=_key(record, table),
            revision=revision,
        )


def _event_type(data: Mapping[str, Any]) -> RealtimeEventType:
    raw = data.get("type")
    word = str(getattr(raw, "value", raw)).lower()
    try:
        return RealtimeEventType(word)
    except ValueError:
        valid = ", ".join(kind.upper() for kind in RealtimeEventType)
        raise EventError(f"unknown event type '{word}'; valid are {valid}") from None


def _timestamp(data: Mapping[str, Any], table: str) -> datetime:
    try:
        return datetime.fromisoformat(str(data.get("commit_timestamp")).replace("Z", "+00:00"))
    except ValueError:
        raise EventError(f"event of '{table}' has no usable commit_timestamp") from None


def _key(record: Mapping[str, Any], table: str) -> Key:
    try:
        return read_key(record["id"])
    except (KeyError, ValueError):
        raise EventError(f"event of '{table}' has no usable id") from None
