"""``manage.py realtime_events``: finds what happened by any of its filters, sends it again, and says what it takes."""

import asyncio
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from channels.layers import get_channel_layer
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from crm.models import Product
from project.accounts.models import User
from realtime.database.actor import acting_user
from realtime.groups import table_group
from realtime.hub.hub import Hub
from realtime.models import RealtimeChange, UnusableEvent
from realtime.worker import unusable
from realtime.worker.intake import Intake
from realtime.worker.unusable import Source, Unusable

pytestmark = pytest.mark.usefixtures("project", "quick_pages")


def events(*arguments: str) -> list[str]:
    """The lines, without the times before them."""
    out = StringIO()
    call_command("realtime_events", *arguments, stdout=out)
    return out.getvalue().splitlines()


@pytest.fixture
def anna() -> User:
    return User.objects.create_user(f"anna-{uuid4().hex[:8]}", first_name="Anna", last_name=uuid4().hex[:8])


@pytest.fixture
def lamp(anna: User) -> Product:
    lamp = Product.objects.create(name="Secretive lamp")
    with acting_user(str(anna.pk)):
        lamp.price = 5
        lamp.save(update_fields=["price"])
    return lamp


def test_a_record_is_found_by_each_filter_and_its_contents_are_not_told(anna: User, lamp: Product) -> None:
    key = str(lamp.pk)
    created, changed = RealtimeChange.objects.filter(row_key=key).order_by("revision")
    found = events("--record", key, "--since", "1h")
    assert found[-1] == "2 found"
    assert f"insert products {key} revision {created.revision} by postgres via no action" in found[0]
    assert f"update products {key} revision {changed.revision} by {anna.pk} via portal:" in found[1]
    assert found[1].endswith("(price)")
    assert "Secretive" not in " ".join(found)
    by_change = f"revision {changed.revision} "
    for wanted in (
        ("products", "--operation", "update", "--since", "10m", "--record", key),
        ("--actor", anna.last_name, "--since", "10m"),
        ("--actor", str(anna.pk), "--since", "10m"),
        ("--action", str(changed.action)),
        ("--record", key, "--since", changed.at.isoformat()),
    ):
        one, count = events(*wanted)
        assert by_change in one
        assert count == "1 found"
    assert events("--record", key, "--until", created.at.isoformat()) == ["0 found"]
    assert events("tickets", "--record", key, "--since", "1h") == ["0 found"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nonsense",), "Unknown table 'nonsense'; live tables: products, "),
        (("--operation", "update,upsert"), "Unknown operation 'upsert'; operations: insert, update, delete, "),
        (("--since", "yesterday"), "--since is 'yesterday'; it takes a time like 2026-11-28T14:05"),
        (("--until", "2026-13-45"), "--until is '2026-13-45'; it takes"),
        (("--since", "1h", "--until", "2h"), "must lie before --until"),
        (("--record", "nonsense", "--since", "1h"), "'nonsense' is no record's id"),
        (
            ("--replay", "nonsense", "--since", "1h"),
            "Unknown group 'nonsense'; groups of these tables: realtime.p",
        ),
        (("tickets", "--replay", "realtime.products", "--since", "1h"), "Unknown group 'realtime.products'"),
        (("--replay", "realtime.products"), "--replay needs to know what"),
    ],
)
def test_a_bad_value_is_named_with_the_valid_ones(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError) as error:
        events(*arguments)
    assert said in str(error.value)


def test_a_replay_reaches_the_group_and_a_hub_takes_it_as_what_it_knows(lamp: Product) -> None:
    """The views are read again, at most; nobody is sent anything that isn't in the database."""
    key = str(lamp.pk)

    async def heard() -> list[dict[str, Any]]:
        layer = get_channel_layer()
        channel = await layer.new_channel("test.")
        await layer.group_add(table_group("products"), channel)
        await asyncio.to_thread(replay)
        return [await asyncio.wait_for(layer.receive(channel), 30)]

    def replay() -> None:
        try:
            assert events("--record", key, "--since", "1h", "--replay", "realtime.products")[-1].startswith("2 sent to")
        finally:
            connection.close()

    (message,) = asyncio.run(heard())
    assert [change[:3] for change in message["changes"]] == [
        [change.revision, change.op.lower(), key]
        for change in RealtimeChange.objects.filter(row_key=key).order_by("pk")
    ]
    hub = Hub()
    hub._handle(message)
    hub._handle(message)
    assert not hub.reader.quick.problem


def test_an_event_without_what_it_takes_is_told_of_with_its_reason() -> None:
    found: list[Unusable] = []
    intake = Intake(("products",), on_unusable=found.append)
    for raw in (
        {},
        {"data": {"table": "products", "type": "UPSERT"}},
        {"data": {"table": "products", "errors": ["413"]}},
    ):
        intake.hear("products", raw)
    assert [event.reason for event in found] == [
        "event of 'products' has no data",
        "unknown event type 'upsert'; valid are INSERT, UPDATE, DELETE",
        "event of 'products' carries errors: ['413']",
    ]
    assert intake.counters["products"].unusable == 3


def test_what_cannot_be_read_is_kept_with_the_reason_and_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    UnusableEvent.objects.all().delete()
    unusable.keep(Unusable(Source.REALTIME, "products", "it has no data", {"record": {"name": "Secretive\0"}}))
    lines = events("--unusable", "--since", "1h")
    assert "event from Realtime products: it has no data" in lines[0]
    assert lines[-1].startswith("1 found")
    assert "Secretive" not in " ".join(lines)
    assert events("tickets", "--unusable")[-1].startswith("0 found")
    assert "Secretive" in UnusableEvent.objects.get().content
    monkeypatch.setattr(unusable, "KEPT", 3)
    for number in range(5):
        unusable.keep(Unusable(Source.FRAME, "", f"frame {number}", "x" * 100_000))
    assert [event.reason for event in UnusableEvent.objects.order_by("id")] == ["frame 2", "frame 3", "frame 4"]
    assert len(UnusableEvent.objects.all()[0].content) == unusable.CONTENT_LENGTH
    UnusableEvent.objects.update(at=timezone.now() - timedelta(days=unusable.KEPT_DAYS + 1))
    assert unusable.throw_away_old() == 3
