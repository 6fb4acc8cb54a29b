"""The hub's ear: listens to groups of the channel layer, and knows when it can't hear them.

Redis may be away, frozen or cut off, or may have forgotten a membership, and all of that sounds like an idle evening.
So the listener sends itself a message now and then, through a group of its own.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

import redis.asyncio
from channels.layers import get_channel_layer

from realtime.waiting import until_one_ends

logger = logging.getLogger(__name__)

# If Redis takes longer to answer, it is away, frozen or cut off, whatever its connection says.
ANSWER_SECONDS = 4.0
ECHO_SECONDS = 3.0
RETRY_SECONDS = 1.0
# channels-redis forgets group members after a day on layers that expire them.
RENEW_SECONDS = 3_600.0

Message = dict[str, Any]


class LayerListener:
    """``on_message`` gets each message; ``on_joined`` is called once the groups are heard, ``on_lost`` when not."""

    def __init__(
        self,
        groups: Collection[str],
        on_message: Callable[[Message], None],
        on_joined: Callable[[], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._groups = groups
        self._on_message, self._on_joined, self._on_lost = on_message, on_joined, on_lost
        self._echoed = asyncio.Event()
        self._joined = False
        self.reachable = True
        self.heard_since = 0.0
        # For the last message to itself.
        self.round_trip_ms: float | None = None

    async def run(self) -> None:
        """Listens, and rejoins whenever that fails."""
        layer = get_channel_layer()
        while True:
            try:
                await self._listen(layer)
            except (redis.RedisError, OSError, TimeoutError) as error:
                if self.reachable:
                    logger.warning("the channel layer can't be heard (%s): joining it again", type(error).__name__)
                self.reachable, self.round_trip_ms = False, None
                self._on_lost()
            finally:
                # A half-made membership would keep collecting messages that nobody reads.
                with suppress(Exception):
                    async with asyncio.timeout(ANSWER_SECONDS):
                        await layer.flush()
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self, layer: Any) -> None:
        # Joined last: what comes back through it proves that the others are joined too.
        echo_group = f"hub.{uuid.uuid4().hex}"
        groups = [*self._groups, echo_group]
        async with asyncio.timeout(ANSWER_SECONDS):
            channel = await layer.new_channel("hub.")
            for group in groups:
                await layer.group_add(group, channel)
        self._joined = False
        await until_one_ends(
            self._receive(layer, channel), self._echo(layer, echo_group), self._renew(layer, groups, channel)
        )

    async def _receive(self, layer: Any, channel: str) -> None:
        while True:
            message = await layer.receive(channel)
            if message["type"] == "hub.echo":
                self._hear_echo(message)
            else:
                self._on_message(message)

    async def _echo(self, layer: Any, group: str) -> None:
        while True:
            self._echoed.clear()
            async with asyncio.timeout(ANSWER_SECONDS):
                await layer.group_send(group, {"type": "hub.echo", "sent": time.monotonic()})
                await self._echoed.wait()
            await asyncio.sleep(ECHO_SECONDS)

    def _hear_echo(self, message: Message) -> None:
        self._echoed.set()
        self.round_trip_ms = round((time.monotonic() - message["sent"]) * 1000, 1)
        if not self.reachable:
            logger.info("the channel layer is heard again")
            self.heard_since = time.time()
        self.reachable = True
        if not self._joined:
            self._joined = True
            self._on_joined()

    async def _renew(self, layer: Any, groups: Collection[str], channel: str) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            for group in groups:
                await layer.group_add(group, channel)
