"""What all sockets share, and what is done to all of them at once."""

import asyncio
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg

from realtime.local.realtime_server.catalog import Catalog
from realtime.local.realtime_server.faults import Faults
from realtime.local.realtime_server.presence import Presence
from realtime.local.realtime_server.settings import Settings
from realtime.local.realtime_server.subscriptions import Registry
from realtime.local.realtime_server.wal import WalPoller

if TYPE_CHECKING:
    from realtime.local.realtime_server.channel import Channel
    from realtime.local.realtime_server.socket import ClientSocket

log = logging.getLogger(__name__)


class Hub:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.registry = Registry()
        self.presence = Presence()
        self.faults = Faults()
        self.catalog = Catalog(settings.database_url, settings.publication)
        self.poller = WalPoller(settings, self.registry, self.catalog, self.faults)
        self.sockets: set[ClientSocket] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thaw: asyncio.TimerHandle | None = None

    async def watch_publication(self) -> None:
        """Every ALTER PUBLICATION makes the real server resubscribe all channels (facts 3.5.5)."""
        known: frozenset[int] | None = None
        while True:
            try:
                published = await self.catalog.published()
            except psycopg.Error as error:
                log.warning("The publication can't be read (%s).", type(error).__name__)
            else:
                if known is not None and published != known:
                    for channel in list(self.channels()):
                        channel.subscribe()
                known = published
            await asyncio.sleep(self.settings.publication_refresh)

    def channels(self, table: str | None = None) -> Iterator["Channel"]:
        """All joined channels, or those with a binding on this table."""
        for socket in self.sockets:
            for channel in socket.channels.values():
                if table is None or channel.watches(table):
                    yield channel

    def freeze(self, seconds: float) -> None:
        self.unfreeze()
        self.faults.freeze()
        for socket in self.sockets:
            socket.connection.transport.pause_reading()
        self._thaw = asyncio.get_running_loop().call_later(seconds, self.unfreeze)

    def unfreeze(self) -> None:
        if self._thaw is not None:
            self._thaw.cancel()
        self.faults.unfreeze()
        for socket in self.sockets:
            socket.connection.transport.resume_reading()

    def close_all(self, code: int) -> None:
        for socket in list(self.sockets):
            task = asyncio.create_task(socket.connection.close(code))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def abort_all(self) -> None:
        for socket in list(self.sockets):
            socket.abort()

    def close_channels(self, table: str | None) -> None:
        for channel in list(self.channels(table)):
            channel.close()

    def error_channels(self, table: str | None) -> None:
        for channel in list(self.channels(table)):
            channel.crash()

    def system_error(self, table: str | None, message: str) -> None:
        for channel in self.channels(table):
            channel.send_system("error", "postgres_changes", message)

    def send_garbage(self) -> None:
        for socket in self.sockets:
            socket.send('{"event":"postgres_changes","topic":')

    def error_event(self, table: str | None) -> None:
        for channel in self.channels(table):
            channel.send_error_event(table)

    def expire_all(self) -> None:
        for channel in list(self.channels()):
            channel.expire()
