"""Pages by key: whoever leafs through a list reads each row once, in either direction, in every order (rule 24)."""

import random
from typing import Any

import pytest
from django.db import connection

from crm.models import Customer, Product
from realtime.live.definition import definition_named
from realtime.live.lists import LiveList
from ticketing.models import Ticket

pytestmark = pytest.mark.django_db

NAMES = (
    "Ärger",
    "arger",
    "Zebra",
    "zebra",
    "ßtraße",
    "_x",
    "10",
    "9",
    "Łódź",
    "éclair",
    "日本",
    " lead",
    "a" * 120 + "b",
    "a" * 120,
)


def fill() -> None:
    chance = random.Random(5)
    names = [chance.choice(NAMES) + ("" if number % 2 else " x") for number in range(130)]
    emails = ("", "A@b.example", "a@b.example")
    Product.objects.bulk_create(Product(name=name, price=chance.choice((1, 1, 5, 70))) for name in names)
    Customer.objects.bulk_create(Customer(name=name, email=chance.choice(emails)) for name in names)
    status = Ticket.Status.values
    Ticket.objects.bulk_create(Ticket(title=name, status=chance.choice(status), priority="high") for name in names)


def listing(name: str) -> LiveList:
    found = definition_named(name)
    assert isinstance(found, LiveList)
    return found


def sorts() -> list[tuple[str, str]]:
    return [
        (name, sign + sort)
        for name in ("products", "customers", "tickets")
        for sort in listing(name).sorts
        for sign in ("", "-")
    ]


def leaf(found: LiveList, params: dict[str, Any], step: str) -> list[str]:
    """The keys of all pages, from where ``params`` begins, by the pager's own links."""
    keys: list[str] = []
    while True:
        page = found.read_page(params)
        here = [str(row.pk) for row in page.rows]
        keys = keys + here if step == "next" else here + keys
        if not (page.has_next if step == "next" else page.has_previous):
            return keys
        order = found.order(params)
        place = (
            {"after": order.key_of(page.rows[-1]).text}
            if step == "next"
            else {"before": order.key_of(page.rows[0]).text}
        )
        params = found.normalise({"sort": order.text, "size": 25, **place})


@pytest.mark.parametrize(("name", "sort"), sorts())
def test_leafing_reads_each_row_once_in_order(name: str, sort: str) -> None:
    fill()
    found = listing(name)
    params = found.normalise({"sort": sort, "size": 25})
    whole = [str(key) for key in found.queryset(params).values_list("pk", flat=True)]
    assert len(whole) == 130
    assert leaf(found, params, "next") == whole
    # From the end, the first page is a whole one, as whoever starts there sees it.
    backwards = leaf(found, found.normalise({"sort": sort, "size": 25, "last": "1"}), "previous")
    assert backwards[-105:] == whole[-105:]
    assert backwards[:25] == whole[:25]


@pytest.mark.parametrize(("name", "sort"), sorts())
def test_a_page_of_a_search_is_the_same_however_its_rows_are_looked_for(name: str, sort: str) -> None:
    fill()
    found = listing(name)
    for place in ({}, {"last": "1"}, {"after": found.order({"sort": sort}).key_of(found.queryset({"sort": sort})[60])}):
        told = {key: value if isinstance(value, str) else value.text for key, value in place.items()}
        params = found.normalise({"q": "A x", "sort": sort, "size": 25, **told})
        shown = found.read_page(params)
        assert shown.rows, "the search finds some"
        first = found.read_page(params, count=found.count(params))
        assert [row.pk for row in first.rows] == [row.pk for row in shown.rows]
        assert (first.has_previous, first.has_next, first.window) == (
            shown.has_previous,
            shown.has_next,
            shown.window,
        )


@pytest.mark.parametrize(("name", "sort"), sorts())
def test_every_order_has_its_index(name: str, sort: str) -> None:
    fill()
    found = listing(name)
    with connection.cursor() as cursor:
        cursor.execute("set local enable_sort = off")
        cursor.execute("set local enable_incremental_sort = off")
        cursor.execute("set local enable_seqscan = off")
    params = found.normalise({"sort": sort, "size": 25})
    first = found.order(params).apply(found.members(params))[:26]
    assert "Sort Key" not in first.explain()
    after = found.order(params).key_of(found.read_page(params).rows[-1])
    plan = found.order(params).apply(found.members(params).filter(found.order(params).behind(after)))[:26].explain()
    assert "Sort Key" not in plan
    assert "Index Cond" in plan
