"""The unmodified @supabase/realtime-js client (pinned in js/package.json) against the local Realtime server."""

import hashlib
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from realtime.local.keys import make_jwt
from tests.integration.local.conformance.harness import PATIENCE, SECRET, Database, Server

SOURCES = Path(__file__).parent / "js"
SOURCE_NAMES = ("package.json", "package-lock.json", "client.mjs")
INSTALL_PATIENCE = 120.0


@pytest.fixture(scope="session")
def installed() -> Path:
    """A cached directory with the client and its packages, installed from the lock file once per content."""
    if not (shutil.which("node") and shutil.which("npm")):
        absent("node or npm is not installed")
    content = b"".join((SOURCES / name).read_bytes() for name in SOURCE_NAMES)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "livedesk" / "conformance-js"
    directory = cache / hashlib.sha256(content).hexdigest()[:16]
    if not directory.exists():
        cache.mkdir(parents=True, exist_ok=True)
        install(directory)
    return directory


def install(directory: Path) -> None:
    # Built elsewhere, then renamed: an interrupted run leaves no half-installed directory behind.
    fresh = Path(tempfile.mkdtemp(dir=directory.parent))
    for name in SOURCE_NAMES:
        shutil.copy(SOURCES / name, fresh)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=fresh, capture_output=True, text=True, timeout=INSTALL_PATIENCE, check=False)
    if done.returncode:
        shutil.rmtree(fresh)
        absent(f"npm ci failed: {done.stderr.strip()[-300:]}")
    fresh.rename(directory)


def absent(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class JsClient:
    """A Node process running js/client.mjs."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._said: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.put(json.loads(line))

    def next(self, kind: str) -> Any:
        said = self._said.get(timeout=PATIENCE)
        assert said["kind"] == kind, said
        return said["value"]

    def tell(self, command: str) -> None:
        assert self._process.stdin is not None
        print(command, file=self._process.stdin, flush=True)

    def quit(self) -> int:
        self.tell("quit")
        return self._process.wait(PATIENCE)


Start = Callable[..., JsClient]


@pytest.fixture
def start(installed: Path, server: Server) -> Iterator[Start]:
    processes: list[subprocess.Popen[str]] = []

    def start(vsn: str | None, *bindings: dict[str, str]) -> JsClient:
        options = {
            "url": f"ws://{server.address}/realtime/v1",
            "key": make_jwt(SECRET, "service_role"),
            "vsn": vsn,
            "bindings": bindings,
        }
        command = ["node", "client.mjs", json.dumps(options)]
        process = subprocess.Popen(command, cwd=installed, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        return JsClient(process)

    with closing_all(processes):
        yield start


@contextmanager
def closing_all(processes: "list[subprocess.Popen[str]]") -> Iterator[None]:
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def subscribed(client: JsClient) -> JsClient:
    assert client.next("state") == "SUBSCRIBED"
    assert client.next("system")["message"] == "Subscribed to PostgreSQL"
    return client


TODOS = {"event": "*", "schema": "public", "table": "todos"}


@pytest.mark.parametrize("vsn", [None, "1.0.0"])
def test_client_lives_through_changes_refresh_and_leave(vsn: str | None, start: Start, database: Database) -> None:
    client = subscribed(start(vsn, TODOS))
    database.run("insert into todos (title, price) values ('js', 12.50)")
    inserted = client.next("event")
    assert (inserted["eventType"], inserted["new"]["title"], inserted["new"]["price"]) == ("INSERT", "js", 12.5)
    assert inserted["errors"] is None
    database.run("update todos set done = true where title = 'js'")
    updated = client.next("event")
    assert (updated["eventType"], updated["new"]["done"], updated["old"]) == (
        "UPDATE",
        True,
        {"id": inserted["new"]["id"]},
    )
    client.tell(f"set-auth {make_jwt(SECRET, 'service_role', sub='someone')}")
    assert client.next("system")["status"] == "ok"
    database.run("delete from todos where title = 'js'")
    deleted = client.next("event")
    assert (deleted["eventType"], deleted["old"]) == ("DELETE", {"id": inserted["new"]["id"]})
    client.tell("leave")
    assert client.next("state") == "CLOSED"
    assert client.next("left") == "ok"
    assert client.quit() == 0


@pytest.mark.parametrize("vsn", [None, "1.0.0"])
def test_client_keeps_bindings_apart_by_filter(vsn: str | None, start: Start, database: Database) -> None:
    client = subscribed(start(vsn, {**TODOS, "event": "INSERT", "filter": "n=gt.5"}))
    database.run("insert into todos (title, n) values ('five', 5), ('six', 6)")
    assert client.next("event")["new"]["title"] == "six"


@pytest.mark.parametrize("vsn", [None, "1.0.0"])
def test_client_rejoins_after_the_server_closes(
    vsn: str | None, start: Start, server: Server, database: Database
) -> None:
    client = subscribed(start(vsn, TODOS))
    server.faults.close(1012)
    assert client.next("state").startswith("CHANNEL_ERROR")
    subscribed(client)
    database.run("insert into todos (title) values ('back')")
    assert client.next("event")["new"]["title"] == "back"
