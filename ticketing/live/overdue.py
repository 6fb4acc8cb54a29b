"""Overdue tickets: still to be done, and nobody has touched them for some days."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from realtime.live.filters import ChoiceFilter
from realtime.live.zones import midnight, next_midnight, today
from ticketing.words import unsolved

DAYS = {"3": "For 3 days", "7": "For a week", "30": "For 30 days"}


class OverdueFilter(ChoiceFilter):
    """Still to be done, and last changed before that many whole days of the reader's. It moves with the clock."""

    limit = 1
    in_days = True
    control = "live/filters/_one.html"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(DAYS.items(), **kwargs)

    @property
    def columns(self) -> tuple[str, ...]:
        return ("status", "updated_at")

    def condition(self, values: list[str]) -> Q:
        since = midnight(today(timezone.now()) - timedelta(days=int(values[0])))
        return Q(status__in=[word.value for word in unsolved()], updated_at__lt=since)

    def turns_at(self, values: list[str], now: datetime) -> datetime | None:
        return next_midnight(now)
