"""One client's WebSocket: frames in, frames out, and the silence that ends it."""

import asyncio
import time
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from realtime.local.realtime_server import protocol
from realtime.local.realtime_server.auth import SB_KEY_PREFIX, TokenError, verify
from realtime.local.realtime_server.channel import TOPIC_PREFIX, Channel
from realtime.local.realtime_server.hub import Hub
from realtime.local.realtime_server.protocol import ClientFrame, MalformedFrame, Vsn

# The real server kills a socket process whose heap outgrows this (facts 3.5.7).
MAX_UNSENT_BYTES = 50 * 2**20


class TimedConnection(ServerConnection):
    """Knows when it last heard from the client: pings count as much as frames."""

    last_heard = 0.0

    def data_received(self, data: bytes) -> None:
        self.last_heard = time.monotonic()
        super().data_received(data)


class ClientSocket:
    def __init__(self, connection: TimedConnection, vsn: Vsn, api_key: str, hub: Hub) -> None:
        self.connection = connection
        self.vsn = vsn
        self.hub = hub
        self.channels: dict[str, Channel] = {}
        self._api_key = api_key
        self._left: set[str] = set()
        self._unsent: asyncio.Queue[str] = asyncio.Queue()
        self._unsent_bytes = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        self.hub.sockets.add(self)
        self._spawn(self._write())
        self._spawn(self._watch_silence())
        try:
            async for message in self.connection:
                await self.hub.faults.thaw()
                self._receive(message)
        except ConnectionClosed:
            pass
        finally:
            self.hub.sockets.discard(self)
            for channel in list(self.channels.values()):
                channel.detach()
            for task in list(self._tasks):
                task.cancel()

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def send(self, text: str) -> None:
        self._unsent_bytes += len(text)
        if self._unsent_bytes > MAX_UNSENT_BYTES:
            self.abort()
        else:
            self._unsent.put_nowait(text)

    async def _write(self) -> None:
        try:
            while True:
                text = await self._unsent.get()
                await self.hub.faults.thaw()
                await self.connection.send(text)
                self._unsent_bytes -= len(text)
        except ConnectionClosed:
            pass

    async def _watch_silence(self) -> None:
        settings = self.hub.settings
        had_channel = time.monotonic()
        while True:
            now = time.monotonic()
            if self.channels:
                had_channel = now
            quiet_until = self.connection.last_heard + settings.idle_timeout
            channel_until = had_channel + settings.no_channel_timeout
            if now >= quiet_until:
                await self.connection.close(1000)
                return
            if now >= channel_until:
                self.abort()
                return
            await asyncio.sleep(min(quiet_until - now, channel_until - now, 5.0))

    def abort(self) -> None:
        self.connection.transport.abort()

    def _receive(self, message: str | bytes) -> None:
        # Binary frames are vsn 2 user broadcasts, which this server drops.
        if isinstance(message, str):
            try:
                frame = protocol.decode(message, self.vsn)
            except MalformedFrame:
                return
            self._handle(frame)

    def _handle(self, frame: ClientFrame) -> None:
        channel = self.channels.get(frame.topic)
        match frame.event:
            case "heartbeat" if frame.topic == "phoenix":
                self.reply(frame, "ok", {})
            case "phx_join":
                self._join(frame)
            case "phx_leave":
                self._leave(frame, channel)
            case _ if channel is None:
                self.reply(frame, "error", {"reason": "unmatched topic"}, joined=False)
            case _ if frame.join_ref in (None, channel.join_ref):
                channel.handle(frame)

    def reply(self, frame: ClientFrame, status: str, response: Any, *, joined: bool = True) -> None:
        self.send(protocol.reply(self.vsn, frame, status, response, joined=joined))

    def _join(self, frame: ClientFrame) -> None:
        if len(frame.topic) <= len(TOPIC_PREFIX) or not frame.topic.startswith(TOPIC_PREFIX):
            self.reply(frame, "error", {"reason": "unmatched topic"}, joined=False)
            return
        if self.hub.faults.ignores_join():
            return
        if reason := self.hub.faults.refuses_join():
            self.reply(frame, "error", {"reason": reason})
            return
        if len(self.channels) >= self.hub.settings.max_channels:
            self._spawn(self._refuse_join(frame, "ChannelRateLimitReached: Too many channels"))
            return
        try:
            token = verify(self._token_of(frame), self.hub.settings.jwt_secret)
        except TokenError as error:
            self._spawn(self._refuse_join(frame, error.join))
            return
        self._accept_join(Channel(self, frame, token), frame)

    def _token_of(self, frame: ClientFrame) -> str:
        token = frame.payload.get("access_token")
        return token if isinstance(token, str) and not token.startswith(SB_KEY_PREFIX) else self._api_key

    async def _refuse_join(self, frame: ClientFrame, reason: str) -> None:
        await asyncio.sleep(self.hub.settings.join_refusal_delay)
        self.reply(frame, "error", {"reason": reason})

    def _accept_join(self, channel: Channel, frame: ClientFrame) -> None:
        self.reply(frame, "ok", {"postgres_changes": channel.acknowledged_bindings})
        # Phoenix answers first and closes the older channel of the topic after that, with the older join_ref.
        if former := self.channels.get(channel.topic):
            former.close()
        self.channels[channel.topic] = channel
        self._left.discard(channel.topic)
        channel.start()

    def _leave(self, frame: ClientFrame, channel: Channel | None) -> None:
        if channel is None:
            # Only a topic that was never joined gets an answer: record misc, second phx_leave.
            if frame.topic not in self._left:
                self.reply(frame, "ok", {}, joined=False)
        elif frame.join_ref in (None, channel.join_ref):
            self.reply(frame, "ok", {})
            channel.close()
            self._left.add(frame.topic)

    def forget(self, channel: Channel) -> None:
        if self.channels.get(channel.topic) is channel:
            del self.channels[channel.topic]
