"""What one person does in one go has one name in the change log, and what they do next has another (design rule 29)."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from crm.models import Customer, Product
from project.accounts.models import User
from realtime.database.actor import Origin, acting_user, current_action
from realtime.models import RealtimeChange
from ticketing.models import Ticket

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_pages")]


@pytest.fixture
def client() -> Client:
    user = User.objects.create_user("actions-anna", is_staff=True, is_superuser=True)
    user.groups.add(Group.objects.get(name="Managers"))
    client = Client()
    client.force_login(user)
    return client


def actions() -> list[str | None]:
    return list(RealtimeChange.objects.order_by("revision").values_list("action", flat=True))


def test_what_is_done_in_one_go_has_one_name(client: Client) -> None:
    with acting_user("somebody", Origin.IMPORT) as action:
        assert current_action() == ""
        Product.objects.create(name="Lamp", price=1)
        Customer.objects.create(name="Ada")
        assert current_action() == action.name
    assert current_action() == ""
    assert actions()[-2:] == [action.name, action.name]
    assert action.name.startswith("import:")


def test_two_requests_are_two_actions_and_say_where(client: Client) -> None:
    client.post("/crm/customers/new/", {"name": "Ada", "email": "", "phone": ""})
    client.post("/admin/crm/product/add/", {"name": "Lamp", "description": "", "price": "1"})
    logged = RealtimeChange.objects.filter(table_name__in=["customers", "products"]).order_by("revision")
    origins = [str(entry.action).partition(":")[0] for entry in logged]
    assert origins == ["portal", "admin"]


def test_what_goes_with_a_record_belongs_to_its_action(client: Client) -> None:
    ticket = Ticket.objects.create(title="Door stuck")
    ticket.comments.create(content="It squeaks")
    client.post(f"/ticketing/tickets/{ticket.pk}/delete/", {"revision": Ticket.objects.get().revision})
    deleted = list(RealtimeChange.objects.filter(op="DELETE").values_list("table_name", "action"))
    assert {table for table, _ in deleted} == {"tickets", "comments"}
    (action,) = {action for _, action in deleted}
    assert action
