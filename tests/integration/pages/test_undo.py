"""Undo and redo, with today's rights, field by field; and the history of everything, for those who may see it."""

import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils.html import strip_tags
from pytest_django import Settings

from crm.models import Acquisition, Customer, Product
from project.accounts.models import User
from realtime.live.definition import definition_named
from realtime.live.first_paint import live_view
from realtime.live.tracked import seen_by
from realtime.models import RealtimeChange
from tests.integration.databases import forget_all_changes
from ticketing.models import Attachment, Comment, Ticket

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_pages")]

JSON = {"HTTP_ACCEPT": "application/json"}


@pytest.fixture(autouse=True)
def own_storage(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


class Browser(Client):
    """After each request its transaction would have ended, and with it what PostgreSQL knows of who acts."""

    def request(self, **request: Any) -> Any:
        response = super().request(**request)
        with connection.cursor() as cursor:
            cursor.execute("select set_config('livedesk.actor', '', true), set_config('livedesk.action', '', true)")
        return response


def member(name: str, group: str = "Managers") -> tuple[User, Client]:
    user = User.objects.create_user(name, first_name=name.capitalize())
    user.groups.add(Group.objects.get(name=group))
    client = Browser()
    client.force_login(user)
    return user, client


@pytest.fixture
def anna() -> Client:
    return member("anna")[1]


@pytest.fixture
def ben() -> Client:
    return member("ben")[1]


def last_action() -> str:
    return str(RealtimeChange.objects.filter(action__isnull=False).values_list("action", flat=True).first())


def undone(client: Client, doing: str, **more: Any) -> Any:
    return client.post("/history/undo/", {"doing": doing, **more}, **JSON)


def image(table: str) -> list[dict[str, Any]]:
    """Everything in a table but what the stamp writes anew."""
    with connection.cursor() as cursor:
        cursor.execute(f"select to_jsonb(t) - 'revision' - 'updated_at' from {table} as t order by id")
        return [json.loads(row) if isinstance(row, str) else row for (row,) in cursor.fetchall()]


def save(client: Client, customer: Customer, **values: str) -> str:
    customer.refresh_from_db()
    told = {"name": customer.name, "email": customer.email, "phone": customer.phone, "revision": customer.revision}
    answer = client.post(f"/crm/customers/{customer.pk}/edit/", told | values)
    assert answer.status_code == 302, answer.content
    return last_action()


def words(answer: Any) -> str:
    return re.sub(r"\s+", " ", strip_tags(answer.content.decode()))


# Undo and redo


def test_what_was_changed_added_and_deleted_is_put_back_and_done_again(anna: Client) -> None:
    customer = Customer.objects.create(name="Ada", email="ada@a.example")
    before = image("customers")
    changed = save(anna, customer, name="Ada Lovelace", phone="1")
    after = image("customers")
    answer = undone(anna, changed)
    assert answer.json() == {"said": "Put back: Name, Phone of “Ada Lovelace”."}
    assert image("customers") == before
    assert str(customer.revision) != str(Customer.objects.get().revision)
    redo = answer.headers["Livedesk-Action"]
    assert redo.startswith("undo:")
    again = undone(anna, redo)
    assert image("customers") == after
    # And so on.
    undone(anna, again.headers["Livedesk-Action"])
    assert image("customers") == before

    anna.post("/crm/customers/new/", {"name": "Bob", "email": "", "phone": ""})
    both = image("customers")
    answer = undone(anna, last_action())
    assert answer.json()["said"] == "“Bob” is gone again."
    assert image("customers") == before
    assert undone(anna, answer.headers["Livedesk-Action"]).json()["said"] == "“Bob” is back."
    assert image("customers") == both

    bob = Customer.objects.get(name="Bob")
    anna.post(f"/crm/customers/{bob.pk}/delete/", {"revision": bob.revision})
    assert image("customers") == before
    undone(anna, last_action())
    assert image("customers") == both


def test_a_deleted_ticket_comes_back_with_forty_comments_and_its_files_readable(
    anna: Client, own_storage: Path, django_capture_on_commit_callbacks: Any
) -> None:
    customer = Customer.objects.create(name="Ada")
    ticket = Ticket.objects.create(title="Door stuck", customer=customer)
    author = uuid4()
    for number in range(40):
        Comment.objects.create(ticket=ticket, author_id=author, content=f"Comment {number}")
    files = [SimpleUploadedFile(f"{n}.txt", f"file {n}".encode()) for n in range(3)]
    anna.post(f"/ticketing/tickets/{ticket.pk}/attachments/", {"upload-files": files})
    tables = ("customers", "tickets", "comments", "attachments")
    before = [image(table) for table in tables]
    with django_capture_on_commit_callbacks(execute=True):
        anna.post(f"/ticketing/tickets/{ticket.pk}/delete/", {"revision": Ticket.objects.get().revision})
    gone = last_action()
    anna.post(f"/crm/customers/{customer.pk}/delete/", {"revision": Customer.objects.get().revision})
    without_customer = last_action()
    assert not Ticket.objects.exists()
    # Its customer is gone: nothing of the ticket comes back before that.
    refused = undone(anna, gone)
    assert refused.status_code == 409
    sentence = "It belongs to a customer that isn’t there any more. Bring the customer back first."
    assert sentence in refused.json()["said"]
    undone(anna, without_customer)
    answer = undone(anna, gone)
    assert answer.json()["said"] == "“Door stuck”, with 40 comments and 3 attachments is back."
    assert [image(table) for table in tables] == before
    told = words(anna.get(f"/ticketing/tickets/{ticket.pk}/"))
    assert told.count("created the ticket") == told.count("Anna brought back the ticket") == 1
    read = {body(anna.get(f"/ticketing/attachments/{file.pk}/")) for file in Attachment.objects.all()}
    assert read == {b"file 0", b"file 1", b"file 2"}


def body(response: Any) -> bytes:
    async def pieces() -> list[bytes]:
        return [piece async for piece in response]

    return b"".join(async_to_sync(pieces)())


def test_a_file_stays_as_long_as_the_log_knows_of_it(anna: Client, own_storage: Path) -> None:
    ticket = Ticket.objects.create(title="Door stuck")
    for name in ("kept.txt", "gone.txt"):
        anna.post(
            f"/ticketing/tickets/{ticket.pk}/attachments/", {"upload-files": [SimpleUploadedFile(name, b"words")]}
        )
    Attachment.objects.get(file_name="gone.txt").delete()
    assert len([path for path in own_storage.rglob("*") if path.is_file()]) == 2
    forget_all_changes()
    assert [path.is_file() for path in own_storage.rglob("*") if path.is_file()] == [True]
    assert body(anna.get(f"/ticketing/attachments/{Attachment.objects.get().pk}/")) == b"words"


def test_what_somebody_changed_since_is_asked_about_and_the_rest_can_be_put_back(anna: Client, ben: Client) -> None:
    customer = Customer.objects.create(name="Ada", email="ada@a.example", phone="1")
    mine = save(anna, customer, name="Ada L.", phone="2")
    save(ben, customer, phone="3")
    refused = undone(anna, mine)
    assert refused.status_code == 409
    assert "Customer “Ada L.”: Phone: Ben changed it since to “3”." in refused.json()["said"]
    page = anna.get(refused.json()["ask"])
    assert "Phone: Ben changed it since to “3”." in words(page)
    assert Customer.objects.get().name == "Ada L."
    answer = undone(anna, mine, rest="1")
    assert answer.json()["said"] == "Put back: Name of “Ada L.”. The rest stays as it is."
    assert (Customer.objects.get().name, Customer.objects.get().phone) == ("Ada", "3")
    # Knowingly over the other's.
    undone(anna, mine, rest="1", anyway=f"customers:{customer.pk}:phone")
    assert Customer.objects.get().phone == "1"
    nothing = undone(anna, mine)
    assert nothing.json() == {"said": "There is nothing to undo: it is as it was before.", "ask": ""}


def test_what_others_hang_on_something_new_keeps_it(anna: Client, ben: Client) -> None:
    anna.post("/ticketing/tickets/new/", {"title": "Door", "description": "", "status": "open", "priority": "low"})
    new = last_action()
    ticket = Ticket.objects.get()
    ben.post(f"/ticketing/tickets/{ticket.pk}/comments/", {"content": "Which door?"})
    refused = undone(anna, new)
    assert "Ticket “Door”: It has 1 comment by now." in refused.json()["said"]
    assert Ticket.objects.exists()
    Comment.objects.all().delete()
    ticket.title = "Doors"
    ticket.save()
    refused = undone(anna, new)
    assert "Title changed since it was added, by somebody outside Livedesk." in refused.json()["said"]
    undone(anna, new, rest="1", anyway=f"tickets:{ticket.pk}:")
    assert not Ticket.objects.exists()


def test_an_undo_takes_the_rights_of_now() -> None:
    user, client = member("carla")
    customer = Customer.objects.create(name="Ada")
    changed = save(client, customer, name="Eve")
    deleted = Customer.objects.create(name="Bob")
    client.post(f"/crm/customers/{deleted.pk}/delete/", {"revision": Customer.objects.get(pk=deleted.pk).revision})
    gone = last_action()
    user.groups.set([Group.objects.get(name="Read-only")])
    for doing, sentence in (
        (changed, "Your account may not change customers."),
        (gone, "Your account may not bring back customers."),
    ):
        refused = undone(client, doing)
        assert refused.status_code == 409
        assert sentence in refused.json()["said"]
    assert Customer.objects.get().name == "Eve"
    # The rights of whoever did it don't matter.
    _, manager = member("mei")
    assert undone(manager, changed).status_code == 200
    assert Client().post("/history/undo/", {"doing": changed}, **JSON).status_code == 401


def test_an_agent_brings_back_own_comments_only() -> None:
    agent, client = member("jonas", "Support agents")
    _, manager = member("mei")
    ticket = Ticket.objects.create(title="Door")
    done = []
    for author in (agent.pk, uuid4()):
        comment = Comment.objects.create(ticket=ticket, author_id=author, content="secret")
        who = client if author == agent.pk else manager
        who.post(f"/ticketing/comments/{comment.pk}/delete/", {"revision": Comment.objects.get().revision})
        done.append(last_action())
    assert not Comment.objects.exists()
    refused = undone(client, done[1])
    assert "Your account may not bring back these comments." in refused.json()["said"]
    assert undone(client, done[0]).status_code == 200
    assert Comment.objects.get().author_id == agent.pk


def test_one_field_and_a_whole_record_go_back_to_a_moment(anna: Client, ben: Client) -> None:
    customer = Customer.objects.create(name="Ada", email="ada@a.example", phone="1")
    save(anna, customer, name="Ada L.", phone="2")
    entry = RealtimeChange.objects.filter(op="UPDATE").first()
    assert entry is not None
    save(ben, customer, name="Ada Lovelace")
    save(ben, customer, email="")
    anna.post("/history/undo/", {"field": f"{entry.revision}:phone"})
    customer.refresh_from_db()
    assert (customer.name, customer.phone) == ("Ada Lovelace", "1")
    refused = anna.post("/history/undo/", {"field": f"{entry.revision}:name"}, **JSON)
    assert "Name: Ben changed it since to “Ada Lovelace”." in refused.json()["said"]
    anna.post("/history/undo/", {"record": str(entry.revision)})
    customer.refresh_from_db()
    assert (customer.name, customer.email, customer.phone) == ("Ada L.", "ada@a.example", "2")
    customer.delete()
    anna.post("/history/undo/", {"record": str(entry.revision)})
    assert Customer.objects.get().name == "Ada L."


def test_what_other_programs_did_in_one_transaction_can_be_undone(anna: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("insert into customers (name) values ('one'), ('two')")
        cursor.execute("select distinct 'tx:' || xid::text from realtime_change where table_name = 'customers'")
        [(doing,)] = cursor.fetchall()
    # The test's own transaction has written nothing else yet that has a history.
    assert undone(anna, doing).json()["said"] == "2 customers are gone again."
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    "asked",
    [
        {"doing": "portal:unknown"},
        {"doing": "tx:x"},
        {"doing": "tx:99999999999999999999999999"},
        {"field": "x:y"},
        {"field": "1:id"},
        {"record": "9" * 30},
        {"record": "-1"},
        {"doing": "a\0b"},
    ],
    ids=repr,
)
def test_nonsense_undoes_nothing(anna: Client, asked: dict[str, str]) -> None:
    answer = anna.post("/history/undo/", asked, **JSON)
    assert answer.status_code == 409
    assert answer.json()["said"] == "There is nothing to undo: it is as it was before."
    assert anna.get("/history/undo/", asked).status_code == 200


# What pages offer


def test_every_answer_names_the_action_it_was(anna: Client) -> None:
    page = anna.post("/crm/customers/new/", {"name": "Ada", "email": "", "phone": ""}, follow=True)
    assert f'form="undo-form" name="doing" value="{last_action()}"' in page.content.decode()
    ticket = Ticket.objects.create(title="Door")
    told = {"status": "closed", "revision": Ticket.objects.get().revision}
    answer = anna.post(f"/ticketing/tickets/{ticket.pk}/status/", told, **JSON)
    assert answer.headers["Livedesk-Action"] == last_action()
    # Nothing in it has a history.
    page = anna.post("/crm/customers/views/new/", {"name": "Mine", "query": "q=ada"}, follow=True)
    assert 'name="doing" value="' not in page.content.decode()
    undone_page = anna.post("/history/undo/", {"doing": last_action(), "next": "/crm/customers/"}, follow=True)
    assert undone_page.redirect_chain[0][0] == "/crm/customers/"
    assert "Redo" in words(undone_page)
    assert anna.post("/history/undo/", {"doing": last_action(), "next": "//evil.example/"})["Location"] == "/history/"


# The history


def test_the_history_tells_who_when_from_where_and_what(anna: Client) -> None:
    customer = Customer.objects.create(name="Ada")
    ticket = Ticket.objects.create(title="Door", description="It squeaks when it opens.", customer=customer)
    user = User.objects.get(username="anna")
    told = {"title": "Door", "description": "It squeaks when it shuts.", "status": "pending", "priority": "normal"}
    told |= {"customer": str(customer.pk), "assigned_to": str(user.pk)}
    anna.post(f"/ticketing/tickets/{ticket.pk}/edit/", told | {"revision": Ticket.objects.get().revision})
    page = anna.get("/history/")
    assert "Anna in the portal" in words(page)
    assert "changed the ticket Door" in words(page)
    assert "Status was: Open → now: Pending" in words(page)
    assert "Assigned to was: – → now: Anna" in words(page)
    assert "It squeaks when it removed: opensadded: shuts." in words(page)
    assert "by SQL" in words(page)
    of_ticket = anna.get(f"/history/?record=ticket/{ticket.pk}")
    assert "History of Door" in words(of_ticket)
    anna.post(f"/ticketing/tickets/{ticket.pk}/comments/", {"content": "Which door?"})
    Comment.objects.get().delete()
    of_ticket = anna.get(f"/history/?record=ticket/{ticket.pk}")
    assert "added a comment on Door" in words(of_ticket)
    assert "deleted a comment on Door" in words(of_ticket)
    # A ticket belongs to its customer's history, a comment doesn't.
    of_customer = words(anna.get(f"/history/?record=customer/{customer.pk}"))
    assert "added the ticket Door" in of_customer
    assert "comment" not in of_customer.partition("the newest first")[2]
    assert f"/history/?record=ticket/{ticket.pk}" in anna.get(f"/ticketing/tickets/{ticket.pk}/").content.decode()


def test_the_history_is_filtered_by_its_address(anna: Client, ben: Client) -> None:
    ada, lamp = Customer.objects.create(name="Ada"), Product.objects.create(name="Lamp")
    save(anna, ada, name="Adam")
    save(ben, ada, name="Adamo")
    RealtimeChange.objects.filter(table_name="products").update(at="2026-01-05T10:00Z")
    key = User.objects.get(username="ben").pk

    def shown(query: str) -> str:
        page = anna.get(f"/history/{query}")
        assert page.status_code == 200
        return page.content.decode().partition("data-live-region")[2].partition("</section>")[0]

    assert "Adamo" in shown(f"?by={key}")
    assert "Anna" not in shown(f"?by={key}")
    assert "Lamp" in shown("?day=2026-01-05")
    assert "Anna" not in shown("?day=2026-01-05")
    assert "Lamp" not in shown("?kind=customer")
    assert "Outside" not in shown("?origin=portal")
    assert "Ben" not in shown("?origin=sql")
    assert "Adamo" not in shown(f"?record=product/{lamp.pk}")
    for query, sentence in (
        ("?kind=lamps", "Kind can’t be “lamps”; it is acquisition"),
        ("?day=yesterday", "Day can’t be “yesterday”; it is a day such as"),
        ("?origin=moon", "From where can’t be “moon”; it is portal"),
        ("?record=customer/1", "Record can’t be “customer/1”"),
        ("?before=x", "Page can’t be “x”"),
        ("?by=a%00b", "History"),
    ):
        assert sentence in words(anna.get(f"/history/{query}"))


def test_pages_of_the_history_have_every_action_once(anna: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.live.history.PAGE_SIZE", 4)
    names = [f"Customer {number}" for number in range(9)]
    for name in names:
        anna.post("/crm/customers/new/", {"name": name, "email": "", "phone": ""})
    # Many in one go are one entry, wherever its parts lie.
    for number in range(12):
        Product.objects.create(name=f"Lamp {number}")
    done = list(RealtimeChange.objects.values_list("action", flat=True).distinct())
    found: list[str] = []
    address, many = "/history/", ""
    while address:
        html = anna.get(address).content.decode()
        found += re.findall(r'data-doing="([^"]+)"', html)
        many += html
        following = re.search(r'rel="next" href="([^"]+)"', html)
        address = following[1].replace("&amp;", "&") if following else ""
    assert len(found) == len(set(found)) == len(set(done))
    assert "and 9 more" in many
    each = anna.get(f"/history/?doing={found[0]}").content.decode()
    assert all(f"Lamp {number}" in each for number in range(12))


def test_who_may_not_see_a_kind_finds_nothing_of_it(anna: Client) -> None:
    secret = f"secret-{uuid4().hex}"
    customer = Customer.objects.create(name="Ada")
    ticket = Ticket.objects.create(title=f"{secret} title", description=secret, customer=customer)
    anna.post(f"/ticketing/tickets/{ticket.pk}/comments/", {"content": secret})
    anna.post(f"/ticketing/tickets/{ticket.pk}/delete/", {"revision": Ticket.objects.get().revision})
    gone = last_action()
    user, client = member("amina", "CRM staff")
    pages = ["", f"?record=customer/{customer.pk}", f"?record=ticket/{ticket.pk}", "?kind=ticket", f"?doing={gone}"]
    for query in pages:
        shown = client.get(f"/history/{query}").content.decode()
        assert secret not in shown
        assert "data-doing" not in shown or "ticket" not in shown.partition("data-live-region")[2].partition("</sec")[0]
    assert undone(client, gone).json()["said"] == "There is nothing to undo: it is as it was before."
    for entry in RealtimeChange.objects.filter(table_name="tickets"):
        for asked in ({"record": str(entry.revision)}, {"field": f"{entry.revision}:title"}):
            assert secret not in client.post("/history/undo/", asked, **JSON).content.decode()
    assert not Ticket.objects.exists()
    # A token for more than somebody may see is worth nothing.
    history = definition_named("history")
    everything = history.normalise({"seen": ["ticket", "customer"]})
    assert not user.has_perms(history.permissions(everything))
    assert user.has_perms(history.permissions(history.normalise({"seen": seen_by(user)})))
    nobody = User.objects.create_user("nobody")
    other = Client()
    other.force_login(nobody)
    assert other.get("/history/").status_code == 403
    # Whoever sees a kind, but not what it points to, isn't told the name either.
    Acquisition.objects.create(customer=customer, product=Product.objects.create(name=secret))
    assert secret not in live_view("history", {"seen": ["customer", "acquisition"]}).html
