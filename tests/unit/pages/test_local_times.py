"""Times as people type them, in every zone, and on the nights when the clocks change."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from realtime.live.zones import current_zone, known_zone, known_zones
from realtime.pages.local_times import (
    LocalTimeField,
    LocalTimeInput,
    TypedTime,
    _shown,
)

ZONES = st.sampled_from(sorted(known_zones()))
MOMENTS = st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


def typed(moment: datetime, zone: str) -> TypedTime:
    """What the field sends when nobody touches it."""
    return TypedTime(_shown(moment, zone), zone)


@given(MOMENTS, ZONES)
def test_a_time_comes_back_as_it_was_shown(moment: datetime, zone: str) -> None:
    told = typed(moment, zone)
    assert LocalTimeInput().came_back(told, moment)
    assert not LocalTimeInput().came_back(TypedTime("2026-01-01T00:00:01", zone), datetime(2026, 6, 1, tzinfo=UTC))
    # Refused where the zone's clocks show that time twice, as the tests below show.
    with suppress(ValidationError):
        assert LocalTimeField().clean(told) == moment.replace(microsecond=0)


@pytest.mark.parametrize(
    ("text", "zone", "stored"),
    [
        ("2026-07-01T12:00", "Europe/Berlin", "2026-07-01T10:00:00+00:00"),
        ("2026-01-01T12:00:30", "Europe/Berlin", "2026-01-01T11:00:30+00:00"),
        ("2026-01-01T12:00", "Asia/Kolkata", "2026-01-01T06:30:00+00:00"),
        ("2026-01-01T12:00", "Australia/Lord_Howe", "2026-01-01T01:00:00+00:00"),
        ("2026-01-01T12:00", "UTC", "2026-01-01T12:00:00+00:00"),
    ],
)
def test_what_is_typed_is_stored_in_universal_time(text: str, zone: str, stored: str) -> None:
    read = LocalTimeField().clean(TypedTime(text, zone))
    assert read is not None
    assert read.isoformat() == stored


@pytest.mark.parametrize(
    ("text", "zone", "words"),
    [
        ("2026-03-29T02:30", "Europe/Berlin", "02:30 on 29 March 2026 doesn’t exist in Europe/Berlin"),
        ("2026-10-25T02:30", "Europe/Berlin", "02:30 on 25 October 2026 comes twice in Europe/Berlin"),
        ("2026-04-05T01:45", "Australia/Lord_Howe", "comes twice"),
        ("2026-10-04T02:15", "Australia/Lord_Howe", "doesn’t exist"),
        ("yesterday", "Europe/Berlin", "valid date/time"),
        ("", "Europe/Berlin", "required"),
    ],
)
def test_a_time_that_is_none_gets_a_sentence(text: str, zone: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        LocalTimeField().clean(TypedTime(text, zone))


def test_an_untouched_time_in_an_hour_that_comes_twice_came_back() -> None:
    moment = datetime(2026, 10, 25, 1, 30, 15, 123, tzinfo=UTC)
    for shift in (timedelta(), timedelta(hours=1)):
        told = typed(moment - shift, "Europe/Berlin")
        assert LocalTimeInput().came_back(told, moment - shift)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "Europe/Berlin\x00"])
def test_a_zone_that_is_none_is_universal_time(name: str) -> None:
    assert known_zone(name) == "UTC"
    # A damaged field falls back to what the browser says now.
    assert LocalTimeInput().value_from_datadict({"at": "x", "at-zone": name}, {}, "at").zone == current_zone()
