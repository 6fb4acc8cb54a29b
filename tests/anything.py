"""Anything that people may look at, and anything that other programs may write, at random from a seed.

For the tests that compare live pages with their reloads: no page that somebody could open may be left out, nor any
order in which transactions can commit.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from crm import customer_page
from realtime.database.columns import columns_of
from realtime.database.words import words_of
from realtime.keys import KEY_TYPE, UUIDS, read_key
from realtime.live.app_filters import AppText
from realtime.live.definition import Params, _definitions, definition_named
from realtime.live.filters import AmountFilter, ChoiceFilter, DayFilter, Filters, KeyFilter
from realtime.live.lists import LiveList
from realtime.live.tracked import all_tracked
from realtime.sight import Sight, all_scopes

PROJECTS = Path(__file__).parent / "their_projects"
WORDS = ("lamp", "desk", "Lefèvre", "müller", "ROOF")
SEARCHES = ("lamp", "lefevre", "LAMP roo", "mull", "x")
TABLES = (
    *("products", "customers", "acquisitions", "interactions"),
    *("tickets", "comments", "attachments", "ticket_links"),
)
# What some columns hold, as our own migrations make them.
HELD: Mapping[str, Sequence[str | None]] = {
    "status": ("open", "pending", "closed"),
    "priority": ("low", "urgent"),
    "type": ("call", "note"),
}
# Somebody's project with keys of this process's kind.
AN_APP = PROJECTS / ("odd_rows.sql" if UUIDS else "bigint_keys.sql")
# What columns of an app may hold besides, if it has them.
ODD: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "products": {
        "price": (None, -1, 0.125),
        "created_at": (None, "2020-02-03 04:05:06"),
        "supplier": (None, "", "Acme", "Ĺampé"),
        "stock": (None, -3, 50, 500),
    },
    "customers": {
        "email": (None, "no address"),
        "created_at": (None, "2020-02-03 04:05:06Z"),
        "tenant": ("main", "lamp"),
        "newsletter": (None, True, False),
        "since": (None, "2026-01-10", "infinity"),
    },
    "acquisitions": {"quantity": (None, 1.5, -2), "total_amount": (None, "0.0001", -7)},
    "interactions": {"notes": (None,), "interaction_at": (None,), "created_at": (None, "2021-02-03 04:05:06Z")},
    "tickets": {
        "created_at": (None,),
        "updated_at": (None, "2020-02-03 04:05:06Z"),
        "channel": (None, "Phone %s", "mail"),
        "team": (None, "", " north", "south"),
        "due": (None, "2026-02-20 23:30:00", "2026-01-10 12:00:00"),
    },
    "comments": {"created_at": (None, "2020-02-03 04:05:06Z")},
}
# What points to a row goes first; a ticket without its customer may stay.
POINTING = {
    "customers": (("acquisitions", "customer_id"), ("interactions", "customer_id")),
    "products": (("acquisitions", "product_id"),),
    "tickets": (
        *(("attachments", "ticket_id"), ("comments", "ticket_id")),
        *(("ticket_links", "ticket_id"), ("ticket_links", "other_id")),
    ),
    "comments": (("attachments", "comment_id"),),
}
# Another writer was there first.
GIVEN_WAY = (
    psycopg.errors.IntegrityError,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
)

# Runs a statement and returns its rows; hears which rows there are now, and which no more.
Run = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
Note = Callable[[str, str, bool], None]


def seed_of(told: str) -> int:
    """The seed that somebody asks for, or any; pytest shows it with a failure."""
    seed = random.randrange(1_000_000) if told == "any" else int(told)
    print(f"seed {seed}")  # noqa: T201
    return seed


class Anything:
    """Knows the rows that it has written, and touches no others. ``word`` is in every name that it gives.

    Where columns hold other words than ours (``held``), somebody changes now and then how these look. ``adopted``: the
    tables are an app's own, and hold what it lets them.
    """

    def __init__(
        self,
        chance: random.Random,
        word: str = "",
        people: Sequence[str] = (),
        held: Mapping[str, Sequence[str | None]] = HELD,
        adopted: bool = False,
    ) -> None:
        self.chance = chance
        self.keys: dict[str, list[str]] = {table: [] for table in TABLES}
        self.people = list(people) or [self._random_uuid() for _ in range(3)]
        self._word = word
        self._held = held
        self._adopted = adopted

    def note(self, table: str, key: str, there: bool) -> None:
        """A row has come or gone, for everybody to see."""
        if not there and key in self.keys[table]:
            self.keys[table].remove(key)
        elif there and key not in self.keys[table]:
            self.keys[table].append(key)

    def one_of(self, table: str) -> str:
        """The key of a row that is there, or of none."""
        return self.chance.choice(self.keys[table]) if self.keys[table] else self._new_key()

    def _new_key(self) -> str:
        # Rows of different tables then often have the same one.
        return self._random_uuid() if UUIDS else str(self.chance.randint(1, 3_000))

    def _random_uuid(self) -> str:
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    def _name(self) -> str:
        return " ".join([self._word, *self.chance.choices(WORDS, k=2), str(self.chance.randint(0, 9))]).strip()

    # Writing

    def furnish(self, run: Run, writes: int) -> None:
        """The first rows."""
        for table in TABLES[:2] * 3:
            self._insert(run, self.note, table, self._new_key())
        for _ in range(writes):
            self.write(run, self.note)

    def write(self, run: Run, note: Note) -> None:
        """One random change of one random table."""
        chance = self.chance
        if self._held is not HELD and chance.random() < 0.02:
            self._reword(run)
            return
        table = chance.choice((*TABLES, "tickets", "tickets", "customers"))
        action = chance.choices(
            (self._insert, self._update, self._delete, self._insert_again, self._update_many, self._change_nothing),
            weights=(25, 50, 20, 2, 2, 2),
        )[0]
        action(run, note, table, self._new_key() if action == self._insert else self.one_of(table))

    def _reword(self, run: Run) -> None:
        column, value = self.chance.choice(
            (
                ("label", self._name()),
                ("position", self.chance.randint(0, 9)),
                ("colour", self.chance.choice(("grey", "red", "violet"))),
                ("is_open", self.chance.choice((True, False))),
            )
        )
        place = ("interactions", "type") if self.chance.random() < 0.2 else ("tickets", "status")
        run(
            f"update realtime_word set {column} = %s where id = (select id from realtime_word"
            " where (table_name, column_name) = (%s, %s) order by md5(id::text || %s) limit 1)",
            [value, *place, str(self.chance.random())],
        )

    def _row(self, table: str, key: str) -> dict[str, Any]:
        row = self._row_of_ours(table, key)
        if self._adopted:
            odd = {column: self.chance.choice(values) for column, values in ODD.get(table, {}).items()}
            there = columns_of(table)
            row |= {name: value for name, value in odd.items() if name in there and self.chance.random() < 0.3}
        return row

    def _row_of_ours(self, table: str, key: str) -> dict[str, Any]:
        chance = self.chance
        match table:
            case "products":
                return {"name": self._name(), "price": chance.choice((1, 50, 150, 2000)), "description": self._name()}
            case "customers":
                return {"name": self._name(), "email": chance.choice(("", "a@b.example")), "phone": "1"}
            case "acquisitions":
                row = {"customer_id": self.one_of("customers"), "product_id": self.one_of("products")}
                return row | {"quantity": chance.randint(1, 3), "total_amount": chance.choice((1, 500, 5000))}
            case "interactions":
                row = {"customer_id": self.one_of("customers"), "type": chance.choice(self._held["type"])}
                return row | {"notes": self._name(), "interaction_at": f"2026-01-{chance.randint(1, 28):02} 10:00Z"}
            case "tickets":
                return {
                    "title": self._name(),
                    "description": chance.choice(("", self._name())),
                    "status": chance.choice(self._held["status"]),
                    "priority": chance.choice(self._held["priority"]),
                    "customer_id": chance.choice((None, self.one_of("customers"))),
                    "assigned_to": chance.choice((None, *self.people)),
                    "merged_into_id": self._lower_ticket(key) if chance.random() < 0.4 else None,
                    "created_at": f"2026-02-{chance.randint(1, 28):02} 10:00Z",
                }
            case "comments":
                row = {"ticket_id": self.one_of("tickets"), "content": self._name()}
                row |= {"merged_from_id": chance.choice((None, None, self.one_of("tickets")))}
                return row | {"author_id": chance.choice((None, *self.people))}
            case "ticket_links":
                one, other = chance.sample(self.keys["tickets"], 2)
                row = {"ticket_id": one, "other_id": other, "kind": chance.choice(("related", "duplicate"))}
                return row | {"created_by": chance.choice((None, *self.people))}
            case _:
                row = {"file_name": self._name(), "file_url": "https://a.example/b", "file_size": chance.randint(1, 9)}
                return row | self._place_of_a_file()

    def _lower_ticket(self, key: str) -> str | None:
        """So that no merges go round in a circle."""
        lower = [other for other in self.keys["tickets"] if read_key(other) < read_key(key)]  # type: ignore[operator]
        return self.chance.choice(lower) if lower else None

    def _can_be(self, table: str) -> bool:
        return table != "ticket_links" or len(self.keys["tickets"]) > 1

    def _place_of_a_file(self) -> dict[str, Any]:
        return {"ticket_id": self.one_of("tickets"), "comment_id": self.chance.choice((None, self.one_of("comments")))}

    def _insert(self, run: Run, note: Note, table: str, key: str) -> None:
        if not self._can_be(table):
            return
        row = {"id": key} | self._row(table, key)
        if row.get("comment_id") not in (None, *self.keys["comments"]):
            row["comment_id"] = None
        if any(not self.keys[parent] for parent in _parents(row)):
            return
        places = ", ".join(["%s"] * len(row))
        # Two tickets have one link.
        statement = (
            f"insert into {table} ({', '.join(row)}) overriding system value values ({places})"
            " on conflict do nothing returning id"
        )
        if run(statement, [*row.values()]):
            note(table, key, True)

    def _update(self, run: Run, note: Note, table: str, key: str) -> None:
        if not self._can_be(table):
            return
        row = self._row(table, key)
        # Triggers keep the first.
        column = self.chance.choice([name for name in row if name != "created_at"])
        if column in PARENTS and row[column] not in (None, *self.keys[PARENTS[column]]):
            return
        if table == "ticket_links" and column in PARENTS:
            # The other two may have a link already.
            return
        run(f"update {table} set {column} = %s where id = %s", [row[column], key])

    def _update_many(self, run: Run, note: Note, table: str, key: str) -> None:
        column = {"tickets": "status", "products": "price", "acquisitions": "total_amount"}.get(table)
        if column is not None:
            some = self.chance.sample(self.keys[table], k=len(self.keys[table]) // 3)
            statement = f"update {table} set {column} = %s where id = any(%s::{KEY_TYPE}[])"
            run(statement, [self._row(table, key)[column], sorted(some)])

    def _change_nothing(self, run: Run, note: Note, table: str, key: str) -> None:
        run(f"update {table} set updated_at = now() where id = %s", [key])

    def _delete(self, run: Run, note: Note, table: str, key: str) -> None:
        if table in ("customers", "products") and self.chance.random() < 0.6:
            # Each has many others that would go along.
            return
        if table == "customers":
            run("update tickets set customer_id = null where customer_id = %s", [key])
        self._delete_with_all(run, note, table, key)

    def _delete_with_all(self, run: Run, note: Note, table: str, key: str) -> None:
        for other, column in POINTING.get(table, ()):
            for (pointing,) in run(f"select id from {other} where {column} = %s order by id", [key]):
                self._delete_with_all(run, note, other, str(pointing))
        run(f"delete from {table} where id = %s", [key])
        note(table, key, False)

    def _insert_again(self, run: Run, note: Note, table: str, key: str) -> None:
        """The same key, another row."""
        if table not in ("customers", "products"):
            self._delete_with_all(run, note, table, key)
            self._insert(run, note, table, key)

    # Looking

    def sight(self) -> Sight | None:
        """Whose eyes look: often those of somebody who sees everything, else any limits that groups may have."""
        chance = self.chance
        if chance.random() < 0.5:
            return None
        limits: dict[str, list[str]] = {}
        for scope in chance.sample(all_scopes(), k=chance.choice((1, 1, 2))):
            limits.setdefault(scope.table, []).append(scope.key)
        told = tuple((table, tuple(sorted(scopes))) for table, scopes in sorted(limits.items()))
        return Sight(chance.choice(self.people), told)

    def view(self, places: bool = True) -> tuple[str, dict[str, Any]]:
        """A definition's name and its parameters. With ``places``, it may be any page of a list."""
        names = [name for name in _definitions if name.removesuffix("-count") not in LISTS]
        if self.chance.random() < 0.4:
            name = self.chance.choice(names)
            return name, self._about_something(name, places)
        listing = self.chance.choice((*LISTS, "tickets", "tickets"))
        raw = self.listing(listing)
        if self.chance.random() < 0.3:
            return f"{listing}-count", raw
        return listing, raw | (self._place_in(listing, raw) if places else {})

    def listing(self, name: str) -> dict[str, Any]:
        """The first page of a list: any search, any filters, any order."""
        chance, definition = self.chance, _list(name)
        raw: dict[str, Any] = {"sort": chance.choice(("", "-")) + chance.choice(list(definition.sorts))}
        raw |= {"size": chance.choice((25, 25, 50)), "q": self._word}
        if chance.random() < 0.3:
            raw["q"] = f"{self._word} {chance.choice(SEARCHES)}".strip()
        on = [each for each in definition.all_filters.base_filters.items() if chance.random() < 0.12]
        return raw | {name: list(self._values(filter_)) for name, filter_ in on}

    def _values(self, filter_: Any) -> Iterator[str]:
        chance = self.chance
        for _ in range(min(filter_.limit, 2)):
            if isinstance(filter_, KeyFilter):
                keys = [self.one_of(filter_.kind.table)] if filter_.kind else self.people
                yield chance.choice([*keys, filter_.none] if filter_.none else keys)
            elif isinstance(filter_, ChoiceFilter):
                yield chance.choice([name for name, _ in filter_.choices])
            elif isinstance(filter_, DayFilter):
                yield chance.choice(("2026-01-10", "2026-02-20"))
            elif isinstance(filter_, AppText):
                yield chance.choice((*SEARCHES, "ACME", "è"))
            else:
                assert isinstance(filter_, AmountFilter), f"nobody knows which values {filter_} takes"
                yield chance.choice(("2", "50", "500"))

    def _place_in(self, name: str, raw: Mapping[str, Any]) -> dict[str, Any]:
        if self.chance.random() < 0.5:
            definition = _list(name)
            params = definition.normalise(raw)
            rows = list(definition.queryset(params))
            if rows:
                place = definition.order(params).key_of(self.chance.choice(rows)).text
                return {self.chance.choice(("after", "before")): place}
        return {"last": "1"} if self.chance.random() < 0.3 else {}

    def _about_something(self, name: str, places: bool) -> Params:
        """The parameters of whatever isn't a list of everything: it takes those that it knows."""
        chance = self.chance
        if name == "history":
            seen = [tracked.kind.singular for tracked in all_tracked()]
            record = f"ticket/{self.one_of('tickets')}" if chance.random() < 0.5 else ""
            return {"seen": seen, "record": record, "kind": chance.choice(("", "", *seen))}
        if name in ("bell", "newest-notifications", "notifications"):
            # The first of the people is whoever looks: nobody else may see what that one was told.
            told = {"kind": chance.choice(("", "", "assigned", "reply")), "unread": chance.choice(("", "1"))}
            return {"person": self.people[0], "comments": True, **told}
        subject = f"{name.split('-')[0]}s"
        raw: dict[str, Any] = {"id": self.one_of(subject) if subject in TABLES else "", "revision": 0}
        raw |= {"status": self._column_of_the_board(), "ticket": self.one_of("tickets")}
        raw |= {"by": chance.choice(("weeks", "months"))}
        if name == "customer-timeline":
            known = [source.name for source in customer_page.sources]
            raw["show"] = chance.sample(known, k=chance.randint(1, len(known)))
            if places:
                raw |= self._place_on_a_timeline(raw["id"])
        elif name == "comments" and places:
            raw |= self._place_in(name, raw)
        return raw

    def _column_of_the_board(self) -> str | None:
        return self.chance.choice((*(word.value for word in words_of("tickets", "status")), None))

    def _place_on_a_timeline(self, customer: str) -> dict[str, Any]:
        entries = [entry for source in customer_page.sources for entry in source.entries(customer, 50)]
        if entries and self.chance.random() < 0.5:
            return {self.chance.choice(("after", "before")): self.chance.choice(entries).place.text}
        return {}


PARENTS = {
    "customer_id": "customers",
    "product_id": "products",
    "ticket_id": "tickets",
    "other_id": "tickets",
    "merged_into_id": "tickets",
    "merged_from_id": "tickets",
    "comment_id": "comments",
}


def _parents(row: Mapping[str, Any]) -> list[str]:
    return [PARENTS[column] for column, value in row.items() if column in PARENTS and value is not None]


def _list(name: str) -> LiveList:
    definition = definition_named(name)
    assert isinstance(definition, LiveList)
    return definition


# Lists of everything: what can be filtered.
LISTS = tuple(
    name
    for name, definition in _definitions.items()
    if isinstance(definition, LiveList) and definition.filters is not Filters
)


class Writer:
    """Another program with a connection of its own: single statements, and transactions that it ends in any way.

    Several of them take their steps in turn, so a seed decides how their transactions overlap. ``ends`` is how likely
    an open one ends at a step.
    """

    def __init__(self, sql: "psycopg.Connection[Any]", anything: Anything, ends: float) -> None:
        self._sql = sql
        self._anything = anything
        self._chance = anything.chance
        self._ends = ends
        self._noted: list[tuple[str, str, bool]] | None = None
        # One thread takes all the steps: whom it waits for can't go on meanwhile.
        sql.execute("set lock_timeout = '50ms'")

    def furnish(self, writes: int) -> None:
        with self._sql.transaction():
            self._anything.furnish(self._run, writes)

    def close(self) -> None:
        self._sql.close()

    def step(self) -> None:
        try:
            if self._noted is not None and self._chance.random() < self._ends:
                self.end()
            elif self._noted is None and self._chance.random() < 0.4:
                self._begin()
            else:
                self._write()
        except GIVEN_WAY:
            self._roll_back()

    def end(self, commits: float = 0.7) -> None:
        """Ends the transaction, if there is one."""
        if self._noted is None:
            return
        if self._chance.random() >= commits:
            self._roll_back()
            return
        try:
            self._sql.execute("commit")
        except GIVEN_WAY:
            self._roll_back()
            return
        noted, self._noted = self._noted, None
        for told in noted:
            self._anything.note(*told)

    def _begin(self) -> None:
        level = self._chance.choice(("read committed", "read committed", "repeatable read"))
        self._sql.execute(f"begin isolation level {level}".encode())
        self._noted = []
        self._run("select set_config('livedesk.actor', %s, true)", [self._chance.choice(self._anything.people)])
        self._write()

    def _write(self) -> None:
        if self._noted is None:
            self._anything.write(self._run, self._anything.note)
        elif self._chance.random() < 0.1:
            self._sql.execute("savepoint here")
            self._anything.write(self._run, lambda table, key, there: None)
            self._sql.execute("rollback to savepoint here")
        else:
            self._anything.write(self._run, lambda *told: self._noted.append(told))  # type: ignore[union-attr]

    def _roll_back(self) -> None:
        if self._noted is not None:
            self._noted = None
            self._sql.execute("rollback")

    def _run(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        cursor = self._sql.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []
