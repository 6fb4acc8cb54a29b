"""What conformance tests are made of: a database, a server process and a raw client."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo
from websockets.sync.client import ClientConnection, connect

from realtime.local.faults_client import RealtimeFaults
from realtime.local.keys import make_jwt
from realtime.local.supabase import provision

REPOSITORY = Path(__file__).resolve().parents[4]
T = TypeVar("T")

SECRET = "conformance-secret-of-more-than-32-bytes"
PATIENCE = 10.0

TABLES = """
create schema fence;
create table fence.beats (id bigserial primary key);
grant usage on schema fence to service_role;
grant select on fence.beats to service_role;
create table todos (
    id bigserial primary key, owner uuid, title text, done bool default false, n int4, price numeric, tags text[],
    meta jsonb, created_at timestamptz default now());
create table todos_rls (
    id bigserial primary key, owner uuid, title text, n int4, created_at timestamptz default now());
alter table todos_rls enable row level security;
create policy own on todos_rls for all to authenticated using (owner = auth.uid());
create table full_ident (id bigserial primary key, v text, big text);
alter table full_ident replica identity full;
create table unpublished (id bigserial primary key, title text);
alter publication supabase_realtime add table todos, todos_rls, full_ident, fence.beats;
"""


def wait_for(condition: Callable[[], T], what: str) -> T:
    """Ask until the answer is truthy."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"no {what} within {PATIENCE} s"
        time.sleep(0.01)
    return answer


class Database:
    """Its own database, which looks like a Supabase project with the tables of the records."""

    def __init__(self, cluster_url: str) -> None:
        self.cluster_url = cluster_url
        self.name = f"conformance_{uuid.uuid4().hex[:10]}"
        self.url = make_conninfo(cluster_url, dbname=self.name)

    @contextmanager
    def living(self) -> Iterator[Self]:
        with psycopg.connect(self.cluster_url, autocommit=True) as cluster:
            cluster.execute(f'create database "{self.name}"')
            try:
                with psycopg.connect(self.url, autocommit=True) as self.connection:
                    provision(self.connection)
                    self.connection.execute(TABLES)
                    yield self
            finally:
                cluster.execute(f'drop database "{self.name}" with (force)')

    def run(self, statements: str) -> None:
        """Several statements in one call are one transaction."""
        self.connection.execute(statements)

    def value(self, query: str) -> Any:
        row = self.connection.execute(query).fetchone()
        return row[0] if row else None

    def end_backends(self, *purposes: str) -> None:
        """What a restart of PostgreSQL does to the server's connections."""
        names = [f"realtime_server {purpose}" for purpose in purposes]
        self.connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and application_name = any (%s)",
            (names,),
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# The real delays would only slow tests down; a little of them is left, so that their order still shows.
QUICK = ("--poll-interval-ms=20", "--idle-multiplier=1", "--refusal-delay-scale=0.02", "--faults")


class Server:
    """The server in its own process."""

    def __init__(self, database_url: str, *options: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.faults = RealtimeFaults(f"http://{self.address}")
        self.process = start_process(database_url, f"--port={self.port}", *QUICK, *options)

    def wait_until_ready(self) -> Self:
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if readable else ""
        assert line == f"Realtime server listening on ws://{self.address}/realtime/v1/websocket\n"
        return self

    def __enter__(self) -> Self:
        try:
            return self.wait_until_ready()
        except BaseException:
            self.stop(signal.SIGKILL)
            raise

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGTERM)

    def stop(self, number: signal.Signals) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return code


def start_process(database_url: str | None, *options: str, secret: str | None = SECRET) -> subprocess.Popen[str]:
    environment = {
        key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REALTIME_JWT_SECRET")
    }
    given = {"DATABASE_URL": database_url, "REALTIME_JWT_SECRET": secret}
    environment |= {key: value for key, value in given.items() if value is not None}
    command = [sys.executable, "-m", "realtime.local.realtime_server", *options]
    return subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


class RawClient:
    """Speaks frames, nothing else."""

    def __init__(self, server: Server, vsn: str | None = "1.0.0", api_key: str | None = None) -> None:
        key = make_jwt(SECRET, "service_role") if api_key is None else api_key
        query = "&".join([*([f"vsn={vsn}"] if vsn else []), *([f"apikey={key}"] if key else [])])
        self.v2 = vsn == "2.0.0"
        self.socket: ClientConnection = connect(
            f"ws://{server.address}/realtime/v1/websocket?{query}",
            compression=None,
            max_size=None,
            open_timeout=PATIENCE,
            ping_interval=None,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, frame: Any) -> None:
        self.socket.send(frame if isinstance(frame, str) else json.dumps(frame))

    def push(self, topic: str, event: str, payload: dict[str, Any], ref: str, join_ref: str | None = None) -> None:
        if self.v2:
            self.send([join_ref, ref, topic, event, payload])
        else:
            self.send({"topic": topic, "event": event, "payload": payload, "ref": ref, "join_ref": join_ref})

    def join(self, topic: str, *bindings: dict[str, Any], token: str | None = None, ref: str = "1") -> None:
        """Join and wait until the subscription is live."""
        payload: dict[str, Any] = {"config": {"postgres_changes": list(bindings)}}
        self.push(topic, "phx_join", payload | ({"access_token": token} if token else {}), ref, ref)
        assert self.next("phx_reply")["status"] == "ok"
        if bindings:
            assert self.next("system")["status"] == "ok"

    def receive_text(self) -> str:
        text = self.socket.recv(PATIENCE)
        assert isinstance(text, str)
        return text

    def receive(self) -> Any:
        return json.loads(self.receive_text())

    def next(self, event: str) -> dict[str, Any]:
        """The payload of the next frame, which must be this event."""
        frame = self.receive()
        name, payload = (frame[3], frame[4]) if isinstance(frame, list) else (frame["event"], frame["payload"])
        assert name == event, frame
        return dict(payload)

    def until_heartbeat(self) -> list[str]:
        """Everything the server has sent before its answer to a heartbeat."""
        self.send(
            [None, "hb", "phoenix", "heartbeat", {}]
            if self.v2
            else {"topic": "phoenix", "event": "heartbeat", "payload": {}, "ref": "hb"}
        )
        texts: list[str] = []
        while '"hb"' not in (text := self.receive_text()):
            texts.append(text)
        return texts


class Fence:
    """Tells when the server has delivered everything committed so far: its own row comes after it, in commit order."""

    def __init__(self, server: Server, database: Database) -> None:
        self._database = database
        self._client = RawClient(server)
        self._client.join("realtime:fence", {"event": "INSERT", "schema": "fence", "table": "beats"})

    def wait(self) -> None:
        beat = self._database.value("insert into fence.beats default values returning id")
        while True:
            text = self._client.receive_text()
            if f'"record":{{"id": {beat}}}' in text:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.socket.close()
