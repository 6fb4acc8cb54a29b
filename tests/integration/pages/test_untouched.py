"""A save in which nothing was touched changes nothing, whatever a row holds; and no page of any row answers 500."""

from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.models import Acquisition, Customer, Interaction, Product
from realtime.models import LiveModel
from ticketing.models import Attachment, Comment, Ticket

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_pages")]

SLOWLY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
# What people and programs put into text more often than chance would.
LINES = st.lists(
    st.sampled_from(["\r\n", "\n", "\r", " ", "\t", "a", "é", "<b>", "&amp;", "'", '"', "🙂"]), max_size=12
)
TEXT = LINES.map(lambda parts: "".join(parts))
NAME = TEXT.map(lambda text: f"x{text}y")


class Form(HTMLParser):
    """Reads the page's form as a browser does and says what it would send untouched (HTML, 4.10)."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self._textarea = self._select = ""
        self._text = ""
        self._in_form = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._in_form = told.get("method") == "post" and "sign-out" not in told.get("action", "")
            self._in_form &= told.get("id") not in ("logout-form",)
        if not self._in_form or (not told.get("name") and tag != "option"):
            return
        if tag == "input" and told.get("type") not in ("submit", "button", "file"):
            if told.get("type") in ("checkbox", "radio") and "checked" not in told:
                return
            value = told.get("value", "")
            if told.get("type") != "hidden":
                value = value.replace("\r", "").replace("\n", "")
            self.sent[told["name"]] = value.strip() if told.get("type") == "email" else value
        elif tag == "textarea":
            self._textarea, self._text = told["name"], ""
        elif tag == "select":
            self._select = told["name"]
        elif tag == "option" and self._select and ("selected" in told or self._select not in self.sent):
            self.sent[self._select] = told.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._textarea:
            plain = self._text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\n")
            self.sent[self._textarea] = plain.replace("\n", "\r\n")
            self._textarea = ""
        elif tag == "select":
            self._select = ""
        elif tag == "form":
            self._in_form = False


def stored(row: LiveModel) -> dict[str, Any]:
    found: dict[str, Any] = type(row)._default_manager.filter(pk=row.pk).values().get()
    return found


def assert_an_untouched_save_changes_nothing(client: Client, row: LiveModel, address: str) -> None:
    before = stored(row)
    form = Form(client.get(address).content.decode())
    assert form.sent
    answer = client.post(address, form.sent)
    assert answer.status_code == 302, Form(answer.content.decode()).sent
    assert stored(row) == before


def portal(row: LiveModel, app: str, plural: str) -> str:
    return f"/{app}/{plural}/{row.pk}/edit/"


def admin(row: LiveModel, app: str) -> str:
    return f"/admin/{app}/{row._meta.model_name}/{row.pk}/change/"


@SLOWLY
@given(name=NAME, text=TEXT, price=st.decimals(0, 10**9, places=2))
def test_a_product(admin_client: Client, name: str, text: str, price: Decimal) -> None:
    row = Product.objects.create(name=name, description=text, price=price)
    for address in (portal(row, "crm", "products"), admin(row, "crm")):
        assert_an_untouched_save_changes_nothing(admin_client, row, address)


@SLOWLY
@given(name=NAME, phone=TEXT)
def test_a_customer_and_what_belongs_to_it(admin_client: Client, name: str, phone: str) -> None:
    customer = Customer.objects.create(name=name, email=" anna@example.org\n", phone=phone)
    interaction = Interaction.objects.create(customer=customer, notes=phone)
    ticket = Ticket.objects.create(title=name, description=phone, customer=customer, assigned_to=uuid4())
    comment = Comment.objects.create(ticket=ticket, content=name)
    for row, plural in ((customer, "customers"), (interaction, "interactions")):
        assert_an_untouched_save_changes_nothing(admin_client, row, portal(row, "crm", plural))
    for row, plural in ((ticket, "tickets"), (comment, "comments")):
        assert_an_untouched_save_changes_nothing(admin_client, row, portal(row, "ticketing", plural))


def test_what_was_touched_is_tidied_as_ever(admin_client: Client) -> None:
    row = Product.objects.create(name="Lamp", description="\r\nold\r")
    address = portal(row, "crm", "products")
    sent = Form(admin_client.get(address).content.decode()).sent | {"description": "  one\r\ntwo\r\n "}
    assert admin_client.post(address, sent).status_code == 302
    assert stored(row)["description"] == "one\ntwo"


# Rows that no form would have let pass


NASTY = {
    "price_nan": "update products set price = 'NaN'",
    "price_infinite": "alter table products alter column price type numeric; update products set price = 'Infinity'",
    "price_precise": "alter table products alter column price type numeric; update products set price = 1.23456789",
    "price_huge": "alter table products alter column price type numeric; update products set price = 1e60",
    "price_negative": "update products set price = -5",
    "total_nan": "update acquisitions set total_amount = 'NaN', quantity = -3",
    "created_infinite": "update products set created_at = 'infinity', updated_at = '-infinity'",
    "created_bc": "update customers set created_at = '0044-03-15 BC', updated_at = '20000-01-01'",
    "interaction_infinite": "update interactions set interaction_at = 'infinity'",
    "interaction_type": "update interactions set type = 'pigeon'",
    "ticket_words": "update tickets set status = 'waiting', priority = ''",
    "file_size": "update attachments set file_size = -1, file_name = '', file_url = 'javascript:1'",
}


@pytest.mark.parametrize("nasty", list(NASTY))
def test_no_page_of_any_row_answers_500(admin_client: Client, nasty: str) -> None:
    customer = Customer.objects.create(name="Anna")
    product = Product.objects.create(name="Lamp", price=3)
    acquisition = Acquisition.objects.create(customer=customer, product=product, total_amount=3)
    interaction = Interaction.objects.create(customer=customer)
    me = get_user_model()._default_manager.get(username="admin")
    ticket = Ticket.objects.create(title="Smoke", customer=customer)
    comment = Comment.objects.create(ticket=ticket, content="Yes", author_id=me.pk)
    attachment = Attachment.objects.create(ticket=ticket, file_name="a", file_url="https://example.org/a")
    rows: dict[str, tuple[LiveModel, str]] = {
        "products": (product, "crm"),
        "customers": (customer, "crm"),
        "acquisitions": (acquisition, "crm"),
        "interactions": (interaction, "crm"),
        "tickets": (ticket, "ticketing"),
    }
    past_everything(NASTY[nasty])
    answers = {"/": admin_client.get("/"), "/ticketing/board/": admin_client.get("/ticketing/board/")}
    for plural, (row, app) in rows.items():
        base = f"/{app}/{plural}/"
        for address in (base, f"{base}{row.pk}/", f"{base}{row.pk}/edit/", f"{base}{row.pk}/delete/"):
            answers[address] = admin_client.get(address)
        sent = Form(answers[f"{base}{row.pk}/edit/"].content.decode()).sent
        answers[f"POST {plural}"] = admin_client.post(f"{base}{row.pk}/edit/", sent)
        stale = admin_client.post(f"{base}{row.pk}/edit/", sent | {"revision": "1"})
        answers[f"stale POST {plural}"] = stale
        answers[f"list of {plural}"] = admin_client.get(f"/admin/{app}/{row._meta.model_name}/")
        answers[f"admin of {plural}"] = admin_client.get(admin(row, app))
    for row, name in ((comment, "comment"), (attachment, "attachment")):
        answers[f"admin of {name}"] = admin_client.get(admin(row, "ticketing"))
        answers[f"list of {name}"] = admin_client.get(f"/admin/ticketing/{name}/")
    assert {address: told.status_code for address, told in answers.items() if told.status_code >= 500} == {}


@pytest.mark.parametrize("nasty", ["ticket_words", "interaction_type", "interaction_infinite", "price_precise"])
def test_an_untouched_save_of_such_a_row_changes_nothing(admin_client: Client, nasty: str) -> None:
    customer = Customer.objects.create(name="Anna")
    rows = (
        (Product.objects.create(name="Lamp", price=3), "crm", "products"),
        (Interaction.objects.create(customer=customer), "crm", "interactions"),
        (Ticket.objects.create(title="Smoke", customer=customer), "ticketing", "tickets"),
    )
    past_everything(NASTY[nasty])
    for row, app, plural in rows:
        table = row._meta.db_table
        for address in (portal(row, app, plural), admin(row, app)):
            before = raw(table)
            sent = Form(admin_client.get(address).content.decode()).sent
            assert admin_client.post(address, sent).status_code == 302, address
            assert raw(table) == before, address


def raw(table: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"select {table}::text from {table}")
        return list(cursor.fetchall())


def test_a_price_that_is_none_can_be_mended(admin_client: Client) -> None:
    row = Product.objects.create(name="Lamp", price=3)
    past_everything("update products set price = 'NaN'")
    address = portal(row, "crm", "products")
    sent = Form(admin_client.get(address).content.decode()).sent
    assert admin_client.post(address, sent).status_code == 200
    assert admin_client.post(address, sent | {"price": "7.50"}).status_code == 302
    assert stored(row)["price"] == Decimal("7.50")


@pytest.mark.parametrize("amount", ["'NaN'", "1e11", "'Infinity'"])
def test_the_database_takes_no_amount_that_is_none(amount: str) -> None:
    with pytest.raises(Exception, match=r"price|overflow"), connection.cursor() as cursor:
        cursor.execute(f"insert into products (name, price) values ('Lamp', {amount})")


def past_everything(statement: str) -> None:
    """As a data load writes it: bypassing constraints and triggers."""
    with connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        for table in ("products", "customers", "acquisitions", "interactions", "tickets", "attachments"):
            cursor.execute(f"alter table {table} disable trigger user")
            cursor.execute("select conname from pg_constraint where conrelid = %s::regclass and contype = 'c'", [table])
            for (name,) in cursor.fetchall():
                cursor.execute(f'alter table {table} drop constraint "{name}"')
        cursor.execute(statement)
