"""`bin/bench adopt`: how long an app's writers wait while their database is adopted, and while it is given back."""

import os
import statistics
import subprocess
import sys
import threading
import time
from itertools import count

import psycopg

from project.bench.services import NOTHING, directory
from realtime.local.postgres import EmbeddedPostgres
from realtime.local.process import REPOSITORY, pick_port
from realtime.local.supabase import provision

PROJECT = REPOSITORY / "tests/their_projects/odd_rows.sql"
# The app's writers, each at one table.
STATEMENTS = {
    "tickets": "update tickets set title = title || '.' where id = (select id from tickets offset %s limit 1)",
    "customers": "insert into customers (name) values ('By the app ' || %s)",
    "comments": "insert into comments (ticket_id, content) select id, 'Hm ' || %s from tickets limit 1",
}
MANY = (
    "insert into products (name, price) select 'Thing ' || n, n from generate_series(1, ROWS) n",
    "insert into customers (name, email) select 'Somebody ' || n, n || '@a.example' from generate_series(1, ROWS) n",
    "insert into acquisitions (customer_id, product_id, quantity, total_amount) select c.id, p.id, 1, n"
    " from (select id, row_number() over () n from customers) c"
    " join (select id, row_number() over () n from products) p using (n)",
    "insert into interactions (customer_id, type, notes) select id, 'Call', 'Hello' from customers",
    "insert into tickets (title, status, priority, customer_id, created_at)"
    " select 'Trouble of ' || name, 'Open', 'low', id, now() from customers",
    "insert into comments (ticket_id, content) select id, 'I say ' || title from tickets",
    "vacuum analyze",
)


def run(rows: int) -> None:
    with directory() as place:
        postgres = EmbeddedPostgres(place / "postgres", pick_port(), durable=True)
        postgres.start()
        try:
            postgres.create_database("bench")
            url = postgres.url("bench")
            _build(url, rows)
            for title, arguments in (("adopt", ()), ("adopt --undo", ("--undo", "--no-input"))):
                _measure(title, url, arguments)
        finally:
            postgres.stop()
            postgres.remove()


def _build(url: str, rows: int) -> None:
    with psycopg.connect(url, autocommit=True) as app:
        provision(app)
        app.execute(PROJECT.read_bytes())
        for statement in MANY:
            app.execute(statement.replace("ROWS", str(rows)).encode())
    print(f"{rows:,} rows in each of six tables of an app, and a writer at {', '.join(STATEMENTS)}")


def _measure(title: str, url: str, arguments: tuple[str, ...]) -> None:
    stop = threading.Event()
    waits: dict[str, list[float]] = {table: [] for table in STATEMENTS}
    writers = [threading.Thread(target=_write, args=(url, table, waits[table], stop)) for table in STATEMENTS]
    for writer in writers:
        writer.start()
    began = time.monotonic()
    environment = os.environ | NOTHING | {"DATABASE_URL": url, "DJANGO_DEBUG": "1"}
    subprocess.run(
        [sys.executable, "manage.py", "adopt", *arguments],
        cwd=REPOSITORY,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    seconds = time.monotonic() - began
    stop.set()
    for writer in writers:
        writer.join()
    told = [wait for found in waits.values() for wait in found]
    print(
        f"{title}: {seconds:.0f} s; {len(told):,} writes meanwhile, median {statistics.median(told) * 1000:.1f} ms,"
        f" the longest {max(told) * 1000:.0f} ms"
    )


def _write(url: str, table: str, waits: list[float], stop: threading.Event) -> None:
    with psycopg.connect(url, autocommit=True) as app:
        for number in count():
            if stop.wait(0.02):
                return
            began = time.monotonic()
            app.execute(STATEMENTS[table].encode(), [number % 100])
            waits.append(time.monotonic() - began)
