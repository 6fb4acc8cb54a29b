"""The portal over an adopted database: every page shows what is there, whatever the app's columns hold."""

import asyncio
import re
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from crm.importing.reading import Row
from crm.importing.rows import Outcome, ProductRows
from crm.kinds import ACQUISITION, CUSTOMER, INTERACTION, PRODUCT
from crm.models import Product
from project.accounts.linking import link
from project.accounts.models import User
from realtime.database import columns
from realtime.live.definition import definition_named
from realtime.live.kind import Kind
from realtime.live.lists import LiveList
from tests.integration.adopting.their_project import TheirProject
from tests.integration.pages.test_untouched import Form
from ticketing.kinds import TICKET
from ticketing.models import Ticket
from ticketing.people import NOT_LINKED

pytestmark = pytest.mark.usefixtures("quick_pages")

ADA = UUID("aaaaaaaa-0000-4000-8000-000000000001")
KINDS = (PRODUCT, CUSTOMER, ACQUISITION, INTERACTION, TICKET)
NEXT = re.compile(r'rel="next" href="([^"]*)"')


@pytest.fixture
def portal(adopted: TheirProject) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("operator", password="right"))
    return client


def page(portal: Client, address: str) -> str:
    response = portal.get(address)
    assert response.status_code == 200, address
    told = asyncio.run(whole(response)) if response.streaming else response.content
    return told.decode(errors="replace")


async def whole(response: Any) -> bytes:
    return b"".join([piece async for piece in response.streaming_content])


@pytest.mark.any_keys
def test_every_page_shows_what_is_there(portal: Client) -> None:
    for address in ("/", "/history/", "/search/?q=ticket", "/notifications/", reverse("ticketing:board")):
        page(portal, address)
    for kind in KINDS:
        for name in (kind.list_name, kind.export_name, kind.sheet_name, kind.create_name):
            page(portal, reverse(name))
        page(portal, reverse(f"admin:{kind.app}_{kind.singular}_changelist"))
        for key in some(kind):
            told = page(portal, reverse(kind.detail_name, args=[key]))
            assert not re.search(r"[>\"]None[<\"]", told), (kind.singular, key)


@pytest.mark.any_keys
def test_a_form_that_is_saved_untouched_changes_nothing(portal: Client, adopted: TheirProject) -> None:
    for kind in KINDS:
        for key in some(kind):
            question = f"select to_jsonb(t) from {kind.table} as t where id = %s"
            before = adopted.connection.execute(question, [key]).fetchone()  # type: ignore[call-overload]
            address = reverse(kind.edit_name, args=[key])
            response = portal.post(address, Form(page(portal, address)).sent)
            after = adopted.connection.execute(question, [key]).fetchone()  # type: ignore[call-overload]
            assert response.status_code == 302, (kind.singular, before)
            assert after == before


@pytest.mark.parametrize("adopted", ["odd_rows"], indirect=True)
def test_columns_of_the_app_are_shown_and_a_new_row_has_those_that_it_needs(
    portal: Client, adopted: TheirProject
) -> None:
    adopted.run("alter table products add column shelf integer, add column batch date")
    adopted.run("update products set shelf = 7, batch = '2026-01-02', stock = 5 where name = 'Thing 3'")
    adopted.run(
        "update products set batch = now() where batch is null; alter table products alter column batch set not null"
    )
    columns.forget()
    (thing,) = Product.objects.filter(name="Thing 3")
    told = page(portal, reverse("crm:product", args=[thing.pk]))
    assert re.findall(r"<dt[^>]*>(Supplier|Stock|Label|Shelf|Batch)</dt><dd[^>]*>(.*?)</dd>", told) == [
        ("Supplier", "Acme"),
        ("Stock", "5"),
        ("Label", "THING 3"),
        ("Shelf", "7"),
        ("Batch", "2026-01-02"),
    ]
    sent = Form(page(portal, reverse("crm:product-create"))).sent | {"name": "New"}
    assert "shelf" not in sent
    refused = portal.post(reverse("crm:product-create"), sent | {"batch": "soon"})
    assert "“soon” is no value of the type date." in unescape(refused.content.decode())
    portal.post(reverse("crm:product-create"), sent | {"batch": "2026-11-27", "price": "0.5"})
    made = "select batch::text, price, created_at is not null, updated_at is not null from products where name = 'New'"
    assert adopted.connection.execute(made).fetchone() == ("2026-11-27", 0.5, True, True)


@pytest.mark.parametrize("adopted", ["odd_rows"], indirect=True)
def test_where_nobody_can_be_asked_a_sentence_says_what_the_app_needs(portal: Client, adopted: TheirProject) -> None:
    for table, column in (("comments", "branch"), ("products", "shelf"), ("products", "aisle")):
        adopted.run(f"alter table {table} add column {column} text not null default 'x'")
        adopted.run(f"alter table {table} alter column {column} drop default")
    columns.forget()
    ticket = Ticket.objects.order_by("id")[0]
    spoken = portal.post(reverse("ticketing:comment-create", args=[ticket.pk]), {"content": "Typed for long"})
    told = unescape(spoken.content.decode())
    assert spoken.status_code == 422
    assert "A new comment needs a value for “branch”, which only the app can give." in told
    assert "Typed for long" in told
    outcome, known = Outcome(), Product.objects.order_by("id")[0]
    rows = ProductRows(["Key", "Product"], {"id": 0, "name": 1}, may_change=True)
    list(rows.through([Row(2, ["", "New"]), Row(3, [str(known.pk), "Renamed"])], outcome, writing=False))
    assert (outcome.new, outcome.changed, outcome.problem_count) == (0, 1, 1)
    assert outcome.problems[0].row == 2
    assert "A new product needs a value for “shelf” and “aisle”" in outcome.problems[0].sentence


@pytest.mark.parametrize("adopted", ["uuid_keys"], indirect=True)
def test_the_apps_people_have_names_and_an_account_can_be_one_of_them(
    portal: Client, adopted: TheirProject, settings: Settings
) -> None:
    settings.APP_PEOPLE = ("profiles", "id", "full_name")
    columns.forget()
    assert "Ada of the app" in page(portal, reverse(TICKET.list_name))
    (ticket,) = Ticket.objects.filter(title="Ticket 1")
    to_me = {"to": "me", "revision": ticket.revision}
    refused = portal.post(reverse("ticketing:assignment", args=[ticket.pk]), to_me)
    assert refused.status_code == 422
    assert NOT_LINKED in unescape(refused.content.decode())
    spoken = portal.post(reverse("ticketing:comment-create", args=[ticket.pk]), {"content": "Hello"})
    assert NOT_LINKED in unescape(spoken.content.decode())
    operator = User.objects.get(username="operator")
    with pytest.raises(ValidationError, match="nobody with the id"):
        link(operator, uuid4())
    linked = link(operator, ADA)
    portal.force_login(linked)
    assert "Ticket 5" in page(portal, f"{reverse(TICKET.list_name)}?assigned=me&size=100")
    assert portal.post(reverse("ticketing:assignment", args=[ticket.pk]), to_me).status_code == 302
    portal.post(reverse("ticketing:comment-create", args=[ticket.pk]), {"content": "Hello"})
    told = "select assigned_to, (select author_id from comments where content = 'Hello') from tickets where id = %s"
    assert adopted.connection.execute(told, [ticket.pk]).fetchone() == (ADA, ADA)


def some(kind: Kind) -> list[Any]:
    """The keys of rows, each with another selection of empty columns."""
    fields = [field.attname for field in kind.model._meta.concrete_fields]
    found = {
        tuple(value in (None, "") for value in row.values()): row["id"]
        for row in kind.model.objects.order_by("id").values(*fields)
    }
    return list(found.values())


@pytest.mark.any_keys
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_whatever_a_list_is_sorted_by_its_pages_have_every_row_once(portal: Client, kind: Kind) -> None:
    listing = definition_named(kind.plural)
    assert isinstance(listing, LiveList)
    keys = {str(key) for key in kind.model.objects.values_list("pk", flat=True)}
    for name in listing.sorts:
        for sort in (name, f"-{name}"):
            found: list[str] = []
            address = f"{reverse(kind.list_name)}?sort={sort}&size=25"
            while address and len(found) <= len(keys):
                told = page(portal, address)
                found += re.findall(r'<tr data-live-row data-id="([^"]+)"', told)
                following = NEXT.search(told)
                address = f"{reverse(kind.list_name)}{unescape(following[1])}" if following else ""
            assert (len(found), set(found)) == (len(keys), keys), sort


# An address's filter by a column that only the app knows, and the same in the app's own words.
BY_THE_APPS_COLUMNS = [
    (PRODUCT, "app.supplier=ACMÉ", "supplier ilike '%acme%'"),
    (PRODUCT, "app.supplier=all", "supplier ilike '%all%'"),
    (PRODUCT, "app.label=thing 7", "label like '%THING%' and label like '%7%'"),
    (PRODUCT, "app-empty.supplier=yes", "supplier is null or supplier = ''"),
    (PRODUCT, "app-empty.supplier=no", "supplier <> ''"),
    (PRODUCT, "app-from.stock=-2.5&app-to.stock=40", "stock between -2 and 40"),
    (PRODUCT, "app-empty.stock=yes", "stock is null"),
    (CUSTOMER, "app.newsletter=yes", "newsletter"),
    (CUSTOMER, "app.newsletter=no&app.newsletter=(empty)", "newsletter is not true"),
    (CUSTOMER, "app.tenant=main", "tenant = 'main'"),
    (CUSTOMER, "app-from.since=2026-01-05&app-to.since=2026-01-20", "since between '2026-01-05' and '2026-01-20'"),
    (TICKET, "app.channel=mail&app.channel=(empty)", "channel = 'mail' or channel is null"),
    (TICKET, "app.channel=Phone %25s", "channel = 'Phone %s'"),
    (TICKET, "app.team=north", "team = ' north'"),
    (TICKET, "app.team=(empty)", "coalesce(team, '') = ''"),
    (TICKET, "app-to.due=2026-01-20&q=trouble", "due < '2026-01-21'"),
]
FILL_IN = """
update products set supplier = (array['Acme', '', 'Small and tall', null])[1 + right(name, 1)::int % 4],
    stock = (array[-3, 7, 41, null])[1 + right(name, 1)::int % 4];
update customers set newsletter = (array[true, false, null])[1 + right(name, 1)::int % 3],
    since = '2026-01-01'::date + right(name, 1)::int * 3,
    tenant = case when right(name, 1) < '5' then 'main' else 'x' end;
update tickets set channel = (array['mail', 'Phone %s', null]::channel[])[1 + right(title, 1)::int % 3],
    team = (array['', ' north', 'south', null])[1 + right(title, 1)::int % 4],
    due = '2026-01-15'::timestamp + right(title, 1)::int * interval '1 day';
"""


@pytest.mark.parametrize("adopted", ["odd_rows"], indirect=True)
def test_a_list_is_filtered_by_what_only_the_app_knows(portal: Client, adopted: TheirProject) -> None:
    adopted.run(FILL_IN)
    every = {kind: page(portal, reverse(kind.list_name)) for kind in (PRODUCT, CUSTOMER, TICKET)}
    for kind, asked, told in BY_THE_APPS_COLUMNS:
        question = f"select id::text from {kind.table} where {told}"
        wanted = {key for (key,) in adopted.connection.execute(question).fetchall()}  # type: ignore[call-overload]
        shown = page(portal, f"{reverse(kind.list_name)}?size=100&{asked}")
        assert set(re.findall(r'data-id="([^"]*)"', shown)) == wanted, asked
        for name in re.findall(r"(app[^=]*)=", asked):
            assert f'name="{name}"' in every[kind], name
    assert "app.extra" not in every[TICKET]
    wrong = unescape(page(portal, f"{reverse(TICKET.list_name)}?app.channel=fax&app-from.due=soon"))
    assert "Channel can’t be <bdi>“fax”</bdi>; it is mail, Phone %s or –." in wrong
    assert "Due from can’t be <bdi>“soon”</bdi>" in wrong
