"""A worker's handlers get each change exactly once, wherever the work is cut off."""

from typing import Any

import pytest

from crm.models import Product
from realtime.events import RealtimeEvent
from realtime.worker.intake import Intake
from tests.integration.worker.harness import begun

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_resets_that_nobody_emitted_are_still_due() -> None:
    """A worker may lose the lead after it has read that its position means nothing, but before it tells anybody."""
    assert Intake(("products",)).open()
    successor = Intake(("products",))
    assert successor.open()
    assert successor.open()
    successor.opened()
    assert successor.open() == []


def test_what_was_emitted_before_the_position_could_move_is_not_emitted_again(intake: Intake) -> None:
    write("a", "b")
    assert emit(intake, sweep(intake)) == ["a", "b"]
    # The connection is lost before settle().
    assert intake.open() == []
    write("c")
    assert emit(intake, sweep(intake)) == ["c"]
    intake.settle()
    assert sweep(intake) == []


def test_what_was_read_but_never_reached_a_handler_is_read_again(intake: Intake) -> None:
    """A worker that loses the lead while a read hangs throws the result away (found by bin/chaos, seed 102)."""
    write("a", "b")
    sweep(intake)
    assert intake.open() == []
    assert emit(intake, sweep(intake)) == ["a", "b"]


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
