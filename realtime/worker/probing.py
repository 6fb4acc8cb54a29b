"""Writes the probe row, and remembers what that showed: how long it took to come back, or why it was refused."""

import time
from collections.abc import Callable

from django.db import DatabaseError

from realtime.database.probe import write_probe
from realtime.database.refusals import words_for
from realtime.database.thread import DatabaseThread
from realtime.upstream.channel_manager import ProbeRefused


class Probing:
    """The channel manager's two callbacks. ``on_change`` is called when there may be something new to report."""

    def __init__(self, database: DatabaseThread, on_change: Callable[[], None]) -> None:
        self._database = database
        self._on_change = on_change
        # When the last probe came back, and after how many milliseconds.
        self.last: dict[str, float] | None = None
        # Why the database takes no changes, although it is up.
        self.refusal = ""

    def begin(self) -> None:
        """A new lead: an earlier lead's probe says nothing about this one."""
        self.last = None

    async def write(self, nonce: str) -> None:
        """Raises ``ProbeRefused``, or the database's own error when it is away."""
        try:
            await self._database.run(write_probe, nonce)
        except DatabaseError as error:
            # The status has another sentence for a database that is away.
            self.refusal = "" if self._database.problem else words_for(error) or ""
            self._on_change()
            if self.refusal:
                raise ProbeRefused from None
            raise
        self.refusal = ""

    def came_back(self, seconds: float) -> None:
        self.last = {"at": time.time(), "round_trip_ms": round(seconds * 1000)}
        self._on_change()
