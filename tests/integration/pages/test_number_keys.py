"""What a key means: a row of one table, whatever another table's rows are called. Run with both kinds of keys."""

import re
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.utils.html import strip_tags

from crm.importing.kinds import KEY
from crm.models import Customer, Product
from project.accounts.models import User
from realtime.keys import UUIDS, Key, read_key
from realtime.models import Draft, RealtimeChange, RowLimit
from realtime.pages.drafts import mine
from realtime.sight import seeing, sight_of
from tests.integration.crm.test_importing import outcome_of
from ticketing.models import Comment, Ticket

pytestmark = [pytest.mark.django_db, pytest.mark.any_keys, pytest.mark.usefixtures("quick_pages")]


def any_key() -> Key:
    return read_key(uuid4() if UUIDS else uuid4().int % 10**6 + 10**6)


@pytest.fixture
def manager() -> Client:
    user = User.objects.create_user("manager", first_name="Mona")
    user.groups.add(Group.objects.get(name="Managers"))
    client = Client()
    client.force_login(user)
    return client


def words(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return re.sub(r"\s+", " ", strip_tags(response.content.decode()))


def test_rows_with_the_same_key_are_told_apart(manager: Client) -> None:
    key = any_key()
    customer, product = Customer.objects.create(pk=key, name="Lefèvre"), Product.objects.create(pk=key, name="A lamp")
    ticket = Ticket.objects.create(pk=key, title="It doesn't burn")
    Comment.objects.create(pk=key, ticket=ticket, content="Have you tried another one?")
    manager.post(f"/crm/products/{key}/edit/", {"name": "A desk lamp", "price": "5", "revision": product.revision})
    ticket.customer = customer
    ticket.save()
    assert "set the customer to Lefèvre" in words(manager, f"/ticketing/tickets/{key}/")
    history = words(manager, f"/history/?record=ticket/{key}")
    assert "Lefèvre" in history
    assert "lamp" not in history
    assert "Lefèvre" not in words(manager, f"/history/?record=product/{key}")
    everything = words(manager, "/history/")
    for name in ("the customer Lefèvre", "the product A desk lamp", "the ticket It doesn"):
        assert name in everything
    latest = words(manager, "/")
    assert "A desk lamp" in latest


def test_a_deleted_row_comes_back_with_its_key_and_the_next_one_has_another(manager: Client) -> None:
    product = Product.objects.create(name="A lamp")
    key = product.pk
    manager.post(f"/crm/products/{key}/delete/", {"revision": product.revision})
    assert not Product.objects.filter(pk=key).exists()
    gone = RealtimeChange.objects.get(table_name="products", row_key=str(key), op="DELETE")
    manager.post("/history/undo/", {"doing": gone.action or ""})
    assert Product.objects.get(pk=key).name == "A lamp"
    with connection.cursor() as cursor:
        cursor.execute("insert into products (name) values ('By the app') returning id")
        assert cursor.fetchone()[0] != key


@pytest.mark.parametrize(
    "told", ["0x1", "1.0", "01", "+1", "-0", "1e3", "9223372036854775808", "١٢", "none", str(uuid4()) + "0"]
)
def test_what_is_no_key_leads_nowhere(manager: Client, told: str) -> None:
    for address in (f"/crm/products/{told}/", f"/ticketing/tickets/{told}/edit/", f"/ticketing/comments/{told}/"):
        assert manager.get(address).status_code == 404
    assert manager.get(f"/history/?record=ticket/{told}").status_code in (200, 400, 404)
    assert manager.get(f"/crm/acquisitions/?customer={told}").status_code == 200


def test_a_file_may_bring_keys_only_where_no_counter_gives_them() -> None:
    outcome = outcome_of("products", [KEY, "name", "price"], [str(any_key()), "A lamp", "5"])
    if UUIDS:
        assert (outcome.new, outcome.problem_count) == (1, 0)
    else:
        (problem,) = outcome.problems
        assert problem.sentence == "There is no product with this key. Leave it empty where the row is new."


def test_a_draft_is_hidden_with_its_own_record_and_no_other(manager: Client) -> None:
    key = any_key()
    Ticket.objects.create(pk=key, title="Somebody else's")
    Customer.objects.create(pk=key, name="Lefèvre")
    user = User.objects.get(username="manager")
    addresses = [f"/ticketing/tickets/{key}/edit/", f"/crm/customers/{key}/edit/"]
    for address in addresses:
        Draft.objects.create(owner=user, address=address, form="form", kept='{"values": {}}', writing=uuid4())
    assert {draft.address for draft in mine(user)} == {*addresses}
    RowLimit.objects.create(group=Group.objects.get(name="Managers"), scope="tickets/mine")
    with seeing(sight_of(user)):
        assert [draft.address for draft in mine(user)] == addresses[1:]
