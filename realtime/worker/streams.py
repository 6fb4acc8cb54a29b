"""Event streams per table, for Python code that wants to `async for` over what happens."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from realtime.events import RealtimeEvent, TableReset
from realtime.worker.event_dispatcher import RealtimeEventDispatcher

# A consumer this far behind gets an error instead of filling the memory.
STREAM_LIMIT = 10_000


class StreamOverflow(RuntimeError):
    """The consumer fell too far behind; what it missed is in the change log."""


async def event_stream(
    dispatcher: RealtimeEventDispatcher, table: str
) -> AsyncIterator[RealtimeEvent[Any] | TableReset]:
    """Yields the table's events from now on. Raises ``StreamOverflow`` after ``STREAM_LIMIT`` unread ones."""
    queue: asyncio.Queue[RealtimeEvent[Any] | TableReset] = asyncio.Queue(maxsize=STREAM_LIMIT)
    overflowed = False

    def put(event: RealtimeEvent[Any] | TableReset) -> None:
        nonlocal overflowed
        # Once there is a hole, nothing behind it is taken: the consumer would miss that something is missing.
        if overflowed or queue.full():
            overflowed = True
        else:
            queue.put_nowait(event)

    dispatcher.on(table, put)
    try:
        while not (overflowed and queue.empty()):
            yield await queue.get()
        raise StreamOverflow(f"the stream of '{table}' is more than {STREAM_LIMIT} events behind")
    finally:
        dispatcher.off(table, put)
