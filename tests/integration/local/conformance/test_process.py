"""The server as a process: configuration, readiness, health, silence, restarts of what it stands on."""

import signal
import socket
import subprocess
import urllib.request

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from websockets.exceptions import ConnectionClosed

from tests.integration.local.conformance.harness import (
    PATIENCE,
    Database,
    Fence,
    RawClient,
    Server,
    free_port,
    start_process,
    wait_for,
)

TODOS = {"event": "*", "schema": "public", "table": "todos"}


def refusal(process: "subprocess.Popen[str]") -> str:
    """What a process that must not start says; exactly one line, exit code 2."""
    out, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (2, "")
    return said


@pytest.mark.parametrize(
    ("options", "database_url", "secret", "words"),
    [
        ((), None, "secret", "DATABASE_URL is not set"),
        ((), "postgresql://localhost/x", None, "REALTIME_JWT_SECRET is not set"),
        ((), "nonsense", "secret", "DATABASE_URL is not a PostgreSQL connection string"),
    ],
)
def test_bad_configuration_is_one_sentence(
    options: tuple[str, ...], database_url: str | None, secret: str | None, words: str
) -> None:
    said = refusal(start_process(database_url, f"--port={free_port()}", *options, secret=secret))
    assert said.startswith(words)
    assert said.count("\n") == 1


def test_bad_options_are_refused(database: Database) -> None:
    assert "a port is 1 to 65535" in refusal(start_process(database.url, "--port=0"))
    assert "must be more than 0" in refusal(start_process(database.url, "--port=1", "--poll-interval-ms=0"))


def test_a_busy_port_is_one_sentence(server: Server, database: Database) -> None:
    said = refusal(start_process(database.url, f"--port={server.port}"))
    assert said.startswith(f"Can't listen on {server.address}")


def test_a_role_that_may_not_replicate_is_one_sentence(database: Database) -> None:
    database.run("drop role if exists conformance_reader; create role conformance_reader login password 'reader'")
    url = make_conninfo(database.url, user="conformance_reader", password="reader")
    assert "may not replicate" in refusal(start_process(url, f"--port={free_port()}"))
    database.run("drop role conformance_reader")


def test_health_counts_subscriptions(server: Server) -> None:
    with RawClient(server) as client:
        before = server.faults.health()["subscriptions"]
        client.join("realtime:h", TODOS, TODOS)
        assert server.faults.health() == {"status": "ok", "subscriptions": before + 2, "slot": True}
    wait_for(lambda: server.faults.health()["subscriptions"] == before, "end of the subscriptions")


def test_a_missing_version_is_the_first(server: Server) -> None:
    with RawClient(server, vsn=None) as client:
        assert client.until_heartbeat() == []


def test_the_slot_goes_with_the_process(database: Database) -> None:
    slots = "select count(*) from pg_replication_slots where database = current_database()"
    before = database.value(slots)
    with Server(database.url):
        assert database.value(slots) == before + 1
    wait_for(lambda: database.value(slots) == before, "end of the slot")


def test_termination_is_orderly(database: Database) -> None:
    server = Server(database.url).wait_until_ready()
    assert server.stop(signal.SIGTERM) == 0


def test_pings_keep_a_silent_client_connected(database: Database) -> None:
    with Server(database.url, "--idle-timeout=0.4") as server, RawClient(server) as client:
        for _ in range(6):
            assert client.socket.ping().wait(PATIENCE)
            with pytest.raises(TimeoutError):
                client.socket.recv(0.1)
        with pytest.raises(ConnectionClosed):
            client.socket.recv(PATIENCE)
        assert client.socket.close_code == 1000


def test_server_waits_for_a_database_that_is_away(database: Database) -> None:
    port = free_port()
    away = make_conninfo(database.url, dbname=f"{database.name}_late")
    server = Server(away, port=port)
    try:
        wait_for(lambda: _accepts(port), "listening socket")
        with urllib.request.urlopen(f"http://{server.address}/health") as answer:
            assert b'"slot":false' in answer.read()
        with psycopg.connect(database.cluster_url, autocommit=True) as cluster:
            cluster.execute(f'create database "{database.name}_late" template template0')
        server.wait_until_ready()
    finally:
        server.stop(signal.SIGTERM)
        with psycopg.connect(database.cluster_url, autocommit=True) as cluster:
            cluster.execute(f'drop database if exists "{database.name}_late" with (force)')


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_changes_while_the_slot_is_away_are_lost_silently(database: Database) -> None:
    with Server(database.url) as server, Fence(server, database) as fence, RawClient(server) as client:
        client.join("realtime:gap", TODOS)
        # A slot waits for running write transactions: this one keeps the new slot away.
        with psycopg.connect(database.url) as writer:
            writer.execute("insert into todos (title) values ('in the gap')")
            database.end_backends("slot")
            wait_for(lambda: not server.faults.health()["slot"], "lost slot")
        wait_for(lambda: server.faults.health()["slot"], "new slot")
        database.run("insert into todos (title) values ('after the gap')")
        fence.wait()
        titles = [text for text in client.until_heartbeat() if "gap" in text]
        assert len(titles) == 1
        assert "after the gap" in titles[0]


def test_neither_tokens_nor_contents_are_logged(database: Database) -> None:
    with Server(database.url) as server:
        with RawClient(server) as client:
            payload = {"config": {"postgres_changes": [TODOS]}, "access_token": "secret"}
            client.push("realtime:x", "phx_join", payload, "1", "1")
            client.next("phx_reply")
            client.send("{broken secret")
            database.run("insert into todos (title) values ('secret')")
            database.end_backends("slot", "catalog")
            wait_for(lambda: not server.faults.health()["slot"], "lost slot")
        server.process.send_signal(signal.SIGTERM)
        out, said = server.process.communicate(timeout=PATIENCE)
    assert "The slot is lost" in said
    assert "secret" not in out + said
    assert "eyJ" not in out + said
