"""A changed row that a list shows, read in one message, is what reading it any other way shows."""

from typing import Any

import pytest
from django.db import connection

from crm.models import Customer, Product
from realtime.hub.view_reader import rows_of_each
from realtime.live.definition import definition_named
from ticketing.models import Ticket

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("query", [{}, {"q": "lamp"}, {"sort": "name"}, {"size": "25"}])
def test_products(query: dict[str, str]) -> None:
    made = [Product.objects.create(name=f"Lamp {number}", price=number) for number in range(3)]
    assert_alike("products", query, made)


def test_tickets_with_what_they_show_of_others() -> None:
    customer = Customer.objects.create(name="Anna")
    made = [Ticket.objects.create(title=f"Ticket {number}", customer=customer) for number in range(3)]
    assert_alike("tickets", {}, made)


def assert_alike(name: str, query: dict[str, str], made: list[Any]) -> None:
    definition = definition_named(name)
    params = definition.normalise(query)
    memo: dict[Any, Any] = {}
    for turn, changed in enumerate((made[:1], made[1:2], made[:2])):
        before = definition.snapshot(params)
        for row in changed:
            row.description = f"another at turn {turn}"
            row.save()
        touched = {(definition.own_table, str(row.pk)) for row in changed}
        quick = definition.quick_reread(params, before, touched, memo)
        assert quick is not None
        with connection.cursor() as cursor:
            cursor.execute(quick.sql, quick.values)
            told = quick.understand(rows_of_each(cursor))
        assert told is not None
        snapshot, accounts = told
        assert snapshot == definition.reread(params, before, touched) == definition.snapshot(params)
        revisions = {row.id: row.revision for row in snapshot.rows if row.id in {key for _, key in touched}}
        assert accounts == definition.accounts(revisions)
        assert accounts.keys() == revisions.keys()


def test_rows_that_have_left_are_read_in_another_way() -> None:
    product = Product.objects.create(name="Lamp", price=1)
    definition = definition_named("products")
    params = definition.normalise({})
    before = definition.snapshot(params)
    touched = {("products", str(product.pk))}
    product.delete()
    quick = definition.quick_reread(params, before, touched, {})
    assert quick is not None
    with connection.cursor() as cursor:
        cursor.execute(quick.sql, quick.values)
        assert quick.understand(rows_of_each(cursor)) is None
