"""What a chooser offers: who may ask, what comes first, how much is looked at. Texts that name rows for a filter."""

from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client

from crm.kinds import CUSTOMER, PRODUCT
from crm.models import Customer
from realtime.pages import choices
from realtime.pages.choices import LIMIT, found
from tests.integration.crm.test_crm import every_right, make_acquisition, make_customer, make_product, make_user
from tests.integration.pages.test_portal import HOSTILE, HOSTILE_PIECES, signed_in, text
from tests.integration.ticketing.test_ticketing import make_ticket, member

pytestmark = pytest.mark.usefixtures("quick_pages")


@pytest.fixture
def staff(db: None) -> Client:
    return signed_in(make_user(*every_right()))


def customer(number: int, name: str, email: str = "", phone: str = "") -> Customer:
    """Rows of one transaction are equally old; then the larger key counts as the newer one."""
    return Customer.objects.create(id=UUID(int=number), name=name, email=email, phone=phone)


def asked(client: Client, address: str = "/crm/customers/choices/", **query: str) -> dict[str, Any]:
    answer = client.get(address, query)
    assert answer.status_code == 200, answer
    told: dict[str, Any] = answer.json()
    return told


def names(told: dict[str, Any]) -> list[str]:
    return [row["name"] for row in told["rows"]]


# Who may ask


def test_only_those_who_may_see_the_rows_are_offered_them(staff: Client) -> None:
    make_customer()
    assert len(asked(staff)["rows"]) == 1
    answer = Client().get("/crm/customers/choices/")
    assert (answer.status_code, urlsplit(answer.headers["Location"]).path) == (302, "/sign-in/")
    for right in ("view_product", "add_customer", "change_customer", "view_interaction"):
        refused = signed_in(make_user(right)).get("/crm/customers/choices/")
        assert refused.status_code == 403
        assert "Zofia" not in text(refused)
    assert signed_in(make_user("view_customer")).get("/crm/customers/choices/").status_code == 200
    assert signed_in(member("Read-only")).get("/crm/products/choices/").status_code == 200
    assert staff.post("/crm/customers/choices/").status_code == 405
    assert staff.get("/ticketing/tickets/choices/").status_code == 403
    for kind in ("crm/acquisitions", "crm/interactions"):
        assert staff.get(f"/{kind}/choices/").status_code == 404


# What it offers


def test_what_tells_namesakes_apart_comes_with_the_name(staff: Client) -> None:
    ann, lamp = make_customer("Ann", "ann@example.org"), make_product("Lamp", "1234.5")
    assert asked(staff)["rows"] == [{"key": str(ann.pk), "name": "Ann", "note": "ann@example.org"}]
    told = asked(staff, "/crm/products/choices/", q="lamp")
    assert told == {
        "rows": [{"key": str(lamp.pk), "name": "Lamp", "note": "1,234.50"}],
        "more": False,
        "complete": True,
    }


def test_names_that_begin_with_the_text_come_first_and_then_the_newest_others(staff: Client) -> None:
    customer(1, "Lefebvre")
    customer(2, "LEFÈVRE & fils")
    customer(3, "Lefèvre")
    customer(4, "Anne Lefèvre")
    customer(5, "Bob", email="bob@lefevre.example")
    customer(6, "Somebody else")
    assert names(asked(staff, q="lefevre")) == ["Lefèvre", "LEFÈVRE & fils", "Bob", "Anne Lefèvre"]
    assert names(asked(staff, q="  Fils   lefevre ")) == ["LEFÈVRE & fils"]
    assert names(asked(staff, q="lef")) == ["Lefebvre", "Lefèvre", "LEFÈVRE & fils", "Bob", "Anne Lefèvre"]
    # Nothing typed: the newest.
    assert names(asked(staff))[:2] == ["Somebody else", "Bob"]


def test_at_most_twenty_rows_and_whether_there_are_more(staff: Client) -> None:
    for number in range(LIMIT):
        customer(number + 1, f"Smith {number:02}")
    for query in ("", "smith", "s"):
        told = asked(staff, q=query)
        assert (len(told["rows"]), told["more"]) == (LIMIT, False)
    customer(100, "Another", email="smith@example.org")
    told = asked(staff, q="smith")
    assert names(told) == [f"Smith {number:02}" for number in range(LIMIT)]
    assert told["more"] is True
    assert asked(staff)["more"] is True


@pytest.mark.parametrize(
    ("query", "complete", "offered"),
    [
        ("n", False, ["Novák"]),
        ("NO", False, ["Novák"]),
        ("ve", False, ["Later 5", "Later 4"]),
        ("e n", False, []),
        ("@--", False, []),
        ("nov", True, ["Novák", "Anna Novák"]),
        ("a nov", True, ["Anna Novák", "Novák"]),
    ],
)
def test_a_short_text_looks_at_beginnings_and_the_newest_only(
    staff: Client, monkeypatch: pytest.MonkeyPatch, query: str, complete: bool, offered: list[str]
) -> None:
    monkeypatch.setattr(choices, "NEWEST_LOOKED_AT", 2)
    customer(1, "Novák")
    customer(2, "Anna Novák")
    for number in range(3, 6):
        customer(number, f"Later {number}", email="ve")
    told = asked(staff, q=query)
    assert (names(told), told["complete"]) == (offered, complete)


def test_what_is_found_is_what_a_plain_search_finds(db: None) -> None:
    """For any text of three letters and more: the same rows, each once, beginnings first."""
    chance = Random(10)
    letters, searched = "aàbß%_\\' ł", "realtime_fold(name || ' ' || email)"
    for number in range(1, 120):
        customer(number, "".join(chance.choice(letters) for _ in range(5)) + "x", email=f"{number}@example.org")
    with connection.cursor() as cursor:
        for _ in range(60):
            typed = "".join(chance.choice(letters) for _ in range(chance.randint(1, 3)))
            query = f"{typed.strip()} example"
            told = found(CUSTOMER, query)
            words = query.split()
            where = " and ".join(f"strpos({searched}, realtime_fold(%s)) > 0" for _ in words)
            cursor.execute(f"select id from customers where {where}", words)
            expected = {row[0] for row in cursor.fetchall()}
            keys = [row.pk for row in told.rows]
            assert len(keys) == len(set(keys)) == min(len(expected), LIMIT), query
            assert set(keys) <= expected, query
            assert told.more is (len(expected) > LIMIT), query


@pytest.mark.parametrize(
    "query", ["\x00", "%", "_", "\\", "'\"", "\ud800", "x" * 5000, "b " * 500, HOSTILE, "%%%", "🙂"]
)
def test_no_text_breaks_it(staff: Client, query: str) -> None:
    customer(1, "Ann")
    told = asked(staff, q=query.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    assert names(told) == (["Ann"] if not query.strip("\x00") else [])


def test_a_key_in_the_text_or_another_parameter_changes_nothing(staff: Client) -> None:
    customer(1, "Ann")
    assert names(asked(staff, limit="1000000", key="x", q="ann")) == ["Ann"]


# Texts that name rows for a filter


def test_a_text_that_finds_one_row_becomes_the_filter(staff: Client) -> None:
    ann, lamp = make_customer("Ann Alone"), make_product("Lamp")
    make_acquisition(ann, lamp)
    sent = {"customer-find": "alone", "product-find": "lamp", "total": "small", "sort": "quantity"}
    answer = staff.get("/crm/acquisitions/", sent)
    assert answer.status_code == 302
    told = urlsplit(answer.headers["Location"])
    assert told.path == "/crm/acquisitions/"
    assert parse_qs(told.query) == {
        "customer": [str(ann.pk)],
        "product": [str(lamp.pk)],
        "total": ["small"],
        "sort": ["quantity"],
    }
    page = text(staff.get(answer.headers["Location"]))
    assert f'name="customer" value="{ann.pk}" checked> <span dir="auto">Ann Alone</span>' in page


def test_a_text_that_finds_several_rows_asks_which(staff: Client) -> None:
    one, two = make_customer("Ann One", "one@example.org"), make_customer("Ann Two <b>", "two@example.org")
    page = text(staff.get("/crm/interactions/", {"customer-find": "ann", "type": "call", "customer": str(one.pk)}))
    assert "Which customer do you mean by <bdi>“ann”</bdi>?" in page
    both = sorted(map(str, (one.pk, two.pk)))
    assert f'href="?type=call&amp;customer={both[0]}&amp;customer={both[1]}"><bdi>Ann Two &lt;b&gt;</bdi></a>' in page
    assert 'name="customer-find" value="ann"' in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("xyz", "No customer matches <bdi>“xyz”</bdi>. This list is shown without it."),
        (
            "xy",
            "No customer’s name begins with <bdi>“xy”</bdi>; with three letters in a row, all of them are searched.",
        ),
    ],
)
def test_a_text_that_finds_nothing_is_named(staff: Client, query: str, said: str) -> None:
    make_customer("Ann")
    assert said in text(staff.get("/crm/interactions/", {"customer-find": query}))


def test_a_filter_by_rows_that_somebody_may_not_see_stays_and_isnt_offered(db: None) -> None:
    ann = make_customer("Ann Secret")
    client = signed_in(make_user("view_interaction"))
    page = text(client.get("/crm/interactions/", {"customer": str(ann.pk), "customer-find": "ann"}))
    assert "Secret" not in page
    assert 'name="customer-find"' not in page
    assert f'<input type="hidden" name="customer" value="{ann.pk}">' in page
    assert "one customer" in page


def test_hostile_texts_and_names_are_escaped(staff: Client) -> None:
    make_customer(HOSTILE, ""), make_customer(f"{HOSTILE} 2", "")
    ticket_page = signed_in(member("Managers")).get("/ticketing/tickets/", {"customer-find": "alert"})
    for answer in (ticket_page, staff.get("/crm/interactions/", {"customer-find": "alert"})):
        assert "Which customer" in text(answer)
        assert not any(piece in text(answer) for piece in HOSTILE_PIECES)
    for query in (HOSTILE, f"{HOSTILE} none"):
        answer = staff.get("/crm/interactions/", {"customer-find": query}, follow=True)
        assert not any(piece in text(answer) for piece in HOSTILE_PIECES)


# Colleagues


def test_i_come_first_and_then_nobody(db: None) -> None:
    me, other = member("Support agents", first_name="Zoe"), member("Support agents", first_name="Abe")
    client, ticket = signed_in(me), make_ticket(assigned_to=other.pk)
    for address in ("/ticketing/tickets/new/", f"/ticketing/tickets/{ticket.pk}/edit/"):
        page = text(client.get(address))
        offered = page[page.index('<select name="assigned_to"') :].split("</select>")[0].split("<option")[1:]
        assert [one.partition(">")[2].partition("<")[0] for one in offered][:3] == ["Me (Zoe)", "Nobody", "Abe"]
        assert f'value="{other.pk if "edit" in address else ""}" selected' in page
    page = text(client.get("/ticketing/tickets/", {"assigned": "me"}))
    assert 'name="assigned" value="me" checked> <span dir="auto">Me</span>' in page


def test_every_kind_that_is_chosen_says_by_what() -> None:
    for kind in (CUSTOMER, PRODUCT):
        columns = {field.name for field in kind.model._meta.concrete_fields}
        assert {*kind.chosen_by, kind.told_apart_by} <= columns
