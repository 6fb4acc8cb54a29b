"""`bin/bench lists`: how long the server takes for a page of a list, beside Django admin's change list; and exports.

Through the whole of Django, in one process, with nothing kept from the request before: each row is rendered anew.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

import psycopg

from project.bench.rows import fill_all
from project.bench.services import kept

if TYPE_CHECKING:
    from django.test import Client

RUNS = 15
ADMIN_RUNS = 3
# A page that takes the admin this long isn't asked for again.
ADMIN_PATIENCE = 2.0
AIM_MS, AIM_RATIO = 60, 10
COLLEAGUES = [UUID(f"00000000-0000-4000-8000-{number:012}") for number in range(200)]

# Who asks: has 5,000 tickets of a million.
ME = COLLEAGUES[1]

FILLED = "create table bench_filled ()"
IS_FILLED = "select to_regclass('bench_filled') is not null"


@dataclass(frozen=True)
class Case:
    """A page of a list, and the same in the admin, where it has that: the query of each."""

    what: str
    asked: dict[str, str]
    admin: dict[str, str] | None = None


@dataclass(frozen=True)
class Listing:
    url: str
    admin_url: str
    # The admin's number of the column that a sort is by.
    sorts: dict[str, int | None]
    cases: tuple[Case, ...]


def run(tickets: int, customers: int, again: bool = False) -> None:
    with kept(f"lists-{tickets}-{customers}") as url:
        # Requests take their connections from its pool.
        import project.asgi  # noqa: F401

        with psycopg.connect(url, autocommit=True) as sql:
            if again or not _one(sql, IS_FILLED):
                began = time.monotonic()
                _fill(sql, url, customers, tickets)
                print(f"made {tickets:,} tickets and {customers:,} customers in {time.monotonic() - began:.0f} s")
            listings = list(_listings(sql, tickets, customers))
        print(f"{tickets:,} tickets, {customers:,} customers; ms in the server: {RUNS} runs, the admin's {ADMIN_RUNS}")
        bench_pages(listings)
        for address in ("/ticketing/tickets/export.csv", "/ticketing/tickets/export.xlsx"):
            bench_export(address)


def _fill(sql: "psycopg.Connection[Any]", url: str, customers: int, tickets: int) -> None:
    from project.accounts.models import User

    sql.execute("truncate products, customers, tickets, realtime_change cascade")
    sql.execute("drop table if exists bench_filled")
    User.objects.bulk_create(
        [
            User(pk=key, username=f"colleague-{key}", first_name="Colleague", is_staff=True, is_superuser=True)
            for key in COLLEAGUES
        ],
        ignore_conflicts=True,
    )
    fill_all(url, customers, tickets)
    sql.execute(FILLED)


def _listings(sql: "psycopg.Connection[Any]", tickets: int, customers: int) -> Iterator[Listing]:
    from realtime.live.definition import definition_named
    from realtime.live.lists import LiveList

    def deep(name: str, rows: int) -> Case:
        listing = definition_named(name)
        assert isinstance(listing, LiveList)
        order = listing.order({})
        row = order.apply(listing.rows())[rows // 2]
        page = rows // 2 // 50 + 1
        return Case("a page in the middle", {"after": order.key_of(row).text}, {"p": str(page)})

    def last(rows: int) -> Case:
        return Case("the last page", {"last": "1"}, {"p": str((rows - 1) // 50 + 1)})

    customer = _one(sql, "select customer_id from tickets limit 1")
    rare = _one(sql, "select substr(md5('7'), 1, 6)")
    week = _one(sql, "select date_trunc('day', now()) - interval '6 days'")
    me = str(ME)
    yield Listing(
        "/ticketing/tickets/",
        "/admin/ticketing/ticket/",
        {"created": 6, "title": 1, "status": 2, "priority": 3, "updated": 7},
        (
            Case("search: a common word", {"q": "lamp"}, {"q": "lamp"}),
            Case("search: a rare word", {"q": rare}, {"q": rare}),
            Case("search: a common and a rare word", {"q": f"printer {rare}"}, {"q": f"printer {rare}"}),
            Case("search: two common words", {"q": "printer fire"}, {"q": "printer fire"}),
            Case("search: two, never together", {"q": "door lost"}, {"q": "door lost"}),
            Case("search: the same, by title", {"q": "door lost", "sort": "title"}, {"q": "door lost", "o": "1"}),
            Case("search: an accent, of customers", {"q": "lefevre"}, {"q": "lefevre"}),
            Case("search: nothing matches", {"q": "qqqxyz"}, {"q": "qqqxyz"}),
            Case("one customer", {"customer": customer}, {"customer__id__exact": customer}),
            Case("assigned to me", {"assigned": "me"}, {"assigned_to__exact": me}),
            Case(
                "assigned to me, open, by priority",
                {"assigned": "me", "status": "open", "sort": "-priority"},
                {"assigned_to__exact": me, "status__exact": "open", "o": "-3"},
            ),
            Case("assigned to nobody", {"assigned": "nobody"}, {"assigned_to__isnull": "True"}),
            Case(
                "urgent and open",
                {"priority": "urgent", "status": "open"},
                {"priority__exact": "urgent", "status__exact": "open"},
            ),
            Case(
                "urgent and open, by title",
                {"priority": "urgent", "status": "open", "sort": "title"},
                {"priority__exact": "urgent", "status__exact": "open", "o": "1"},
            ),
            Case("created in the last 7 days", {"created": "week"}, {"created_at__gte": week}),
            Case(
                "created in the last 7 days, by title",
                {"created": "week", "sort": "title"},
                {"created_at__gte": week, "o": "1"},
            ),
            deep("tickets", tickets),
            last(tickets),
        ),
    )
    yield Listing(
        "/crm/customers/",
        "/admin/crm/customer/",
        {"created": 4, "name": 1, "email": 2, "phone": 3, "updated": 5},
        (
            Case("search: a common name", {"q": "smith"}, {"q": "smith"}),
            Case("search: accents", {"q": "lefevre"}, {"q": "lefevre"}),
            Case("search: part of an address", {"q": "c4711@"}, {"q": "c4711@"}),
            Case("search: two words", {"q": f"munoz {rare}"}, {"q": f"munoz {rare}"}),
            Case("with phone", {"contact": "phone"}),
            Case("without phone and email", {"contact": "none"}),
            Case("created in the last 7 days", {"created": "week"}, {"created_at__gte": week}),
            deep("customers", customers),
            last(customers),
        ),
    )
    few = max(100, customers // 100)
    yield Listing(
        "/crm/products/",
        "/admin/crm/product/",
        {"created": 3, "name": 1, "price": 2, "updated": 4},
        (Case("search", {"q": "lamp"}, {"q": "lamp"}), last(few)),
    )
    yield Listing(
        "/crm/acquisitions/",
        "/admin/crm/acquisition/",
        {"created": 5, "quantity": 3, "total": 4, "updated": 6},
        (
            Case("search: a customer's name", {"q": "okafor"}, {"q": "okafor"}),
            Case("total over 1,000", {"total": "large"}, {"total_amount__gt": "1000"}),
            last(customers),
        ),
    )
    yield Listing(
        "/crm/interactions/",
        "/admin/crm/interaction/",
        {"when": 3, "created": 4, "updated": 5},
        (
            Case("search: a common word", {"q": "spoke"}, {"q": "spoke"}),
            Case("calls", {"type": "call"}, {"type__exact": "call"}),
            last(customers),
        ),
    )


def bench_pages(listings: list[Listing]) -> None:
    from django.conf import settings
    from django.test import Client

    from project.accounts.models import User

    # It would keep every statement.
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client()
    client.force_login(User.objects.get(pk=ME))
    print(f"{'':58}{'median':>8}{'p95':>8}{'CPU':>8}{'admin':>10}{'CPU':>9}   1 :")
    late, near = [], []
    for listing in listings:
        for case in [*_sorted(listing), *listing.cases]:
            ours = _times(client, listing.url, case.asked, RUNS)
            line = f"{listing.url:23} {case.what:34}{ours.median:8.1f}{ours.p95:8.1f}{ours.cpu:8.1f}"
            name = f"{listing.url} {case.what}"
            if ours.p95 > AIM_MS:
                late.append(name)
            if case.admin is not None:
                admin = _times(client, listing.admin_url, case.admin, ADMIN_RUNS, ADMIN_PATIENCE)
                ratio = admin.median / ours.median
                line += f"{admin.median:10.1f}{admin.cpu:9.1f}{ratio:6.1f}"
                if ratio < AIM_RATIO:
                    near.append(f"{name} ({ratio:.1f})")
            print(line, flush=True)
    print(f"p95 above {AIM_MS} ms: {'; '.join(late) or 'none'}")
    print(f"less than {AIM_RATIO} times as fast as the admin: {'; '.join(near) or 'none'}")


def _sorted(listing: Listing) -> Iterator[Case]:
    for name, column in listing.sorts.items():
        for sign in ("-", ""):
            yield Case(f"sorted by {sign}{name}", {"sort": sign + name}, {"o": f"{sign}{column}"} if column else None)


@dataclass(frozen=True)
class Times:
    """In ms; ``cpu`` is the median of this process and its session in PostgreSQL together, whoever else is busy."""

    median: float
    p95: float
    cpu: float


def _times(client: "Client", address: str, query: dict[str, str], runs: int, patience: float = 60) -> Times:
    from realtime.live.rendering import rows

    path = f"{address}?{urlencode(query)}"
    # Once without looking at the clock: templates are compiled, and PostgreSQL has read its pages.
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    times: list[float] = []
    cpu: list[float] = []
    while len(times) < runs and (not times or sum(times) < patience * 1000):
        rows.forget()
        used, began = _cpu(), time.perf_counter()
        client.get(path)
        times.append((time.perf_counter() - began) * 1000)
        cpu.append((_cpu() - used) * 1000)
    return Times(statistics.median(times), sorted(times)[int(len(times) * 0.95)], statistics.median(cpu))


def _cpu() -> float:
    """Seconds that this process and its session have used."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return time.process_time() + int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def bench_export(address: str) -> None:
    from django.test import AsyncClient

    from project.accounts.models import User

    client = AsyncClient()
    client.force_login(User.objects.get(pk=ME))
    before = _reset_peak()
    began = time.monotonic()
    size, lines = asyncio.run(_download(client, address))
    seconds = time.monotonic() - began
    print(
        f"{address}: {size / 2**20:,.0f} MB in {seconds:.1f} s"
        + (f", {lines - 1:,} rows, {(lines - 1) / seconds:,.0f} rows/s" if lines else "")
        + f"; memory {before:.0f} MB before, at most {_peak():.0f} MB"
    )


async def _download(client: Any, address: str) -> tuple[int, int]:
    answer = await client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    size = lines = 0
    async for piece in answer.streaming_content:
        size += len(piece)
        lines += piece.count(b"\r\n") if address.endswith("csv") else 0
    return size, lines


def _reset_peak() -> float:
    """Forgets the most memory that this process has had; returns what it has now, in MB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _one(sql: "psycopg.Connection[Any]", statement: str) -> Any:
    row = sql.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]
