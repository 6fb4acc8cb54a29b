"""What a view shows at one moment, and the difference between two such moments. Pure values, no I/O."""

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of HTML and its version: equal versions mean equal HTML, nothing more (design rule 9)."""

    version: str
    html: str


@dataclass(frozen=True, slots=True)
class Row:
    """``revision`` is that of the row itself, where it has one: it may look different for the sake of another row."""

    id: str
    version: str
    html: str
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """Which stretch of its order a page shows: places that it reaches from and to, None where it has no end."""

    first: Any = None
    last: Any = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A list's rows in order, its count and its parts (pager, empty state); a region has the one part ``body``."""

    rows: tuple[Row, ...] = ()
    count: str | None = None
    parts: dict[str, Fragment] = field(default_factory=dict)
    # For the hub, not for the page: the rows whose changes concern it, as (table, key); the page's bounds; whether rows
    # that come or go elsewhere change the count; what was counted, where a reading may do without counting again; and
    # when the clock alone may change it.
    keys: frozenset[tuple[str, str]] = frozenset()
    window: Window = Window()
    counts: bool = True
    counted: int | None = None
    turns_at: datetime | None = None
    # Of a region about one record: whether that is there, for whoever the region was read for.
    is_there: bool = True

    @property
    def shown(self) -> "Shown":
        return Shown(
            rows=tuple((row.id, row.version) for row in self.rows),
            count=self.count,
            parts={name: part.version for name, part in self.parts.items()},
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows: the versions without the HTML. A page reports this when it attaches."""

    rows: tuple[tuple[str, str], ...] = ()
    count: str | None = None
    parts: dict[str, str] = field(default_factory=dict)


Operation = dict[str, Any]


def version_of(html: str) -> str:
    return hashlib.blake2b(html.encode(), digest_size=9).hexdigest()


def difference(shown: Shown, target: Snapshot) -> list[Operation]:
    """The operations (``realtime.hub.wire``) that turn what is shown into ``target``: none when they are equal."""
    return [*_rows(shown.rows, target.rows), *_count(shown, target), *_parts(shown, target)]


def _rows(shown: Sequence[tuple[str, str]], target: Sequence[Row]) -> list[Operation]:
    if [key for key, _ in shown] == [row.id for row in target]:
        # Nearly every change: no row has come, gone or moved.
        return [_put(row) for row, (_, version) in zip(target, shown, strict=True) if row.version != version]
    versions = dict(shown)
    wanted = {row.id for row in target}
    operations: list[Operation] = [{"op": "remove", "id": key} for key in versions if key not in wanted]
    still = _unmoved([key for key in versions if key in wanted], [row.id for row in target])
    before: str | None = None
    for row in target:
        place = {} if row.id in still else {"after": before}
        if versions.get(row.id) != row.version:
            operations.append(_put(row) | place)
        elif place:
            operations.append({"op": "move", "id": row.id} | place)
        before = row.id
    return operations


def _put(row: Row) -> Operation:
    return {"op": "put", "id": row.id, "version": row.version, "html": row.html}


def _unmoved(shown: list[str], target: list[str]) -> set[str]:
    """The most rows that can stay where they are: a longest increasing run of target positions."""
    position = {key: index for index, key in enumerate(target)}
    tails: list[int] = []
    ends: list[int] = []
    previous: list[int] = []
    for index, key in enumerate(shown):
        length = bisect_left(tails, position[key])
        tails[length : length + 1] = [position[key]]
        ends[length : length + 1] = [index]
        previous.append(ends[length - 1] if length else -1)
    still: set[str] = set()
    index = ends[-1] if ends else -1
    while index >= 0:
        still.add(shown[index])
        index = previous[index]
    return still


def _count(shown: Shown, target: Snapshot) -> list[Operation]:
    if target.count is None or target.count == shown.count:
        return []
    return [{"op": "count", "text": target.count}]


def _parts(shown: Shown, target: Snapshot) -> list[Operation]:
    return [
        {"op": "part", "name": name, "version": part.version, "html": part.html}
        for name, part in target.parts.items()
        if shown.parts.get(name) != part.version
    ]
