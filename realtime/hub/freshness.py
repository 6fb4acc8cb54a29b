"""How fresh the pages of this process are: hears the worker's heartbeat, and tells every socket what it means."""

import asyncio
import json
import time
from collections.abc import Callable, Set
from contextlib import suppress
from typing import Any

import redis.asyncio
from django.conf import settings

from realtime.hub import wire
from realtime.hub.frame import Frame
from realtime.hub.live_socket import LiveSocket
from realtime.status import last_beat
from realtime.status.connection_words import Hops, words
from realtime.status.metrics import WORKER_SILENCE
from realtime.status.status_store import status_key

LOOK_SECONDS = 1.0
# Every page gets the status at least this often, so that a silent socket is a dead one.
REPEAT_SECONDS = 10.0
# A status that is as old as this says the same.
FRAME_SECONDS = 0.1
# While nothing is live, every view is reread this often.
SILENT_REREAD_SECONDS = 5.0


class Freshness:
    """``hops`` describes the path from worker to page; ``on_silence`` is called while nobody reports changes."""

    def __init__(
        self,
        sockets: Set[LiveSocket],
        hops: Callable[[], Hops],
        on_look: Callable[[], None],
        on_silence: Callable[[], None],
    ) -> None:
        self._sockets = sockets
        self._hops = hops
        self._on_look = on_look
        self._on_silence = on_silence
        self._beat: dict[str, Any] | None = None
        self._heard_at = time.time()
        self._told: dict[str, Any] = {}
        self._told_at = 0.0
        self._frame: Frame | None = None
        self._framed_at = 0.0

    def hear(self, beat: dict[str, Any]) -> None:
        """The leading worker's heartbeat."""
        self._beat, self._heard_at = beat, time.time()
        last_beat.note(beat)
        self.tell()

    def words(self) -> dict[str, Any]:
        return words(self._beat, self._heard_at, time.time(), self._hops())

    def frame(self) -> Frame:
        """The status as a message; many who come together get the same one."""
        now = time.monotonic()
        if self._frame is None or now - self._framed_at > FRAME_SECONDS:
            self._frame, self._framed_at = wire.status(self.words()), now
        return self._frame

    def tell(self) -> None:
        """Sends the status to every socket when it has changed, or when a repeat is due."""
        told = self.words()
        # What only moves with every beat isn't worth a frame each time.
        steady = {name: value for name, value in told.items() if name not in ("fresh_at", "layer_ms")}
        now = time.monotonic()
        if steady == self._told and now - self._told_at < REPEAT_SECONDS:
            return
        self._told, self._told_at = steady, now
        frame = self._frame = wire.status(told)
        self._framed_at = now
        for socket in self._sockets:
            socket.send(frame)

    async def watch(self) -> None:
        """Runs until cancelled."""
        await self._ask_store()
        reread_at = 0.0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.tell()
            now = time.monotonic()
            unheard = not self._told["live"] and not self._hops().database
            if unheard and now - reread_at >= SILENT_REREAD_SECONDS:
                # Keeps pages a few seconds behind instead of frozen.
                reread_at = now
                self._on_silence()
            WORKER_SILENCE.set(time.time() - self._heard_at)
            self._on_look()

    async def _ask_store(self) -> None:
        """Reads what the worker said before this process listened, so a fresh page needn't wait for a heartbeat."""
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
        with suppress(redis.RedisError, OSError):
            async with client:
                told = await client.get(status_key())
            if self._beat is None and told:
                self._beat = json.loads(told)
                self.tell()
