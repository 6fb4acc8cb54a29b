"""Other programs are told of each change at least once, in order for each row, and can prove who told them."""

import asyncio
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema
import psycopg
import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from crm.models import Customer, Product
from project.accounts.models import User
from realtime.database.thread import DatabaseThread
from realtime.models import RealtimeChange, RealtimeWatermark, RowLimit, Webhook, WebhookDelivery
from realtime.webhooks import outbox, payload, sender
from realtime.webhooks.addresses import AddressRefused, checked, resolved
from realtime.webhooks.schemas import schemas
from realtime.webhooks.sender import WebhookSender
from realtime.webhooks.signing import new_secret, signature, signed_headers, valid_secrets
from realtime.worker.log_readers import LogReader, read_news
from tests.integration.conftest import Project
from tests.integration.webhooks.receiver import HANG_UP, Receiver, receiving
from tests.integration.worker.harness import running_worker
from ticketing.models import Comment, Ticket

pytestmark = pytest.mark.usefixtures("project", "quick_pages", "private", "nothing_before")
DOCUMENT = Path(__file__).parents[3] / "docs" / "WEBHOOKS.md"
PAGES = "/admin/realtime/webhook/"
SEED = random.randrange(2**32)
WAITING, DELIVERED, FAILED = (
    WebhookDelivery.State.WAITING,
    WebhookDelivery.State.DELIVERED,
    WebhookDelivery.State.FAILED,
)


@pytest.fixture
def private(settings: Settings) -> None:
    """The receivers of these tests are on this machine."""
    settings.WEBHOOK_PRIVATE_ADDRESSES = True


@pytest.fixture
def nothing_before(project: Project) -> None:
    Webhook.objects.all().delete()
    RealtimeWatermark.objects.filter(name=outbox.NAME).delete()
    catch_up()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as program:
        yield program


@pytest.fixture
def webhook(receiver: Receiver) -> Webhook:
    return make(receiver.address)


def make(address: str, **more: Any) -> Webhook:
    wanted = {"tables": list(schemas()), "operations": list(payload.Operation)} | more
    webhook = Webhook(name=uuid4().hex, address=address, **wanted)
    new_secret(webhook)
    webhook.save()
    return webhook


def catch_up() -> int:
    reader = LogReader(outbox.NAME, frozenset(schemas()), outbox.fill, outbox.wanted_tables)
    return sum(read_news(reader))


def send_what_is_due() -> int:
    """Every attempt that is due now and while it goes on; returns how many those were."""
    made = 0
    while found := outbox.claim(dict.fromkeys(outbox.webhooks_on(), 4)):
        for due in found:
            secrets = valid_secrets(Webhook.objects.get(pk=due.webhook))
            outbox.settle(due, asyncio.run(sender.post(due, secrets)))
            made += 1
    return made


def as_time_passes() -> None:
    WebhookDelivery.objects.filter(state=WAITING).update(next_at=timezone.now())


def verify(secret: str, headers: dict[str, str], body: bytes) -> None:
    """As the document tells receivers to."""
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    told: dict[str, Any] = {}
    exec(code, told)
    told["verify"](secret, headers, body)


def administrator(**more: Any) -> Client:
    return signed_in(User.objects.create_user(f"u{uuid4().hex[:10]}", is_staff=True, **{"is_superuser": True} | more))


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def form(address: str, **more: Any) -> dict[str, Any]:
    told = {"name": uuid4().hex, "address": address, "is_on": "on", "tables": ["tickets"], "operations": ["insert"]}
    return told | more


def test_a_signature_is_the_one_that_the_specification_computes() -> None:
    """The example of the Standard Webhooks libraries."""
    told = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert told == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_worker_tells_of_whatever_anybody_commits(receiver: Receiver, webhook: Webhook, project: Project) -> None:
    (secret,) = valid_secrets(webhook)

    async def work() -> None:
        async with running_worker():
            with psycopg.connect(project.stack.database_url, autocommit=True) as sql:
                sql.execute("insert into products (name, price) values ('Lamp', 12.50)")
            await asyncio.to_thread(receiver.until, lambda: bool(receiver.bodies))

    asyncio.run(work())
    (event,) = receiver.events()
    assert event["type"] == "products.insert"
    assert event["data"]["record"]["price"] == "12.50"
    assert event["data"]["actor"] == "postgres"
    verify(secret, receiver.headers[0], receiver.bodies[0])
    with pytest.raises(ValueError, match="not signed"):
        verify(secret, receiver.headers[0], receiver.bodies[0] + b" ")
    with pytest.raises(ValueError, match="not signed"):
        verify("whsec_" + "A" * 44, receiver.headers[0], receiver.bodies[0])
    assert receiver.headers[0]["host"] == receiver.address.split("/")[2]


def test_every_event_is_what_its_schema_says(receiver: Receiver, webhook: Webhook) -> None:
    """Of rows that hold whatever their columns can."""
    nasty = "\U0001f600 \u202e \\ \" ' \n\t é"
    customer = Customer.objects.create(name=nasty, email="a@example.com")
    product = Product.objects.create(name=nasty, price="9999999999.99")
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into acquisitions (customer_id, product_id, total_amount) values (%s, %s, 0.10)",
            [customer.pk, product.pk],
        )
        cursor.execute("insert into interactions (customer_id) values (%s)", [customer.pk])
        cursor.execute("update products set description = %s where id = %s", [nasty, product.pk])
    one, two = Ticket.objects.create(title=nasty), Ticket.objects.create(title="t", customer=customer)
    comment = Comment.objects.create(ticket=one, content=nasty)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into attachments (ticket_id, comment_id, file_name, file_url) values (%s, %s, 'a', 'https://a.b/')",
            [one.pk, comment.pk],
        )
        cursor.execute("truncate attachments")
    two.delete()
    catch_up()
    send_what_is_due()
    found = schemas()
    for event in receiver.events():
        jsonschema.Draft202012Validator(found[event["data"]["table"]]).validate(event)
    assert {"attachments.truncate", "tickets.delete", "products.update"} <= set(receiver.types())
    (updated,) = (event for event in receiver.events() if event["type"] == "products.update")
    assert updated["data"]["changed"] == ["description"]
    assert updated["data"]["record"]["description"] == nasty
    assert updated["data"]["revision"] == RealtimeChange.objects.get(row_key=product.pk, op="UPDATE").revision
    for schema in found.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_a_webhook_gets_only_what_it_wants_and_a_row_that_is_too_large_is_left_out(receiver: Receiver) -> None:
    make(receiver.address, tables=["tickets"], operations=["update"])
    ticket = Ticket.objects.create(title="t")
    Product.objects.create(name="p")
    ticket.description = "ä" * payload.BODY_LIMIT
    ticket.save()
    assert catch_up() == 2, "of other tables nothing is read"
    send_what_is_due()
    (event,) = receiver.events()
    assert event["type"] == "tickets.update"
    assert event["data"]["record"] is None
    assert event["data"]["record_left_out"]
    jsonschema.validate(event, schemas()["tickets"])


def test_random_failures_lose_nothing_and_keep_each_rows_order(
    receiver: Receiver, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers fail, connections break, and the worker is killed in the middle, again and again."""
    chance = random.Random(SEED)
    monkeypatch.setattr(outbox, "STEPS", (0,) * 1_000)
    receiver.answer = lambda: chance.choice([204, 200, 204, 500, 429, 301, HANG_UP])
    rows = [Product.objects.create(name=f"product {number}") for number in range(6)]
    for number in range(40):
        row = chance.choice(rows)
        row.name = f"{row.pk} {number}"
        row.save()
        if chance.random() < 0.3:
            catch_up()
    with connection.cursor() as cursor:
        cursor.execute("delete from products where id = any(%s)", [[row.pk for row in rows[:2]]])
    catch_up()
    made = WebhookDelivery.objects.filter(webhook=webhook)
    wanted = {str(row.pk): list(_revisions(row.pk)) for row in rows}
    assert made.count() == sum(map(len, wanted.values()))

    async def work() -> None:
        database = DatabaseThread("webhooks")
        try:
            while await database.run(made.filter(state=WAITING).exists):
                running = asyncio.create_task(WebhookSender(database).run())
                await asyncio.to_thread(_until_some_came, receiver, made, chance.randint(1, 12))
                running.cancel()
                await asyncio.wait({running})
                await database.run(as_time_passes)
        finally:
            database.close()

    asyncio.run(work())
    came: defaultdict[str, list[int]] = defaultdict(list)
    for event in receiver.events():
        came[event["data"]["id"]].append(event["data"]["revision"])
    for key, revisions in came.items():
        assert revisions == sorted(revisions), f"seed {SEED}: out of order"
        assert sorted(set(revisions)) == wanted[key], f"seed {SEED}"
    # Sent twice is the same delivery, by its name.
    names = {(event["data"]["revision"], headers["webhook-id"]) for event, headers in _pairs(receiver)}
    assert len(names) == made.count()


def _until_some_came(receiver: Receiver, made: Any, count: int) -> None:
    wanted = len(receiver.bodies) + count
    try:
        receiver.until(lambda: len(receiver.bodies) >= wanted or not made.filter(state=WAITING).exists())
    finally:
        connection.close()


def _pairs(receiver: Receiver) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    return zip(receiver.events(), receiver.headers, strict=True)


def _revisions(key: Any) -> list[int]:
    return list(RealtimeChange.objects.filter(row_key=key).order_by("revision").values_list("revision", flat=True))


def test_a_receiver_that_is_away_is_asked_again_by_the_steps_and_then_given_up(
    receiver: Receiver, webhook: Webhook
) -> None:
    receiver.answer = lambda: 503
    ticket = Ticket.objects.create(title="first")
    ticket.title = "second"
    ticket.save()
    Ticket.objects.create(title="another")
    catch_up()
    attempts = []
    for _ in range(len(outbox.STEPS) + 1):
        attempts.append(send_what_is_due())
        first = WebhookDelivery.objects.filter(webhook=webhook).last()
        assert first is not None
        if first.state == WAITING:
            assert first.next_at is not None
            left = (first.next_at - timezone.now()).total_seconds()
            assert left <= outbox.STEPS[first.attempts - 1] < left + 60
        as_time_passes()
    assert attempts[:-1] == [2] * len(outbox.STEPS), "the second change of the first row waits"
    assert sum(outbox.STEPS) / 3600 == pytest.approx(31.6, abs=0.5)
    states = dict(WebhookDelivery.objects.filter(webhook=webhook).values_list("operation", "state"))
    assert states["insert"] == FAILED
    assert "second" not in str(receiver.bodies[:-1])
    receiver.answer = lambda: 204
    as_time_passes()
    send_what_is_due()
    assert receiver.types()[-1] == "tickets.update", "it follows one that was given up"
    # By hand once more, under the same name.
    failed = WebhookDelivery.objects.filter(webhook=webhook, state=FAILED)
    name = failed[0].message
    assert outbox.deliver_again(failed[:1]) == 1
    send_what_is_due()
    assert receiver.headers[-1]["webhook-id"] == f"msg_{name.hex}"
    assert WebhookDelivery.objects.get(message=name).state == DELIVERED


def test_an_emptied_table_overtakes_nothing_and_410_ends_it_all(receiver: Receiver, webhook: Webhook) -> None:
    receiver.answer = lambda: 500 if len(receiver.bodies) == 1 else 204
    ticket = Ticket.objects.create(title="t")
    attachment = "insert into attachments (ticket_id, file_name, file_url) values (%s, 'a', 'https://a.b/')"
    with connection.cursor() as cursor:
        cursor.execute("truncate attachments")
        cursor.execute(attachment, [ticket.pk])
        cursor.execute("truncate attachments")
        cursor.execute(attachment, [ticket.pk])
    Webhook.objects.update(tables=["attachments"])
    catch_up()
    send_what_is_due()
    assert receiver.types() == ["attachments.truncate"]
    as_time_passes()
    send_what_is_due()
    assert receiver.types()[1:] == ["attachments.truncate", "attachments.insert"] * 2
    receiver.answer = lambda: 410
    outbox.add_test(webhook)
    outbox.add_test(webhook)
    assert send_what_is_due() == 1
    webhook.refresh_from_db()
    assert not webhook.is_on
    assert "410" in webhook.off_because
    assert WebhookDelivery.objects.filter(state=WAITING).count() == 1


def test_a_receiver_that_takes_nothing_does_not_fill_the_disk(
    receiver: Receiver, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "WAITING_AT_MOST", 3)
    for number in range(6):
        Product.objects.create(name=f"p{number}")
        catch_up()
    webhook.refresh_from_db()
    assert not webhook.is_on
    assert "events were waiting" in webhook.off_because
    assert webhook.deliveries.count() == 4
    WebhookDelivery.objects.update(created_at=timezone.now() - outbox.KEPT * 1.01)
    assert outbox.throw_away_old() >= 4


@pytest.mark.parametrize(
    "address",
    [
        "https://127.0.0.1/",
        "https://10.0.0.8/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://[fd00::1]/",
        "https://0.0.0.0/",
        "https://2130706433/",
        "https://localhost/",
        "http://example.com/",
        "ftp://example.com/",
        "https://user:secret@example.com/",
        "https://example.com:99999/",
        "javascript:alert(1)",
        "nonsense",
        "",
    ],
)
def test_no_address_leads_into_the_network(settings: Settings, address: str) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = False
    with pytest.raises(AddressRefused):
        asyncio.run(resolved(address))


def test_a_name_that_leads_inside_by_one_of_its_addresses_is_refused_at_each_attempt(
    settings: Settings, receiver: Receiver, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = False

    def addresses(*ips: str) -> None:
        async def found(self: Any, host: str, port: int, **more: Any) -> list[Any]:
            return [(0, 0, 0, "", (ip, port)) for ip in ips]

        monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", found)

    addresses("8.8.8.8", "192.168.1.1")
    with pytest.raises(AddressRefused, match="private network"):
        asyncio.run(resolved("https://example.com/"))
    addresses("8.8.8.8")
    assert asyncio.run(resolved("https://example.com/")).ip == "8.8.8.8"
    assert checked("https://example.com/") == ("example.com", 443)
    addresses("127.0.0.1")
    Webhook.objects.filter(pk=webhook.pk).update(address=receiver.address.replace("http://127.0.0.1", "https://name"))
    outbox.add_test(webhook)
    send_what_is_due()
    delivery = WebhookDelivery.objects.get(webhook=webhook)
    assert "private network" in delivery.problem
    assert receiver.bodies == []
    settings.DEBUG = True
    assert checked("http://localhost:8000/") == ("localhost", 8000)


def test_the_secret_is_shown_once_and_the_last_one_stays_valid_for_a_while(receiver: Receiver) -> None:
    client = administrator()
    page = client.post(f"{PAGES}add/", form(receiver.address)).content.decode()
    (first,) = re.findall(r"whsec_[\w+/=]+", page)
    webhook = Webhook.objects.get()
    change = f"{PAGES}{webhook.pk}/change/"
    for address in (change, PAGES, f"{PAGES}{webhook.pk}/history/"):
        assert "whsec_" not in client.get(address).content.decode()
    with connection.cursor() as cursor:
        cursor.execute("select to_jsonb(hook)::text from realtime_webhook as hook")
        assert first.removeprefix("whsec_") not in cursor.fetchone()[0]
    page = client.post(change, form(receiver.address, name=webhook.name, _secret="1")).content.decode()
    (second,) = re.findall(r"whsec_[\w+/=]+", page)
    assert client.post(change, form(receiver.address, name=webhook.name, _test="1")).status_code == 302
    send_what_is_due()
    for secret in (first, second):
        verify(secret, receiver.headers[0], receiver.bodies[0])
    assert receiver.types() == ["webhook.test"]
    Webhook.objects.update(old_secret_until=timezone.now())
    headers = signed_headers(valid_secrets(Webhook.objects.get()), "msg_1", int(timezone.now().timestamp()), b"{}")
    verify(second, headers, b"{}")
    with pytest.raises(ValueError, match="not signed"):
        verify(first, headers, b"{}")


def test_the_admin_shows_deliveries_and_sends_one_again(receiver: Receiver, webhook: Webhook) -> None:
    client = administrator()
    product = Product.objects.create(name="Secretive lamp")
    catch_up()
    receiver.answer = lambda: 500
    send_what_is_due()
    deliveries = "/admin/realtime/webhookdelivery/"
    listed = client.get(deliveries, {"webhook__id__exact": str(webhook.pk), "q": str(product.pk)}).content.decode()
    assert "products.insert" in listed
    assert "500" in listed
    assert "Secretive" not in listed
    delivery = WebhookDelivery.objects.get()
    one = client.get(f"{deliveries}{delivery.pk}/change/").content.decode()
    assert "Secretive lamp" in one
    assert f"msg_{delivery.message.hex}" in one
    receiver.answer = lambda: 200
    client.post(deliveries, {"action": "again", "_selected_action": [str(delivery.pk)]})
    assert send_what_is_due() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.answer, delivery.problem) == (DELIVERED, 200, "")
    assert "1" in client.get(PAGES).content.decode()
    assert client.post(f"{PAGES}{webhook.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not WebhookDelivery.objects.exists()


def test_a_form_says_what_is_wrong_and_keeps_what_was_typed(settings: Settings, receiver: Receiver) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = False
    client = administrator()
    page = client.post(f"{PAGES}add/", form("https://10.1.2.3/hooks", tables=["nonsense"])).content.decode()
    assert "inside a private network" in page
    assert "nonsense is not one of the available choices" in page
    assert "https://10.1.2.3/hooks" in page
    Webhook.objects.bulk_create(
        Webhook(name=str(n), address="https://example.com", tables=[], operations=[], secret="x") for n in range(20)
    )
    page = client.post(f"{PAGES}add/", form("https://example.com/hooks")).content.decode()
    assert "There are 20 webhooks" in page


def test_only_those_who_may_see_every_row_get_in(webhook: Webhook) -> None:
    rights = Permission.objects.filter(content_type__app_label="realtime", codename__contains="webhook")
    manager = User.objects.create_user(f"m{uuid4().hex[:8]}", is_staff=True)
    manager.groups.add(Group.objects.get(name="Managers"))
    addresses = (PAGES, f"{PAGES}{webhook.pk}/change/", "/admin/realtime/webhookdelivery/")
    assert [signed_in(manager).get(address).status_code for address in addresses] == [403] * 3
    manager.user_permissions.add(*rights)
    assert [signed_in(manager).get(address).status_code for address in addresses] == [200] * 3
    group = Group.objects.create(name=uuid4().hex)
    group.permissions.add(Permission.objects.get(codename="view_ticket"))
    limited = User.objects.create_user(f"l{uuid4().hex[:8]}", is_staff=True)
    limited.groups.add(group)
    limited.user_permissions.add(*rights)
    RowLimit.objects.create(group=group, scope="tickets/mine")
    assert [signed_in(limited).get(address).status_code for address in addresses] == [403] * 3


def test_bodies_are_as_they_were_signed(receiver: Receiver, webhook: Webhook) -> None:
    outbox.add_test(webhook)
    send_what_is_due()
    assert json.loads(receiver.bodies[0])["data"] == {"message": "It works."}
