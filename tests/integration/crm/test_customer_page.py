"""A customer's page: one timeline of everything, for whoever may see it, and adding to it in place."""

import random
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client

from crm import customer_page
from crm.models import Acquisition, Customer, Interaction, Product
from crm.timeline import Place
from project.accounts.models import User
from realtime.live.definition import definition_named
from realtime.live.tokens import read_token
from tests.integration.hub.test_reach import Office, sql
from tests.integration.hub.test_reach import office as office
from tests.integration.pages.test_portal import signed_in, text
from tests.markup import plain_numbers
from ticketing.models import Comment, Ticket

pytestmark = [pytest.mark.usefixtures("quick_pages"), pytest.mark.django_db]

SOURCES = ("interactions", "acquisitions", "tickets", "comments")
IN_PLACE = {"Accept": "application/json"}
WHEN = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


def make_user(*rights: str, **more: Any) -> User:
    """``rights`` are codenames such as ``view_ticket``."""
    user = User.objects.create_user(f"user-{uuid4().hex[:8]}", password="right", **more)
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_customer", *rights)))
    return user


def seeing(*sources: str) -> list[str]:
    return [f"view_{source.removesuffix('s')}" for source in sources]


@pytest.fixture
def customer() -> Customer:
    return Customer.objects.create(name="Zofia Nowak")


@pytest.fixture
def lamp() -> Product:
    return Product.objects.create(name="Desk lamp", price=10)


def fill(customer: Customer, product: Product, chance: random.Random, count: int) -> None:
    """Entries of all kinds; many at the same moments, among them interactions of the future."""
    tickets: list[Ticket] = []
    for _ in range(count):
        kind = chance.choice(SOURCES)
        if kind == "interactions":
            at = chance.choice((WHEN, WHEN + timedelta(days=chance.randint(0, 3)), datetime(2090, 1, 1, tzinfo=UTC)))
            Interaction.objects.create(customer=customer, interaction_at=at)
        elif kind == "acquisitions":
            Acquisition.objects.create(customer=customer, product=product)
        elif kind == "tickets" or not tickets:
            tickets.append(Ticket.objects.create(customer=customer, title="Lamp flickers"))
        else:
            Comment.objects.create(ticket=chance.choice(tickets), content="Have you turned it off?")


def page_of(customer: Customer, query: str = "", user: User | None = None) -> str:
    client = signed_in(user or make_user(*seeing(*SOURCES)))
    return text(client.get(f"/crm/customers/{customer.pk}/{query}"))


def rows_of(page: str) -> list[str]:
    return re.findall(r'<li class="entry" data-live-row data-id="([^"]+)"', page)


def address(page: str, word: str) -> str:
    found = re.search(rf'<a class="[^"]*"[^>]*? href="([^"]+)">[^a-z]*(?:<svg.*?</svg>)? *{word}', page)
    assert found, word
    return unescape(found[1])


# What it shows


@pytest.mark.parametrize("seed", [1, 2])
def test_leafing_reads_every_entry_once_from_the_newest_to_the_oldest_and_back(
    customer: Customer, lamp: Product, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr("crm.live.timeline.PAGE_SIZE", 7)
    fill(customer, lamp, chance, 60)
    fill(Customer.objects.create(name="Somebody else"), lamp, chance, 20)
    # All within one transaction, so what isn't told apart by its own time has the same.
    asked = chance.sample(SOURCES, k=chance.randint(2, 4))
    places = [
        Place(getattr(row, source.moment), source.name, row.pk)
        for source in customer_page.sources
        if source.name in asked
        for row in source.kind.model._default_manager.filter(**{source.owner: customer.pk})
    ]
    expected = [f"{place.source}-{place.key}" for place in sorted(places, reverse=True)]
    user = make_user(*seeing(*SOURCES))
    page = page_of(customer, "?" + "&".join(f"show={name}" for name in asked), user)
    assert f"data-live-count>{len(expected)}<" in page
    pages = [rows_of(page)]
    while "Earlier" in page:
        page = page_of(customer, address(page, "Earlier"), user)
        pages.append(rows_of(page))
    assert [row for one in pages for row in one] == expected
    # And back, each page as it was.
    for earlier in reversed(pages[:-1]):
        page = page_of(customer, address(page, "Later"), user)
        assert rows_of(page) == earlier
    assert "Later" not in page


def test_a_place_reads_back_what_it_wrote_and_nothing_else(customer: Customer) -> None:
    place = Place(WHEN, "tickets", uuid4())
    assert Place.read(place.text) == place
    for written in (
        "",
        "x",
        "2026-03-04/tickets",
        f"2026-03-04T05:06:00/tickets/{place.key}",
        place.text.replace("tickets", "tick ets"),
        place.text.upper(),
        f"9999-12-31T23:59:59-23:00/tickets/{place.key}",
    ):
        with pytest.raises(ValueError, match=r"."):
            Place.read(written)
        # In an address it is the first page.
        assert "after" not in definition_named("customer-timeline").normalise({"id": customer.pk, "after": written})


def test_an_entry_says_what_who_and_when(customer: Customer, lamp: Product, office: Office) -> None:
    anna = make_user(first_name="Anna", last_name="Ito")
    sql("select set_config('livedesk.actor', %s, true)", str(anna.pk))
    Interaction.objects.create(customer=customer, type="call", notes="Wants an offer.", interaction_at=WHEN)
    Acquisition.objects.create(customer=customer, product=lamp, quantity=3, total_amount=30)
    sql("select set_config('livedesk.actor', 'some_role', true)")
    ticket = Ticket.objects.create(customer=customer, title="Lamp flickers", status="pending")
    Comment.objects.create(ticket=ticket, content="Off and on again?", author_id=anna.pk)
    page = page_of(customer)
    entries = {row.partition("-")[0]: html for row, html in zip(rows_of(page), entries_of(page), strict=True)}
    said = {
        "interactions": ("Call", "Wants an offer.", "Anna Ito", "2026-03-04T05:06:00Z"),
        "acquisitions": (">3</span> × <bdi>Desk lamp", "30.00", "Anna Ito"),
        "tickets": ("Lamp flickers", "Pending"),
        "comments": ("Lamp flickers", "Off and on again?", "Anna Ito"),
    }
    for kind, words in said.items():
        for word in words:
            assert word in plain_numbers(entries[kind]), (kind, word)
        assert "<svg" in entries[kind]
    assert "entry__who" not in entries["tickets"], "no name is made up for another writer"
    # The log doesn't go back for ever.
    sql("delete from realtime_change")
    assert page_of(customer).count("Anna Ito") == 1


def entries_of(page: str) -> list[str]:
    return re.findall(r'<li class="entry".*?</li>', page, re.DOTALL)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "No interactions, acquisitions, tickets or comments yet"),
        ("?show=interactions", "No interactions yet"),
        ("?show=tickets&show=comments", "No tickets or comments yet"),
        (f"?after={WHEN.isoformat().replace('+', '%2B')}/tickets/{UUID(int=0)}", "Nothing is left on this page"),
    ],
)
def test_an_empty_timeline_says_what_there_is_none_of(customer: Customer, query: str, said: str) -> None:
    assert said in " ".join(page_of(customer, query).split())


# Whose it is


def test_each_kind_is_shown_to_those_who_may_see_it_and_to_nobody_else(customer: Customer, lamp: Product) -> None:
    fill(customer, lamp, random.Random(3), 30)
    sales = make_user(*seeing("acquisitions", "interactions"))
    # Comments name their ticket, so they alone aren't enough.
    halfway = make_user(*seeing("comments", "interactions"))
    for user, may in ((sales, {"acquisitions", "interactions"}), (halfway, {"interactions"})):
        for query in ("", "?show=tickets&show=comments", "?show=interactions&show=tickets"):
            page = page_of(customer, query, user)
            shown = {row.partition("-")[0] for row in rows_of(page)}
            assert shown <= may
            assert "Lamp flickers" not in page
            if query:
                assert "“<bdi>tickets</bdi>” is nothing that this timeline shows" in page
            token = re.search(r'data-live-list="([^"]+)"', page)
            assert token
            definition, params = read_token(unescape(token[1]))
            assert set(params["show"]) <= may
            assert user.has_perms(definition.permissions(params))
    assert 'data-live-list="' not in page_of(customer, "", make_user())


def test_a_token_for_more_takes_the_rights_of_everything_in_it(customer: Customer) -> None:
    timeline = definition_named("customer-timeline")
    for names in (["comments"], ["tickets", "interactions"], [], ["nonsense"]):
        params = timeline.normalise({"id": customer.pk, "show": names})
        assert params["show"], "without a valid name it is everything, which takes every right"
        expected = {"crm.view_customer"}
        for name in params["show"]:
            app = "crm" if name in ("interactions", "acquisitions") else "ticketing"
            expected.add(f"{app}.view_{name.removesuffix('s')}")
        if "comments" in params["show"]:
            expected.add("ticketing.view_ticket")
        assert timeline.permissions(params) == expected
    # One order, so that all who show the same share one view.
    shown = timeline.normalise({"id": customer.pk, "show": ["comments", "tickets"]})["show"]
    assert shown == ["tickets", "comments"]


def test_unknown_kinds_are_named_with_those_that_there_are(customer: Customer) -> None:
    page = page_of(customer, "?show=tickets&show=<b>nonsense")
    assert "“<bdi>&lt;b&gt;nonsense</bdi>” is nothing that this timeline shows. It has interactions" in page
    on = re.findall(r'aria-current="true">(\w+)</a></li>', page)
    assert on == ["Tickets"]
    assert 'href="?show=acquisitions&amp;show=tickets#timeline">Acquisitions' in page
    assert 'href="?#timeline" aria-current="true">Tickets' in page


# What it costs


def test_a_change_concerns_the_pages_of_its_customer_alone(office: Office, lamp: Product) -> None:
    people = [Customer.objects.create(name=name) for name in ("Ann", "Bob", "Eve")]
    tickets = [Ticket.objects.create(customer=person, title="Lamp") for person in people]
    parts = ("customer-timeline", "customer-acquisitions", "customer-interactions", "customer-tickets")
    office.hear()
    views = {(person.name, part): office.open(part, {"id": person.pk}) for person in people for part in parts}

    def told(*expected: tuple[str, str]) -> None:
        marked = office.hear()
        assert {key for key, view in views.items() if view in marked} == set(expected)
        for view in marked:
            office.read(view)

    Interaction.objects.create(customer=people[0], notes="Hello")
    told(("Ann", "customer-timeline"), ("Ann", "customer-interactions"))
    sold = Acquisition.objects.create(customer=people[1], product=lamp)
    told(("Bob", "customer-timeline"), ("Bob", "customer-acquisitions"))
    Product.objects.filter(pk=lamp.pk).update(name="Lamp 2")
    told(("Bob", "customer-timeline"), ("Bob", "customer-acquisitions"))
    Product.objects.filter(pk=lamp.pk).update(price=7)
    told()
    Comment.objects.create(ticket=tickets[2], content="Hm")
    told(("Eve", "customer-timeline"))
    Ticket.objects.filter(pk=tickets[2].pk).update(customer=people[0])
    told(*((name, part) for name in ("Ann", "Eve") for part in ("customer-timeline", "customer-tickets")))
    Comment.objects.update(content="Hm!")
    told(("Ann", "customer-timeline"))
    Acquisition.objects.filter(pk=sold.pk).delete()
    told(("Bob", "customer-timeline"), ("Bob", "customer-acquisitions"))
    Ticket.objects.filter(pk=tickets[2].pk).update(customer=None)
    told(("Ann", "customer-timeline"), ("Ann", "customer-tickets"))
    assert office.reach.unanswered == 0


def test_its_entries_are_read_by_an_index_of_their_customer(customer: Customer, lamp: Product) -> None:
    with connection.cursor() as cursor:
        cursor.execute("insert into customers (name) select 'other' from generate_series(1, 300)")
        for told in ("interactions (customer_id) select id", "tickets (title, customer_id) select 'x', id"):
            cursor.execute(f"insert into {told} from customers, generate_series(1, 10)")
        cursor.execute(
            "insert into acquisitions (customer_id, product_id) select id, %s from customers, generate_series(1, 10)",
            [lamp.pk],
        )
        cursor.execute("insert into comments (ticket_id, content) select id, 'x' from tickets, generate_series(1, 3)")
        cursor.execute("analyze")
    place = Place(datetime.now(UTC), "tickets", uuid4())
    for source in customer_page.sources:
        for told in (
            source.placed(str(customer.pk)),
            source.placed(str(customer.pk)).filter(source._compared("<", place)),
        ):
            plan = told.order_by("-happened", "-pk")[:31].explain()
            assert re.search(r"Index Scan \w* ?\w* ?\w*customer", plan), plan
            assert "Seq Scan" not in plan, plan


# The other parts of the page


def test_tickets_that_wait_come_first(customer: Customer) -> None:
    for status in ("open", "pending", "resolved", "closed", "closed", "closed", "closed"):
        Ticket.objects.create(customer=customer, title=f"{status} ticket", status=status)
    page = page_of(customer)
    block = plain_numbers(page[page.index(">Tickets</h2>") : page.index('id="timeline"')])
    assert re.findall(r">(\w+) ticket</a>", block) == ["open", "pending", "resolved", "closed", "closed"]
    assert "<strong>7</strong> tickets" in block
    assert "<strong>4</strong> closed" in block
    assert "Show all 7</a>" in block


# Adding in place

ADDS = ("interaction", "acquisition", "ticket")


@pytest.fixture
def writer() -> Client:
    rights = [f"{verb}_{kind}" for verb in ("view", "add") for kind in (*ADDS, "product")]
    return signed_in(make_user(*rights))


def new(customer: Customer, kind: str) -> str:
    app = "ticketing" if kind == "ticket" else "crm"
    return f"/{app}/{kind}s/new/?customer={customer.pk}"


@pytest.mark.parametrize("kind", ADDS)
def test_a_form_in_place_asks_for_everything_but_the_customer(writer: Client, customer: Customer, kind: str) -> None:
    assert f'href="{new(customer, kind)}" data-add="{kind}"' in text(writer.get(f"/crm/customers/{customer.pk}/"))
    answer = writer.get(new(customer, kind), headers=IN_PLACE)
    html = answer.json()["html"]
    assert f'<input type="hidden" name="customer" value="{customer.pk}" id="new-{kind}-customer">' in html
    assert f'action="{new(customer, kind)}"' in html
    assert 'name="person"' in html
    assert "<html" not in html
    # A browser must never show it as the page of that address.
    assert answer.headers["Cache-Control"] == "no-store"
    assert "<html" in text(writer.get(new(customer, kind)))


TYPED: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    "interaction": (
        {"type": "call", "interaction_at": "never", "notes": "Half <b>typed"},
        {"interaction_at": "2026-03-04T05:06:00"},
        "see When.",
    ),
    "acquisition": ({"product": "", "quantity": "0", "total_amount": "7"}, {"quantity": "1"}, "Product and Quantity."),
    "ticket": ({"title": "", "description": "Smokes", "status": "open", "priority": "x"}, {"title": "Smoke"}, "Title"),
}


@pytest.mark.parametrize("kind", ADDS)
def test_a_refusal_in_place_names_the_fields_and_keeps_what_was_typed(
    writer: Client, customer: Customer, lamp: Product, kind: str
) -> None:
    typed, mended, said = TYPED[kind]
    refused = writer.post(new(customer, kind), {"customer": customer.pk, **typed}, headers=IN_PLACE)
    assert refused.status_code == 422
    told = refused.json()
    assert told["said"].startswith("Nothing was saved yet: see")
    assert said in told["said"]
    assert 'aria-invalid="true"' in told["html"]
    assert f'value="{customer.pk}"' in told["html"]
    for value in filter(None, typed.values()):
        assert value in unescape(told["html"]) or value == "x"
    saved = {"customer": customer.pk, **typed, **mended, "priority": "low"}
    saved |= {"product": lamp.pk} if kind == "acquisition" else {}
    done = writer.post(new(customer, kind), saved, headers=IN_PLACE)
    assert done.status_code == 200, done.content
    assert done.json()["said"].endswith("was created.")
    assert done.json()["url"] in page_of(customer)
    assert len(rows_of(page_of(customer))) == 1


def test_a_form_in_place_is_for_those_who_may_add(customer: Customer) -> None:
    reader = signed_in(make_user(*seeing(*SOURCES)))
    page = text(reader.get(f"/crm/customers/{customer.pk}/"))
    assert "data-add" not in page
    for kind in ADDS:
        assert reader.get(new(customer, kind), headers=IN_PLACE).status_code == 403
        assert reader.post(new(customer, kind), {}, headers=IN_PLACE).status_code == 403
        ended = Client().post(new(customer, kind), {}, headers=IN_PLACE)
        assert ended.status_code == 401
        assert "Sign in again" in ended.json()["said"]


def test_a_customer_who_is_gone_meanwhile_is_told_beside_the_text(writer: Client, customer: Customer) -> None:
    where = new(customer, "interaction")
    key = customer.pk
    customer.delete()
    typed = {"customer": key, "type": "call", "interaction_at": "2026-03-04T05:06:00", "notes": "Half typed"}
    refused = writer.post(where, typed, headers=IN_PLACE)
    assert refused.status_code == 422
    assert "Half typed" in refused.json()["html"]
    assert 'role="alert"' in refused.json()["html"]


def test_two_sources_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="tickets"):
        customer_page.register_source(next(s for s in customer_page.sources if s.name == "tickets"))
