"""`bin/bench pages`: what a list and a record cost a browser that has them, beside the same without caches, in one run.

Through the whole of Django, in one process. Each way takes its turn within each round, whoever else is busy.
"""

import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import psycopg

from project.bench.lists import IS_FILLED, ME, _cpu, _fill, _one
from project.bench.services import kept

if TYPE_CHECKING:
    from django.test import Client

ROUNDS = 15
ADDRESSES = {
    "tickets, newest first": "/ticketing/tickets/?all=1",
    "tickets, searched": "/ticketing/tickets/?q=lamp",
    "a ticket": "/ticketing/tickets/{ticket}/",
    "a customer": "/crm/customers/{customer}/",
}
CHANGE = "update {table} set {column} = {column} || '.' where id = %s"


def run(tickets: int) -> None:
    with kept(f"pages-{tickets}") as url:
        # Requests take their connections from its pool.
        import project.asgi  # noqa: F401

        with psycopg.connect(url, autocommit=True) as sql:
            if not _one(sql, IS_FILLED):
                _fill(sql, url, max(1, tickets // 4), tickets)
            ticket, customer = (str(key) for key in _row(sql))
            _bench(sql, tickets, ticket, customer)


def _row(sql: "psycopg.Connection[Any]") -> tuple[Any, ...]:
    newest = "select id, customer_id from tickets order by created_at desc limit 1"
    found: tuple[Any, ...] | None = sql.execute(newest).fetchone()
    assert found is not None
    return found


def _bench(sql: "psycopg.Connection[Any]", tickets: int, ticket: str, customer: str) -> None:
    from django.conf import settings
    from django.test import Client

    from project.accounts.models import User

    # It would keep every statement.
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client()
    client.force_login(User.objects.get(pk=ME))
    # Brings the cookie of the forms.
    client.get("/profile/")
    print(f"{tickets:,} tickets; ms in the server and bytes of the answer, medians of {ROUNDS} rounds; CPU in brackets")
    for what, address in ADDRESSES.items():
        about, key = ("customers", customer) if "customer}" in address else ("tickets", ticket)
        statement = CHANGE.format(table=about, column="name" if about == "customers" else "title")

        def change(statement: str = statement, key: str = key) -> None:
            sql.execute(statement.encode(), [key])

        _compare(client, what, address.format(ticket=ticket, customer=customer), change)
    _share()


def _compare(client: "Client", what: str, address: str, change: Callable[[], None]) -> None:
    from django.conf import settings

    from realtime.live.rendering import rows
    from realtime.pages import unchanged

    def without(*, cold: bool) -> Any:
        settings.PAGES_UNCHANGED = False
        if cold:
            rows.forget()
        return client.get(address)

    def with_copy(tag: str) -> Any:
        return client.get(address, HTTP_IF_NONE_MATCH=tag)

    def painted() -> str:
        settings.PAGES_UNCHANGED = True
        return str(client.get(address).headers["ETag"])

    def painted_before_a_change() -> str:
        tag = painted()
        change()
        return tag

    def first() -> Any:
        rows.forget()
        unchanged.pages.forget()
        return client.get(address)

    ways: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
        "without caches, cold": (lambda: None, lambda _: without(cold=True)),
        "without caches, warm": (lambda: without(cold=False), lambda _: without(cold=False)),
        "with, cold": (painted, lambda _: first()),
        "with, changed": (painted_before_a_change, with_copy),
        "with, unchanged: 304": (painted, with_copy),
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    used: dict[str, list[float]] = {way: [] for way in ways}
    answers: dict[str, Any] = {}
    for number in range(ROUNDS + 1):
        for way, (prepare, ask) in ways.items():
            prepared = prepare()
            cpu, began = _cpu(), time.perf_counter()
            answers[way] = ask(prepared)
            # The first round compiles templates.
            if number:
                times[way].append((time.perf_counter() - began) * 1000)
                used[way].append((_cpu() - cpu) * 1000)
    plain = statistics.median(times["without caches, warm"])
    print(f"\n{what}")
    for way, answer in answers.items():
        took, cpu = statistics.median(times[way]), statistics.median(used[way])
        told = f"  {way:24}{took:8.1f} ({cpu:5.1f}){len(answer.content):10,}{answer.status_code:6}"
        print(f"{told}   1 : {plain / took:.1f}", flush=True)


def _share() -> None:
    """Whether processes should share rendered rows: rendering a page of them, beside asking Redis for all at once."""
    import redis
    from django.conf import settings

    from realtime.live.definition import definition_named
    from realtime.live.lists import LiveList
    from realtime.live.rendering import rows

    listing = definition_named("tickets")
    assert isinstance(listing, LiveList)
    found = listing.read_page(listing.normalise({})).rows
    store = redis.Redis.from_url(settings.REDIS_URL)
    html = {row.id: str(row.html) for row in listing.render(found)}
    store.mset(html)
    rendering, asking = [], []
    for _ in range(ROUNDS):
        rows.forget()
        began = time.perf_counter()
        listing.render(found)
        rendering.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        store.mget(list(html))
        asking.append((time.perf_counter() - began) * 1000)
    sizes = sum(map(len, html.values()))
    print(
        f"\n{len(html)} rows of tickets, {sizes:,} bytes: rendered in {statistics.median(rendering):.1f} ms,"
        f" asked of Redis in {statistics.median(asking):.1f} ms"
    )
