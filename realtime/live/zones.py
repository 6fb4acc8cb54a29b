"""The time zone of the person a page is for: "today" begins at their midnight."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

_zone: ContextVar[str] = ContextVar("livedesk_zone", default="UTC")


@cache
def known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def known_zone(name: str) -> str:
    """``name`` if it is an IANA zone, else "UTC"."""
    return name if name in known_zones() else "UTC"


def current_zone() -> str:
    """The IANA name of the zone of whom this page or view is for."""
    return _zone.get()


@contextmanager
def in_zone(name: str) -> Iterator[None]:
    token = _zone.set(known_zone(name))
    try:
        yield
    finally:
        _zone.reset(token)


def today(now: datetime) -> date:
    return now.astimezone(ZoneInfo(current_zone())).date()


def midnight(day: date) -> datetime:
    """When a day begins in the current zone, in UTC; at the ends of time, in UTC's own."""
    try:
        return datetime.combine(day, time(), ZoneInfo(current_zone())).astimezone(UTC)
    except OverflowError:
        return datetime.combine(day, time(), UTC)


def next_midnight(now: datetime) -> datetime:
    return midnight(today(now) + timedelta(days=1))
