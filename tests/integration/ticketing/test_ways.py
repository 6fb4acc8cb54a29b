"""Finding a record from anywhere, and the way through the list that somebody came from."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from crm.models import Customer, Product
from project.accounts.models import User
from realtime.pages import search_everywhere
from tests.integration.ticketing.test_ticketing import make_ticket, member
from ticketing.models import Attachment, Comment, Ticket

pytestmark = [pytest.mark.usefixtures("quick_pages"), pytest.mark.django_db]


def client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def found(user: User, text: str) -> dict[str, list[str]]:
    answer = client(user).get("/search/", {"q": text}, headers={"Accept": "application/json"})
    return {group["title"]: [hit["title"] for hit in group["hits"]] for group in answer.json()["groups"]}


def test_everything_is_found_that_somebody_may_see_and_nothing_else() -> None:
    customer = Customer.objects.create(name="Zoë Lefèvre", email="zoe@example.org")
    Product.objects.create(name="Lefevre lamp", price=3)
    ticket = make_ticket(title="Smoke at LEFEVRE’s", customer=customer)
    Comment.objects.create(ticket=ticket, content="Called lefèvre twice")
    Attachment.objects.create(ticket=ticket, file_name="lefevre.pdf", file_url="https://x.example/a")
    everything = {
        "Customers": ["Zoë Lefèvre"],
        "Products": ["Lefevre lamp"],
        "Tickets": ["Smoke at LEFEVRE’s"],
        "Comments": ["Called lefèvre twice"],
        "Attachments": ["lefevre.pdf"],
    }
    assert found(member("Managers"), "lefevre") == everything
    crm = {"Customers", "Products"}
    assert found(member("CRM staff"), "lefevre") == {title: everything[title] for title in crm}
    assert found(member(), "lefevre") == {}
    page = client(member("Read-only")).get("/search/", {"q": "lefevre"}).content.decode()
    assert all(title in page for titles in everything.values() for title in titles)


def test_what_is_called_so_comes_first_and_all_of_many_are_a_link_away() -> None:
    for name in ("Lamp", "Desk lamp", *(f"Slamp {number}" for number in range(8))):
        Product.objects.create(name=name, price=1)
    answer = client(member("Managers")).get("/search/", {"q": "lamp"}, headers={"Accept": "application/json"})
    (group,) = answer.json()["groups"]
    assert [hit["title"] for hit in group["hits"]][:2] == ["Lamp", "Desk lamp"]
    assert len(group["hits"]) == search_everywhere.SHOWN
    assert group["all"] == "/crm/products/?q=lamp"


@pytest.mark.parametrize("text", ["", "   ", "%", "_", "\\", "'", "x" * 5000, "\u202e", "<b>"])
def test_any_text_is_answered(text: str) -> None:
    answer = client(member("Managers")).get("/search/", {"q": text})
    assert answer.status_code == 200
    assert b"<b>" not in answer.content


def test_a_kind_that_takes_too_long_is_said_and_the_others_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    Product.objects.create(name="Lamp", price=1)
    Customer.objects.create(name="Lamp Ltd")
    slow = search_everywhere._sources[0]

    def sleeping() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("select pg_sleep(5)")

    monkeypatch.setattr(search_everywhere, "BUDGET_SECONDS", 0.4)
    told = [search_everywhere.Source(slow.kind, slow.columns, sleeping, slow.hint), *search_everywhere._sources[1:]]
    monkeypatch.setattr(search_everywhere, "_sources", told)
    page = client(member("Managers")).get("/search/", {"q": "lamp"}).content.decode()
    assert f"Looking through all {slow.kind.plural} takes too long" in page


def step(user: User, ticket: Ticket, way: str, query: str) -> Any:
    return client(user).get(f"/ticketing/tickets/{ticket.pk}/{way}/", {"from": query})


def test_the_way_on_is_that_of_the_list_also_when_the_ticket_has_just_left_it() -> None:
    user = member("Support agents")
    tickets = [make_ticket(title=f"Way {number}", priority="urgent", assigned_to=user.pk) for number in range(4)]
    make_ticket(title="Way of another", priority="urgent")
    query = "assigned=me&priority=urgent&sort=created"
    page = client(user).get(
        f"/ticketing/tickets/{tickets[1].pk}/", headers={"Referer": f"http://testserver/ticketing/tickets/?{query}"}
    )
    told = page.context["next_url"].partition("from=")[2]
    assert told
    # It left the list meanwhile, and so did the next one.
    Ticket.objects.filter(pk__in=[tickets[1].pk, tickets[2].pk]).update(priority="low")
    answer = client(user).get(page.context["next_url"])
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"/ticketing/tickets/{tickets[3].pk}/?from=")
    back = step(user, tickets[3], "previous", query)
    assert back["Location"].startswith(f"/ticketing/tickets/{tickets[0].pk}/?from=")
    end = step(user, tickets[3], "next", query)
    assert end["Location"] == f"/ticketing/tickets/?{query}"


def test_whoever_came_from_elsewhere_has_no_way_on_and_a_bad_one_is_a_list() -> None:
    user, ticket = member("Support agents"), make_ticket()
    for referer in ("", "http://testserver/", "http://evil.example/ticketing/tickets/?q=x"):
        page = client(user).get(f"/ticketing/tickets/{ticket.pk}/", headers={"Referer": referer})
        assert page.context["back_url"] == "/ticketing/tickets/"
        assert "next_url" not in page.context
    for query in ("sort=nonsense&after=x&status=wild&x=1", "view=nonsense", f"view={ticket.pk}", "", "%%%"):
        assert step(user, ticket, "next", query).status_code == 302
        back = client(user).get(f"/ticketing/tickets/{ticket.pk}/", {"from": query}).context["back_url"]
        assert client(user).get(back).status_code == 200
