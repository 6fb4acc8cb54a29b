"""Who a new socket belongs to, read for all that arrive together.

After an outage everybody comes back at once: each reading serves all who came while the last one ran. Channels'
middleware won't do: it reads on one thread that all sockets share, without a timeout.
"""

import asyncio

from realtime.database.thread import DatabaseThread
from realtime.hub.rights import Identity, Standing, read_arrivals

Reading = tuple[dict[str, Identity], Standing]


class Arrivals:
    def __init__(self, database: DatabaseThread) -> None:
        self._database = database
        self._arriving: list[str] = []
        self._one_reading = asyncio.Lock()
        self._next: asyncio.Future[Reading]

    async def read(self, session: str) -> Reading:
        """The reading that includes this session key. Raises the database's errors."""
        if not self._arriving:
            self._next = asyncio.ensure_future(self._read())
            # Everybody who awaited it may have given up by then.
            self._next.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._arriving.append(session)
        # A caller that gives up must not cancel the reading for the others.
        return await asyncio.shield(self._next)

    async def _read(self) -> Reading:
        async with self._one_reading:
            arriving, self._arriving = self._arriving, []
            return await self._database.run(read_arrivals, set(arriving))
