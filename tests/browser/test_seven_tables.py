"""All seven tables at once under random writes: every open page ends up equal to its reload."""

import random
from typing import Any

import psycopg
import pytest
from playwright.sync_api import BrowserContext

from tests.browser.portal import assert_equals_reload, open_live
from tests.live_site import LiveSite

Connection = psycopg.Connection[Any]
LISTS = (
    "/",
    "/crm/products/",
    "/crm/customers/",
    "/crm/acquisitions/",
    "/crm/interactions/",
    "/ticketing/tickets/",
    "/ticketing/board/",
)


TABLES = ("products", "customers", "acquisitions", "interactions", "tickets", "comments", "attachments")


class Writer:
    """Another program that inserts, changes, moves, deletes and takes back, in random tables."""

    def __init__(self, sql: Connection, chance: random.Random, word: str) -> None:
        self.sql, self.chance, self.word = sql, chance, word
        self.keys: dict[str, list[str]] = {}
        for table in ("customers", "products", "tickets"):
            for _ in range(3):
                self.insert(table)

    def insert(self, table: str) -> None:
        columns = {
            "products": {"name": f"{self.word} {self.chance.random()}", "price": self.chance.randint(0, 5000)},
            "customers": {"name": f"{self.word} {self.chance.random()}"},
            "acquisitions": {"customer_id": "customers", "product_id": "products", "total_amount": 5},
            "interactions": {"customer_id": "customers", "notes": self.word},
            "tickets": {"title": f"{self.word} {self.chance.random()}"},
            "comments": {"ticket_id": "tickets", "content": self.word},
            "attachments": {"ticket_id": "tickets", "file_name": self.word, "file_url": "https://files.example/x"},
        }[table]
        values = [self.chance.choice(self.keys[v]) if v in self.keys else v for v in columns.values()]
        row = self.sql.execute(
            f"insert into {table} ({', '.join(columns)}) values ({', '.join(['%s'] * len(values))}) returning id",  # type: ignore[call-overload]
            values,
        ).fetchone()
        assert row is not None
        self.keys.setdefault(table, []).append(str(row[0]))

    def write(self) -> None:
        action = self.chance.choice(("insert", "insert", "rename", "status", "amount", "delete", "rollback"))
        if action == "insert":
            self.insert(self.chance.choice(TABLES))
        elif action == "rename":
            table, column = self.chance.choice((("customers", "name"), ("products", "name"), ("tickets", "title")))
            self.change(table, column, f"{self.word} renamed {self.chance.random()}")
        elif action == "status":
            self.change("tickets", "status", self.chance.choice(("open", "pending", "resolved", "closed")))
        elif action == "amount" and self.keys.get("acquisitions"):
            self.change("acquisitions", "total_amount", str(self.chance.randint(0, 999)))
        elif action == "delete":
            self.delete(self.chance.choice(("acquisitions", "interactions", "comments", "attachments")))
        elif action == "rollback":
            with self.sql.transaction(force_rollback=True):
                self.change("customers", "name", "never")

    def change(self, table: str, column: str, value: str) -> None:
        key = self.chance.choice(self.keys[table])
        self.sql.execute(f"update {table} set {column} = %s where id = %s", [value, key])  # type: ignore[call-overload]

    def delete(self, table: str) -> None:
        if keys := self.keys.get(table):
            self.sql.execute(f"delete from {table} where id = %s", [keys.pop(self.chance.randrange(len(keys)))])  # type: ignore[call-overload]


@pytest.mark.parametrize("seed", [1])
def test_random_writes_to_all_seven_tables(context: BrowserContext, live_site: LiveSite, word: str, seed: int) -> None:
    with live_site.connect() as sql:
        writer = Writer(sql, random.Random(seed), word)
        details = (
            f"/crm/customers/{writer.keys['customers'][0]}/",
            f"/crm/products/{writer.keys['products'][0]}/",
            f"/ticketing/tickets/{writer.keys['tickets'][0]}/",
        )
        pages = [open_live(context, live_site, path) for path in (*LISTS, *details)]
        for _ in range(120):
            writer.write()
        for page in pages:
            assert_equals_reload(page, live_site)
