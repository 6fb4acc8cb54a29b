"""Status and priority with any words, in texts and in an enum: every page counts, sorts, filters and writes by them."""

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from html import unescape
from io import StringIO
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test import Client
from psycopg import sql
from pytest_django import DjangoDbBlocker

from realtime.database import columns
from realtime.database.list_indexes import RankIndex
from realtime.database.word_upkeep import indexes_of_another_order
from realtime.database.words import add_words, allowed, forget_words, guessed, learn_words, words_of
from realtime.live.definition import definition_named
from realtime.live.filters import EMPTY
from realtime.models import Word
from tests.anything import seed_of
from tests.integration.adopting.their_project import djangos_database
from tests.integration.databases import fresh_database, migrated_template
from tests.integration.pages.test_untouched import Form
from ticketing.live.tickets import TicketList
from ticketing.models import PRIORITY, STATUS, Ticket

pytestmark = pytest.mark.usefixtures("quick_pages")

ODD = (
    *("new", "In Progress", "WON'T FIX", "ärger", "100 % %s", "{{ x }}", '"quoted"', "a,b", "a&b=c", "done", "Open"),
    *("closed", "<b>bold</b>", "back\\slash", "ü" * 30, "waiting_for_customer", "-", "null", "مفتوح", "1"),
)
# In texts alone: PostgreSQL's enums may have them too, but nobody does.
ODDER = ("", "new ", " ", "line\nend")


@pytest.fixture(params=["text", "enum"])
def kind(request: pytest.FixtureRequest, postgres_url: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The type of both columns, in a database of its own that nobody has put words into."""
    with (
        fresh_database(postgres_url, migrated_template(postgres_url)) as url,
        django_db_blocker.unblock(),
        djangos_database(url),
    ):
        yield request.param


@pytest.fixture
def chance() -> random.Random:
    return random.Random(seed_of("any"))


def run(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)


def give(kind: str, column: str, held: Sequence[str]) -> None:
    """Has the column hold these words, and NULL."""
    run(f"alter table tickets drop constraint tickets_{column}_known")
    run(f"drop index tickets_by_{'progress' if column == 'status' else 'urgency'}")
    run(f"alter table tickets alter {column} drop default, alter {column} drop not null")
    told = "text"
    if kind == "enum":
        told = f'"Their {column}"'
        labels = sql.SQL(", ").join(map(sql.Literal, held)).as_string()
        run(f"create type {told} as enum ({labels})")
    run(f"alter table tickets alter {column} type {told} using null")
    run("delete from realtime_word where column_name = %s", column)
    columns.forget()
    add_words("tickets", column, guessed(held[:-1], STATUS if column == "status" else PRIORITY))
    forget_words()


@pytest.fixture
def held(kind: str, chance: random.Random) -> dict[str, list[str]]:
    """What each column can hold. The last of each isn't known as a word."""
    pool = [*ODD, *(ODDER if kind == "text" else ())]
    found = {column: chance.sample(pool, k=chance.randint(3, 8)) for column in ("status", "priority")}
    for column, words in found.items():
        give(kind, column, words)
    return found


@pytest.fixture
def tickets(held: dict[str, list[str]], chance: random.Random) -> list[Any]:
    for number in range(60):
        row = [chance.choice([*held[column], None]) for column in ("status", "priority")]
        run("insert into tickets (title, status, priority) values (%s, %s, %s)", f"Ticket {number}", *row)
    return list(Ticket.objects.all())


@pytest.fixture
def portal(kind: str) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("operator", password="right"))
    return client


def page(portal: Client, address: str) -> str:
    response = portal.get(address)
    assert response.status_code == 200, address
    return response.content.decode()


def keys_in(told: str) -> list[str]:
    return re.findall(r'data-live-row data-id="([^"]+)"', told)


def all_keys(portal: Client, query: dict[str, str]) -> list[str]:
    return keys_in(page(portal, f"/ticketing/tickets/?{urlencode(query | {'size': '100'})}"))


def values(column: str) -> list[str]:
    return [word.value for word in words_of("tickets", column)]


def test_lists_and_the_board_have_each_ticket_where_its_word_is(portal: Client, tickets: list[Any]) -> None:
    for column in ("status", "priority"):
        known = values(column)
        for sort, turn in ((f"-{column}", -1), (column, 1)):
            places = {str(t.pk): known.index(v) if (v := getattr(t, column)) in known else -1 for t in tickets}
            found = [places[key] for key in all_keys(portal, {"sort": sort})]
            assert found == sorted(places.values(), reverse=turn < 0)
        # An address can't have blanks at the end of a word; only a word that is known is found without them.
        held = Counter(v.strip() if (v := getattr(t, column)) in known else v or "" for t in tickets)
        for word, number in held.items():
            if word != word.strip():
                continue
            told = page(portal, f"/ticketing/tickets/?{urlencode({column: word or EMPTY, 'size': '100'})}")
            assert len(keys_in(told)) == number, word
            # What is asked for is offered, and chosen.
            checked = re.findall(rf'name="{column}" value="([^"]*)" checked', told)
            assert [unescape(value) for value in checked] == [word or EMPTY]
    board = page(portal, "/ticketing/board/")
    told = [keys_in(part) for part in board.split("board__column")[1:]]
    lists = [keys for keys in told if keys]
    by_status: dict[str, set[str]] = {}
    for ticket in tickets:
        by_status.setdefault(ticket.status if ticket.status in values("status") else "?", set()).add(str(ticket.pk))
    assert sorted(map(sorted, lists)) == sorted(map(sorted, by_status.values()))


def test_the_dashboard_counts_what_the_words_call_open(portal: Client, tickets: list[Any]) -> None:
    first = next(word for word in words_of("tickets", "status") if word.is_open)
    told = page(portal, "/")
    number = sum(ticket.status == first.value for ticket in tickets)
    tiles = definition_named("ticket-tiles")
    [tile] = tiles.snapshot(tiles.normalise({})).parts.values()
    assert f">{number}<" in re.sub(r"\s", "", tile.html)
    assert f"{first.label} tickets by priority and age" in unescape(told)
    for ticket in tickets[:5]:
        page(portal, f"/ticketing/tickets/{ticket.pk}/")


def test_what_a_wrong_word_is_answered_with(kind: str, portal: Client, tickets: list[Any]) -> None:
    told = unescape(page(portal, "/ticketing/tickets/?status=no+such+word"))
    if kind == "enum":
        # It can't be there, so it is told, with those that can.
        assert "no such word" in told
        assert all(word.label in told for word in words_of("tickets", "status"))
        assert len(keys_in(told)) == 50
    else:
        assert keys_in(told) == []


def test_forms_keep_a_word_that_nobody_knows_until_another_is_chosen(
    portal: Client, held: dict[str, list[str]], tickets: list[Any]
) -> None:
    for status in (held["status"][-1], None):
        ticket = next((ticket for ticket in tickets if ticket.status == status), None)
        if ticket is None:
            continue
        address = f"/ticketing/tickets/{ticket.pk}/edit/"
        sent = Form(page(portal, address)).sent
        assert portal.post(address, sent | {"title": "Another title"}).status_code == 302
        ticket.refresh_from_db()
        assert (ticket.status, ticket.title) == (status, "Another title")
        for word in words_of("tickets", "status"):
            sent = Form(page(portal, address)).sent
            answer = portal.post(address, sent | {"status": word.value})
            assert answer.status_code == 302, (word, re.findall(r"form__error[^<]*<[^<]*", answer.content.decode()))
            ticket.refresh_from_db()
            assert ticket.status == word.value
            change = {"revision": ticket.revision, "status": values("status")[0]}
            assert portal.post(f"/ticketing/tickets/{ticket.pk}/status/", change).status_code in (200, 204, 302)


def test_a_new_ticket_gets_the_first_open_word(portal: Client, tickets: list[Any]) -> None:
    sent = Form(page(portal, "/ticketing/tickets/new/")).sent
    assert sent["status"] == next(word.value for word in words_of("tickets", "status") if word.is_open)


def test_another_order_is_served_by_an_index_once_it_was_built_anew(kind: str, portal: Client) -> None:
    give(kind, "status", ["new", "won't fix", "back\\slash", "done", "odd %s"])
    index = RankIndex("tickets", "tickets_by_progress", "status", ())
    run(index.create(columns.column_of("tickets", "status"), values("status")))
    assert [name for name, *_ in indexes_of_another_order()] == []
    assert is_served()
    Word.objects.filter(column_name="status", value="done").update(position=0)
    forget_words()
    assert [name for name, *_ in indexes_of_another_order()] == ["tickets_by_progress"]
    assert not is_served()
    assert "manage.py realtime_words" in page(portal, "/admin/realtime/word/")
    call_command("realtime_words", stdout=StringIO())
    assert is_served()
    assert "manage.py realtime_words" not in page(portal, "/admin/realtime/word/")


def is_served() -> bool:
    """Whether a list that is sorted by status is read by an index."""
    tickets = TicketList()
    params = tickets.normalise({"sort": "-status"})
    with connection.cursor() as cursor:
        cursor.execute("set enable_seqscan = off")
        cursor.execute("set enable_sort = off")
        told = str(tickets.queryset(params)[:50].explain())
        cursor.execute("reset all")
    return "tickets_by_progress" in told


def test_words_are_learned_and_only_what_is_left_over_can_be_deleted(kind: str, portal: Client) -> None:
    give(kind, "status", ["new", "done", "later"])
    run("insert into tickets (title, status) values ('One', 'later')")
    learn_words("tickets", "status")
    assert values("status") == ["new", "done", "later"]
    assert allowed("tickets", "status") == (["new", "done", "later"] if kind == "enum" else None)
    later, done = (Word.objects.get(column_name="status", value=value) for value in ("later", "done"))
    for word, may_go in ((later, False), (done, kind == "text")):
        address = f"/admin/realtime/word/{word.pk}/delete/"
        assert portal.post(address, {"post": "yes"}).status_code == (302 if may_go else 403)
    assert portal.get("/admin/realtime/word/add/").status_code == 403
    open_ = Word.objects.filter(column_name="status", is_open=True)
    open_.exclude(value="new").update(is_open=False)
    new = open_.get()
    told = {"label": "New", "position": 1, "colour": "red"}
    answer = portal.post(f"/admin/realtime/word/{new.pk}/change/", told)
    assert "One word has to count as open" in answer.content.decode()
    assert portal.post(f"/admin/realtime/word/{new.pk}/change/", told | {"is_open": "on"}).status_code == 302
    assert words_of("tickets", "status")[0].colour == "red"
