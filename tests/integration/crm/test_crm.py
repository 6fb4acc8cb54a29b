"""Customers, acquisitions and interactions over HTTP: rights, forms, the links between them, and hostile input."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse
from django.test import Client

from crm import customer_page
from crm.kinds import ACQUISITION, CUSTOMER, INTERACTION, PRODUCT
from crm.models import Acquisition, Customer, Interaction, Product
from crm.pages import CustomerPages, refusal
from crm.templatetags.contact import mailto, tel
from project.accounts.models import User
from realtime.live.definition import definition_named
from realtime.live.kind import Kind
from realtime.live.lists import LiveList
from realtime.models import LiveModel
from tests.integration.pages.test_portal import EVERY_RIGHT, HOSTILE, HOSTILE_PIECES, signed_in, text
from tests.markup import plain_numbers

pytestmark = pytest.mark.usefixtures("quick_pages")

R = TypeVar("R", bound=LiveModel)

KINDS = (CUSTOMER, ACQUISITION, INTERACTION)
WHEN = datetime(2026, 3, 4, 5, 6, 7, 891_000, tzinfo=UTC)


def make_user(*rights: str, **more: Any) -> User:
    """``rights`` are codenames such as ``view_customer``."""
    user = User.objects.create_user(f"user-{uuid4().hex[:8]}", password="right", **more)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights, content_type__app_label="crm"))
    return user


def every_right() -> list[str]:
    return [f"{right}_{kind.singular}" for right in EVERY_RIGHT for kind in (PRODUCT, *KINDS)]


@pytest.fixture
def staff(db: None) -> Client:
    return signed_in(make_user(*every_right()))


def make_customer(
    name: str = "Zofia Nowak", email: str = "zofia@example.com", phone: str = "+48 22 123 45 67"
) -> Customer:
    return fresh(Customer.objects.create(name=name, email=email, phone=phone))


def make_product(name: str = "Desk lamp", price: str = "12.50") -> Product:
    return fresh(Product.objects.create(name=name, price=Decimal(price)))


def make_acquisition(customer: Customer, product: Product, quantity: int = 2, total: str = "25.00") -> Acquisition:
    return fresh(
        Acquisition.objects.create(customer=customer, product=product, quantity=quantity, total_amount=Decimal(total))
    )


def make_interaction(customer: Customer, notes: str = "Asked for a quote", type: str = "call") -> Interaction:
    return fresh(Interaction.objects.create(customer=customer, type=type, notes=notes, interaction_at=WHEN))


def fresh(row: R) -> R:
    row.refresh_from_db()
    return row


@pytest.fixture
def customer(db: None) -> Customer:
    return make_customer()


@pytest.fixture
def product(db: None) -> Product:
    return make_product()


@pytest.fixture
def rows(customer: Customer, product: Product) -> dict[Kind, LiveModel]:
    """One row of each kind, each belonging to the same customer."""
    return {
        CUSTOMER: customer,
        ACQUISITION: make_acquisition(customer, product),
        INTERACTION: make_interaction(customer),
    }


def address(kind: Kind, row: LiveModel | None = None, page: str = "") -> str:
    return f"/crm/{kind.plural}/" + (f"{row.pk}/" if row else "") + (f"{page}/" if page else "")


def typed(kind: Kind, row: Any, **more: object) -> dict[str, object]:
    """What a form that was opened at this state of the row posts."""
    told: dict[str, object]
    if kind is CUSTOMER:
        told = {"name": row.name, "email": row.email, "phone": row.phone}
    elif kind is ACQUISITION:
        told = {"customer": row.customer_id, "product": row.product_id}
        told |= {"quantity": row.quantity, "total_amount": row.total_amount}
    else:
        told = {"customer": row.customer_id, "type": row.type, "notes": row.notes}
        told |= {"interaction_at": row.interaction_at.strftime("%Y-%m-%dT%H:%M:%S")}
    return {name: str(value) for name, value in told.items()} | {"revision": str(row.revision)} | more


def change_behind(row: LiveModel, **columns: object) -> None:
    """A colleague changes the row while the form is open."""
    assignments = ", ".join(f"{name} = %s" for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(f"update {row._meta.db_table} set {assignments} where id = %s", [*columns.values(), row.pk])


# Who may open what


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_nobody_sees_a_page_without_signing_in_or_without_the_right(
    client: Client, kind: Kind, rows: dict[Kind, LiveModel]
) -> None:
    others = signed_in(make_user(*(right for right in every_right() if not right.endswith(kind.singular))))
    row = rows[kind]
    for where in (
        address(kind),
        address(kind, row),
        address(kind, page="new"),
        address(kind, row, "edit"),
        address(kind, row, "delete"),
    ):
        assert client.get(where).headers["Location"] == f"/sign-in/?next={where}"
        assert others.get(where).status_code == 403
    for page in ("edit", "delete"):
        assert others.post(address(kind, row, page), typed(kind, row)).status_code == 403
    assert fresh(row).revision == row.revision


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_a_viewer_sees_rows_and_none_of_the_ways_to_write(kind: Kind, rows: dict[Kind, LiveModel]) -> None:
    viewer = signed_in(make_user(*(f"view_{each.singular}" for each in (PRODUCT, *KINDS))))
    listed = text(viewer.get(address(kind)))
    assert f'data-id="{rows[kind].pk}"' in listed
    for told in (listed, text(viewer.get(address(kind, rows[kind])))):
        assert "/new/" not in told
        assert "/edit/" not in told
        assert "/delete/" not in told


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_staff_open_every_page_and_find_every_way_to_write(
    staff: Client, kind: Kind, rows: dict[Kind, LiveModel]
) -> None:
    for where in (address(kind), address(kind, rows[kind])):
        assert staff.get(where).status_code == 200
    detail = text(staff.get(address(kind, rows[kind])))
    for page in ("edit", "delete"):
        assert f'href="{address(kind, rows[kind], page)}"' in detail
        assert staff.get(address(kind, rows[kind], page)).status_code == 200
    assert f'href="{address(kind, page="new")}"' in text(staff.get(address(kind)))
    assert staff.get(address(kind, page="new")).status_code == 200


def test_the_navigation_and_the_dashboard_hold_what_the_user_may_see(rows: dict[Kind, LiveModel]) -> None:
    told = text(signed_in(make_user("view_customer", "view_interaction")).get("/"))
    assert "/crm/customers/" in told
    assert "/crm/interactions/" in told
    assert "Zofia Nowak" in told
    assert "Call with Zofia Nowak" in told
    assert "/crm/acquisitions/" not in told
    assert "Desk lamp" not in told


# Forms


def test_a_customer_is_created_changed_and_deleted(staff: Client) -> None:
    created = staff.post("/crm/customers/new/", {"name": "Ann", "email": "ann@example.com", "phone": ""})
    customer = Customer.objects.get()
    assert created.headers["Location"] == f"/crm/customers/{customer.pk}/"
    staff.post(address(CUSTOMER, customer, "edit"), typed(CUSTOMER, customer, phone="030 1234"))
    customer = Customer.objects.get()
    assert (customer.name, customer.email, customer.phone) == ("Ann", "ann@example.com", "030 1234")
    gone = staff.post(address(CUSTOMER, customer, "delete"), {"revision": customer.revision}, follow=True)
    assert "“Ann” was deleted." in text(gone)
    assert not Customer.objects.exists()


def test_an_acquisition_is_created_changed_and_deleted(staff: Client, customer: Customer, product: Product) -> None:
    told = {"customer": customer.pk, "product": product.pk, "quantity": "3", "total_amount": "30.00"}
    created = staff.post("/crm/acquisitions/new/", told, follow=True)
    acquisition = Acquisition.objects.get()
    assert "“3 × Desk lamp for Zofia Nowak” was created." in text(created)
    assert (acquisition.quantity, acquisition.total_amount) == (3, Decimal("30.00"))
    staff.post(address(ACQUISITION, acquisition, "edit"), typed(ACQUISITION, acquisition, quantity="4"))
    assert Acquisition.objects.get().quantity == 4
    staff.post(address(ACQUISITION, acquisition, "delete"), {"revision": Acquisition.objects.get().revision})
    assert not Acquisition.objects.exists()


def test_an_interaction_is_created_changed_and_deleted(staff: Client, customer: Customer) -> None:
    told = {"customer": customer.pk, "type": "meeting", "notes": "Lunch", "interaction_at": "2026-02-03T11:30:00"}
    staff.post("/crm/interactions/new/", told)
    interaction = Interaction.objects.get()
    assert interaction.interaction_at == datetime(2026, 2, 3, 11, 30, tzinfo=UTC)
    staff.post(address(INTERACTION, interaction, "edit"), typed(INTERACTION, interaction, type="note"))
    assert Interaction.objects.get().type == "note"
    staff.post(address(INTERACTION, interaction, "delete"), {"revision": Interaction.objects.get().revision})
    assert not Interaction.objects.exists()


BAD_INPUT = [
    (CUSTOMER, "name", ""),
    (CUSTOMER, "name", "\t\u00a0"),
    (CUSTOMER, "name", "x" * 501),
    (CUSTOMER, "email", "nobody"),
    (CUSTOMER, "email", "javascript:alert(1)"),
    (CUSTOMER, "phone", "1" * 51),
    (CUSTOMER, "phone", "a\x00b"),
    (ACQUISITION, "customer", ""),
    (ACQUISITION, "customer", "00000000-0000-0000-0000-000000000000"),
    (ACQUISITION, "customer", "' or 1=1"),
    (ACQUISITION, "product", "abc"),
    (ACQUISITION, "quantity", "0"),
    (ACQUISITION, "quantity", "-1"),
    (ACQUISITION, "quantity", "1.5"),
    (ACQUISITION, "quantity", "2147483648"),
    (ACQUISITION, "quantity", "9" * 5000),
    (ACQUISITION, "total_amount", "-0.01"),
    (ACQUISITION, "total_amount", "0.001"),
    (ACQUISITION, "total_amount", "9999999999999.00"),
    (ACQUISITION, "total_amount", "NaN"),
    (INTERACTION, "customer", ""),
    (INTERACTION, "type", "smoke signal"),
    (INTERACTION, "notes", "a\x00b"),
    (INTERACTION, "interaction_at", ""),
    (INTERACTION, "interaction_at", "yesterday"),
    (INTERACTION, "interaction_at", "2026-02-30T10:00:00"),
    (INTERACTION, "interaction_at", "infinity"),
    (INTERACTION, "interaction_at", "0001-01-01T00:00:00"),
    (INTERACTION, "interaction_at", "9999-12-31T23:59:59"),
]


@pytest.mark.parametrize(("kind", "field", "value"), BAD_INPUT, ids=lambda value: str(value)[:24])
def test_bad_input_is_told_at_its_field_and_nothing_is_saved(
    staff: Client, rows: dict[Kind, LiveModel], kind: Kind, field: str, value: str
) -> None:
    row = rows[kind]
    for where in (address(kind, page="new"), address(kind, row, "edit")):
        answer = staff.post(where, typed(kind, row) | {field: value})
        assert answer.status_code == 200
        assert set(answer.context["form"].errors) == {field}
        assert 'class="errorlist' in text(answer)
    assert kind.model._default_manager.get().revision == row.revision


def test_an_empty_total_is_the_price_times_the_quantity(staff: Client, customer: Customer, product: Product) -> None:
    assert 'value="0"' not in text(staff.get("/crm/acquisitions/new/"))
    told = {"customer": customer.pk, "product": product.pk, "quantity": "3", "total_amount": ""}
    staff.post("/crm/acquisitions/new/", told)
    assert Acquisition.objects.get().total_amount == Decimal("37.50")


def test_a_total_too_large_to_keep_is_told(staff: Client, customer: Customer) -> None:
    product = make_product(price="9999999999.99")
    told = {"customer": customer.pk, "product": product.pk, "quantity": "2147483647", "total_amount": ""}
    answer = staff.post("/crm/acquisitions/new/", told)
    assert set(answer.context["form"].errors) == {"total_amount"}


def test_a_time_that_nobody_touched_keeps_its_fractions(staff: Client, customer: Customer) -> None:
    interaction = make_interaction(customer)
    staff.post(address(INTERACTION, interaction, "edit"), typed(INTERACTION, interaction, notes="More"))
    saved = Interaction.objects.get()
    assert (saved.notes, saved.interaction_at) == ("More", WHEN)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_a_stale_edit_saves_nothing_and_shows_both(staff: Client, rows: dict[Kind, LiveModel], kind: Kind) -> None:
    opened = rows[kind]
    column, value = {
        CUSTOMER: ("phone", "555 0100"),
        ACQUISITION: ("quantity", 7),
        INTERACTION: ("notes", "Theirs"),
    }[kind]
    change_behind(opened, **{column: value})
    mine = {"phone": "555 0199", "quantity": 8, "notes": "Mine"}[column]
    answer = staff.post(address(kind, opened, "edit"), typed(kind, opened, **{column: mine}))
    assert answer.status_code == 409
    assert "Somebody changed the same field in the meantime" in text(answer)
    assert getattr(kind.model._default_manager.get(), column) == value
    revision = answer.context["form"]["revision"].value()
    again = staff.post(address(kind, opened, "edit"), typed(kind, opened, **{column: mine}, revision=revision))
    assert again.status_code == 302
    assert getattr(kind.model._default_manager.get(), column) == mine


def test_the_notice_beside_a_form_says_names_and_words_and_no_keys(rows: dict[Kind, LiveModel]) -> None:
    bob, chair = make_customer("Bob"), make_product("Chair")
    acquisition, interaction = rows[ACQUISITION], rows[INTERACTION]
    change_behind(acquisition, customer_id=bob.pk, product_id=chair.pk)
    change_behind(interaction, customer_id=bob.pk, type="meeting")
    said = {
        acquisition: ("Zofia Nowak", "Bob", "Desk lamp", "Chair"),
        interaction: ("Zofia Nowak", "Bob", "Call", "Meeting"),
    }
    for kind in (ACQUISITION, INTERACTION):
        row = rows[kind]
        editing = definition_named(f"{kind.singular}-editing")
        notice = editing.snapshot({"id": str(row.pk), "revision": row.revision}).parts["body"].html
        for words in said[row]:
            assert words in notice
        assert str(bob.pk) not in re.sub(r'data-now="[^"]*"', "", notice)


@pytest.mark.django_db
def test_a_row_without_relatives_has_a_name() -> None:
    assert (str(Acquisition()), str(Interaction())) == ("New acquisition", "New interaction")


# Choosing a customer or product among many


def new_interaction(staff: Client, **more: object) -> HttpResponse:
    told = {"type": "note", "notes": "Typed", "interaction_at": "2026-02-03T11:30:00", "customer": ""}
    return staff.post("/crm/interactions/new/", told | more)


def options(answer: HttpResponse) -> list[str]:
    page = text(answer)
    select = page[page.index('<select name="customer"') :]
    return [piece.split('"')[0] for piece in select[: select.index("</select>")].split('<option value="')[1:]]


def test_the_address_of_a_new_row_may_name_its_customer_and_product(staff: Client) -> None:
    customer, product = make_customer(), make_product()
    for number in range(60):
        make_customer(f"Newer {number}")
    told = text(staff.get(f"/crm/acquisitions/new/?customer={customer.pk}&product={product.pk}"))
    assert f'<option value="{customer.pk}" selected' in told
    assert f'<option value="{product.pk}" selected' in told


@pytest.mark.parametrize("key", ["", "abc", "00000000-0000-0000-0000-000000000000", "\x00", "x" * 5000, "<b>"])
def test_an_address_that_names_nobody_opens_a_form_with_nobody_chosen(
    staff: Client, customer: Customer, key: str
) -> None:
    answer = staff.get("/crm/interactions/new/", {"customer": key})
    assert answer.status_code == 200
    assert f'value="{customer.pk}" selected' not in text(answer)
    assert options(answer) == ["", str(customer.pk)]


def test_any_existing_customer_is_taken_and_not_only_those_on_the_list(staff: Client, customer: Customer) -> None:
    for number in range(60):
        make_customer(f"Newer {number}")
    assert str(customer.pk) not in options(staff.get("/crm/interactions/new/"))
    assert new_interaction(staff, customer=customer.pk).status_code == 302
    assert Interaction.objects.get().customer == customer


def test_a_text_that_finds_one_customer_chooses_that_one(staff: Client, customer: Customer) -> None:
    make_customer("Somebody else", email="else@example.com")
    assert new_interaction(staff, **{"customer-find": "nowak ZOFIA"}).status_code == 302
    assert Interaction.objects.get().customer == customer


def test_a_text_that_finds_several_saves_nothing_and_lists_them(staff: Client, customer: Customer) -> None:
    other = make_customer("Zofia Kowalska", email="")
    make_customer("Somebody else", email="else@example.com", phone="1234")
    found = {"customer-find": "zofia"}
    answer = new_interaction(staff, **found)
    assert "More than one customer matches “zofia”. Choose which." in text(answer)
    assert options(answer) == ["", str(other.pk), str(customer.pk)]
    assert ">Typed</textarea>" in text(answer).replace("\n", "")
    assert not Interaction.objects.exists()
    # The list has answered that text, so now the pick counts.
    assert new_interaction(staff, **found, **{"customer-found": "zofia"}, customer=customer.pk).status_code == 302
    assert Interaction.objects.get().customer == customer


def test_a_text_typed_after_a_pick_is_not_overlooked(staff: Client, customer: Customer) -> None:
    other = make_customer("Bob", email="")
    new_interaction(staff, customer=customer.pk, **{"customer-find": "bob"})
    assert Interaction.objects.get().customer == other


def test_a_text_that_finds_nobody_keeps_the_pick(staff: Client, customer: Customer) -> None:
    answer = new_interaction(staff, customer=customer.pk, **{"customer-find": "xyz"})
    assert "No customer matches “xyz”." in text(answer)
    assert f'<option value="{customer.pk}" selected' in text(answer)
    assert not Interaction.objects.exists()


def test_find_only_finds(staff: Client, customer: Customer) -> None:
    answer = new_interaction(staff, **{"customer-find": "zofia", "customer-finding": "1"})
    assert "One customer matches" in text(answer)
    assert f'<option value="{customer.pk}" selected' in text(answer)
    assert not Interaction.objects.exists()


def test_a_customer_who_goes_while_an_interaction_is_saved_is_told_at_the_field(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff, customer = signed_in(make_user(*every_right())), make_customer()
    plain_save = Interaction.save

    def leave() -> None:
        Customer.objects.filter(pk=customer.pk).delete()
        connection.close()

    def save_too_late(self: Interaction, *args: Any, **kwargs: Any) -> None:
        # Somebody else does that: it stays when this save is rolled back.
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(leave).result()
        plain_save(self, *args, **kwargs)

    monkeypatch.setattr(Interaction, "save", save_too_late)
    answer = new_interaction(staff, customer=customer.pk)
    assert answer.status_code == 200
    assert set(answer.context["form"].errors) == {"customer"}
    assert ">Typed</textarea>" in text(answer).replace("\n", "")


# Lists


def listed(client: Client, kind: Kind, **query: object) -> set[str]:
    told = text(client.get(address(kind), query))
    return {piece.split('"')[0] for piece in told.split('data-live-row data-id="')[1:]}


def test_lists_are_searched_by_what_their_rows_show(staff: Client, rows: dict[Kind, LiveModel]) -> None:
    other = make_customer("Bob", "bob@example.org", "99")
    make_acquisition(other, make_product("Chair"))
    make_interaction(other, "Something else")
    for kind, queries in {
        CUSTOMER: ("zofia", "nowak zofia", "zofia@example", "123 45"),
        ACQUISITION: ("lamp", "zofia", "lamp zofia"),
        INTERACTION: ("quote", "zofia quote"),
    }.items():
        for query in queries:
            assert listed(staff, kind, q=query) == {str(rows[kind].pk)}
        assert len(listed(staff, kind)) == 2
        assert listed(staff, kind, q="no such thing") == set()


def test_each_choice_of_a_filter_shows_its_rows_and_no_other(staff: Client) -> None:
    plain = [make_customer("A", "a@b.example", ""), make_customer("B", "", "1234"), make_customer("C", "", "")]
    chosen = {"email": {0}, "phone": {1}, "none": {2}, "": {0, 1, 2}, "nonsense": {0, 1, 2}}
    for choice, numbers in chosen.items():
        assert listed(staff, CUSTOMER, contact=choice) == {str(plain[number].pk) for number in numbers}
    amounts = ("99.99", "100.00", "1000.00", "1000.01")
    products = [make_product(f"P{amount}", amount) for amount in amounts]
    sold = [make_acquisition(plain[0], products[0], total=amount) for amount in amounts]
    for choice, numbers in {"small": {0}, "middle": {1, 2}, "large": {3}, "": {0, 1, 2, 3}}.items():
        assert listed(staff, PRODUCT, price=choice) == {str(products[number].pk) for number in numbers}
        assert listed(staff, ACQUISITION, total=choice) == {str(sold[number].pk) for number in numbers}
    talks = {type: make_interaction(plain[0], type=type) for type in Interaction.Type.values}
    for type, interaction in talks.items():
        assert listed(staff, INTERACTION, type=type) == {str(interaction.pk)}


def test_a_filter_shows_what_was_chosen_and_stays_while_paging(staff: Client, customer: Customer) -> None:
    for _ in range(51):
        make_interaction(customer)
    told = text(staff.get("/crm/interactions/", {"type": "call", "customer": customer.pk}))
    assert '<input type="checkbox" name="type" value="call" checked>' in told
    assert f"?type=call&amp;customer={customer.pk}&amp;after=" in told
    empty = text(staff.get("/crm/interactions/", {"type": "note"}))
    assert "No interaction matches" in empty


def test_a_list_of_one_customers_rows_says_whose_they_are(staff: Client, rows: dict[Kind, LiveModel]) -> None:
    other = make_customer("Bob")
    make_interaction(other)
    make_acquisition(other, make_product("Chair"))
    customer = rows[CUSTOMER]
    for kind in (ACQUISITION, INTERACTION):
        assert listed(staff, kind, customer=customer.pk) == {str(rows[kind].pk)}
        told = text(staff.get(address(kind), {"customer": customer.pk, "q": "zofia"}))
        assert '<span class="chip__label">Customer</span>' in told
        assert f'<input type="hidden" name="customer" value="{customer.pk}">' in told
        assert f'href="/crm/customers/{customer.pk}/">Zofia Nowak</a>' in told
    assert len(listed(staff, ACQUISITION, product=uuid4())) == 0
    assert len(listed(staff, ACQUISITION, customer="nonsense")) == 2


# The pages of a customer and of a product


def test_a_customers_page_holds_its_acquisitions_with_their_total_and_its_interactions(
    staff: Client, customer: Customer, product: Product
) -> None:
    make_acquisition(customer, product, 2, "1000.50")
    make_acquisition(customer, product, 1, "500.25")
    make_acquisition(make_customer("Bob"), product, 1, "7777.00")
    for number in range(22):
        make_interaction(customer, f"Talk number {number}.")
    told = plain_numbers(text(staff.get(address(CUSTOMER, customer))))
    assert "<strong>2</strong> acquisitions" in told
    assert "<strong>1,500.75</strong> in total" in told
    assert "7,777" not in told
    assert "<strong>22</strong> interactions" in told
    block = told[told.index(">Interactions</h2>") : told.index('id="timeline"')]
    assert block.count("Talk number") == 5
    assert f'href="/crm/interactions/?customer={customer.pk}">Show all 22</a>' in told
    for kind in (ACQUISITION, INTERACTION):
        assert f'href="{address(kind, page="new")}?customer={customer.pk}"' in told


def test_a_products_page_holds_what_was_sold_of_it(staff: Client, customer: Customer, product: Product) -> None:
    make_acquisition(customer, product, 1200, "1000.50")
    make_acquisition(customer, make_product("Chair"), 5, "7777.00")
    told = plain_numbers(text(staff.get(address(PRODUCT, product))))
    assert "<strong>1</strong> acquisition<" in told
    assert "<strong>1,200</strong> sold" in told
    assert "<strong>1,000.50</strong> in total" in told
    assert f'href="/crm/acquisitions/new/?product={product.pk}"' in told


def test_a_customers_page_shows_no_block_whose_rows_the_user_may_not_see(rows: dict[Kind, LiveModel]) -> None:
    told = text(signed_in(make_user("view_customer", "add_interaction")).get(address(CUSTOMER, rows[CUSTOMER])))
    assert "Zofia Nowak" in told
    assert "Desk lamp" not in told
    assert "Asked for a quote" not in told


def test_another_app_adds_a_block_and_dependants_of_its_own(
    staff: Client, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customer_page, "blocks", list(customer_page.blocks))
    monkeypatch.setattr(customer_page, "dependants", [lambda customer: (3, "parcels")])
    customer_page.register_block("The name again", "customer-name", order=5)
    told = text(staff.get(address(CUSTOMER, customer)))
    assert told.index("The name again") < told.index(">Acquisitions</h2>") < told.index(">Interactions</h2>")
    told = text(staff.get(address(CUSTOMER, customer, "delete")))
    assert "This customer has 3 parcels." in told


def test_a_page_of_a_customer_who_is_gone_is_the_404_that_a_watching_page_became(staff: Client) -> None:
    answer = staff.get(f"/crm/customers/{uuid4()}/")
    assert answer.status_code == 404
    assert "This customer isn’t there" in text(answer)
    assert "It was deleted, or its address is wrong." in text(answer), "true of one that never was, too"
    for block in ("Acquisitions", "Interactions"):
        assert f'<h2 class="block__title">{block}</h2>' in text(answer)


# Contact details


@pytest.mark.parametrize(
    "value", ["", "nobody", "javascript:alert(1)", 'a@b.c?cc=x@y.z"onclick=', "a b@c.de", "<a@b.de>", "a@b.de\n"]
)
def test_what_is_no_address_is_no_link(value: str) -> None:
    assert "href" not in mailto(value)


@pytest.mark.parametrize(
    "value", ["", "12", "call me", "javascript:1234", "1234;ext=5", "٠١٢٣٤٥", "1" * 40, '123"4567', "+"]
)
def test_what_is_no_number_is_no_link(value: str) -> None:
    assert "href" not in tel(value)


def test_addresses_and_numbers_are_links() -> None:
    assert 'href="mailto:o%27neil+crm@example.com"' in mailto("o'neil+crm@example.com")
    assert 'href="tel:+48221234567"' in tel("+48 (22) 123-45.67")


def test_a_query_in_an_address_is_no_query_of_the_link() -> None:
    # Valid by the standard, and in Django: the part before the @ may contain a question mark.
    assert 'href="mailto:a%3Fbcc%3Dx@example.com"' in mailto("a?bcc=x@example.com")


# Nothing a user or another writer writes becomes markup


def test_hostile_texts_are_escaped_on_every_page(staff: Client) -> None:
    customer, product = make_customer(HOSTILE, "", HOSTILE[:50]), make_product(HOSTILE)
    change_behind(customer, email=HOSTILE)
    rows = {
        PRODUCT: product,
        CUSTOMER: customer,
        ACQUISITION: make_acquisition(customer, product),
        INTERACTION: make_interaction(customer, HOSTILE),
    }
    places = ["/", f"/crm/acquisitions/?customer={customer.pk}&product={product.pk}"]
    for kind, row in rows.items():
        places += [address(kind), address(kind, row), address(kind, row, "edit"), address(kind, row, "delete")]
        places += [f"{address(kind, page='new')}?customer={customer.pk}&product={product.pk}"]
    for where in places:
        told = text(staff.get(where))
        assert not any(piece in told for piece in HOSTILE_PIECES), where
    found = staff.post(
        "/crm/interactions/new/", {"customer-find": HOSTILE, "customer": HOSTILE, "customer-found": HOSTILE}
    )
    assert not any(piece in text(found) for piece in HOSTILE_PIECES)
    assert "&lt;img src=x" in text(found)


# Deletion


def test_what_others_depend_on_stays_and_the_page_counts_them(staff: Client, rows: dict[Kind, LiveModel]) -> None:
    customer, product = rows[CUSTOMER], Product.objects.get()
    make_interaction(Customer.objects.get())
    said = "This customer has 1 acquisition and 2 interactions. Delete them first, or give them to another customer."
    asked = staff.get(address(CUSTOMER, customer, "delete"))
    answer = staff.post(address(CUSTOMER, customer, "delete"), {"revision": customer.revision})
    assert (asked.status_code, answer.status_code) == (200, 409)
    for told in (asked, answer):
        assert said in text(told)
        assert ">Delete customer<" not in text(told)
    answer = staff.post(address(PRODUCT, product, "delete"), {"revision": product.revision})
    assert "This product has 1 acquisition." in text(answer)
    assert (Customer.objects.count(), Product.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([(0, "tickets"), (0, "notes")], ""),
        ([(1, "ticket"), (0, "notes")], "This customer has 1 ticket."),
        ([(1, "ticket"), (2, "notes")], "This customer has 1 ticket and 2 notes."),
        ([(1, "ticket"), (2, "notes"), (1234, "calls")], "This customer has 1 ticket, 2 notes and 1,234 calls."),
    ],
)
def test_a_refusal_is_a_sentence(counts: list[tuple[int, str]], said: str) -> None:
    told = refusal(CUSTOMER, counts)
    assert told.startswith(said) if said else told == ""


def test_a_dependant_that_comes_while_its_customer_is_deleted_keeps_the_customer(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff, customer = signed_in(make_user(*every_right())), make_customer()
    plain_delete = Customer.delete

    def delete_too_late(self: Customer, *args: Any, **kwargs: Any) -> Any:
        made = plain_delete(self, *args, **kwargs)
        with connection.cursor() as cursor:
            cursor.execute("insert into interactions (customer_id) values (%s)", [customer.pk])
        return made

    monkeypatch.setattr(Customer, "delete", delete_too_late)
    answer = staff.post(address(CUSTOMER, customer, "delete"), {"revision": customer.revision})
    assert answer.status_code == 409
    assert "Another record refers to this customer, so it has to stay." in text(answer)
    assert Customer.objects.get() == customer


def test_a_dependant_that_was_not_counted_keeps_the_customer(
    rows: dict[Kind, LiveModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    staff, customer = signed_in(make_user(*every_right())), rows[CUSTOMER]
    told = iter(["", "", "This customer has 1 interaction."])
    monkeypatch.setattr(CustomerPages, "undeletable_because", lambda self, instance: next(told))
    answer = staff.post(address(CUSTOMER, customer, "delete"), {"revision": customer.revision})
    assert answer.status_code == 409
    assert "This customer has 1 interaction." in text(answer)
    assert Customer.objects.filter(pk=customer.pk).exists()


# The Django admin


@pytest.mark.parametrize("kind", [PRODUCT, *KINDS], ids=lambda kind: kind.plural)
def test_the_admin_lists_searches_and_opens_every_kind(rows: dict[Kind, LiveModel], kind: Kind) -> None:
    admin = signed_in(make_user(is_staff=True, is_superuser=True))
    row = kind.model._default_manager.get()
    base = f"/admin/crm/{kind.singular}/"
    for query in ("", "?q=zofia", "?q=lamp"):
        assert admin.get(base + query).status_code == 200
    assert admin.get(f"{base}add/").status_code == 200
    told = text(admin.get(f"{base}{row.pk}/change/"))
    for stamp in ("revision", "created_at", "updated_at"):
        assert f'name="{stamp}"' not in told
    assert "Revision:" in told


def test_the_admin_adds_an_interaction_inside_its_customer(customer: Customer) -> None:
    admin = signed_in(make_user(is_staff=True, is_superuser=True))
    told: dict[str, object] = {"name": customer.name, "email": "", "phone": ""}
    for prefix, new in (("acquisitions", 0), ("interactions", 1)):
        told |= {f"{prefix}-TOTAL_FORMS": new, f"{prefix}-INITIAL_FORMS": 0}
    told |= {"interactions-0-type": "call", "interactions-0-notes": "From the admin"}
    told |= {"interactions-0-interaction_at_0": "2026-01-02", "interactions-0-interaction_at_1": "10:00:00"}
    answer = admin.post(f"/admin/crm/customer/{customer.pk}/change/", told)
    assert answer.status_code == 302
    assert Interaction.objects.get().notes == "From the admin"


def test_the_admin_saves_a_customer_with_hundreds_of_rows_even_when_more_came_meanwhile(customer: Customer) -> None:
    admin = signed_in(make_user(is_staff=True, is_superuser=True))
    where, product = f"/admin/crm/customer/{customer.pk}/change/", make_product()
    for _ in range(130):
        make_acquisition(customer, product)
        make_interaction(customer)
    page = admin.get(where)
    told = {"name": "Renamed", "email": "", "phone": ""}
    for shown in page.context["inline_admin_formsets"]:
        assert len(shown.formset.forms) == 20
        for form in (shown.formset.management_form, *shown.formset.forms):
            told |= {form.add_prefix(name): form[name].value() for name in form.fields if name not in ("DELETE",)}
    for name in [name for name in told if name.endswith("-interaction_at")]:
        told |= {f"{name}_0": "2026-01-02", f"{name}_1": "10:00:00"}
    for _ in range(20):
        make_acquisition(customer, product)
        make_interaction(customer)
    answer = admin.post(where, {name: "" if value is None else value for name, value in told.items()})
    assert answer.status_code == 302, answer.context["errors"]
    assert Customer.objects.get().name == "Renamed"
    assert Interaction.objects.count() == 150


def shown_form(answer: Any) -> dict[str, str]:
    """What a browser would send from the admin's page, including its hidden fields."""
    sent = {}
    for field in re.finditer(r"<(input|textarea|select)\b[^>]*>", text(answer)):
        if (name := re.search(r' name="([^"]+)"', field[0])) is None or "__prefix__" in name[1]:
            continue
        value = re.search(r' value="([^"]*)"', field[0])
        rest = text(answer)[field.end() :]
        if field[1] == "textarea":
            sent[name[1]] = unescape(rest[: rest.index("</textarea>")]).removeprefix("\n")
        elif field[1] == "select":
            chosen = re.search(r'<option value="([^"]*)" selected', rest[: rest.index("</select>")])
            sent[name[1]] = chosen[1] if chosen else ""
        elif not re.search(r'type="(checkbox|submit)"', field[0]):
            sent[name[1]] = unescape(value[1]) if value else ""
    return sent


def test_a_row_inside_the_admins_page_is_not_overwritten_unseen_either(customer: Customer) -> None:
    admin = signed_in(make_user(is_staff=True, is_superuser=True))
    first, second = make_interaction(customer, "First"), make_interaction(customer, "Second")
    where = f"/admin/crm/customer/{customer.pk}/change/"
    sent = shown_form(admin.get(where))
    mine = next(name for name, value in sent.items() if value == "First" and not name.startswith("initial-"))
    change_behind(first, notes="Theirs")
    change_behind(second, notes="Untouched by me")

    refused = admin.post(where, sent | {mine: "Mine", "name": "Renamed"})
    assert refused.status_code == 200
    assert "Somebody changed this to “Theirs” meanwhile" in text(refused)
    assert "“Untouched by me”" not in text(refused), "that row isn't saved, so nothing of it is lost"
    assert Customer.objects.get().name == customer.name

    again = shown_form(refused)
    assert (again[mine], again["name"]) == ("Mine", "Renamed")
    assert admin.post(where, again).status_code == 302
    assert Customer.objects.get().name == "Renamed"
    assert {row.notes for row in Interaction.objects.all()} == {"Mine", "Untouched by me"}


def test_a_row_inside_the_admins_page_that_was_deleted_meanwhile_is_named(customer: Customer) -> None:
    admin = signed_in(make_user(is_staff=True, is_superuser=True))
    interaction = make_interaction(customer)
    where = f"/admin/crm/customer/{customer.pk}/change/"
    sent = shown_form(admin.get(where))
    interaction.delete()
    answer = admin.post(where, sent)
    assert "Somebody deleted one of these meanwhile. Nothing was saved" in text(answer)


def test_who_may_only_look_sees_nothing_of_the_hidden_revision(rows: dict[Kind, LiveModel]) -> None:
    looking = [f"view_{kind.singular}" for kind in KINDS]
    page = text(signed_in(make_user(*looking, is_staff=True)).get(f"/admin/crm/customer/{rows[CUSTOMER].pk}/change/"))
    assert "opened" not in page.lower()
    assert "Asked for a quote" in page


# How the lists are made


@pytest.mark.parametrize("kind", [PRODUCT, *KINDS], ids=lambda kind: kind.plural)
def test_a_page_of_fifty_rows_costs_no_query_for_each(
    staff: Client, kind: Kind, django_assert_max_num_queries: Any
) -> None:
    listing = definition_named(kind.plural)
    assert isinstance(listing, LiveList)
    customers = [make_customer(f"C{number}") for number in range(20)]
    for number, customer in enumerate(customers):
        make_acquisition(customer, make_product(f"P{number}"))
        make_interaction(customer)
    with django_assert_max_num_queries(2):
        assert len(listing.snapshot(listing.normalise({})).rows) == 20


@pytest.mark.parametrize("kind", [ACQUISITION, INTERACTION], ids=lambda kind: kind.plural)
def test_a_rows_cached_look_follows_the_names_it_shows(rows: dict[Kind, LiveModel], kind: Kind) -> None:
    listing = definition_named(kind.plural)
    assert isinstance(listing, LiveList)
    before = listing.snapshot(listing.normalise({})).rows[0]
    change_behind(rows[CUSTOMER], name="Renamed Person")
    after = listing.snapshot(listing.normalise({})).rows[0]
    assert "Renamed Person" in after.html
    assert before.version != after.version


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "20000-01-01", "0044-03-15 BC"])
def test_a_time_that_python_cannot_read_is_refused_from_every_writer(customer: Customer, moment: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("insert into interactions (customer_id, interaction_at) values (%s, %s)", [customer.pk, moment])


def test_an_amount_that_is_no_number_breaks_no_page(staff: Client, rows: dict[Kind, LiveModel]) -> None:
    product = Product.objects.get()
    # Existing rows may be older than the constraints.
    with connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute("alter table products drop constraint products_price_a_number")
        cursor.execute("alter table acquisitions drop constraint acquisitions_total_a_number")
    change_behind(rows[ACQUISITION], total_amount="NaN")
    change_behind(product, price="NaN")
    for where in ("/", address(ACQUISITION), address(CUSTOMER, rows[CUSTOMER]), address(PRODUCT, product)):
        assert staff.get(where).status_code == 200
    for page in ("", "edit", "delete"):
        assert staff.get(address(ACQUISITION, rows[ACQUISITION], page)).status_code == 200
