"""Around the socket's session and user: with the database away, a browser is told to try later, and no log explodes."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from django.db import DatabaseError, InterfaceError

from realtime import wire

logger = logging.getLogger(__name__)

SAY_EVERY_SECONDS = 10.0

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class TryLaterWithoutDatabase:
    """ASGI middleware: the session can't be read, so nobody knows yet who this is."""

    def __init__(self, application: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._application = application
        self._said_at = -SAY_EVERY_SECONDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._application(scope, receive, send)
        except (DatabaseError, InterfaceError) as error:
            self._say(type(error).__name__)
            # Accepted first: browsers hide the reason of a refused handshake.
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": wire.CLOSE_TRY_LATER})

    def _say(self, error: str) -> None:
        # Hundreds come back at once.
        if time.monotonic() - self._said_at >= SAY_EVERY_SECONDS:
            self._said_at = time.monotonic()
            logger.warning("sockets are asked to try later: their sessions can't be read (%s)", error)
