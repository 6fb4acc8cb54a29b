"""What an address may ask of a list: a place in its order, and its filters. Whatever else it says is refused."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from crm.live.products import ProductList
from realtime.live import filters
from realtime.live.sorting import Order, PageKey, by_amount, by_text, by_time
from realtime.live.zones import in_zone, next_midnight
from ticketing.live.tickets import TicketFilters, TicketList

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=100)
TIMES = st.datetimes(datetime(1000, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))
AMOUNTS = st.decimals(0, 10**12, places=2, allow_nan=False)


@given(st.one_of(st.tuples(st.just(by_text("name")), NAMES), st.tuples(st.just(by_time("at")), TIMES)), st.uuids())
def test_a_place_in_an_order_survives_the_address(sorted_by: tuple[object, object], key: UUID) -> None:
    sort, value = sorted_by
    order = Order("x", sort, descending=True)  # type: ignore[arg-type]
    assert order.read_key(PageKey(value, key).text) == PageKey(value, key)


@given(AMOUNTS, st.uuids())
def test_an_amount_keeps_its_cents(amount: Decimal, key: UUID) -> None:
    order = Order("price", by_amount("price"), descending=False)
    assert order.read_key(PageKey(amount, key).text) == PageKey(amount, key)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "W10",
        "bnVsbA",
        PageKey("not a time", uuid4()).text,
        PageKey("2026-01-01", uuid4()).text,
        "é",
        "A" * 9000,
    ],
    ids=range(8),
)
def test_anything_else_is_no_place_and_means_the_first_page(text: str) -> None:
    with pytest.raises(ValueError, match="is no place in a list sorted by created"):
        Order("created", by_time("created_at"), descending=True).read_key(text)
    assert ProductList().normalise({"after": text}) == {"q": ""}


def test_a_text_that_postgres_cannot_hold_is_no_place() -> None:
    with pytest.raises(ValueError, match="is no place"):
        Order("name", by_text("name"), descending=False).read_key(PageKey("a\0b", uuid4()).text)


@pytest.mark.django_db
def test_parameters_are_the_same_however_an_address_says_them() -> None:
    key = str(uuid4())
    one = QueryDict(f"status=pending&status=open&status=open&assigned={key.upper()}&sort=-created&size=50&q=+a++b+")
    assert TicketList().normalise(one) == {"q": "a b", "status": ["open", "pending"], "assigned": [key]}
    told = TicketList().normalise(one)
    assert TicketList().normalise(told) == told
    assert TicketList().normalise(QueryDict(TicketList().query_string(told)[1:])) == told


@pytest.mark.django_db
def test_what_no_filter_takes_is_told_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "can_hold", lambda *place: False)
    asked = QueryDict("status=burning&status=open&priority=all&assigned=someone&created_from=2026-13-01")
    assert TicketList().normalise(asked) == {"q": "", "status": ["open"]}
    assert TicketList().refused(asked) == {
        "status": ["burning"],
        "assigned": ["someone"],
        "created_from": ["2026-13-01"],
    }


@pytest.mark.django_db
def test_only_days_bring_a_zone_along() -> None:
    with in_zone("Asia/Tokyo"):
        assert TicketList().normalise({"created": "today"})["tz"] == "Asia/Tokyo"
        assert "tz" not in TicketList().normalise({"status": "open"})
        assert "tz" not in TicketList().query_string(TicketList().normalise({"created": "today"}))


@pytest.mark.parametrize(
    ("zone", "end"),
    [
        ("UTC", "2026-03-29T00:00+00:00"),
        ("Asia/Tokyo", "2026-03-28T15:00+00:00"),
        ("Europe/Berlin", "2026-03-28T23:00+00:00"),
    ],
)
def test_today_ends_at_the_readers_midnight(zone: str, end: str) -> None:
    now = datetime(2026, 3, 28, 14, 30, tzinfo=UTC)
    with in_zone(zone):
        assert next_midnight(now) == datetime.fromisoformat(end)
        assert TicketFilters.turns_at({"created": ["today"]}, now) == datetime.fromisoformat(end)
        assert TicketFilters.turns_at({"status": ["open"], "created_from": ["2026-01-01"]}, now) is None
