"""PostgreSQL's built-in logical decoding output, version 1 (its manual: "Logical Replication Message Formats").

Values stay text, as the server's output functions wrote them.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

POSTGRES_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


class Unchanged(Enum):
    """A TOASTed value the UPDATE didn't touch: the WAL doesn't contain it."""

    TOAST = "unchanged"


Value = str | Unchanged | None
Row = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Begin:
    commit_time: datetime


@dataclass(frozen=True, slots=True)
class Commit:
    commit_time: datetime


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type_oid: int
    in_identity: bool


@dataclass(frozen=True, slots=True)
class Relation:
    oid: int
    schema: str
    table: str
    full_identity: bool
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Insert:
    oid: int
    new: Row


@dataclass(frozen=True, slots=True)
class Update:
    oid: int
    old: Row | None
    new: Row


@dataclass(frozen=True, slots=True)
class Delete:
    oid: int
    old: Row


@dataclass(frozen=True, slots=True)
class Truncate:
    oids: tuple[int, ...]


Message = Begin | Commit | Relation | Insert | Update | Delete | Truncate


class _Reader:
    """Walks over one message."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise ValueError("pgoutput message ends too early")
        chunk, self._at = self._data[self._at : end], end
        return chunk

    def number(self, layout: str) -> int:
        (value,) = struct.unpack(f">{layout}", self.take(struct.calcsize(f">{layout}")))
        return int(value)

    def letter(self) -> str:
        return chr(self.number("B"))

    def text(self) -> str:
        end = self._data.index(b"\0", self._at)
        value = self._data[self._at : end].decode()
        self._at = end + 1
        return value

    def time(self) -> datetime:
        return POSTGRES_EPOCH + timedelta(microseconds=self.number("q"))

    def row(self) -> Row:
        return tuple(self._value() for _ in range(self.number("H")))

    def _value(self) -> Value:
        match self.letter():
            case "n":
                return None
            case "u":
                return Unchanged.TOAST
            case "t":
                return self.take(self.number("I")).decode()
            case kind:
                raise ValueError(f"unexpected pgoutput value kind {kind!r}")


def decode(data: bytes) -> Message | None:
    """Return the message, or None for the kinds that say nothing about rows (type, origin, logical message)."""
    reader = _Reader(data)
    read = _READERS.get(reader.letter())
    return read(reader) if read else None


def _begin(reader: _Reader) -> Begin:
    reader.take(8)
    return Begin(reader.time())


def _commit(reader: _Reader) -> Commit:
    reader.take(1 + 8 + 8)
    return Commit(reader.time())


def _relation(reader: _Reader) -> Relation:
    oid, schema, table, identity = reader.number("I"), reader.text(), reader.text(), reader.letter()
    columns = tuple(_column(reader) for _ in range(reader.number("H")))
    return Relation(oid, schema or "pg_catalog", table, identity == "f", columns)


def _column(reader: _Reader) -> Column:
    flags, name, type_oid = reader.number("B"), reader.text(), reader.number("I")
    reader.take(4)
    return Column(name, type_oid, bool(flags & 1))


def _insert(reader: _Reader) -> Insert:
    oid = reader.number("I")
    reader.take(1)
    return Insert(oid, reader.row())


def _update(reader: _Reader) -> Update:
    oid, kind, old = reader.number("I"), reader.letter(), None
    if kind in "KO":
        old = reader.row()
        reader.take(1)
    return Update(oid, old, reader.row())


def _delete(reader: _Reader) -> Delete:
    oid = reader.number("I")
    reader.take(1)
    return Delete(oid, reader.row())


def _truncate(reader: _Reader) -> Truncate:
    count = reader.number("I")
    reader.take(1)
    return Truncate(tuple(reader.number("I") for _ in range(count)))


_READERS: Final[dict[str, Callable[[_Reader], Message]]] = {
    "B": _begin,
    "C": _commit,
    "R": _relation,
    "I": _insert,
    "U": _update,
    "D": _delete,
    "T": _truncate,
}
