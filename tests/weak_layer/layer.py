"""The channel layer with the faults that it may have: messages that are lost, come twice, or overtake each other."""

import os
import random
from collections import deque
from pathlib import Path
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer

Message = dict[str, Any]


class WeakLayer(RedisPubSubChannelLayer):  # type: ignore[misc]
    """The file that WEAK_LAYER names says which share of the messages suffers a fault."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._share = Path(os.environ["WEAK_LAYER"])
        self._chance = random.Random(0)
        self._heard: deque[Message] = deque()
        self._late: list[Message] = []

    async def receive(self, channel: str) -> Message:
        while not self._heard:
            self._take(await self._get_layer().receive(channel))
        return self._heard.popleft()

    def _take(self, message: Message) -> None:
        # Without its own echo the hub begins anew, and reads everything: that would hide all else.
        fault = "" if message["type"] == "hub.echo" or self._chance.random() >= self._faulty() else self._any_fault()
        if fault == "late":
            self._late.append(message)
        elif fault != "lost":
            self._heard.extend([message] * (2 if fault == "twice" else 1))
            self._heard.extend(self._late)
            self._late.clear()

    def _faulty(self) -> float:
        return float(self._share.read_text())

    def _any_fault(self) -> str:
        return self._chance.choice(("lost", "twice", "late"))
