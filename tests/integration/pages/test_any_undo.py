"""Whatever three people do, undo and redo in whatever order, the database is what a model in plain Python says.

And every page that is open shows what a reload of it shows.
"""

import json
import os
import random
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from crm.models import Customer
from project.accounts.models import User
from realtime.database.actor import acting_user
from realtime.models import LiveModel
from realtime.pages.undo import action_targets, undo
from tests.integration.hub.test_reach import Office as Portal
from ticketing.models import Attachment, Comment, Ticket

pytestmark = pytest.mark.django_db

# The long form: STEPS=10000 SEEDS=7 bin/test tests/integration/pages/test_any_undo.py
STEPS = int(os.environ.get("STEPS", "400"))
SEEDS = [int(seed) for seed in os.environ.get("SEEDS", "1").split()]
MODELS: dict[str, type[LiveModel]] = {
    "customers": Customer,
    "tickets": Ticket,
    "comments": Comment,
    "attachments": Attachment,
}
FIELDS = {
    "customers": ("name", "email"),
    "tickets": ("title", "description", "status", "customer_id"),
    "comments": ("content", "ticket_id"),
    "attachments": ("file_name", "ticket_id", "comment_id"),
}
PARENTS = {"customer_id": "customers", "ticket_id": "tickets", "comment_id": "comments"}
FIRST = {
    "customers": ("tickets", "customer_id"),
    "tickets": ("comments", "ticket_id"),
    "comments": ("attachments", "comment_id"),
}
WORDS = ("lamp", "desk", "chair")
# Looking at all pages takes as long as several steps.
LOOK_EVERY = 4
PAGES = 12

Place = tuple[str, str]
Row = dict[str, Any]
State = dict[Place, Row]
# By row: how the action found it and how it left it, None where there was none.
Effects = dict[Place, tuple[Row | None, Row | None]]


class Office:
    """The database, the model of it, and what was done: every write goes to both."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.rows: State = {}
        self.done: dict[str, Effects] = {}
        self.people = [User.objects.create_user(f"person-{number}") for number in range(3)]
        self.managers = Group.objects.get(name="Managers")
        self.readers = Group.objects.get(name="Read-only")
        self.may_write = dict.fromkeys(self.people, True)
        for person in self.people:
            person.groups.add(self.managers)
        self.told: Counter[str] = Counter()

    # Reading

    def keys(self, table: str) -> list[str]:
        return sorted(key for name, key in self.rows if name == table)

    def hanging_on(self, table: str, key: str) -> list[Place]:
        columns = [column for column, parent in PARENTS.items() if parent == table]
        return [place for place, row in self.rows.items() if any(row.get(column) == key for column in columns)]

    def in_the_database(self) -> State:
        found: State = {}
        for table, fields in FIELDS.items():
            with connection.cursor() as cursor:
                cursor.execute(f"select id::text, to_jsonb(t) from {table} as t")
                for key, text in cursor.fetchall():
                    row = json.loads(text)
                    found[table, key] = {name: row[name] for name in (*fields, "created_at")}
        return found

    # Writing

    def act(self, person: User | None) -> None:
        """One person, or another program, does something in one go."""
        before = {place: dict(row) for place, row in self.rows.items()}
        chance = self.chance
        # On a desk with few rows, people get in each other's way.
        weights = (30, 45, 10, 15 if len(self.rows) < 60 else 80)
        deed = chance.choices((self._add, self._change, self._change_many, self._delete), weights=weights)[0]
        if person is None:
            with connection.cursor() as cursor:
                cursor.execute("select set_config('livedesk.actor', '', true), set_config('livedesk.action', '', true)")
            deed()
            return
        with acting_user(str(person.pk)) as action:
            deed()
            name = action.name
        if name:
            self._note(name, before)

    def _note(self, name: str, before: State) -> None:
        places = {place for place in {*before, *self.rows} if before.get(place) != self.rows.get(place)}
        after = {place: dict(row) for place, row in self.rows.items()}
        self.done[name] = {place: (before.get(place), after.get(place)) for place in places}

    def word(self) -> str:
        return f"{self.chance.choice(WORDS)} {self.chance.randint(0, 3)}"

    def _value(self, column: str) -> Any:
        if column in PARENTS:
            keys = self.keys(PARENTS[column])
            # Often what has just come: that is what an undo of its coming has to leave alone.
            newest = [key for table, key in self.rows if table == PARENTS[column]][-2:]
            return self.chance.choice(newest if self.chance.random() < 0.4 else keys) if keys else None
        return self.chance.choice(("open", "pending", "closed")) if column == "status" else self.word()

    def _add(self) -> None:
        table = self.chance.choice([*FIELDS])
        added = self._insert(table)
        # A customer with a first ticket, a ticket with a comment, a comment with a file.
        if added and table in FIRST and self.chance.random() < 0.4:
            self._insert(FIRST[table][0], added)

    def _insert(self, table: str, parent: str | None = None) -> str | None:
        row = {column: self._value(column) for column in FIELDS[table]}
        if parent is not None:
            row[next(column for other, column in FIRST.values() if other == table)] = parent
        if row.get("comment_id"):
            row["ticket_id"] = self.rows["comments", row["comment_id"]]["ticket_id"]
        if table in ("comments", "attachments") and row["ticket_id"] is None:
            return None
        key = str(UUID(int=self.chance.getrandbits(128), version=4))
        made = MODELS[table]._default_manager.create(pk=key, **row)
        made.refresh_from_db(fields=["created_at"])
        with connection.cursor() as cursor:
            cursor.execute(f"select to_jsonb(created_at) #>> '{{}}' from {table} where id = %s", [key])
            row["created_at"] = cursor.fetchone()[0]
        self.rows[table, key] = row
        return key

    def _change(self) -> None:
        table = self.chance.choice(("customers", "tickets", "tickets", "comments"))
        columns = [column for column in FIELDS[table] if column not in ("ticket_id",)]
        if keys := self.keys(table):
            wanted = {
                column: self._value(column)
                for column in self.chance.sample(columns, self.chance.randint(1, len(columns)))
            }
            self._write(table, [self.chance.choice(keys)], wanted)

    def _change_many(self) -> None:
        keys = self.keys("tickets")
        self._write("tickets", self.chance.sample(keys, len(keys) // 2), {"status": self._value("status")})

    def _write(self, table: str, keys: list[str], values: Row) -> None:
        MODELS[table]._default_manager.filter(pk__in=keys).update(**values)
        for key in keys:
            self.rows[table, key] |= values

    def _delete(self) -> None:
        table = self.chance.choice([*FIELDS])
        keys = [key for key in self.keys(table) if table != "customers" or not self.hanging_on(table, key)]
        if not keys:
            return
        key = self.chance.choice(keys)
        MODELS[table]._default_manager.get(pk=key).delete()
        self._forget((table, key))

    def _forget(self, place: Place) -> None:
        for other in self.hanging_on(*place):
            self._forget(other)
        self.rows.pop(place, None)

    # Undoing

    def undo_something(self, person: User) -> None:
        # Mostly something recent, as people do; also what somebody else did, and what is long past.
        names = [*self.done]
        recent = names[-8:] if self.chance.random() < 0.7 else names
        doing, rest, anyway = self.chance.choice(recent), self.chance.random() < 0.5, self.chance.random() < 0.3
        expected, problems = self._undone(self.done[doing], anyway)
        expects_change = self.may_write[person] and expected != self.rows and (not problems or rest)
        choices = [f"{table}:{key}:{column}" for table, key in self.done[doing] for column in ("", *FIELDS[table])]
        outcome = undo(
            User.objects.get(pk=person.pk), action_targets(person, doing) or (), choices if anyway else (), rest
        )
        assert bool(outcome.action) == expects_change, (outcome.said, problems)
        if not self.may_write[person] and (problems or expected != self.rows):
            assert "may not" in outcome.said or problems
        self.told["undone" if outcome.action else "refused"] += 1
        self.told["asked"] += bool(problems)
        self.told["redone"] += bool(outcome.action and doing.startswith("undo:"))
        if outcome.action:
            before, self.rows = self.rows, expected
            self._note(outcome.action, before)

    def _undone(self, effects: Effects, anyway: bool) -> tuple[State, bool]:
        """What is there after an undo of everything that can be undone, and whether that isn't all."""
        after, problems = {place: dict(row) for place, row in self.rows.items()}, False
        order = [*FIELDS]
        for place in sorted(effects, key=lambda place: order.index(place[0])):
            before, left = effects[place]
            now = self.rows.get(place)
            if before is not None and now is None:
                if left is not None or not _parents_there(before, after):
                    problems = True
                else:
                    after[place] = dict(before)
            elif before is not None and now is not None:
                if left is None:
                    problems |= now != before
                    continue
                for column, value in before.items():
                    if value == left[column] or value == now[column]:
                        continue
                    is_there = column not in PARENTS or value is None or (PARENTS[column], value) in after
                    if is_there and (anyway or now[column] == left[column]):
                        after[place][column] = value
                    else:
                        problems = True
        for place in sorted(effects, key=lambda place: -order.index(place[0])):
            before, left = effects[place]
            now = self.rows.get(place)
            if before is None and now is not None:
                hangs = any(
                    (PARENTS[column], row[column]) == place
                    for row in after.values()
                    for column in PARENTS
                    if column in row
                )
                self.told["hangs"] += hangs
                if hangs or (now != left and not anyway):
                    problems = True
                else:
                    del after[place]
        return after, problems


def _parents_there(row: Row, state: State) -> bool:
    return all((PARENTS[name], value) in state for name, value in row.items() if name in PARENTS and value is not None)


class Screens:
    """Some open pages of what the office works on."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.portal = Portal()

    def look(self) -> None:
        """Every page shows what a reload of it shows; then some are closed, and others opened."""
        marked = self.portal.hear()
        for view in list(self.portal.views):
            assert view.snapshot is not None
            now = view.definition.snapshot(view.params).shown
            if view in marked:
                self.portal.read(view)
            assert view.snapshot.shown == now, f"{view.definition.name} {view.params}: {self.portal.changes}"
        for view in self.office.chance.sample(self.portal.views, len(self.portal.views) // 4):
            self.portal.close(view)
        while len(self.portal.views) < PAGES:
            self.portal.open(*self._page())

    def _page(self) -> tuple[str, dict[str, Any]]:
        chance = self.office.chance
        seen = [model._meta.verbose_name for model in MODELS.values()]
        tickets, customers = (self.office.keys(table) or [str(UUID(int=0))] for table in ("tickets", "customers"))
        ticket, customer = chance.choice(tickets), chance.choice(customers)
        pages: list[tuple[str, dict[str, Any]]] = [
            ("tickets", {"q": self.office.word()}),
            ("tickets", {"status": [chance.choice(("open", "closed"))], "sort": "title", "last": "1"}),
            ("customers", {"q": self.office.word()}),
            ("ticket", {"id": ticket}),
            ("comments", {"ticket": ticket}),
            ("attachments", {"ticket": ticket}),
            ("customer", {"id": customer}),
            ("customer-tickets", {"id": customer}),
            ("history", {"seen": seen, "record": "", "kind": ""}),
            ("history", {"seen": seen, "record": f"ticket/{ticket}", "kind": ""}),
        ]
        return chance.choice(pages)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_database_is_what_a_model_says_after_any_undo_and_redo(seed: int) -> None:
    chance = random.Random(seed)
    office = Office(chance)
    for _ in range(20):
        office.act(chance.choice(office.people))
    screens = Screens(office)
    for step in range(STEPS):
        person = chance.choice(office.people)
        if chance.random() < 0.04:
            office.may_write[person] = not office.may_write[person]
            person.groups.set([office.managers if office.may_write[person] else office.readers])
        if chance.random() < 0.5:
            office.undo_something(person)
        else:
            office.act(chance.choice((*office.people, None)))
        assert office.in_the_database() == office.rows, f"seed {seed}, step {step}"
        if step % LOOK_EVERY == 0:
            screens.look()
    assert office.told["hangs"] > STEPS / 200, office.told
    assert office.told["undone"] > STEPS / 8, office.told
    assert min(office.told[what] for what in ("refused", "asked", "redone")) > STEPS / 40, office.told
