"""Rights by column: no page, file, answer or line of the log has, follows or finds what its reader may not see."""

import csv
import io
import logging
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client

from crm.models import Acquisition, Customer, FileImport, Interaction, Product
from project.accounts.models import User
from project.accounts.seen import column_words, what_is_seen_by
from realtime.database.actor import Origin, acting_user
from realtime.live.definition import _definitions
from realtime.live.lists import LiveList
from realtime.models import ColumnLimit
from realtime.sight import Sight, sight_of
from tests.integration.conftest import Project
from tests.integration.pages.test_rows_seen import Hidden, addresses, body, group, person
from ticketing.models import Ticket

pytestmark = pytest.mark.usefixtures("quick_pages")

# As pages, files and the change log write them.
AMOUNTS = ("7,654,321.9", "7654321.9", "6,543,210.8", "6543210.8")


def hiding(*columns: str) -> Group:
    made = group()
    for column in columns:
        ColumnLimit.objects.create(group=made, column=column)
    return made


@pytest.fixture
def limited(project: Project) -> Iterator[User]:
    """Somebody who sees every row, and none of the columns that can be hidden."""
    # Other tests have other databases, with other keys.
    ContentType.objects.clear_cache()
    yield person(hiding(*column_words()))
    ContentType.objects.clear_cache()


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def make_marked() -> Hidden:
    """A colleague's work that anybody may see, with markers in every column that can be hidden, now and before."""
    word, name, other = f"m{uuid4().hex[:12]}", f"n{uuid4().hex[:12]}", person(group())
    actions = []

    def acting() -> Any:
        return acting_user(str(other.pk), Origin.PORTAL)

    with acting() as action, transaction.atomic():
        actions.append(action.name)
        product = Product.objects.create(name=f"{name} lamp", description=f"{word} old", price="6543210.80")
        customer = Customer.objects.create(name=f"{name} Ltd", email=f"{word}@old.example", phone=f"{word} old")
        sold = Acquisition.objects.create(customer=customer, product=product, total_amount="6543210.80")
        call = Interaction.objects.create(customer=customer, notes=f"{word} old")
        ticket = Ticket.objects.create(title=f"{name} title", description=f"{word} old", customer=customer)
    rows: list[Any] = [product, customer, sold, call, ticket]
    with acting() as action, transaction.atomic():
        actions.append(action.name)
        for row in rows:
            for column in row.hideable:
                amount = isinstance(row._meta.get_field(column).to_python("1"), Decimal)
                setattr(row, column, "7654321.90" if amount else f"{word}@a.example")
            row.save()
    with acting() as action, transaction.atomic():
        actions.append(action.name)
        gone = Customer.objects.create(name=f"{name} gone", email=f"{word}@a.example", phone=word)
        gone_key = str(gone.pk)
        gone.delete()
    keys: dict[str, list[str]] = {str(row._meta.model_name): [str(row.pk)] for row in rows}
    keys["customer"].append(gone_key)
    return Hidden(word, keys, ticket, customer, actions)


def read(client: Client, address: str) -> str:
    response: Any = client.get(address)
    assert response.status_code < 500, (address, response.status_code)
    return body(response)


def marks(text: str, marked: Hidden, address: str) -> list[str]:
    """What an answer has of what is hidden, apart from what the address itself asks for."""
    told = [mark for mark in (f"{marked.word}@", f"{marked.word} old", *AMOUNTS) if mark in text]
    return told + ([marked.word] if marked.word not in address and marked.word in text else [])


def ways(marked: Hidden) -> Iterator[str]:
    """Addresses that the walk must lead past; each says something of it to somebody without limits."""
    for kind in ("products", "customers", "acquisitions", "interactions"):
        key = marked.rows[kind.removesuffix("s")][0]
        yield from (f"/crm/{kind}/", f"/crm/{kind}/export.csv", f"/crm/{kind}/export.xlsx", f"/crm/{kind}/{key}/")
        yield from (f"/crm/{kind}/{key}/edit/", f"/crm/{kind}/{key}/delete/")
        yield f"/admin/crm/{kind.removesuffix('s')}/{key}/change/"
    yield f"/ticketing/tickets/{marked.ticket.pk}/"
    yield "/ticketing/tickets/export.csv"
    yield f"/admin/ticketing/ticket/{marked.ticket.pk}/change/"
    yield f"/history/?record=customer/{marked.customer.pk}"
    yield f"/history/?doing={marked.actions[1]}"
    yield from (f"/search/?q={marked.word}", f"/crm/customers/choices/?q={marked.word}")
    yield from ("/admin/crm/customer/", "/admin/crm/product/")


def test_no_way_out_has_what_a_group_may_not_see(limited: User, caplog: pytest.LogCaptureFixture) -> None:
    marked, client = make_marked(), client_of(limited)
    name, nothing = marked.ticket.title.split()[0], f"z{uuid4().hex[:12]}"
    asked = [*dict.fromkeys(addresses(marked)), f"/crm/acquisitions/new/?customer={marked.customer.pk}"]
    with caplog.at_level(logging.DEBUG):
        for address in asked:
            text = read(client, address)
            assert marks(text, marked, address) == [], address
            if f"={marked.word}" in address and name in text:
                # What isn't seen finds nothing: here are the same rows as for a word that occurs nowhere.
                assert text.count(name) == read(client, address.replace(marked.word, nothing)).count(name), address
    assert marked.word not in caplog.text
    ColumnLimit.objects.filter(group__user=limited).delete()
    for address in ways(marked):
        assert address in asked, address
        assert marks(read(client, address), marked, address), address


def test_no_list_is_sorted_or_filtered_by_what_is_hidden(limited: User) -> None:
    marked, client, seeing_all = make_marked(), client_of(limited), client_of(person(group()))
    word = f"w{uuid4().hex[:8]}"
    for number in (2, 3, 1):
        product = Product.objects.create(name=f"{word} p", description=str(number), price=number * 400)
        customer = Customer.objects.create(name=f"{word} c", email=f"{number}@a.example", phone=str(number))
        Acquisition.objects.create(customer=customer, product=product, total_amount=number * 400)
    values = {"OneOf": ("none", "small"), "AmountFilter": ("500",)}
    differing = set()
    known = (told for told in _definitions.values() if isinstance(told, LiveList) and told.exported)
    lists = [told for told in known if told.kind.model.hideable]
    assert len(lists) == 5
    for listing in lists:
        address = f"/{listing.kind.app}/{listing.kind.plural}/"

        def keys(client: Client, more: str, address: str = address) -> list[str]:
            return re.findall(r'data-live-row data-id="([^"]+)"', body(client.get(f"{address}?q={word}{more}")))

        plain = keys(client, "")
        hidden = set(listing.kind.model.hideable)
        for name, sort in listing.sorts.items():
            if hidden & set(sort.columns):
                for sign in ("", "-"):
                    assert keys(client, f"&sort={sign}{name}") == plain, (address, name)
                    differing |= {name} if keys(seeing_all, f"&sort={sign}{name}") != plain else set()
        for name, filter_ in listing.all_filters.base_filters.items():
            if hidden & set(filter_.columns):
                for value in values[type(filter_).__name__]:
                    page = body(client.get(f"{address}?q={word}&{name}={value}"))
                    assert keys(client, f"&{name}={value}") == plain, (address, name)
                    assert f"may not see what “{filter_.label}” asks for" in page
                    differing |= {name} if keys(seeing_all, f"&{name}={value}") != plain else set()
        headings = next(csv.reader(io.StringIO(body(client.get(f"{address}export.csv")).lstrip("\ufeff"))))
        assert {path for heading, path in listing.exported.items() if heading not in headings} == hidden
    assert differing >= {"price", "email", "phone", "total", "contact", "price_min", "total_max"}
    assert marked.word


def test_a_save_keeps_what_is_hidden(limited: User) -> None:
    marked, client = make_marked(), client_of(limited)
    customer = marked.customer
    customer.refresh_from_db()
    edit = f"/crm/customers/{customer.pk}/edit/"
    told = {
        "name": "renamed",
        "email": "forged@a.example",
        "phone": "forged",
        "revision": "0",
        "choose-phone": "theirs",
    }
    answer = client.post(edit, told)
    # Opened at a revision that nobody knows: only the name may be asked about, if anything.
    assert marked.word not in answer.content.decode()
    client.post(edit, told | {"revision": str(customer.revision)})
    now = Customer.objects.get(pk=customer.pk)
    assert (now.name, now.email, now.phone) == ("renamed", customer.email, customer.phone)
    change = f"/admin/crm/customer/{customer.pk}/change/"
    client.post(change, told | {"name": "again"} | _management(client.get(change).content.decode()))
    now = Customer.objects.get(pk=customer.pk)
    assert (now.name, now.email, now.phone) == ("again", customer.email, customer.phone)
    # Whoever may not see totals can't enter one: it is worked out, and not told.
    product = Product.objects.create(name="p", price="250.00")
    new = {"customer": str(customer.pk), "product": str(product.pk), "quantity": "3", "total_amount": "1"}
    assert client.post("/crm/acquisitions/new/", new).status_code == 302
    assert Acquisition.objects.get(product=product).total_amount == Decimal("750.00")


def _management(page: str) -> dict[str, str]:
    """Of the administration's forms: as if no row among others were shown."""
    return dict.fromkeys(re.findall(r'name="([^"]+-(?:TOTAL|INITIAL)_FORMS)"', page), "0")


def test_an_undo_leaves_what_is_hidden(limited: User) -> None:
    marked, client = make_marked(), client_of(limited)
    changed = marked.actions[1]
    page = client.get(f"/history/undo/?doing={changed}").content.decode()
    assert marked.word not in page
    client.post("/history/undo/", {"doing": changed, "rest": "1"})
    assert Customer.objects.get(pk=marked.customer.pk).phone == marked.customer.phone
    # What went comes back whole.
    client.post("/history/undo/", {"doing": marked.actions[2]})
    history = client.get(f"/history/?record=customer/{marked.customer.pk}").content.decode()
    assert "Phone" not in history
    assert marked.customer.name in history


def test_an_import_takes_nothing_into_what_is_hidden(limited: User) -> None:
    customer, client = make_marked().customer, client_of(limited)
    file = SimpleUploadedFile("c.csv", f"Key,Name,Phone\n{customer.pk},other,forged\n,new,forged\n".encode())
    client.post("/crm/customers/import/", {"file": file})
    job = FileImport.objects.get(person=limited)
    page = client.get(f"/crm/customers/import/{job.pk}/").content.decode()
    assert 'name="name"' in page
    assert 'name="phone"' not in page


def test_a_column_is_hidden_if_every_group_hides_it(project: Project) -> None:
    def hidden(*groups: Group, **more: Any) -> tuple[str, ...]:
        sight = sight_of(person(*groups, **more))
        return () if sight is None else sight.hidden

    phone, both = hiding("customers/phone"), hiding("customers/email", "customers/phone")
    assert hidden(phone) == ("customers/phone",)
    assert hidden(phone, both) == ("customers/phone",)
    assert hidden(both) == ("customers/email", "customers/phone")
    assert hidden(phone, group()) == ()
    # A group that doesn't give the right to see the kind has no say.
    assert hidden(phone, group(rights="nothing")) == ("customers/phone",)
    assert hidden(phone, is_superuser=True) == ()
    # All from whom the same is hidden share their views.
    assert sight_of(person(phone)) == sight_of(person(phone)) == Sight("", (), ("customers/phone",))


def test_an_administrator_hides_columns_and_reads_what_a_person_sees(limited: User) -> None:
    seen = {each.kind: each for each in what_is_seen_by(limited)}
    assert seen["Customers"].without == ("Email", "Phone")
    client, name = client_of(person(is_superuser=True)), limited.groups.get().name
    page = client.get(f"/admin/accounts/user/{limited.pk}/sees/").content.decode()
    assert f"The group {name} hides Email, Phone." in page
    form = client.get(f"/admin/auth/group/{limited.groups.get().pk}/change/").content.decode()
    assert "Customers: Phone" in form
