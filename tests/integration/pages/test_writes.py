"""A write with a key is done once, however often it is sent, and answered the same each time (design rule 36)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from crm.models import Customer, Product
from realtime.models import KeyedWrite, RealtimeChange, SavedView
from realtime.pages import writes
from tests.integration.conftest import Project
from tests.integration.pages.test_merging import Person, person
from tests.integration.pages.test_untouched import Form
from ticketing.models import Attachment, Comment, Ticket, TicketLink

pytestmark = pytest.mark.usefixtures("quick_pages")

Prepared = tuple[str, dict[str, Any]]
JSON = "application/json"
HTML = "text/html"


def opened(who: Person, address: str) -> Prepared:
    return address, dict(Form(who.client.get(address).content.decode()).sent)


def create(who: Person) -> Prepared:
    address, sent = opened(who, "/crm/products/new/")
    return address, sent | {"name": "Lamp", "price": "3"}


def edit(who: Person) -> Prepared:
    product = Product.objects.create(name="Desk", price=1)
    address, sent = opened(who, f"/crm/products/{product.pk}/edit/")
    return address, sent | {"name": "Table"}


def edit_nothing(who: Person) -> Prepared:
    return opened(who, f"/crm/products/{Product.objects.create(name='Desk', price=1).pk}/edit/")


def delete(who: Person) -> Prepared:
    customer = Customer.objects.create(name="Ada")
    customer.refresh_from_db()
    return f"/crm/customers/{customer.pk}/delete/", {"revision": customer.revision}


def ticket() -> Ticket:
    made = Ticket.objects.create(title="Smoke")
    made.refresh_from_db()
    return made


def status(who: Person) -> Prepared:
    made = ticket()
    return f"/ticketing/tickets/{made.pk}/status/", {"revision": made.revision, "status": "resolved"}


def comment(who: Person) -> Prepared:
    return f"/ticketing/tickets/{ticket().pk}/comments/", {"content": "It still smells"}


def comment_gone(who: Person) -> Prepared:
    made = Comment.objects.create(ticket=ticket(), content="Gone soon", author_id=who.key)
    made.refresh_from_db()
    return f"/ticketing/comments/{made.pk}/delete/", {"revision": made.revision}


def upload(who: Person) -> Prepared:
    return f"/ticketing/tickets/{ticket().pk}/attachments/", {"upload-files": SimpleUploadedFile("log.txt", b"smoke")}


def link(who: Person) -> Prepared:
    return f"/ticketing/tickets/{ticket().pk}/links/", {"link-other": str(ticket().pk), "link-kind": "related"}


def merge(who: Person) -> Prepared:
    return f"/ticketing/tickets/{ticket().pk}/merge/", {"into": str(ticket().pk)}


def undo(who: Person) -> Prepared:
    address, sent = create(who)
    who.client.post(address, sent)
    latest = RealtimeChange.objects.filter(table_name="products").order_by("-revision")[0]
    return "/history/undo/", {"doing": latest.action}


def view(who: Person) -> Prepared:
    return "/ticketing/tickets/views/", {"name": f"Mine {uuid4().hex[:6]}", "query": "status=open"}


WAYS = (create, edit, edit_nothing, delete, status, comment, comment_gone, upload, link, merge, undo, view)
TABLES = (Product, Customer, Ticket, Comment, Attachment, TicketLink, SavedView)


def everything() -> list[Any]:
    rows = [sorted(map(str, model.objects.values_list())) for model in TABLES]
    return [*rows, RealtimeChange.objects.count()]


def send(client: Client, prepared: Prepared, key: object, accept: str = JSON) -> HttpResponse:
    address, sent = prepared
    for value in sent.values():
        if isinstance(value, SimpleUploadedFile):
            value.seek(0)
    return client.post(address, sent, headers={writes.HEADER: str(key), "Accept": accept})  # type: ignore[return-value]


def told(answer: HttpResponse) -> tuple[Any, ...]:
    return answer.status_code, answer.json(), answer.headers.get("Livedesk-Action"), answer.headers[writes.HEADER]


@pytest.fixture
def anna(db: None) -> Person:
    return person("Anna")


@pytest.mark.parametrize("accept", [JSON, HTML])
def test_a_write_sent_again_is_done_once_and_answered_the_same(anna: Person, accept: str) -> None:
    for way in WAYS:
        prepared, key = way(anna), uuid4()
        first = send(anna.client, prepared, key, accept)
        assert first.status_code == 200, (way, first.content)
        done = everything()
        again = [told(send(anna.client, prepared, key, accept)) for _ in range(2)]
        assert again == [told(first), told(first)], way
        assert everything() == done, way
        assert KeyedWrite.objects.filter(pk=key).count() == 1, way


def test_of_the_same_write_sent_at_the_same_moment_one_is_done(project: Project) -> None:
    anna = person("Anna")
    for way in WAYS:
        prepared, key = way(anna), uuid4()
        before = RealtimeChange.objects.order_by("-revision").values_list("revision", flat=True)[0]
        answers = at_once(anna, prepared, key)
        assert {answer.status_code for answer in answers} == {200}, (way, [answer.content for answer in answers])
        changed = RealtimeChange.objects.filter(revision__gt=before).order_by()
        assert changed.values("action").distinct().count() == (way is not edit_nothing and way is not view), way
        done = everything()
        send(anna.client, prepared, key)
        assert everything() == done, way
        assert KeyedWrite.objects.filter(pk=key).count() == 1, way


def at_once(who: Person, prepared: Prepared, key: object) -> list[HttpResponse]:
    meet = threading.Barrier(3)

    def one(_: int) -> HttpResponse:
        client = Client()
        client.cookies = who.client.cookies
        sent = {name: _own(value) for name, value in prepared[1].items()}
        meet.wait()
        try:
            return send(client, (prepared[0], sent), key)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as threads:
        return list(threads.map(one, range(3)))


def _own(value: Any) -> Any:
    return SimpleUploadedFile("log.txt", b"smoke") if isinstance(value, SimpleUploadedFile) else value


def test_a_key_belongs_to_its_account_and_its_address(anna: Person) -> None:
    ben, prepared, key = person("Ben"), comment(anna), uuid4()
    send(anna.client, prepared, key)
    done = everything()
    others = send(ben.client, prepared, key)
    assert (others.status_code, b"somebody else" in others.content) == (409, True)
    assert b"added" not in others.content
    elsewhere = send(anna.client, comment(anna), key)
    assert elsewhere.status_code == 409
    assert prepared[0].encode() in elsewhere.content
    assert Comment.objects.count() == 1
    assert everything()[:3] != done[:3]
    assert send(Client(), prepared, key).status_code == 401


def test_what_was_refused_is_no_write_and_may_be_sent_again(anna: Person) -> None:
    (address, sent), key = edit(anna), uuid4()
    refused = send(anna.client, (address, sent | {"price": "dear"}), key)
    assert refused.status_code == 422
    assert "Price: Enter a number." in refused.json()["said"]  # type: ignore[attr-defined]
    assert not KeyedWrite.objects.exists()
    assert send(anna.client, (address, sent), key).status_code == 200


def test_an_undo_that_asks_about_the_rest_is_answered_the_same_again(anna: Person) -> None:
    ben, product = person("Ben"), Product.objects.create(name="Desk", price=1)
    for who, changed in ((anna, {"name": "Table", "price": "2"}), (ben, {"name": "Bench"})):
        address, sent = opened(who, f"/crm/products/{product.pk}/edit/")
        assert who.client.post(address, sent | changed).status_code == 302
        if who is anna:
            hers = RealtimeChange.objects.filter(table_name="products").order_by("-revision")[0].action
    prepared, key = ("/history/undo/", {"doing": hers}), uuid4()
    first = send(anna.client, prepared, key)
    assert first.status_code == 409
    assert first.json()["ask"]
    done = everything()
    assert told(send(anna.client, prepared, key)) == told(first)
    assert everything() == done


def test_a_conflict_says_so(anna: Person) -> None:
    address, sent = edit(anna)
    Product.objects.update(name="Bench")
    refused = send(anna.client, (address, sent), uuid4())
    assert (refused.status_code, refused.json()["conflict"]) == (409, True)  # type: ignore[attr-defined]
    assert "Name" in refused.json()["said"]  # type: ignore[attr-defined]


def test_a_form_that_the_browser_sends_itself_is_led_on_with_its_message(anna: Person) -> None:
    (address, sent), key = create(anna), str(uuid4())
    for _ in range(2):
        answer = anna.client.post(address, sent | {writes.FIELD: key}, follow=True)
        assert "“Lamp” was created." in answer.content.decode()
    assert Product.objects.count() == 1


def test_a_script_that_leads_on_leaves_the_message_to_the_next_page(anna: Person) -> None:
    answer = send(anna.client, create(anna), uuid4(), HTML)
    page = anna.client.get(answer.json()["url"]).content.decode()  # type: ignore[attr-defined]
    assert "“Lamp” was created." in page


def test_what_is_no_key_is_named(anna: Person) -> None:
    answer = send(anna.client, create(anna), "seven")
    assert (answer.status_code, Product.objects.count()) == (400, 0)
    assert "“seven” is no key" in answer.json()["said"]  # type: ignore[attr-defined]


def test_keys_go_after_thirty_days(anna: Person) -> None:
    for _ in range(2):
        send(anna.client, comment(anna), uuid4())
    old = KeyedWrite.objects.order_by("pk")[0]
    KeyedWrite.objects.filter(pk=old.pk).update(at=timezone.now() - timedelta(days=writes.KEPT_DAYS, hours=1))
    writes.throw_away_old()
    assert KeyedWrite.objects.exclude(pk=old.pk).count() == KeyedWrite.objects.count() == 1


def test_who_is_signed_in_is_told_to_scripts(anna: Person) -> None:
    assert Client().get("/writes/who/").json() == {"person": ""}
    answer = anna.client.get("/writes/who/")
    assert answer.json()["person"]
    assert "csrftoken" in answer.cookies
