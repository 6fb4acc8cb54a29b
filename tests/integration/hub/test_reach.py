"""A change reads the views that it concerns: every one of them (rules 22 and 23), and few others."""

import os
import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from realtime.hub.live_view import LiveView
from realtime.hub.reach import Reach
from realtime.hub.view_reader import Wanted
from realtime.live.definition import RowChange, definition_named
from realtime.live.tokens import view_key
from realtime.models import RealtimeChange
from realtime.sight import Sight, seeing
from tests.anything import Anything
from tests.weak_layer.apps import SMALL_PAGES

pytestmark = pytest.mark.django_db

# The long form: STEPS=10000 SEEDS=7 bin/test tests/integration/hub/test_reach.py
STEPS = int(os.environ.get("STEPS", "80"))
SEEDS = [int(seed) for seed in os.environ.get("SEEDS", "1").split()]
VIEWS = 30


class HereAndNow:
    """Runs what the hub's database thread would, in the test's own transaction."""

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)


class Office:
    """Some views that are followed, and how they hear of changes: as in the hub, but for sockets and the layer."""

    def __init__(self) -> None:
        self.views: list[LiveView] = []
        self.reach = Reach(HereAndNow(), set(), self._mark)  # type: ignore[arg-type]
        self.heard = RealtimeChange.objects.values_list("revision", flat=True).first() or 0
        # For the message of a test that fails.
        self.changes: list[tuple[str, RowChange]] = []

    def _mark(self, view: LiveView, row: tuple[str, str] | None = None) -> None:
        view.dirty = True
        view.touch(row)

    def open(self, name: str, raw: dict[str, Any], sight: Sight | None = None) -> LiveView:
        definition = definition_named(name)
        params = definition.normalise(raw)
        key = view_key(definition, params, sight)
        if known := next((view for view in self.views if view.key == key), None):
            return known
        view = LiveView(key, definition, params, sight)
        self.reach.index.add(view)
        self.read(view)
        self.views.append(view)
        return view

    def close(self, view: LiveView) -> None:
        self.views.remove(view)
        self.reach.index.remove(view)

    def read(self, view: LiveView) -> None:
        view.begin_reading()
        view.take(Wanted.of(view).read(), {})
        self.reach.read(view)

    def hear(self) -> set[LiveView]:
        """The views that everything committed since the last time marks."""
        self.changes.clear()
        for change in RealtimeChange.objects.filter(revision__gt=self.heard).order_by("revision"):
            old, new = change.old or {}, change.new or {}
            columns = tuple(c for c in new if old and c not in ("revision", "updated_at") and new[c] != old.get(c))
            told = RowChange(change.revision, change.op.lower(), str(change.row_key), columns, change.actor)
            self.reach.hear(change.table_name, [told])
            self.changes.append((change.table_name, told))
            self.heard = change.revision
        # Nothing in it waits, so it needs no loop; in one, Django would use another connection.
        with suppress(StopIteration):
            self.reach.ask().send(None)
        return {view for view in self.views if view.dirty}


@pytest.fixture
def office() -> Office:
    return Office()


def sql(statement: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0] if cursor.description else None


def run(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []


@pytest.mark.any_keys
@pytest.mark.parametrize("seed", SEEDS)
def test_no_change_is_missed_whatever_is_open(office: Office, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, value in SMALL_PAGES.items():
        monkeypatch.setattr(path, value)
    chance = random.Random(seed)
    anything = Anything(chance)
    anything.furnish(run, 200)
    office.hear()
    told: Counter[str] = Counter()
    for step in range(STEPS):
        while len(office.views) < VIEWS:
            office.open(*anything.view(), sight=anything.sight())
        for _ in range(chance.choice((1, 1, 1, 3))):
            anything.write(run, anything.note)
        marked = office.hear()
        for view in list(office.views):
            assert view.snapshot is not None
            with seeing(view.sight):
                now = view.definition.snapshot(view.params).shown
            differs = now != view.snapshot.shown
            if differs and view not in marked:
                where = f"seed {seed}, step {step}: {view.definition.name} {view.params} {view.sight}"
                pytest.fail(f"a change was missed by {where}, one of {office.changes}")
            # What somebody with limits sees is often for other rows to decide: then a view is read.
            if view.sight is None:
                told[f"{'marked' if view in marked else 'left alone'}, {'differs' if differs else 'same'}"] += 1
            if view in marked:
                office.read(view)
                assert view.snapshot.shown == now, f"seed {seed}, step {step}: {view.definition.name} {view.params}"
        for view in chance.sample(office.views, 2):
            office.close(view)
    # In doubt a view is read, but doubt is the exception.
    assert told["marked, same"] < told["marked, differs"], told
    assert office.reach.asked > STEPS
    assert office.reach.unanswered == 0
    asking = [(view, table) for view in office.views for table, concern in view.concerns.items() if concern.asks]
    assert asking
    assert not [(view.params, table) for view, table in asking if view.question(table) is None]
    assert told["marked, differs"] > STEPS / 2, told


def test_what_decides_nothing_and_shows_nowhere_asks_nobody(office: Office) -> None:
    for _ in range(60):
        sql("insert into tickets (title, status) values ('far away', 'closed')")
    office.hear()
    hidden = str(sql("select id from tickets order by created_at, id limit 1"))
    # Not the board: its order is by the last change, whatever that was.
    views = [office.open("tickets", {"size": 25, "status": ["closed"]}), office.open("ticket-actions", {"id": uuid4()})]
    sql("update tickets set description = 'new' where id = %s", hidden)
    assert not office.hear()
    assert office.reach.asked == 0
    # The same column of a row that is shown.
    shown = views[0].snapshot.rows[0].id  # type: ignore[union-attr]
    sql("update tickets set description = 'new' where id = %s", shown)
    assert office.hear() == {views[0]}


def test_only_a_row_that_comes_or_goes_has_a_count_read_again(office: Office) -> None:
    keys = [str(sql("insert into tickets (title, status) values ('lamp', 'open') returning id")) for _ in range(3)]
    customer = sql("insert into customers (name) values ('lamp') returning id")
    office.hear()
    told = {"status": ["open"], "sort": "title", "size": "25", "last": "1"}
    view = office.open("tickets-count", told)
    assert office.open("tickets-count", {"status": "open", "sort": "-priority"}) is view
    assert view.snapshot is not None
    assert view.snapshot.parts["body"].html == "3"
    assert view.definition.pause == 2.0
    # What decides nothing, in the list or elsewhere, isn't even asked about.
    sql("update tickets set title = 'sorted elsewhere', priority = 'urgent' where id = %s", keys[0])
    sql("insert into comments (ticket_id, content) values (%s, 'new')", keys[0])
    sql("update customers set name = 'lamps' where id = %s", customer)
    assert not office.hear()
    assert office.reach.asked == 0
    # What might decide is asked about, and decides only where it does.
    sql("insert into tickets (title, status) values ('elsewhere', 'closed')")
    sql("update tickets set status = 'pending' where status = 'closed'")
    assert not office.hear()
    assert office.reach.asked > 0
    for write, count in (
        ("insert into tickets (title, status) values ('new', 'open')", "4"),
        ("update tickets set status = 'closed' where title = 'new'", "3"),
        ("delete from tickets where title = 'sorted elsewhere'", "2"),
    ):
        sql(write)
        assert office.hear() == {view}
        office.read(view)
        assert view.snapshot.parts["body"].html == count
    # A search finds rows by their relatives.
    searched = office.open("tickets-count", {"q": "lamps"})
    sql("update tickets set customer_id = %s where title = 'lamp'", customer)
    assert office.hear() == {searched}
    office.read(searched)
    sql("update customers set name = 'desk' where id = %s", customer)
    assert office.hear() == {searched}


def test_a_count_at_its_limit_hears_only_of_what_goes(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.live.lists.COUNT_LIMIT", 60)
    sql("insert into tickets (title, status) select 'one of many', 'closed' from generate_series(1, 61)")
    office.hear()
    view = office.open("tickets-count", {"status": ["closed"]})
    assert view.snapshot is not None
    assert view.snapshot.parts["body"].html == "60+"
    sql("insert into tickets (title, status) values ('one more', 'closed')")
    assert not office.hear()
    sql("delete from tickets where title = 'one more'")
    assert office.hear() == {view}


def test_a_list_at_the_limit_of_counting_hears_of_what_goes(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.live.lists.COUNT_LIMIT", 60)
    sql("insert into tickets (title, status) select 'one of many', 'closed' from generate_series(1, 61)")
    office.hear()
    view = office.open("tickets", {"size": 25, "status": ["closed"], "sort": "created"})
    assert view.snapshot is not None
    assert view.snapshot.count == "60+"
    sql("delete from tickets where id = (select id from tickets order by created_at desc, id desc limit 1)")
    assert office.hear() == {view}


def test_a_search_by_a_relative_hears_of_a_relative_that_goes(office: Office) -> None:
    lamp = sql("insert into customers (name) values ('lamp') returning id")
    other = sql("insert into customers (name) values ('other') returning id")
    for _ in range(30):
        sql("insert into tickets (title, customer_id) values ('x', %s)", lamp)
    office.hear()
    view = office.open("tickets", {"size": 25, "q": "lamp"})
    sql("update tickets set customer_id = %s where customer_id = %s", other, lamp)
    sql("delete from customers where id = %s", lamp)
    assert view in office.hear()


def test_one_query_that_fails_leaves_the_others_answered(office: Office) -> None:
    views = [office.open("tickets", {"status": [status]}) for status in ("open", "pending")]
    asked = views[0].question("tickets")
    assert asked is not None
    views[0]._questions["tickets"] = replace(asked, sql=asked.sql + " and 1 / 0 = 1")
    sql("insert into tickets (title, status) values ('elsewhere', 'closed')")
    assert office.hear() == {views[0]}


def test_a_change_that_postgres_cannot_tell_about_is_read(office: Office) -> None:
    view = office.open("tickets", {"status": ["pending"]})
    sql("insert into tickets (title, status) values ('elsewhere', 'closed')")
    sql("delete from realtime_change where revision > %s and table_name = 'tickets'", office.heard - 1)
    office.reach.hear("tickets", [RowChange(office.heard + 10**6, "insert", str(uuid4()), (), "")])
    assert office.hear() == {view}
