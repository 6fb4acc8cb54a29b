"""One joined topic of one socket: its bindings, its token, its presence."""

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

import psycopg

from realtime.local.realtime_server import protocol
from realtime.local.realtime_server.auth import SB_KEY_PREFIX, Fault, Token, TokenError, verify
from realtime.local.realtime_server.changes import UNAUTHORIZED
from realtime.local.realtime_server.protocol import ClientFrame, compact
from realtime.local.realtime_server.subscriptions import (
    Binding,
    SubscribeError,
    Subscription,
    Viewer,
    acknowledged,
    binding_id,
    parse_binding,
)

if TYPE_CHECKING:
    from realtime.local.realtime_server.socket import ClientSocket

log = logging.getLogger(__name__)

TOPIC_PREFIX = "realtime:"
SUBSCRIBE_RETRY = 0.25
# Timers fire a little early or late; this keeps "has expired" true when it is said.
EXPIRY_MARGIN = 0.01


class Channel:
    def __init__(self, socket: "ClientSocket", frame: ClientFrame, token: Token) -> None:
        config = _dict(frame.payload.get("config"))
        presence = _dict(config.get("presence"))
        bindings = config.get("postgres_changes")
        self.topic = frame.topic
        self.join_ref = frame.join_ref or frame.ref
        self._socket = socket
        self._hub = socket.hub
        self._name = frame.topic.removeprefix(TOPIC_PREFIX)
        self._token = token
        self._presence_key = str(presence.get("key") or "")
        self._presence_enabled = bool(presence.get("enabled"))
        self._acknowledges = bool(_dict(config.get("broadcast")).get("ack"))
        self._params = [_dict(one) for one in bindings] if isinstance(bindings, list) else []
        self._subscribing: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._refresh: asyncio.TimerHandle | None = None

    @property
    def acknowledged_bindings(self) -> list[dict[str, Any]]:
        return [acknowledged(params) for params in self._params]

    def watches(self, table: str) -> bool:
        return any(params.get("table", table) == table for params in self._params)

    def start(self) -> None:
        """Go live after the join reply: presence first, then the subscription and its `system` frame."""
        self._hub.presence.enter(self.topic, self)
        if self._presence_enabled:
            self._push("presence_state", compact(self._hub.presence.state(self.topic)), join_ref=self.join_ref)
        self._schedule_expiry()
        self.subscribe()

    def handle(self, frame: ClientFrame) -> None:
        match frame.event:
            case "access_token":
                self._renew(frame.payload.get("access_token"))
            case "presence":
                self._handle_presence(frame)
            case "broadcast" if self._acknowledges:
                self._socket.reply(frame, "ok", {})

    def subscribe(self) -> None:
        if self._params:
            self._cancel_subscribing()
            self._subscribing = asyncio.create_task(self._subscribe())

    async def _subscribe(self) -> None:
        try:
            await self._hub.poller.ready.wait()
            bindings = [parse_binding(params) for params in self._params]
            self._hub.registry.replace(self, [await self._admit(binding) for binding in bindings])
        except SubscribeError as error:
            # One bad binding takes the channel's good ones with it, and is never tried again.
            self._hub.registry.remove(self)
            self.send_system("error", "postgres_changes", str(error))
        except (psycopg.Error, OSError) as error:
            log.warning("A channel can't subscribe yet (%s).", type(error).__name__)
            await asyncio.sleep(SUBSCRIBE_RETRY)
            self._subscribing = asyncio.create_task(self._subscribe())
        else:
            if not self._hub.faults.forgets_system():
                self.send_system("ok", "postgres_changes", "Subscribed to PostgreSQL")

    async def _admit(self, binding: Binding) -> Subscription:
        viewer = Viewer(self._token.role, compact(self._token.claims))
        return Subscription(self, binding, await self._hub.catalog.admit(binding, viewer), viewer)

    def deliver(self, payload: str) -> None:
        self._push("postgres_changes", payload)

    def _renew(self, token: Any) -> None:
        if not isinstance(token, str) or token.startswith(SB_KEY_PREFIX):
            return
        try:
            self._token = verify(token, self._hub.settings.jwt_secret)
        except TokenError as error:
            self._end_with(error)
            return
        self._schedule_expiry()
        self._cancel_refresh()
        delay = self._hub.settings.resubscribe_delay
        self._refresh = asyncio.get_running_loop().call_later(delay, self.subscribe)

    def _schedule_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        delay = max(0.0, self._token.expires - time.time()) + EXPIRY_MARGIN
        self._expiry = asyncio.get_running_loop().call_later(delay, self.expire)

    def expire(self) -> None:
        self._end_with(TokenError(Fault.EXPIRED, max(0, int(time.time() - self._token.expires))))

    def _end_with(self, error: TokenError) -> None:
        self.send_system("error", "system", error.refresh)
        self.close()

    def _handle_presence(self, frame: ClientFrame) -> None:
        self._socket.reply(frame, "ok", {})
        match frame.payload.get("event"):
            case "track":
                payload = _dict(frame.payload.get("payload"))
                self._hub.presence.track(self.topic, self, self._presence_key, payload)
            case "untrack":
                self._hub.presence.untrack(self.topic, self)

    def presence_diff(self, joins: dict[str, Any], leaves: dict[str, Any]) -> None:
        self._push("presence_diff", compact({"joins": joins, "leaves": leaves}))

    def close(self) -> None:
        """Leave the socket's channels and say so."""
        self.detach()
        self._socket.send(protocol.close(self._socket.vsn, self.topic, self.join_ref))

    def crash(self) -> None:
        """Die as a channel process dies: no close, the client is told to rejoin."""
        self.detach()
        self._push("phx_error", compact({"reason": "channel_crash"}), join_ref=self.join_ref, ref=self.join_ref)

    def detach(self) -> None:
        """Stop everything that could still send; silent."""
        self._socket.forget(self)
        self._hub.registry.remove(self)
        self._hub.presence.leave(self.topic, self)
        self._cancel_subscribing()
        self._cancel_refresh()
        if self._expiry is not None:
            self._expiry.cancel()

    def _cancel_subscribing(self) -> None:
        if self._subscribing is not None:
            self._subscribing.cancel()

    def _cancel_refresh(self) -> None:
        if self._refresh is not None:
            self._refresh.cancel()

    def send_system(self, status: str, extension: str, message: str) -> None:
        payload = protocol.system_payload(self._name, status, extension, message)
        self._push("system", payload, join_ref=self.join_ref)

    def send_error_event(self, table: str | None) -> None:
        params = self._params[0] if self._params else {}
        data = {
            "table": table or params.get("table", "unknown"),
            "type": "INSERT",
            "record": {},
            "columns": [],
            "errors": [UNAUTHORIZED],
            "schema": params.get("schema", "public"),
            "commit_timestamp": None,
        }
        self.deliver(compact({"data": data, "ids": sorted(map(binding_id, self._params))}))

    def _push(self, event: str, payload: str, join_ref: str | None = None, ref: str | None = None) -> None:
        self._socket.send(protocol.push(self._socket.vsn, self.topic, event, payload, join_ref=join_ref, ref=ref))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
