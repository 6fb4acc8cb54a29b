"""Text values to JSON text; tests/integration/local/conformance/test_types.py checks the same against PostgreSQL."""

import pytest

from realtime.local.realtime_server.values import PgType, json_object, parse_array, to_json


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("int8", "9223372036854775807", "9223372036854775807"),
        ("numeric", "19.90", "19.90"),
        ("numeric", "12345678901234567890.123456789", "12345678901234567890.123456789"),
        ("numeric", "NaN", "null"),
        ("float8", "1e+21", "1000000000000000000000"),
        ("float8", "1.5e-07", "0.00000015"),
        ("float4", "-Infinity", "null"),
        ("bool", "t", "true"),
        ("bool", "f", "false"),
        ("text", 'a"b\\é\n', '"a\\"b\\\\é\\n"'),
        ("text", "", '""'),
        ("uuid", "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", '"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"'),
        ("timestamptz", "2019-12-31 22:00:00.123456+00", '"2019-12-31T22:00:00.123456+00:00"'),
        ("timestamptz", "0044-03-15 12:00:00+00 BC", '"0044-03-15T12:00:00+00:00 BC"'),
        ("timestamptz", "infinity", '"infinity"'),
        ("timestamp", "2026-01-01 00:00:00", '"2026-01-01T00:00:00"'),
        ("date", "2026-01-01", '"2026-01-01"'),
        ("interval", "1 year 2 mons 04:05:06", '"1 year 2 mons 04:05:06"'),
        ("bytea", "\\xdeadbeef", '"deadbeef"'),
        ("jsonb", '{"k": 1.50}', '{"k": 1.50}'),
        ("json", '{"bb":1.50,"a":[true,null]}', '{"a": [true, null], "bb": 1.50}'),
        ("mood", "so-so", '"so-so"'),
    ],
)
def test_scalars(kind: str, text: str, expected: str) -> None:
    assert to_json(text, PgType(kind)) == expected


def test_null() -> None:
    assert to_json(None, PgType("int4")) == "null"


@pytest.mark.parametrize(
    ("element", "text", "expected"),
    [
        ("int4", "{1,NULL,3}", "[1, null, 3]"),
        ("int4", "{{1,2},{3,4}}", "[[1, 2], [3, 4]]"),
        ("int4", "[0:1]={5,6}", "[5, 6]"),
        ("text", '{a,"b c","NULL",NULL,"\\"\\\\",""}', '["a", "b c", "NULL", null, "\\"\\\\", ""]'),
        ("text", "{}", "[]"),
        ("numeric", "{1.10}", "[1.10]"),
        ("timestamptz", '{"2026-01-01 00:00:00+00"}', '["2026-01-01T00:00:00+00:00"]'),
    ],
)
def test_arrays(element: str, text: str, expected: str) -> None:
    assert to_json(text, PgType(f"_{element}", PgType(element))) == expected


def test_arrays_of_another_delimiter() -> None:
    assert parse_array("{(2,2),(1,1);(4,4),(3,3)}", ";") == ["(2,2),(1,1)", "(4,4),(3,3)"]


@pytest.mark.parametrize("text", ["{1,2", '{"a', "{"])
def test_broken_arrays_raise(text: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        parse_array(text)


def test_objects_have_the_key_order_of_jsonb() -> None:
    members = {"title": "1", "n": "2", "id": "3", "é": "4", "ab": "5"}
    assert json_object(members) == '{"n": 2, "ab": 5, "id": 3, "é": 4, "title": 1}'
