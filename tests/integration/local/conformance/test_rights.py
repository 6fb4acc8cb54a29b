"""Who gets which event with which columns: row security, column privileges, primary keys (supabase-facts.md 3.3)."""

import json
from typing import Any

import pytest

from realtime.local.keys import make_jwt
from tests.integration.local.conformance.harness import SECRET, Database, Fence, RawClient, Server

ALICE = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"


@pytest.fixture(scope="module", autouse=True)
def tables(database: Database) -> None:
    database.run("""
        create table columns_cut (id bigserial primary key, shown text, hidden text);
        revoke select on columns_cut from anon;
        grant select (id, shown) on columns_cut to anon;
        create table key_hidden (id bigserial primary key, shown text);
        revoke select on key_hidden from anon;
        grant select (shown) on key_hidden to anon;
        create table keyless (name text);
        alter table keyless replica identity full;
        create table toasted (id bigserial primary key, big text, small text);
        alter table toasted alter big set storage external;
        create table secured_full (id bigserial primary key, owner uuid, note text);
        alter table secured_full replica identity full;
        alter table secured_full enable row level security;
        create policy own on secured_full to authenticated using (owner = auth.uid());
        create table broken_policy (id bigserial primary key);
        alter table broken_policy enable row level security;
        create policy broken on broken_policy to anon using (1 / (id - id) = 1);
        create table parts (id bigint primary key, title text) partition by range (id);
        create table parts_low partition of parts for values from (0) to (100);
        alter publication supabase_realtime
            add table columns_cut, key_hidden, keyless, toasted, secured_full, broken_policy, parts;
    """)


def listen(server: Server, table: str, role: str = "anon", **claims: Any) -> RawClient:
    client = RawClient(server)
    token = make_jwt(SECRET, role, **claims)
    client.join(f"realtime:{table}", {"event": "*", "schema": "public", "table": table}, token=token)
    return client


def events(client: RawClient, fence: Fence) -> list[dict[str, Any]]:
    """The `data` of everything that has arrived so far."""
    fence.wait()
    return [json.loads(text)["payload"]["data"] for text in client.until_heartbeat()]


def test_columns_a_role_may_not_read_are_not_there(server: Server, database: Database, fence: Fence) -> None:
    with listen(server, "columns_cut") as client:
        database.run("insert into columns_cut (shown, hidden) values ('a', 'b')")
        (event,) = events(client, fence)
    assert event["record"].keys() == {"id", "shown"}
    assert [column["name"] for column in event["columns"]] == ["id", "shown"]


def test_a_filter_on_a_column_the_role_may_not_read_is_refused(server: Server) -> None:
    with RawClient(server) as client:
        binding = {"event": "*", "schema": "public", "table": "columns_cut", "filter": "hidden=eq.b"}
        payload = {"config": {"postgres_changes": [binding]}, "access_token": make_jwt(SECRET, "anon")}
        client.push("realtime:hidden", "phx_join", payload, "1", "1")
        client.next("phx_reply")
        assert client.next("system")["message"].endswith("invalid column for filter hidden")


def test_without_right_on_the_key_the_event_is_an_error_401(server: Server, database: Database, fence: Fence) -> None:
    with listen(server, "key_hidden") as client:
        database.run("insert into key_hidden (shown) values ('a')")
        (event,) = events(client, fence)
    assert event["errors"] == ["Error 401: Unauthorized"]
    assert (event["record"], event["columns"], event["commit_timestamp"]) == ({}, [], None)


def test_without_a_primary_key_the_event_is_an_error_400(server: Server, database: Database, fence: Fence) -> None:
    with listen(server, "keyless") as client:
        database.run("insert into keyless values ('a')")
        database.run("delete from keyless")
        inserted, deleted = events(client, fence)
    assert inserted["errors"] == ["Error 400: Bad Request, no primary key"]
    assert (deleted["errors"], deleted["old_record"]) == (None, {"name": "a"})


def test_unchanged_toasted_columns_are_absent(server: Server, database: Database, fence: Fence) -> None:
    with listen(server, "toasted") as client:
        database.run("insert into toasted (big, small) values (repeat('x', 9000), 'a')")
        database.run("update toasted set small = 'b'")
        inserted, updated = events(client, fence)
    assert len(inserted["record"]["big"]) == 9000
    assert updated["record"].keys() == {"id", "small"}


def test_full_identity_under_row_security(server: Server, database: Database, fence: Fence) -> None:
    with listen(server, "secured_full", "authenticated", sub=ALICE) as client:
        database.run(f"insert into secured_full (owner, note) values ('{ALICE}', 'a')")
        fence.wait()
        database.run("update secured_full set note = 'b'")
        fence.wait()
        database.run("delete from secured_full")
        inserted, updated, deleted = events(client, fence)
    assert updated["old_record"] == inserted["record"]
    assert deleted["old_record"] == {"id": inserted["record"]["id"]}


def test_a_policy_that_fails_shows_nothing_and_stops_nobody(server: Server, database: Database, fence: Fence) -> None:
    with listen(server, "broken_policy") as client, listen(server, "broken_policy", "service_role") as service:
        database.run("insert into broken_policy default values")
        assert events(client, fence) == []
        assert len(events(service, fence)) == 1


def test_a_row_that_is_gone_loses_its_insert_even_for_the_service_role(
    server: Server, database: Database, fence: Fence
) -> None:
    with listen(server, "todos_rls", "service_role") as client:
        database.run("insert into todos_rls (title) values ('gone'); delete from todos_rls where title = 'gone'")
        assert [event["type"] for event in events(client, fence)] == ["DELETE"]


def test_truncate_is_silent(server: Server, database: Database, fence: Fence) -> None:
    with listen(server, "todos") as client:
        database.run("truncate todos")
        assert events(client, fence) == []


def test_rolled_back_changes_never_appear(server: Server, database: Database, fence: Fence) -> None:
    with listen(server, "todos") as client:
        database.run("begin; insert into todos (title) values ('never'); rollback")
        assert events(client, fence) == []


def test_partitions_appear_under_their_own_names(server: Server, database: Database, fence: Fence) -> None:
    with listen(server, "parts_low") as client:
        database.run("insert into parts values (1, 'low')")
        (event,) = events(client, fence)
    assert (event["table"], event["record"]) == ("parts_low", {"id": 1, "title": "low"})


def test_a_changed_key_is_in_the_old_record(server: Server, database: Database, fence: Fence) -> None:
    with listen(server, "todos") as client:
        database.run("insert into todos (id, title) values (900001, 'k')")
        database.run("update todos set id = 900002 where id = 900001")
        _, updated = events(client, fence)
    assert (updated["record"]["id"], updated["old_record"]) == (900002, {"id": 900001})


def test_a_table_dropped_before_the_poll_stops_nobody(server: Server, database: Database, fence: Fence) -> None:
    database.run("create table short_lived (id bigserial primary key)")
    database.run("alter publication supabase_realtime add table short_lived")
    with listen(server, "short_lived") as client:
        database.run("insert into short_lived default values; drop table short_lived")
        assert events(client, fence) == []
