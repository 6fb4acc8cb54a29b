"""Values and filters of every kind, checked against PostgreSQL itself."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.local.conformance.harness import Database, Fence, RawClient, Server

# Type and value; what the event shows must be PostgreSQL's own to_jsonb(value).
AS_POSTGRES_WRITES = [
    ("smallint", "-7"),
    ("bigint", "9223372036854775807"),
    ("numeric", "12345678901234567890.1234567890"),
    ("numeric(10,2)", "19.90"),
    ("real", "0.1"),
    ("double precision", "1e21"),
    ("double precision", "1.5e-7"),
    ("boolean", "t"),
    ("text", 'quote " backslash \\ tab \t newline \n é 中 \U0001f600 \x7f'),
    ("varchar(10)", "ab"),
    ("char(4)", "ab"),
    ("uuid", "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"),
    ("date", "2026-02-28"),
    ("time", "12:34:56.789"),
    ("timestamp", "2026-02-28 12:34:56.5"),
    ("timestamptz", "2026-02-28 12:34:56.000001+05:30"),
    ("timestamptz", "infinity"),
    ("timestamptz", "0044-03-15 12:00:00+00 BC"),
    ("timestamp", "0044-03-15 12:00:00 BC"),
    ("interval", "1 year 2 mons 3 days 04:05:06.7"),
    ("json", '{"b": [1.50, 2e3, null], "aa": "é", "a": true}'),
    ("jsonb", '{"b": [1.50, 2e3, null], "aa": {"c": "é"}, "a": true}'),
    ("jsonb", "null"),
    ("text[]", '{a,"b c","d\\"e",NULL,"NULL",""}'),
    ("text[]", "{}"),
    ("int[]", "{{1,2},{3,NULL}}"),
    ("int[]", "[0:1]={5,6}"),
    ("bool[]", "{t,f}"),
    ("timestamptz[]", '{"2026-02-28 12:34:56+00"}'),
    ("jsonb[]", '{"{\\"a\\": 1}"}'),
    ("numeric[]", "{1.10,2}"),
    ("inet", "10.0.0.1/8"),
    ("int4range", "[1,5)"),
    ("point", "(1,2)"),
    ("box[]", "{(2,2),(1,1);(4,4),(3,3)}"),
    ("bit varying", "101"),
    ("tsvector", "'a':1 'b'"),
    ("mood", "so-so"),
    ("mood[]", "{so-so}"),
    ("positive", "3"),
    ("money", "12.50"),
]
# Where the real server differs from to_jsonb (facts 3.3).
OWN_WORDS = [
    ("bytea", "\\xdeadbeef", '"deadbeef"'),
    ("double precision", "NaN", "null"),
    ("double precision", "-Infinity", "null"),
    ("numeric", "NaN", "null"),
]


@pytest.fixture(scope="module", autouse=True)
def types(database: Database) -> None:
    database.run("create type mood as enum ('so-so'); create domain positive as int check (value > 0)")


@pytest.fixture(scope="module")
def record(session_server: Server, database: Database) -> dict[str, Any]:
    """One row with a column per case, as it arrived."""
    cases = [*AS_POSTGRES_WRITES, *((kind, value) for kind, value, _ in OWN_WORDS)]
    columns = ", ".join(f"c{at} {kind}" for at, (kind, _) in enumerate(cases))
    database.run(f"create table every_type (id int primary key, {columns})")
    database.run("alter publication supabase_realtime add table every_type")
    with RawClient(session_server) as client:
        client.join("realtime:types", {"event": "INSERT", "schema": "public", "table": "every_type"})
        places = ", ".join(f"%s::{kind}" for kind, _ in cases)
        database.connection.execute(
            f"insert into every_type values (1, {places})",
            [value for _, value in cases],
        )
        text = client.receive_text()
    parsed: dict[str, Any] = json.loads(text, parse_float=Decimal)["payload"]["data"]["record"]
    return parsed


@pytest.mark.parametrize("at", range(len(AS_POSTGRES_WRITES)), ids=lambda at: "-".join(AS_POSTGRES_WRITES[at])[:40])
def test_value_is_what_postgres_makes_of_it(at: int, record: dict[str, Any], database: Database) -> None:
    # In text form: a json `null` differs from an absent value, and 1.50 from 1.5.
    expected = database.value(f"select to_jsonb(c{at})::text from every_type")
    assert repr(record[f"c{at}"]) == repr(json.loads(expected, parse_float=Decimal))


@pytest.mark.parametrize("at", range(len(OWN_WORDS)), ids=lambda at: "-".join(OWN_WORDS[at][:2]))
def test_value_is_what_the_real_server_makes_of_it(at: int, record: dict[str, Any]) -> None:
    assert record[f"c{len(AS_POSTGRES_WRITES) + at}"] == json.loads(OWN_WORDS[at][2])


def test_keys_come_in_the_order_of_jsonb(record: dict[str, Any], database: Database) -> None:
    assert list(record) == database.value("select array(select jsonb_object_keys(to_jsonb(t))) from every_type t")


FILTERS = [
    ("n=eq.10", {"ten"}),
    ("n=neq.10", {"nine", "hundred"}),
    ("n=lt.10", {"nine"}),
    ("n=lte.10", {"nine", "ten"}),
    ("n=gt.9", {"ten", "hundred"}),
    ("n=gte.10", {"ten", "hundred"}),
    ("n=in.(9,100)", {"nine", "hundred"}),
    ("n=not.in.(9,100)", {"ten"}),
    ("n=is.null", {"none"}),
    ("n=not.is.null", {"nine", "ten", "hundred"}),
    ("n=isdistinct.10", {"nine", "hundred", "none"}),
    ("title=lt.nine", {"hundred"}),
    ('title=in.("ten","a,b")', {"ten"}),
    ("title=like.%e%", {"nine", "ten", "hundred", "none"}),
    ("title=ilike.N%", {"nine", "none"}),
    ("title=match.^t", {"ten"}),
    ("title=imatch.^T", {"ten"}),
    ("n=gt.9,title=neq.ten", {"hundred"}),
    ("done=is.true", {"ten"}),
    ("done=eq.false", {"nine", "hundred", "none"}),
    ("created_at=lt.2020-06-01", {"nine"}),
    ("price=eq.1.5", {"ten"}),
]


@pytest.mark.parametrize(("wanted", "titles"), FILTERS)
def test_filter_compares_as_postgres_does(
    wanted: str, titles: set[str], server: Server, database: Database, fence: Fence
) -> None:
    with RawClient(server) as client:
        client.join("realtime:f", {"event": "INSERT", "schema": "public", "table": "todos", "filter": wanted})
        database.run("""
            insert into todos (title, n, done, price, created_at) values
            ('nine', 9, false, 2, '2020-01-01'), ('ten', 10, true, 1.50, now()),
            ('hundred', 100, false, null, now()), ('none', null, false, 3, now())
        """)
        fence.wait()
        arrived = [json.loads(text)["payload"]["data"]["record"]["title"] for text in client.until_heartbeat()]
    assert sorted(arrived) == sorted(titles)
