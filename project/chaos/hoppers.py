"""People who open records and leave them again, all through a storm; after it, no page may show any of them."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from websockets.asyncio.client import ClientConnection

from project.chaos.crowd import Divergence, Follower
from project.chaos.shown import Shown
from realtime.live.whereabouts import Doing

STAY_SECONDS = (0.5, 8.0)


class Visitor(Follower):
    """One open page of a record, whose person says what they do there, as static/js/live/here.js does."""

    async def _take(self, socket: ClientConnection, frame: dict[str, Any]) -> None:
        await super()._take(socket, frame)
        if frame["type"] == "attached":
            doing = random.choice(list(Doing)).value
            await self._send(
                socket, {"type": "here", "id": frame["id"], "doing": doing, "idle": False, "field": "name"}
            )


class Hoppers:
    """They live on the crowd's loop. ``pages`` are those of the records they visit, as they were loaded."""

    def __init__(self, addresses: Sequence[str], cookies: dict[str, str], pages: Mapping[str, list[Shown]]) -> None:
        self.counts: Counter[str] = Counter()
        self._addresses, self._cookies = addresses, cookies
        self._pages = {path: page for path, page in pages.items() if page}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, number: int) -> None:
        self._tasks = [asyncio.create_task(self._hop(index)) for index in range(number)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hop(self, index: int) -> None:
        while True:
            path = random.choice(list(self._pages))
            visitor = Visitor(f"hopper {index}", random.choice(self._addresses), path, self._cookies, self.counts)
            # The first element of a record's page is about that record.
            visitor.show(self._pages[path], [0])
            visit = asyncio.create_task(visitor.run())
            try:
                await asyncio.sleep(random.uniform(*STAY_SECONDS))
            finally:
                visit.cancel()
                await asyncio.gather(visit, return_exceptions=True)

    def ghosts(self, followers: Iterable[Follower]) -> list[Divergence]:
        """Sockets that are told of somebody at a record which nobody has open any more."""
        left = {record_of(path) for path in self._pages}
        return [
            Divergence(follower.name, follower.path, f"somebody who has left is still at {json.dumps(sorted(ghosts))}")
            for follower in followers
            if (ghosts := left & follower.presence.keys())
        ]


def record_of(path: str) -> str:
    """``<table>/<key>`` of a record's page."""
    _, table, key = path.strip("/").split("/")
    return f"{table}/{key}"
