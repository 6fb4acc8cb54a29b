"""A stream that lost something says so, and brings nothing from behind the hole."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from realtime.events import RealtimeEvent, RealtimeEventType, TableReset
from realtime.worker import streams
from realtime.worker.event_dispatcher import RealtimeEventDispatcher
from realtime.worker.streams import StreamOverflow, event_stream


def event(revision: int) -> RealtimeEvent[dict[str, int]]:
    return RealtimeEvent(RealtimeEventType.INSERT, {}, "products", datetime.now(UTC), uuid4(), revision)


def test_a_stream_that_overflowed_ends_before_its_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "STREAM_LIMIT", 3)

    async def consume() -> list[int | None]:
        dispatcher = RealtimeEventDispatcher()
        stream = event_stream(dispatcher, "products")
        reading = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        told: list[RealtimeEvent[dict[str, int]] | TableReset] = []
        for revision in range(1, 6):
            dispatcher.emit(event(revision))
        with pytest.raises(StreamOverflow):
            for revision in range(6, 20):
                told.append(await reading)
                # Room again, and more to come.
                dispatcher.emit(event(revision))
                reading = asyncio.ensure_future(anext(stream))
        return [item.revision for item in told if isinstance(item, RealtimeEvent)]

    assert asyncio.run(consume()) == [1, 2, 3]
