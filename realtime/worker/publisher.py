"""The worker's last step: small numbered messages into the channel layer, one group per table.

They say which rows changed, never what is in them. Numbers count per (epoch, group): a web process that sees a
hole recomputes what it shows, so a lost message costs a query and nothing else.
"""

import asyncio
import logging
import time
import uuid
from collections import defaultdict
from typing import Any

from channels.layers import get_channel_layer

from realtime.events import EventPath, PersonalChange, RealtimeEvent, RealtimeEventType, TableReset
from realtime.groups import STATUS_GROUP, table_group

logger = logging.getLogger(__name__)

# Longer than a healthy Redis takes to answer. One that is frozen or cut off must not hold up the worker, and is
# retried this often: whatever isn't sent leaves a hole in the numbers, which the web processes find.
ANSWER_SECONDS = 2.0
TRY_AGAIN_SECONDS = 1.0
# A message of this many changes stays well under 64 kB.
CHANGES_A_MESSAGE = 200


class Publisher:
    """Buffers emitted events and sends them in batches: ``flush()`` keeps the order within a table."""

    def __init__(self) -> None:
        self.begin()
        self.reachable = True
        self._try_again_at = 0.0
        self._changes: defaultdict[str, list[list[Any]]] = defaultdict(list)
        self._resets: dict[str, str] = {}

    def begin(self) -> None:
        """A new epoch: its listeners take nothing that was sent before for granted."""
        self.epoch = uuid.uuid4().hex
        self.numbers: defaultdict[str, int] = defaultdict(int)

    def handle(self, event: RealtimeEvent[Any] | TableReset) -> None:
        """The dispatcher's handler: only notes, never waits."""
        if isinstance(event, TableReset):
            self._resets[event.table] = event.reason
            return
        change = [event.revision, event.type.value, str(event.key), list(event.changed), event.actor, event.path.value]
        self._changes[event.table].append(change)

    def tell(self, told: PersonalChange) -> None:
        """To the web processes only, as a change of the person: handlers get rows, and this has none."""
        change = [
            told.revision,
            RealtimeEventType.UPDATE.value,
            str(told.person),
            [],
            told.actor,
            EventPath.SWEEP.value,
        ]
        self._changes[told.table].append(change)

    async def flush(self) -> None:
        changes, self._changes = self._changes, defaultdict(list)
        resets, self._resets = self._resets, {}
        for table, rows in changes.items():
            for start in range(0, len(rows), CHANGES_A_MESSAGE):
                batch = rows[start : start + CHANGES_A_MESSAGE]
                await self._send(table, {"type": "realtime.changes", "changes": batch})
        for table, reason in resets.items():
            await self._send(table, {"type": "realtime.reset", "reason": reason})

    async def beat(self, status: dict[str, Any]) -> None:
        """Tells every web process the status, and the last number sent to each group."""
        message = {"type": "realtime.beat", "epoch": self.epoch, "numbers": dict(self.numbers), "status": status}
        await self._deliver(STATUS_GROUP, message)

    async def _send(self, table: str, message: dict[str, Any]) -> None:
        self.numbers[table] += 1
        await self._deliver(
            table_group(table), message | {"epoch": self.epoch, "n": self.numbers[table], "table": table}
        )

    async def _deliver(self, group: str, message: dict[str, Any]) -> None:
        # The number is used up even when sending fails: the hole is what makes web processes catch up.
        if not self.reachable and time.monotonic() < self._try_again_at:
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await get_channel_layer().group_send(group, message)
        except Exception as error:
            if self.reachable:
                logger.warning("Redis is away (%s): pages will catch up when it is back", type(error).__name__)
            self.reachable = False
            self._try_again_at = time.monotonic() + TRY_AGAIN_SECONDS
        else:
            if not self.reachable:
                logger.info("Redis is back")
            self.reachable = True
