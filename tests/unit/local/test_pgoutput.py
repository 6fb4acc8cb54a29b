"""pgoutput messages, byte by byte as the manual lays them out."""

import struct
from datetime import UTC, datetime, timedelta

import pytest

from realtime.local.realtime_server.pgoutput import (
    Begin,
    Column,
    Commit,
    Delete,
    Insert,
    Relation,
    Truncate,
    Unchanged,
    Update,
    decode,
)

MOMENT = datetime(2026, 11, 23, 2, 12, 19, 831234, tzinfo=UTC)
MICROSECONDS = (MOMENT - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def row(*values: bytes | Unchanged | None) -> bytes:
    parts = [struct.pack(">H", len(values))]
    for value in values:
        if value is None:
            parts.append(b"n")
        elif isinstance(value, Unchanged):
            parts.append(b"u")
        else:
            parts.append(b"t" + struct.pack(">I", len(value)) + value)
    return b"".join(parts)


def test_begin_and_commit_carry_the_commit_time() -> None:
    assert decode(b"B" + struct.pack(">QqI", 1, MICROSECONDS, 2)) == Begin(MOMENT)
    assert decode(b"C" + struct.pack(">BQQq", 0, 1, 2, MICROSECONDS)) == Commit(MOMENT)


@pytest.mark.parametrize(("identity", "full"), [(b"d", False), (b"f", True), (b"n", False), (b"i", False)])
def test_relation(identity: bytes, full: bool) -> None:
    columns = (
        b"\x01id\0" + struct.pack(">Ii", 20, -1) + b"\x00" + "größe".encode() + b"\0" + struct.pack(">Ii", 1700, 655366)
    )
    message = b"R" + struct.pack(">I", 16384) + b"public\0todos\0" + identity + struct.pack(">H", 2) + columns
    expected = (Column("id", 20, True), Column("größe", 1700, False))
    assert decode(message) == Relation(16384, "public", "todos", full, expected)


def test_a_relation_without_a_namespace_is_in_pg_catalog() -> None:
    message = b"R" + struct.pack(">I", 1) + b"\0t\0d" + struct.pack(">H", 0)
    assert decode(message) == Relation(1, "pg_catalog", "t", False, ())


def test_insert() -> None:
    assert decode(b"I" + struct.pack(">I", 7) + b"N" + row(b"1", None, "é".encode(), b"")) == Insert(
        7, ("1", None, "é", "")
    )


def test_update_without_an_old_row() -> None:
    assert decode(b"U" + struct.pack(">I", 7) + b"N" + row(b"1", Unchanged.TOAST)) == Update(
        7, None, ("1", Unchanged.TOAST)
    )


@pytest.mark.parametrize("kind", [b"K", b"O"])
def test_update_with_an_old_row(kind: bytes) -> None:
    message = b"U" + struct.pack(">I", 7) + kind + row(b"1", None) + b"N" + row(b"2", b"a")
    assert decode(message) == Update(7, ("1", None), ("2", "a"))


@pytest.mark.parametrize("kind", [b"K", b"O"])
def test_delete(kind: bytes) -> None:
    assert decode(b"D" + struct.pack(">I", 7) + kind + row(b"1", None)) == Delete(7, ("1", None))


def test_truncate() -> None:
    assert decode(b"T" + struct.pack(">IBII", 2, 0, 7, 8)) == Truncate((7, 8))


@pytest.mark.parametrize("message", [b"Y" + bytes(10), b"O" + bytes(10), b"M" + bytes(10)])
def test_messages_that_say_nothing_about_rows_are_none(message: bytes) -> None:
    assert decode(message) is None


@pytest.mark.parametrize("message", [b"I\0\0\0\7N\0\1t\0\0\0\5abc", b"I\0\0", b"I\0\0\0\7N\0\1x", b"R\0\0\0\1public"])
def test_broken_messages_raise(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(message)
