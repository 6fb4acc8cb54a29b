"""The change log in the admin: it tells who changed what to those who may know, and nobody can change it."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.models import Product
from project.accounts.models import User
from realtime.database.actor import acting_user
from realtime.models import RealtimeChange

LOG = "/admin/realtime/realtimechange/"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_pages")]


def make_user(name: str, group: str = "", **more: Any) -> User:
    user = User.objects.create_user(f"{name}-{uuid4().hex[:8]}", is_staff=True, **more)
    if group:
        user.groups.add(Group.objects.get(name=group))
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def manager() -> Client:
    return signed_in(make_user("manager", "Managers"))


@pytest.fixture
def anna() -> User:
    return make_user("anna", first_name="Anna", last_name="Berg")


@pytest.fixture
def lamp(anna: User) -> Product:
    """Made by the database's own role, then changed by Anna."""
    lamp = Product.objects.create(name="Desk lamp", description="Warm light", price="12.50")
    with acting_user(str(anna.pk)):
        lamp.name = "Lamp, مصباح <b>"
        lamp.description = ""
        lamp.save(update_fields=["name", "description"])
    return lamp


def shown(client: Client, address: str = LOG, **parameters: str) -> str:
    response = client.get(address, parameters)
    assert response.status_code == 200
    return response.content.decode()


def entry(product: Product, op: str) -> str:
    change = RealtimeChange.objects.get(row_key=product.pk, op=op)
    return f"{LOG}{change.pk}/change/"


def revisions(client: Client, **parameters: str) -> list[int]:
    changelist = client.get(LOG, parameters).context["cl"]
    return [change.revision for change in changelist.result_list]


def test_the_list_tells_when_which_row_and_who_by_name(manager: Client, lamp: Product) -> None:
    page = shown(manager)
    assert f'<a href="{LOG}?q={lamp.pk}">{lamp.pk}</a>' in page, "a row leads to all that happened to it"
    assert "Anna Berg" in page
    assert "Update" in page
    at = RealtimeChange.objects.get(row_key=lamp.pk, op="UPDATE").at
    assert f"{at:%Y-%m-%d %H:%M:%S}" in page
    assert "Show all" not in page
    newest = RealtimeChange.objects.filter(row_key=lamp.pk).order_by("-revision")
    assert revisions(manager)[:2] == [change.revision for change in newest]
    assert str(newest[0].revision) in page


def test_somebody_who_is_no_user_of_ours_keeps_his_name(manager: Client, lamp: Product) -> None:
    stranger = str(uuid4())
    with acting_user(stranger):
        lamp.delete()
    assert stranger in shown(manager)
    assert "postgres" in shown(manager)


def test_an_update_shows_only_what_it_changed_before_and_after(manager: Client, lamp: Product) -> None:
    page = shown(manager, entry(lamp, "UPDATE"))
    assert "<th>name</th>" in page
    assert '<td dir="auto">Desk lamp</td><td dir="auto">Lamp, مصباح &lt;b&gt;</td>' in page
    assert '<td dir="auto">Warm light</td><td dir="auto">&quot;&quot;</td>' in page
    assert "<th>price</th>" not in page
    assert "<th>revision</th>" not in page
    assert "Anna Berg" in page


def test_an_insert_shows_the_row_as_it_came_and_a_delete_as_it_went(manager: Client, lamp: Product) -> None:
    key = lamp.pk
    assert '<th>price</th><td dir="auto">—</td><td dir="auto">12.5' in shown(manager, entry(lamp, "INSERT"))
    lamp.delete()
    gone = shown(manager, entry(Product(pk=key), "DELETE"))
    assert '<td dir="auto">Lamp, مصباح &lt;b&gt;</td><td dir="auto">—</td>' in gone


def test_of_a_truncate_only_the_table_is_known(manager: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("truncate attachments")
    change = RealtimeChange.objects.get(op="TRUNCATE")
    assert "Only the table is known." in shown(manager, f"{LOG}{change.pk}/change/")
    assert revisions(manager, op__exact="TRUNCATE") == [change.revision]


def test_a_search_finds_a_row_by_its_key(manager: Client, lamp: Product) -> None:
    Product.objects.create(name="Another")
    found = revisions(manager, q=str(lamp.pk))
    assert found == list(RealtimeChange.objects.filter(row_key=lamp.pk).values_list("revision", flat=True))
    assert len(found) == 2


@pytest.mark.parametrize("term", ["anna", "Berg", "key"])
def test_a_search_finds_what_somebody_did_by_name_and_by_key(
    manager: Client, anna: User, lamp: Product, term: str
) -> None:
    found = revisions(manager, q=str(anna.pk) if term == "key" else term)
    assert found == [RealtimeChange.objects.get(row_key=lamp.pk, op="UPDATE").revision]


def test_a_search_finds_what_a_database_role_did_and_nothing_for_nonsense(manager: Client, lamp: Product) -> None:
    assert RealtimeChange.objects.get(row_key=lamp.pk, op="INSERT").revision in revisions(manager, q="postgres")
    assert revisions(manager, q="nonsense") == []


def test_filters_are_by_table_and_kind_of_change(manager: Client, lamp: Product) -> None:
    assert len(revisions(manager, table="products")) == 2
    assert revisions(manager, table="tickets") == []
    assert len(revisions(manager, op__exact="INSERT", table="products")) == 1
    page = shown(manager)
    assert "?table=customers" in page


@pytest.mark.parametrize("group", ["CRM staff", "Support agents", "Read-only", ""])
def test_who_has_no_right_to_it_sees_nothing(lamp: Product, group: str) -> None:
    client = signed_in(make_user("colleague", group))
    for address in (LOG, entry(lamp, "UPDATE")):
        response = client.get(address)
        assert response.status_code == 403
        assert "Desk lamp" not in response.content.decode()


@pytest.mark.parametrize("superuser", [False, True])
def test_nobody_adds_changes_or_deletes_entries(lamp: Product, superuser: bool) -> None:
    client = signed_in(make_user("boss", "Managers", is_superuser=superuser))
    address = entry(lamp, "UPDATE")
    before = RealtimeChange.objects.count()
    assert client.get(f"{LOG}add/").status_code == 403
    assert client.post(address, {"actor": "nobody"}).status_code == 403
    assert client.post(address.replace("/change/", "/delete/"), {"post": "yes"}).status_code == 403
    removed = {"action": "delete_selected", "_selected_action": [address.split("/")[-3]], "post": "yes"}
    client.post(LOG, removed)
    assert RealtimeChange.objects.count() == before
    assert not RealtimeChange.objects.filter(actor="nobody").exists()


def test_a_page_costs_few_queries_and_reads_no_rows_contents(manager: Client, lamp: Product) -> None:
    for number in range(60):
        with acting_user(str(uuid4())):
            Product.objects.create(name=f"Product {number}")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        shown(manager)
    on_log = [query["sql"] for query in queries if '"realtime_change"' in query["sql"]]
    assert len(on_log) == 2, on_log
    assert not any('"realtime_change"."new"' in one for one in on_log)
    counting = next(one for one in on_log if "COUNT" in one)
    assert "LIMIT 10000" in counting
    assert len(queries) < 15


def test_the_log_is_listed_only_so_far(manager: Client, lamp: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.pages.newest.LISTED", 1)
    assert manager.get(LOG).context["cl"].result_count == 1


def test_django_has_nothing_against_this_admin() -> None:
    call_command("check", fail_level="WARNING")
