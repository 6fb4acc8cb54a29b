"""Which views a change concerns, found by what they show and by what decides who is in them (design rule 22).

Most changes are looked up in indexes, whatever the number of views. For those that may decide who is in a list,
PostgreSQL is asked, once for all views (rule 23). In doubt, a view is read.
"""

import asyncio
import logging
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Protocol

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction

from realtime.database.thread import DatabaseThread
from realtime.hub.live_view import LiveView
from realtime.live.definition import Concern, RowChange
from realtime.live.membership import Answer, Question, Unanswerable, answers, parents
from realtime.status import metrics

logger = logging.getLogger(__name__)

# Changes that come one after the other are asked about together: between two questions lies this much at least.
GATHER_SECONDS = 0.01
# Beyond this many pairs of a view and a change, reading is no dearer than asking.
PAIRS_LIMIT = 200_000
# Comparing one row takes microseconds; what takes longer waits for a lock.
PATIENCE = "500ms"

Views = set[LiveView]


class Mark(Protocol):
    """As ``ViewReader.mark``."""

    def __call__(self, view: LiveView, row: tuple[str, str] | None = None) -> None: ...


class ViewIndex:
    """The views by what concerns them."""

    def __init__(self) -> None:
        self._by_row: defaultdict[tuple[str, str], Views] = defaultdict(set)
        # By table and column; None stands for any column.
        self._by_column: defaultdict[tuple[str, str | None], Views] = defaultdict(set)
        self._by_coming: defaultdict[str, Views] = defaultdict(set)
        # The columns through which a table's rows belong to rows of other tables.
        self._backs: defaultdict[str, defaultdict[tuple[str, str], Views]] = defaultdict(lambda: defaultdict(set))
        self._keys: dict[LiveView, frozenset[tuple[str, str]]] = {}

    def add(self, view: LiveView) -> None:
        self._keys[view] = frozenset()
        for told in self._standing(view):
            told.add(view)

    def remove(self, view: LiveView) -> None:
        self.shows(view, frozenset())
        del self._keys[view]
        for told in self._standing(view):
            told.discard(view)

    def shows(self, view: LiveView, keys: frozenset[tuple[str, str]]) -> None:
        """Notes which rows a view shows since it was read."""
        before = self._keys[view]
        for key in before - keys:
            views = self._by_row[key]
            views.discard(view)
            if not views:
                del self._by_row[key]
        for key in keys - before:
            self._by_row[key].add(view)
        self._keys[view] = keys

    def __contains__(self, view: LiveView) -> bool:
        return view in self._keys

    @property
    def views(self) -> Iterable[LiveView]:
        return list(self._keys)

    def showing(self, table: str, key: str) -> Views:
        return self._by_row.get((table, key), set())

    def decided_by(self, table: str, change: RowChange) -> Iterator[Views]:
        """The views that such a change may bring a row into, or take one out of."""
        # A row with another key is another row.
        if change.op != "update" or "id" in change.columns:
            yield self._by_coming[table]
        else:
            yield self._by_column[table, None]
            for column in change.columns:
                yield self._by_column.get((table, column), set())

    def backs(self, table: str) -> Mapping[tuple[str, str], Views]:
        """By (column, the table it points to): the views that show what rows point to."""
        return self._backs[table]

    def _standing(self, view: LiveView) -> Iterator[Views]:
        for table, concern in view.concerns.items():
            columns = [None] if concern.deciding is None else concern.deciding
            yield from (self._by_column[table, column] for column in columns)
            if concern.coming:
                yield self._by_coming[table]
            if concern.back:
                yield self._backs[table][concern.back, view.definition.own_table]


@dataclass(slots=True)
class Waiting:
    """What PostgreSQL is to be asked about one table."""

    revisions: set[int] = field(default_factory=set)
    views: Views = field(default_factory=set)
    # By column and table: the revisions whose rows point through it.
    backs: defaultdict[tuple[str, str], set[int]] = field(default_factory=lambda: defaultdict(set))


class Reach:
    """Hears of changes, and marks the views that they concern."""

    def __init__(self, database: DatabaseThread, reading: Set[LiveView], mark: Mark) -> None:
        self.index = ViewIndex()
        self._database = database
        self._reading = reading
        self._mark = mark
        self._waiting: defaultdict[str, Waiting] = defaultdict(Waiting)
        self._wake = asyncio.Event()
        # Questions that were put to PostgreSQL, and how often it couldn't answer.
        self.asked = 0
        self.unanswered = 0

    def hear(self, table: str, changes: Iterable[RowChange]) -> None:
        if settings.REALTIME_READ_EVERYTHING:
            for view in self.index.views:
                if table in view.concerns:
                    self._mark(view)
            return
        for change in changes:
            for view in self.index.showing(table, change.key):
                if _touches(view.concerns.get(table), change):
                    self._mark(view, (table, change.key))
            for view in self._reading:
                if _touches(view.concerns.get(table), change):
                    view.changed_meanwhile.add((table, change.key))
            for views in self.index.decided_by(table, change):
                for view in views:
                    self._decide(view, table, change)
            for place, views in self.index.backs(table).items():
                if any(_touches(view.concerns.get(table), change) for view in views):
                    self._waiting[table].backs[place].add(change.revision)
                    self._wake.set()

    def _decide(self, view: LiveView, table: str, change: RowChange) -> None:
        if view.dirty:
            view.touch(None)
            return
        # A reading that runs may not see the change, and its page will not be the one that PostgreSQL is asked about.
        if view.reading or not view.concerns[table].asks:
            self._mark(view)
            return
        waiting = self._waiting[table]
        waiting.views.add(view)
        waiting.revisions.add(change.revision)
        self._wake.set()

    async def run(self) -> None:
        """Asks again and again, until cancelled."""
        asked_at = -math.inf
        while True:
            await self._wake.wait()
            if (rest := asked_at + GATHER_SECONDS - time.monotonic()) > 0:
                await asyncio.sleep(rest)
            self._wake.clear()
            asked_at = time.monotonic()
            await self.ask()

    async def ask(self) -> None:
        """Asks about everything heard so far."""
        waiting, self._waiting = self._waiting, defaultdict(Waiting)
        for table, asked in waiting.items():
            await self._ask(table, asked)

    async def _ask(self, table: str, asked: Waiting) -> None:
        # Whatever has been marked since, or is being read since, will show these changes if it is read whole.
        for view in asked.views:
            if view in self.index and (view.dirty or (view.reading and view.looking_at is not None)):
                self._mark(view)
        # A view that was closed has no say, even if another of its name has been opened.
        views = {view.key: view for view in asked.views if view in self.index and not view.dirty and not view.reading}
        questions: dict[str, Question] = {}
        for view in views.values():
            question = view.question(table)
            if question is None or len(views) * len(asked.revisions) > PAIRS_LIMIT:
                self._mark(view)
            else:
                questions[view.key] = question
        try:
            told, untold, pointed = await self._database.run(
                ask_postgres, table, questions, asked.revisions, dict(asked.backs)
            )
        except (DatabaseError, InterfaceError, Unanswerable) as error:
            self.unanswered += 1
            logger.warning("asking about '%s' failed (%s): reading instead", table, type(error).__name__)
            for view in views.values():
                self._mark(view)
            for place in asked.backs:
                for view in self.index.backs(table).get(place, ()):
                    self._mark(view)
            return
        self.asked += len(questions)
        metrics.QUESTIONS.inc(len(questions))
        self.unanswered += len(untold)
        for key in untold:
            self._mark(views[key])
        for key, answer in told.items():
            view = views[key]
            # Beyond the limit of counting, rows that come change no count; one that goes may bring it below.
            counts = view.snapshot is None or view.snapshot.counts
            if answer.inside or answer.left or (answer.came and counts):
                self._mark(view)
        for (column, parent), keys in pointed.items():
            self._point(table, column, parent, keys)

    def _point(self, table: str, column: str, parent: str, keys: Iterable[str]) -> None:
        """Marks the views that show a row to which a changed row points."""
        for key in keys:
            for view in self.index.showing(parent, key):
                if (concern := view.concerns.get(table)) and concern.back == column:
                    self._mark(view, (parent, key))
            for view in self._reading & self.index.backs(table)[column, parent]:
                view.changed_meanwhile.add((parent, key))

    def read(self, view: LiveView) -> None:
        """Notes what a view shows now."""
        if view.snapshot is not None:
            self.index.shows(view, view.snapshot.keys)
            for row in view.overtaken:
                self._mark(view, row)


def ask_postgres(
    table: str,
    questions: Mapping[str, Question],
    revisions: set[int],
    backs: Mapping[tuple[str, str], set[int]],
) -> tuple[dict[str, Answer], set[str], dict[tuple[str, str], set[str]]]:
    """What changes of a table mean for each view, and which rows they point to. Raises as ``answers`` does."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            for name in ("lock_timeout", "statement_timeout"):
                cursor.execute("select set_config(%s, %s, true)", [name, PATIENCE])
        told, untold = answers(questions, revisions) if questions else ({}, set())
        return told, untold, {place: parents(table, place[0], pointing) for place, pointing in backs.items()}


def _touches(concern: Concern | None, change: RowChange) -> bool:
    if concern is None:
        return False
    return change.op != "update" or concern.shown is None or not concern.shown.isdisjoint(change.columns)
