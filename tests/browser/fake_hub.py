"""A live hub without Django: a real HTTP and WebSocket server on one port, whose faults are called by name.

It keeps the state of each list and region, answers attach with the difference from what the browser says it shows, and
numbers its patches, as the real hub does. The browser's code can't tell the two apart; the tests can break this one.
"""

import asyncio
import json
import mimetypes
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

STATIC = Path(__file__).resolve().parents[2] / "static"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
)
PATIENCE = 10.0

Frame = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """What a list shows: rows in order as (id, version), the count, and the version of each part."""

    rows: tuple[tuple[str, str], ...] = ()
    count: str = "0"
    parts: dict[str, str] = field(default_factory=dict)


Render = Callable[[str, str], str]


def row_html(row_id: str, version: str, cell: str | None = None) -> str:
    words = f"{row_id} at {version}" if cell is None else cell
    return f'<tr data-live-row="" data-id="{row_id}" data-version="{version}"><td>{words}</td></tr>'


def part_html(name: str, version: str) -> str:
    return f"<p>{name} at {version}</p>"


def difference(
    old: Shown,
    new: Shown,
    *,
    row: Render = row_html,
    part: Render = part_html,
    rng: random.Random | None = None,
) -> list[Frame]:
    """The ops that turn `old` into `new`; `rng` picks among equally good ways."""
    wanted = dict(new.rows)
    ops: list[Frame] = [{"op": "remove", "id": key} for key, _ in old.rows if key not in wanted]
    shown = [key for key, _ in old.rows if key in wanted]
    versions = dict(old.rows)
    after: str | None = None
    for index, (key, version) in enumerate(new.rows):
        in_place = index < len(shown) and shown[index] == key
        changed = versions.get(key) != version
        put = {"op": "put", "id": key, "version": version, "html": row(key, version)}
        if in_place and changed:
            ops.append(put)
        elif not in_place and key in shown:
            shown.remove(key)
            shown.insert(index, key)
            if changed and (rng is None or rng.random() < 0.5):
                ops.append(put | {"after": after})
            else:
                ops.append({"op": "move", "id": key, "after": after})
                ops += [put] if changed else []
        elif not in_place:
            shown.insert(index, key)
            ops.append(put | {"after": after})
        after = key
    if old.count != new.count:
        ops.append({"op": "count", "text": new.count})
    for name, version in new.parts.items():
        if old.parts.get(name) != version:
            ops.append({"op": "part", "name": name, "version": version, "html": part(name, version)})
    return ops


class FakeHub:
    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.views: dict[str, Shown] = {}
        self.seqs: dict[str, int] = {}
        self.received: list[Frame] = []
        self.connections = 0
        self.loads = 0
        # Faults and choices; read at the moment they matter, so a test may change them at any time.
        self.build = "build-1"
        self.status: Frame = {
            "status": "connected",
            "live": True,
            "reason": "",
            "round_trip_ms": 12,
            "layer_ms": None,
            "doorbell": "",
        }
        self.accepts = True
        self.close_at_once: int | None = None
        self.says_status = True
        self.answers_pings = True
        self.answers_attach = True
        self.refuses: Frame | None = None
        self.row: Render = row_html
        self.part: Render = part_html
        self._sockets: set[ServerConnection] = set()
        self._news = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-hub", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._run(self._serve())
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    # What a test does

    def change(self, view: str, new: Shown, *, rng: random.Random | None = None) -> list[Frame]:
        """Move the view to `new` and tell everyone, as one numbered patch."""
        ops = self.change_silently(view, new, rng=rng)
        self.send({"type": "patch", "view": view, "seq": self.seqs[view], "ops": ops})
        return ops

    def change_silently(self, view: str, new: Shown, *, rng: random.Random | None = None) -> list[Frame]:
        """Moves the view but loses the patch on the way: the next patch leaves a hole in the numbering."""
        ops = difference(self.views[view], new, row=self.row, part=self.part, rng=rng)
        self.views[view] = new
        self.seqs[view] += 1
        return ops

    def patch(self, view: str, ops: list[Frame]) -> None:
        """Numbered ops of the test's own making; the state doesn't follow them."""
        self.seqs[view] += 1
        self.send({"type": "patch", "view": view, "seq": self.seqs[view], "ops": ops})

    def say_status(self, **changes: Any) -> None:
        self.status |= changes
        self.send({"type": "status", **self.status})

    def send(self, frame: Frame | str) -> None:
        self._run(self._send_to_all(frame if isinstance(frame, str) else json.dumps(frame)))

    def drop(self, code: int = 1001) -> None:
        self._run(self._close_all(code))

    def frames(self, kind: str) -> list[Frame]:
        with self._news:
            return [frame for frame in self.received if frame["type"] == kind]

    @property
    def acks(self) -> list[int]:
        """How many frames the browser had read from its socket, each time it said so."""
        return [frame["n"] for frame in self.frames("ack")]

    def wait_for(self, happened: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(happened, PATIENCE), f"not seen; received {self.received}"

    # The server itself

    async def _serve(self) -> Any:
        return await serve(self._talk, "127.0.0.1", 0, process_request=self._http, ping_interval=None)

    def _http(self, connection: ServerConnection, request: Request) -> Response | None:
        path = request.path.partition("?")[0]
        if path == "/ws/live/":
            with self._news:
                self.connections += 1
                self._news.notify_all()
            return None if self.accepts else respond(HTTPStatus.SERVICE_UNAVAILABLE, b"", "text/plain")
        if path in self.pages:
            with self._news:
                # A script that only asks whether the page would answer doesn't load it.
                self.loads += request.headers.get("Sec-Fetch-Mode") == "navigate"
                self._news.notify_all()
            return respond(HTTPStatus.OK, self.pages[path].encode(), "text/html; charset=utf-8")
        file = STATIC / path.removeprefix("/static/")
        if path.startswith("/static/") and ".." not in path and file.is_file():
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            return respond(HTTPStatus.OK, file.read_bytes(), kind)
        return respond(HTTPStatus.NOT_FOUND, b"", "text/plain")

    async def _talk(self, socket: ServerConnection) -> None:
        if self.close_at_once is not None:
            await socket.close(self.close_at_once)
            return
        self._sockets.add(socket)
        try:
            await socket.send(json.dumps({"type": "hello", "build": self.build}))
            if self.says_status:
                await socket.send(json.dumps({"type": "status", **self.status}))
            async for text in socket:
                await self._answer(socket, json.loads(text))
        except ConnectionClosed:
            return
        finally:
            self._sockets.discard(socket)

    async def _answer(self, socket: ServerConnection, frame: Frame) -> None:
        if frame["type"] == "ping" and self.answers_pings:
            await socket.send(json.dumps({"type": "pong", "n": frame["n"]}))
        if frame["type"] == "attach" and self.answers_attach:
            await socket.send(json.dumps(self._attached(frame)))
        with self._news:
            self.received.append(frame)
            self._news.notify_all()

    def _attached(self, frame: Frame) -> Frame:
        if self.refuses is not None:
            return {"type": "refused", "id": frame["id"], **self.refuses}
        view = frame["token"]
        new = self.views[view]
        rows = tuple((key, version) for key, version in frame["rows"])
        old = Shown(rows, frame["count"] or new.count, frame["parts"])
        ops = difference(old, new, row=self.row, part=self.part)
        return {"type": "attached", "id": frame["id"], "view": view, "seq": self.seqs.setdefault(view, 0), "ops": ops}

    async def _send_to_all(self, text: str) -> None:
        for socket in list(self._sockets):
            # The page is just being left.
            with suppress(ConnectionClosed):
                await socket.send(text)

    async def _close_all(self, code: int) -> None:
        for socket in list(self._sockets):
            await socket.close(code)

    async def _stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)


def respond(status: HTTPStatus, body: bytes, kind: str) -> Response:
    headers = Headers(
        {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": CSP,
            "Cache-Control": "no-store",
            "Connection": "close",
        }
    )
    return Response(status.value, status.phrase, headers, body)


def without_row(shown: Shown, key: str) -> Shown:
    return replace(shown, rows=tuple(row for row in shown.rows if row[0] != key))
