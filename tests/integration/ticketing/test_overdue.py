"""Overdue by the clock alone, in the reader's own days."""

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from realtime.live.zones import in_zone
from tests.integration.ticketing.test_ticketing import make_ticket
from ticketing.live.overdue import DAYS
from ticketing.live.tickets import TicketList

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
def test_it_comes_when_the_readers_day_ends_and_only_while_there_is_work(
    monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    waiting, done = make_ticket(status="pending"), make_ticket(status="closed")
    tickets = TicketList()
    for days in DAYS:
        params = tickets.normalise({"overdue": days, "tz": zone})
        local = waiting.updated_at.astimezone(ZoneInfo(zone))
        due = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=int(days) + 1)
        for at, expected in ((due - timedelta(seconds=1), set()), (due, {waiting.pk})):
            monkeypatch.setattr(timezone, "now", lambda at=at: at.astimezone(UTC))
            with in_zone(zone):
                found = set(tickets.members(params).values_list("pk", flat=True)) & {waiting.pk, done.pk}
                turns_at = tickets.filters.turns_at(params, timezone.now())
            assert found == expected
            assert turns_at is not None
            assert turns_at > at
        assert tickets.snapshot(params).turns_at == turns_at
    monkeypatch.undo()
    assert "updated_at" in tickets.filters.columns({"overdue": ["3"]})
    assert tickets.refused({"overdue": ["4"]}) == {"overdue": ["4"]}
