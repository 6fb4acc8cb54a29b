"""Each fault switch does what its name says, and reset ends it."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from realtime.local.realtime_server.faults import ACTIONS
from tests.integration.local.conformance import harness
from tests.integration.local.conformance.harness import PATIENCE, Database, Fence, RawClient, Server, wait_for

TODOS = {"event": "*", "schema": "public", "table": "todos"}


@pytest.fixture
def client(server: Server) -> Iterator[RawClient]:
    with RawClient(server) as client:
        client.join("realtime:faulty", TODOS)
        yield client


def insert(database: Database, title: str) -> None:
    database.run(f"insert into todos (title) values ('{title}')")


def title(client: RawClient) -> str:
    text: str = client.next("postgres_changes")["data"]["record"]["title"]
    return text


def close_code(client: RawClient) -> int | None:
    with pytest.raises(ConnectionClosed):
        client.socket.recv(PATIENCE)
    return client.socket.close_code


def get_error(server: Server, path: str) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"http://{server.address}/{path}")
    with error.value:
        return error.value.code, json.load(error.value)["error"]


def test_unknown_faults_list_the_valid_ones(server: Server) -> None:
    status, said = get_error(server, "_faults/dorp")
    assert status == 404
    assert all(name in said for name in ACTIONS)


@pytest.mark.parametrize("path", ["_faults/delay", "_faults/delay?seconds=x", "_faults/close?code=1006"])
def test_faults_without_sense_are_refused(path: str, server: Server) -> None:
    assert get_error(server, path)[0] == 400


def test_without_the_option_there_are_no_faults(database: Database) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness, "QUICK", harness.QUICK[:-1])
        with Server(database.url) as server:
            assert get_error(server, "_faults/reset")[0] == 404


def test_blackout_drops_silently_until_reset(
    client: RawClient, server: Server, database: Database, fence: Fence
) -> None:
    server.faults.blackout(60)
    insert(database, "dark")
    # The fence's own event is dropped too; the slot's position shows that it was consumed.
    position = database.value("select pg_current_wal_lsn()")
    confirmed = (
        "select bool_and(confirmed_flush_lsn >= %s) from pg_replication_slots where database = current_database()"
    )
    wait_for(lambda: database.connection.execute(confirmed, (position,)).fetchone() == (True,), "consumed change")
    server.faults.reset()
    insert(database, "light")
    assert title(client) == "light"


def test_drop_counts_events(client: RawClient, server: Server, database: Database) -> None:
    server.faults.drop(2)
    database.run("insert into todos (title) values ('1'), ('2'), ('3')")
    assert title(client) == "3"


def test_delay_keeps_the_order(client: RawClient, server: Server, database: Database, fence: Fence) -> None:
    server.faults.delay(0.3)
    database.run("insert into todos (title) values ('1'), ('2')")
    with pytest.raises(TimeoutError):
        client.socket.recv(0.2)
    server.faults.delay(0)
    insert(database, "3")
    assert [title(client) for _ in range(3)] == ["1", "2", "3"]


def test_duplicate_sends_twice(client: RawClient, server: Server, database: Database) -> None:
    server.faults.duplicate()
    insert(database, "1")
    assert [title(client) for _ in range(2)] == ["1", "1"]
    server.faults.duplicate(False)
    database.run("insert into todos (title) values ('2'), ('3')")
    assert [title(client) for _ in range(2)] == ["2", "3"]


def test_freeze_neither_reads_nor_sends_but_accepts(client: RawClient, server: Server, database: Database) -> None:
    server.faults.freeze(60)
    insert(database, "frozen")
    pong = client.socket.ping()
    with pytest.raises(TimeoutError):
        client.socket.recv(0.3)
    assert not pong.is_set()
    server.faults.reset()
    assert title(client) == "frozen"
    assert pong.wait(PATIENCE)


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 4000])
def test_close_has_the_code(code: int, client: RawClient, server: Server) -> None:
    server.faults.close(code)
    assert close_code(client) == code


def test_abort_has_no_close_frame(client: RawClient, server: Server) -> None:
    server.faults.abort()
    assert close_code(client) == 1006


def test_close_channel_hits_the_channels_of_a_table(client: RawClient, server: Server) -> None:
    client.join("realtime:other", {**TODOS, "table": "full_ident"}, ref="2")
    server.faults.close_channel("todos")
    assert client.receive() == {"ref": "1", "event": "phx_close", "topic": "realtime:faulty", "payload": {}}
    assert client.until_heartbeat() == []


def test_error_channel_says_that_the_channel_crashed(client: RawClient, server: Server) -> None:
    server.faults.error_channel("todos")
    assert client.next("phx_error") == {"reason": "channel_crash"}


def test_system_error_leaves_the_channel_joined(client: RawClient, server: Server, database: Database) -> None:
    server.faults.system_error(message="Something is wrong")
    said = client.next("system")
    assert (said["status"], said["message"], said["extension"]) == ("error", "Something is wrong", "postgres_changes")
    insert(database, "still here")
    assert title(client) == "still here"


def test_garbage_is_not_json(client: RawClient, server: Server) -> None:
    server.faults.garbage()
    with pytest.raises(json.JSONDecodeError):
        client.receive()


def test_error_event_has_no_timestamp(client: RawClient, server: Server) -> None:
    server.faults.error_event("todos")
    data = client.next("postgres_changes")["data"]
    assert (data["table"], data["errors"], data["commit_timestamp"]) == ("todos", ["Error 401: Unauthorized"], None)


def test_expire_ends_the_channel_and_keeps_the_socket(client: RawClient, server: Server) -> None:
    server.faults.expire()
    assert client.next("system")["message"] == "Token has expired 0 seconds ago"
    client.next("phx_close")
    assert client.until_heartbeat() == []


def test_refuse_http_counts(server: Server) -> None:
    server.faults.refuse_http(429, count=2)
    for _ in range(2):
        with pytest.raises(InvalidStatus) as refusal:
            RawClient(server)
        assert refusal.value.response.status_code == 429
        assert json.loads(refusal.value.response.body) == {"error": "Too many connected users"}
    with RawClient(server) as client:
        assert client.until_heartbeat() == []


def test_refuse_join_lasts_until_reset(server: Server) -> None:
    server.faults.refuse_join("ClientJoinRateLimitReached: Too many joins per second", count=None)
    with RawClient(server) as client:
        for ref in ("1", "2"):
            client.push("realtime:r", "phx_join", {"config": {}}, ref, ref)
            answer = client.next("phx_reply")
            assert answer["status"] == "error"
            assert answer["response"] == {"reason": "ClientJoinRateLimitReached: Too many joins per second"}
        server.faults.reset()
        client.join("realtime:r", ref="3")


def test_ignore_join_answers_nothing(server: Server) -> None:
    server.faults.ignore_join()
    with RawClient(server) as client:
        client.push("realtime:r", "phx_join", {"config": {}}, "1", "1")
        assert client.until_heartbeat() == []
        client.join("realtime:r", ref="2")


def test_forget_system_subscribes_all_the_same(server: Server, database: Database, fence: Fence) -> None:
    server.faults.forget_system()
    with RawClient(server) as client:
        client.push("realtime:r", "phx_join", {"config": {"postgres_changes": [TODOS]}}, "1", "1")
        client.next("phx_reply")
        before = server.faults.health()["subscriptions"]
        wait_for(lambda: before and server.faults.health()["subscriptions"] >= 2, "subscription")
        insert(database, "unannounced")
        assert title(client) == "unannounced"
