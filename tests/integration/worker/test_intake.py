"""A worker's handlers get each change exactly once, wherever the work is cut off."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from crm.models import Product
from realtime.events import RealtimeEvent
from realtime.local.postgres import EmbeddedPostgres
from realtime.local.process import LOOPBACK, pick_port
from realtime.local.supabase import provision
from realtime.worker.intake import Intake
from tests.integration.databases import migrate
from tests.integration.worker.harness import begun
from tests.plugin import SessionServices

in_the_test_database = pytest.mark.django_db(transaction=True)


def write(*names: str) -> None:
    for name in names:
        Product.objects.create(name=name)


def sweep(intake: Intake) -> list[RealtimeEvent[Any]]:
    return [event for page in intake.sweep() for event in page if isinstance(event, RealtimeEvent)]


def emit(intake: Intake, events: list[RealtimeEvent[Any]]) -> list[str]:
    for event in events:
        intake.emitted(event)
    return [event.data["name"] for event in events]


@pytest.fixture
def intake() -> Intake:
    return begun(Intake(("products",)))


@in_the_test_database
def test_resets_that_nobody_emitted_are_still_due() -> None:
    """A worker may lose the lead after it has read that its position means nothing, but before it tells anybody."""
    assert Intake(("products",)).open()
    successor = Intake(("products",))
    assert successor.open()
    assert successor.open()
    successor.opened()
    assert successor.open() == []


@in_the_test_database
def test_what_was_emitted_before_the_position_could_move_is_not_emitted_again(intake: Intake) -> None:
    write("a", "b")
    assert emit(intake, sweep(intake)) == ["a", "b"]
    # The connection is lost before settle().
    assert intake.open() == []
    write("c")
    assert emit(intake, sweep(intake)) == ["c"]
    intake.settle()
    assert sweep(intake) == []


@in_the_test_database
def test_what_was_read_but_never_reached_a_handler_is_read_again(intake: Intake) -> None:
    """A worker that loses the lead while a read hangs throws the result away (found by bin/chaos, seed 102)."""
    write("a", "b")
    sweep(intake)
    assert intake.open() == []
    assert emit(intake, sweep(intake)) == ["a", "b"]


@in_the_test_database
def test_the_same_of_what_realtime_told(intake: Intake) -> None:
    write("a")
    product = Product.objects.get()
    raw = {
        "data": {
            "table": "products",
            "type": "INSERT",
            "commit_timestamp": "2026-11-24T00:00:00Z",
            "errors": None,
            "record": {"id": str(product.pk), "revision": product.revision},
        }
    }
    intake.hear("products", raw)
    intake.hear("products", raw)
    assert len(intake.resolve()) == 1, "told twice at once"
    # Nobody took it, so the sweep still brings it.
    assert emit(intake, sweep(intake)) == ["a"]
    intake.hear("products", raw)
    assert intake.resolve() == []
    assert intake.counters["products"].duplicates == 2


@pytest.fixture
def mortal(services: SessionServices, django_db_blocker: DjangoDbBlocker) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL to be killed, which writes its WAL only when it must; this process's Django works on it."""
    postgres = EmbeddedPostgres(services.directory / "mortal-postgres", pick_port(), durable=False)
    postgres.start()
    with psycopg.connect(postgres.url("template1"), autocommit=True) as admin:
        provision(admin)
        admin.execute("alter system set wal_writer_delay = '10s'")
        admin.execute("select pg_reload_conf()")
    postgres.create_database("mortal")
    migrate(postgres.url("mortal"))
    address = connections["default"].settings_dict
    before = {name: address[name] for name in ("NAME", "HOST", "PORT", "USER", "PASSWORD")}
    with django_db_blocker.unblock():
        connections["default"].close()
        address |= {"NAME": "mortal", "HOST": LOOPBACK, "PORT": str(postgres.port)}
        address |= {"USER": "postgres", "PASSWORD": postgres.password}
        yield postgres
        connections["default"].close()
        address |= before
    postgres.stop()
    postgres.remove()


def test_a_crash_that_gives_ids_of_transactions_away_again_hides_nothing(mortal: EmbeddedPostgres) -> None:
    """Transactions that were rolled back may have left no trace, so their ids come again (bin/chaos, seed 803)."""
    intake = begun(Intake(("products",)))
    write("before")
    assert emit(intake, sweep(intake)) == ["before"]
    intake.settle()
    with psycopg.connect(mortal.url("mortal")) as other:
        for _ in range(5):
            other.execute("insert into products (name) values ('never')")
            other.rollback()
    assert sweep(intake) == []
    intake.settle()
    mortal.service.kill()
    mortal.start()
    connections["default"].close()
    names = [f"after {number}" for number in range(8)]
    write(*names)
    assert intake.open() == []
    assert emit(intake, sweep(intake)) == names
