"""Other programs: random writes to all live tables, in every form that a change can take."""

import json
import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg

from realtime.keys import Key

Connection = psycopg.Connection[Any]

TABLES = (
    *("products", "customers", "acquisitions", "interactions"),
    *("tickets", "comments", "attachments", "ticket_links"),
)
# Tables grow and shrink around this many rows.
USUAL = 80
RECONNECT_SECONDS = 0.3
LONG_SECONDS = (1.0, 6.0)
REMEMBERED = 20

# What depends on a row and must be deleted first.
DEPENDANTS: Mapping[str, Sequence[tuple[str, str]]] = {
    "customers": (("acquisitions", "customer_id"), ("interactions", "customer_id"), ("tickets", "customer_id")),
    "products": (("acquisitions", "product_id"),),
    "tickets": (("attachments", "ticket_id"), ("comments", "ticket_id")),
    "comments": (("attachments", "comment_id"),),
}
# Another writer got there first, or a frozen process held a lock: nobody's fault.
EXPECTED = (
    psycopg.errors.IntegrityError,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.SerializationFailure,
    # The database is read-only, or a column has another name for a moment, or had one when a statement was prepared.
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.FeatureNotSupported,
)


class Writer:
    """Writes until told to stop; survives the database's restarts. ``anchors`` are keys that stay, by table."""

    def __init__(
        self, connect: Callable[[], Connection], seed: str, pace: float, anchors: Mapping[str, Sequence[Key]]
    ) -> None:
        self.done: Counter[str] = Counter()
        self.problems: list[str] = []
        self._connect = connect
        self._chance = random.Random(seed)
        self._pace = pace
        self._anchors = anchors
        self._deleted: deque[tuple[str, dict[str, Any]]] = deque(maxlen=REMEMBERED)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"writer {seed}", daemon=True)
        self._actions: dict[Callable[[Connection], None], int] = {
            self._change_one: 40,
            self._insert_or_delete: 25,
            self._take_back: 6,
            self._delete_and_insert: 3,
            self._upsert: 3,
            self._bulk_change: 4,
            self._bulk_insert: 2,
            self._bulk_delete: 2,
            self._roll_back: 5,
            self._savepoint: 5,
            self._long: 2,
            self._change_nothing: 2,
            self._change_key: 2,
            self._merge: 3,
        }

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Asks it to end; ``join()`` waits until it has."""
        self._stopping.set()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)
        if self._thread.is_alive():
            self.problems.append(f"{self._thread.name} doesn't end")

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._connect() as sql:
                    sql.execute("set lock_timeout = '3s'")
                    self._write_for_ever(sql)
            except (psycopg.OperationalError, psycopg.InterfaceError):
                self.done["reconnected"] += 1
                self._stopping.wait(RECONNECT_SECONDS)
            except psycopg.Error as error:
                self.problems.append(f"{type(error).__name__}: {error}")
                self._stopping.wait(RECONNECT_SECONDS)

    def _write_for_ever(self, sql: Connection) -> None:
        while not self._stopping.wait(self._chance.expovariate(1 / self._pace)):
            action = self._truncate if self._chance.random() < 0.002 else self._chosen_action()
            try:
                action(sql)
                self.done[action.__name__.strip("_")] += 1
            except EXPECTED as error:
                self.done[f"gave way: {type(error).__name__}"] += 1

    def _chosen_action(self) -> Callable[[Connection], None]:
        return self._chance.choices(list(self._actions), weights=list(self._actions.values()))[0]

    # Statements

    def _insert(self, sql: Connection, table: str) -> None:
        columns = self._new(sql, table)
        marks = ", ".join(["%s"] * len(columns))
        _run(sql, f"insert into {table} ({', '.join(columns)}) values ({marks})", list(columns.values()))

    def _new(self, sql: Connection, table: str) -> dict[str, Any]:
        word, chance = self._word(), self._chance
        match table:
            case "products":
                return {"name": word, "price": chance.randint(0, 3000), "description": word}
            case "customers":
                return {"name": word, "email": chance.choice(("", f"{chance.random()}@example.org"))}
            case "acquisitions":
                owners = {"customer_id": self._any(sql, "customers"), "product_id": self._any(sql, "products")}
                return owners | {"total_amount": chance.randint(0, 3000)}
            case "interactions":
                kind = chance.choice(("call", "email", "meeting", "note"))
                return {"customer_id": self._any(sql, "customers"), "notes": word, "type": kind}
            case "tickets":
                return {"title": word, "customer_id": self._any(sql, "customers"), "status": self._status()}
            case "comments":
                return {"ticket_id": self._any(sql, "tickets"), "content": word}
            case "ticket_links":
                return {"ticket_id": self._any(sql, "tickets"), "other_id": self._any(sql, "tickets")}
            case _:
                url = "https://files.example/x"
                return {"ticket_id": self._any(sql, "tickets"), "file_name": word, "file_url": url}

    def _change(self, sql: Connection, table: str) -> None:
        column, value = self._new_value(table)
        _run(sql, f"update {table} set {column} = %s where id = %s", [value, self._any(sql, table)])

    def _new_value(self, table: str) -> tuple[str, Any]:
        chance = self._chance
        values: dict[str, tuple[tuple[str, Any], ...]] = {
            "products": (("name", self._word()), ("price", chance.randint(0, 3000))),
            "customers": (("name", self._word()), ("phone", str(chance.randint(1000, 9999)))),
            "acquisitions": (("total_amount", chance.randint(0, 3000)), ("quantity", chance.randint(1, 9))),
            "interactions": (("notes", self._word()), ("type", chance.choice(("call", "email", "meeting", "note")))),
            "tickets": (("title", self._word()), ("status", self._status()), ("status", self._status())),
            "comments": (("content", self._word()),),
            "attachments": (("file_name", self._word()), ("file_size", chance.randint(0, 10**6))),
            "ticket_links": (("kind", chance.choice(("related", "duplicate"))),),
        }
        return chance.choice(values[table])

    def _delete(self, sql: Connection, table: str) -> dict[str, Any] | None:
        """Deletes some row that is no anchor, and what depends on it; returns the row as it was."""
        key = self._any(sql, table, anchors=False)
        if key is None or key in self._anchors.get(table, ()):
            return None
        with sql.transaction():
            for dependant, column in DEPENDANTS.get(table, ()):
                kept = list(self._anchors.get(dependant, ()))
                if (
                    _run(sql, f"select 1 from {dependant} where {column} = %s and id = any(%s)", [key, kept])
                    is not None
                ):
                    return None
            for dependant, column in DEPENDANTS.get(table, ()):
                for further, its_column in DEPENDANTS.get(dependant, ()):
                    condition = f"{its_column} in (select id from {dependant} where {column} = %s)"
                    _run(sql, f"delete from {further} where {condition}", [key])
                _run(sql, f"delete from {dependant} where {column} = %s", [key])
            row = _run(sql, f"delete from {table} gone where id = %s returning to_jsonb(gone)", [key])
        return row[0] if row else None

    def _put_back(self, sql: Connection, table: str, row: dict[str, Any]) -> None:
        computed = "select attname from pg_attribute where attrelid = %s::regclass and attgenerated <> ''"
        with sql.cursor() as cursor:
            generated = {name for (name,) in cursor.execute(computed, [table]).fetchall()}
        columns = ", ".join(f'"{name}"' for name in row if name not in generated)
        told = f"select {columns} from jsonb_populate_record(null::{table}, %s::jsonb)"
        _run(sql, f"insert into {table} ({columns}) overriding system value {told}", [json.dumps(row)])

    def _any(self, sql: Connection, table: str, anchors: bool = True) -> Key | None:
        """Some row's key; it is often an anchor, because pages show those."""
        if anchors and table in self._anchors and self._chance.random() < 0.3:
            return self._chance.choice(self._anchors[table])
        row = _run(sql, f"select id from {table} order by md5(id::text || %s) limit 1", [str(self._chance.random())])
        return row[0] if row else None

    def _word(self) -> str:
        return f"{self._chance.choice(('red', 'green', 'blue', 'söme', '數'))} {self._chance.getrandbits(40):x}"

    def _status(self) -> str:
        return self._chance.choice(("open", "pending", "resolved", "closed"))

    def _table(self) -> str:
        return self._chance.choice(TABLES)

    # Actions

    def _change_one(self, sql: Connection) -> None:
        self._change(sql, self._table())

    def _insert_or_delete(self, sql: Connection) -> None:
        table = self._table()
        count = _run(sql, f"select count(*) from {table}", [])
        if count is not None and self._chance.random() < count[0] / (2 * USUAL):
            if row := self._delete(sql, table):
                self._deleted.append((table, row))
        else:
            self._insert(sql, table)

    def _take_back(self, sql: Connection) -> None:
        """Inserts a deleted row again, with the key it had."""
        if self._deleted:
            self._put_back(sql, *self._deleted.pop())

    def _delete_and_insert(self, sql: Connection) -> None:
        table = self._table()
        with sql.transaction():
            if row := self._delete(sql, table):
                self._put_back(sql, table, row)

    def _upsert(self, sql: Connection) -> None:
        statement = (
            "insert into products (id, name) overriding system value values (%s, %s)"
            " on conflict (id) do update set name = excluded.name"
        )
        _run(sql, statement, [self._any(sql, "products"), self._word()])

    def _bulk_change(self, sql: Connection) -> None:
        table = self._table()
        column, value = self._new_value(table)
        part = f"select id from {table} order by md5(id::text || %s) limit %s"
        values = [value, str(self._chance.random()), self._chance.randint(5, 30)]
        _run(sql, f"update {table} set {column} = %s where id in ({part})", values)

    def _bulk_insert(self, sql: Connection) -> None:
        number = self._chance.randint(5, 20)
        _run(sql, "insert into products (name) select %s || n from generate_series(1, %s) n", [self._word(), number])

    def _bulk_delete(self, sql: Connection) -> None:
        table = self._chance.choice(("acquisitions", "interactions", "attachments"))
        surplus = f"select id from {table} order by created_at desc limit 10"
        _run(sql, f"delete from {table} where id in ({surplus}) and (select count(*) from {table}) > %s", [USUAL // 2])
        unsold = "not exists (select from acquisitions where product_id = products.id)"
        few = f"select id from products where {unsold} and not id = any(%s) limit 10"
        _run(sql, f"delete from products where id in ({few})", [list(self._anchors.get("products", ()))])

    def _roll_back(self, sql: Connection) -> None:
        with sql.transaction(force_rollback=True):
            for _ in range(self._chance.randint(1, 4)):
                self._change_one(sql)
                self._insert(sql, self._table())

    def _savepoint(self, sql: Connection) -> None:
        with sql.transaction():
            self._change_one(sql)
            with sql.transaction(force_rollback=True):
                self._insert_or_delete(sql)
            self._insert(sql, self._table())

    def _long(self, sql: Connection) -> None:
        """Stays open while others commit: its earlier changes become visible after their later ones."""
        with sql.transaction(force_rollback=self._chance.random() < 0.3):
            for _ in range(3):
                self._insert(sql, self._table())
                self._stopping.wait(self._chance.uniform(*LONG_SECONDS) / 3)

    def _change_nothing(self, sql: Connection) -> None:
        _run(sql, "update tickets set title = title where id = %s", [self._any(sql, "tickets")])

    def _change_key(self, sql: Connection) -> None:
        _run(sql, "update attachments set id = default where id = %s", [self._any(sql, "attachments")])

    def _merge(self, sql: Connection) -> None:
        """Merges a ticket into another one, or takes an earlier merge back."""
        source, target = self._any(sql, "tickets"), self._any(sql, "tickets")
        if self._chance.random() < 0.5:
            _run(sql, "update tickets set merged_into_id = null, status = 'open' where id = %s", [source])
            return
        with sql.transaction():
            moved = "update comments set ticket_id = %s, merged_from_id = %s where ticket_id = %s"
            _run(sql, moved, [target, source, source])
            closed = "update tickets set merged_into_id = %s, status = 'closed' where id = %s"
            _run(sql, closed, [target, source])

    def _truncate(self, sql: Connection) -> None:
        """Empties a child table, and sometimes begins to fill it again."""
        what = self._chance.choice(("attachments", "interactions", "comments, attachments"))
        with sql.transaction():
            _run(sql, f"truncate {what}", [])
            if self._chance.random() < 0.5:
                self._insert(sql, what.split(",")[0])


def _run(sql: Connection, statement: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
    cursor = sql.execute(statement.encode(), values)
    row: tuple[Any, ...] | None = cursor.fetchone() if cursor.description else None
    return row


class Writers:
    """All writers of one round."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        seed: int,
        number: int,
        pace: float,
        anchors: Mapping[str, Sequence[Key]],
    ) -> None:
        self._writers = [Writer(connect, f"{seed}/{index}", pace, anchors) for index in range(number)]

    def start(self) -> None:
        for writer in self._writers:
            writer.start()

    def stop(self) -> None:
        for writer in self._writers:
            writer.stop()
        for writer in self._writers:
            writer.join(30)

    @property
    def done(self) -> Counter[str]:
        return sum((writer.done for writer in self._writers), Counter())

    @property
    def problems(self) -> list[str]:
        return [problem for writer in self._writers for problem in writer.problems]
