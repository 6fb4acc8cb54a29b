"""The HTTP side: the handshake and its refusals, /health, /_faults, and an orderly shutdown."""

import asyncio
import http
import ipaddress
import logging
from collections.abc import Callable
from typing import cast
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from realtime.local.realtime_server import faults
from realtime.local.realtime_server.auth import TokenError, verify
from realtime.local.realtime_server.hub import Hub
from realtime.local.realtime_server.protocol import Vsn, compact
from realtime.local.realtime_server.settings import Settings
from realtime.local.realtime_server.socket import ClientSocket, TimedConnection

log = logging.getLogger(__name__)

# The gateway's path and the server's own.
WEBSOCKET_PATHS = ("/realtime/v1/websocket", "/socket/websocket")
FAULTS_PATH = "/_faults/"
CLOSE_TIMEOUT = 2.0
# A frozen server keeps handshakes waiting.
OPEN_TIMEOUT = 600.0


class RealtimeServer:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._hub = Hub(settings)

    async def run(self, stop: asyncio.Event, announce: Callable[[], None]) -> None:
        """Serve until `stop` is set; `announce` is called once the slot exists. Raises OSError for a busy port."""
        background = [asyncio.create_task(self._hub.poller.run()), asyncio.create_task(self._hub.watch_publication())]
        try:
            async with serve(
                self._serve_socket,
                self._settings.host,
                self._settings.port,
                process_request=self._answer_http,
                create_connection=TimedConnection,
                compression=None,
                ping_interval=None,
                max_size=self._settings.max_frame_bytes,
                open_timeout=OPEN_TIMEOUT,
                close_timeout=CLOSE_TIMEOUT,
                server_header=None,
            ) as server:
                stopping = asyncio.create_task(_wait(stop))
                if await _first(stopping, asyncio.create_task(_wait(self._hub.poller.ready)), *background) != stopping:
                    announce()
                await _first(stopping, *background)
                server.close(close_connections=False)
                await self._say_goodbye()
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await self._hub.catalog.close()

    async def _say_goodbye(self) -> None:
        self._hub.unfreeze()
        await asyncio.gather(*(socket.connection.close(1012) for socket in list(self._hub.sockets)))

    async def _serve_socket(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        query = dict(parse_qsl(urlsplit(connection.request.path).query))
        vsn = Vsn(query.get("vsn", Vsn.V1))
        api_key = _api_key(connection.request, query)
        await ClientSocket(cast(TimedConnection, connection), vsn, api_key, self._hub).run()

    async def _answer_http(self, connection: ServerConnection, request: Request) -> Response | None:
        """Return the answer to a plain request or the refusal of a handshake; None lets a socket in."""
        url = urlsplit(request.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        if self._settings.faults and url.path.startswith(FAULTS_PATH):
            return self._switch_fault(connection, url.path.removeprefix(FAULTS_PATH), query)
        await self._hub.faults.thaw()
        if url.path == "/health":
            return self._health()
        if url.path not in WEBSOCKET_PATHS:
            return _json(404, {"error": "Not found"})
        return await self._admit(request, query)

    async def _admit(self, request: Request, query: dict[str, str]) -> Response | None:
        if refusal := self._hub.faults.refuses_http():
            return _json(refusal[0], {"error": refusal[1]})
        if query.get("vsn", Vsn.V1) not in set(Vsn):
            return _json(400, {"error": f"Unknown vsn; valid: {', '.join(Vsn)}"})
        api_key = _api_key(request, query)
        try:
            if api_key:
                verify(api_key, self._settings.jwt_secret)
                return None
            reason = "API key is missing"
        except TokenError as error:
            reason = error.handshake
        await asyncio.sleep(self._settings.http_refusal_delay)
        return _json(401, {"error": reason})

    def _health(self) -> Response:
        slot = self._hub.poller.ready.is_set()
        return _json(200, {"status": "ok", "subscriptions": len(self._hub.registry), "slot": slot})

    def _switch_fault(self, connection: ServerConnection, name: str, query: dict[str, str]) -> Response:
        if not ipaddress.ip_address(connection.remote_address[0]).is_loopback:
            return _json(403, {"error": "Faults are switched from this machine only"})
        try:
            faults.apply(name, query, self._hub.faults, self._hub)
        except faults.UnknownFault as error:
            return _json(404, {"error": str(error)})
        except faults.FaultError as error:
            return _json(400, {"error": str(error)})
        return _json(200, {"ok": name})


def _api_key(request: Request, query: dict[str, str]) -> str:
    # The hosted gateway puts the key it accepted into this header, and the server prefers it (facts 4).
    return request.headers.get("x-api-key") or query.get("apikey", "")


def _json(status: int, body: dict[str, object]) -> Response:
    content = compact(body).encode()
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(content)), "Connection": "close"})
    return Response(status, http.HTTPStatus(status).phrase, headers, content)


async def _first(*tasks: asyncio.Task[None]) -> asyncio.Task[None]:
    """The task that is done first. Its exception is raised: a server without a poller must not keep running."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    first = done.pop()
    first.result()
    return first


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
