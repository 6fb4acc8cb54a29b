"""Which pages may open the socket: only those of this very address, port included, because cookies ignore ports."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings

Scope = dict[str, Any]


class SameOrigin:
    """ASGI middleware: refuses a handshake whose Origin is neither its Host nor trusted (CSRF_TRUSTED_ORIGINS).

    The scheme isn't compared: behind a proxy that terminates TLS the two differ.
    """

    def __init__(self, application: Callable[[Scope, Any, Any], Awaitable[None]]) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        application = self._application if _is_from_ours(scope) else WebsocketDenier()
        await application(scope, receive, send)


def _is_from_ours(scope: Scope) -> bool:
    headers = {name.lower(): value.decode("latin1") for name, value in scope["headers"]}
    return is_ours(headers.get(b"origin", ""), headers.get(b"host", ""))


def is_ours(origin: str, host: str) -> bool:
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False
