"""`bin/bench views`: what a change costs with many different lists open (design rules 22 and 23), web and PostgreSQL.

Three changes: one that no view shows but any might; one of a column that decides nothing, in a row that nobody shows;
and one that exactly one view shows. Beside each, the old way: every view of the table is read again.
"""

import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from project.bench.rows import fill
from project.bench.services import database

if TYPE_CHECKING:
    from realtime.hub.live_view import LiveView

RUNS = 15


def run(rows: int, views: int) -> None:
    with database() as url:
        fill(url, max(1000, rows // 3), rows)
        with psycopg.connect(url, autocommit=True) as sql:
            # Somebody else's column, as many Supabase tables have.
            sql.execute("alter table tickets add column note text")
        print(f"{rows:,} tickets; CPU of the web process and of PostgreSQL together, medians of {RUNS}")
        for count in [number for number in (1, 100, 1000) if number <= views]:
            bench_views(url, count)


def bench_views(url: str, count: int) -> None:
    from django.conf import settings
    from django.db import connection

    with psycopg.connect(url, autocommit=True) as sql, connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        pid = cursor.fetchone()[0]
        office = Office(count)
        far = _one(sql, "select id from tickets where status = 'closed' order by created_at limit 1")
        keys = Counter(key for view in office.views for _, key in _shown(view))
        shown, near = min(keys.items(), key=lambda told: told[1])
        changes: dict[str, tuple[Callable[[int], Any], int]] = {
            "touches none": (lambda n: sql.execute(NOWHERE, [f"Nothing {n}"]), count),
            "decides nothing": (lambda n: sql.execute(NOTE, [f"later {n}", far]), 1),
            "touches one": (lambda n: sql.execute(DESCRIBE, [f"now {n}", shown]), near),
        }
        for name, (change, views) in changes.items():
            costs, read = [], 0
            for number in range(RUNS):
                change(number)
                cost, read = office.hear(pid)
                costs.append(cost)
            settings.REALTIME_READ_EVERYTHING = True
            change(-1)
            old, _ = office.hear(pid)
            settings.REALTIME_READ_EVERYTHING = False
            cost = statistics.median(costs)
            each = f"{cost / views * 1e6:10,.0f} µs a view" if name != "decides nothing" else " " * 17
            print(
                f"{count:5,} views, a change that {name:16}{cost * 1000:9.2f} ms {each}, {read:3} read;"
                f"   reading everything {old * 1000:10,.1f} ms   1 : {old / cost:,.0f}"
            )


NOWHERE = "insert into tickets (title, status, priority) values (%s, 'closed', 'low')"
NOTE = "update tickets set note = %s where id = %s"
DESCRIBE = "update tickets set description = %s where id = %s"


class Office:
    """Different lists of tickets, and the part of the hub that reads them, without its event loop."""

    def __init__(self, count: int) -> None:
        from realtime.hub.reach import Reach

        self.views: list[LiveView] = []
        self._marked: set[LiveView] = set()
        self._reach = Reach(self, set(), self._mark)  # type: ignore[arg-type]
        self._heard = 0
        chance = random.Random(1)  # noqa: S311 - the same lists every time
        while len(self.views) < count:
            self._open(chance)
        self._read(self.views)
        self.hear(os.getpid())

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """As the hub's database thread."""
        return function(*args)

    def hear(self, pid: int) -> tuple[float, int]:
        """Takes in what was committed; returns the seconds of CPU, and how many views were read."""
        from realtime.live.definition import RowChange
        from realtime.models import RealtimeChange

        news = list(RealtimeChange.objects.filter(revision__gt=self._heard, table_name="tickets").order_by("revision"))
        changes = []
        for change in news:
            old, new = change.old or {}, change.new or {}
            columns = tuple(c for c in new if old and c not in ("revision", "updated_at") and new[c] != old.get(c))
            changes.append(RowChange(change.revision, change.op.lower(), str(change.row_key), columns, ""))
            self._heard = change.revision
        began = time.process_time() + _cpu(pid)
        self._reach.hear("tickets", changes)
        # It waits for nothing here, so it needs no loop.
        with suppress(StopIteration):
            self._reach.ask().send(None)
        marked, self._marked = list(self._marked), set()
        self._read(marked)
        return time.process_time() + _cpu(pid) - began, len(marked)

    def _mark(self, view: "LiveView", row: tuple[str, str] | None = None) -> None:
        view.touch(row)
        self._marked.add(view)

    def _open(self, chance: random.Random) -> None:
        from realtime.hub.live_view import LiveView
        from realtime.live.definition import definition_named
        from realtime.live.tokens import view_key

        raw: dict[str, Any] = {"status": chance.choice((["open"], ["pending"], ["open", "pending"], ["resolved"]))}
        raw["sort"] = chance.choice(("-created", "created", "title", "-priority"))
        if chance.random() < 0.5:
            raw["assigned"] = f"00000000-0000-4000-8000-{chance.randrange(200):012}"
        if chance.random() < 0.3:
            raw["q"] = f"{chance.choice(('lamp', 'desk', 'fire'))} {chance.randrange(4096):03x}"
        if chance.random() < 0.2:
            raw["last"] = "1"
        if not self.views:
            raw = {"status": "open"}
        definition = definition_named("tickets")
        params = definition.normalise(raw)
        key = view_key(definition, params)
        if all(view.key != key for view in self.views):
            view = LiveView(key, definition, params)
            self._reach.index.add(view)
            self.views.append(view)

    def _read(self, views: "list[LiveView]") -> None:
        from realtime.hub.view_reader import ASIDE, Wanted, read_views
        from realtime.live.snapshot import Snapshot

        for view in views:
            view.begin_reading()
        while views:
            readings = read_views([Wanted.of(view) for view in views], ASIDE)
            for view, reading in zip(views, readings, strict=False):
                assert isinstance(reading.told, Snapshot), reading.told
                view.take(reading.told, reading.accounts)
                self._reach.read(view)
            # Each call has a time limit.
            views = views[len(readings) :]


def _shown(view: "LiveView") -> list[tuple[str, str]]:
    return [key for key in (view.snapshot.keys if view.snapshot else ()) if key[0] == "tickets"]


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _one(sql: "psycopg.Connection[Any]", statement: str) -> str:
    row = sql.execute(statement.encode()).fetchone()
    assert row is not None
    return str(row[0])
