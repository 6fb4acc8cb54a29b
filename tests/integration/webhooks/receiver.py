"""A program that is told of changes: a real HTTP server that notes what comes, and answers as it is told to."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HANG_UP = 0


@dataclass
class Receiver:
    """``answer`` says for each request which status it gets; ``HANG_UP`` breaks the connection instead."""

    address: str = ""
    answer: Callable[[], int] = lambda: 204
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]

    def types(self) -> list[str]:
        return [event["type"] for event in self.events()]

    def until(self, condition: Callable[[], bool]) -> None:
        """Waits for it; it may come true by other things than a request, too."""
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, f"came so far: {self.types()}"
            with self.came:
                self.came.wait(0.05)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            body = self.rfile.read(length)
            if len(body) < length:
                # The sender was killed in the middle of it.
                return
            with receiver.came:
                receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
                receiver.bodies.append(body)
                status = receiver.answer()
                receiver.came.notify_all()
            if status != HANG_UP:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

        def log_message(self, *args: Any) -> None:
            """A test run is no place for it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.address = f"http://127.0.0.1:{server.server_address[1]}/hooks?from=livedesk"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
