"""Tickets and their conversation over HTTP: who may do what, every action, and that nothing stale is ever applied."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from crm.models import Customer
from project.accounts.models import User
from realtime.live.first_paint import live_view
from realtime.live.tokens import read_token
from ticketing.live.tickets import TicketList
from ticketing.models import Attachment, Comment, Ticket

pytestmark = pytest.mark.usefixtures("quick_pages")

HOSTILE = """<img src=x onerror=alert(1)><script>alert(2)</script></textarea></title>{{ 7 }}'"&"""


def member(group: str = "", **more: Any) -> User:
    user = User.objects.create_user(f"{group or 'nobody'}-{uuid4().hex[:8]}", **more)
    if group:
        user.groups.add(Group.objects.get(name=group))
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def agent(db: None) -> User:
    return member("Support agents", first_name="Ada", last_name="Agent")


@pytest.fixture
def manager(db: None) -> User:
    return member("Managers", first_name="Max", last_name="Manager")


@pytest.fixture
def reader(db: None) -> User:
    return member("Read-only")


@pytest.fixture
def outsider(db: None) -> User:
    """One of the CRM staff, who see customers but no tickets."""
    return member("CRM staff")


@pytest.fixture
def ticket(db: None) -> Ticket:
    return make_ticket()


def make_ticket(**more: Any) -> Ticket:
    ticket = Ticket.objects.create(**{"title": "Printer on fire", "description": "It smokes"} | more)
    ticket.refresh_from_db()
    return ticket


def make_comment(ticket: Ticket, author: User | None = None, content: str = "Have you tried water?") -> Comment:
    comment = Comment.objects.create(ticket=ticket, author_id=author.pk if author else None, content=content)
    comment.refresh_from_db()
    return comment


def change_behind(ticket: Ticket, **columns: object) -> None:
    """A colleague changes the row while the page is open."""
    assignments = ", ".join(f"{name} = %s" for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(f"update tickets set {assignments} where id = %s", [*columns.values(), ticket.pk])


def address(ticket: Ticket | UUID, *parts: str) -> str:
    key = ticket.pk if isinstance(ticket, Ticket) else ticket
    return "/".join(["/ticketing/tickets", str(key), *parts, ""])


def text(response: HttpResponse) -> str:
    return response.content.decode()


def post(client: Client, where: str, **told: object) -> HttpResponse:
    return client.post(where, told, follow=True)


# Who may open what

PAGES = ("", "new/", "{pk}/", "{pk}/edit/", "{pk}/delete/")


@pytest.mark.parametrize("page", [*(f"tickets/{page}" for page in PAGES), "board/"])
def test_without_signing_in_every_page_asks_for_it(db: None, client: Client, page: str) -> None:
    where = f"/ticketing/{page.format(pk=uuid4())}"
    assert client.get(where).headers["Location"] == f"/sign-in/?next={where}"


def test_crm_staff_see_nothing_of_ticketing(outsider: User, ticket: Ticket) -> None:
    comment = make_comment(ticket)
    client = signed_in(outsider)
    for page in PAGES:
        assert client.get(f"/ticketing/tickets/{page.format(pk=ticket.pk)}").status_code == 403
    for where in ("/ticketing/board/", f"/ticketing/comments/{comment.pk}/", f"/ticketing/comments/{comment.pk}/edit/"):
        assert client.get(where).status_code == 403
    assert ticket.title not in text(client.get("/"))


def test_crm_staff_see_no_tickets_on_a_customers_page_and_agents_do(outsider: User, agent: User) -> None:
    customer = Customer.objects.create(name="Smoky Ltd")
    make_ticket(customer=customer)
    where = f"/crm/customers/{customer.pk}/"
    assert "Printer on fire" not in text(signed_in(outsider).get(where))
    assert "Printer on fire" in text(signed_in(agent).get(where))


WRITES = {
    "assignment": {"to": "nobody"},
    "status": {"status": "closed"},
    "priority": {"priority": "urgent"},
    "comments": {"content": "Mine"},
    "attachments": {},
}


@pytest.mark.parametrize("resource", WRITES)
def test_readers_find_no_way_to_write_and_are_refused(reader: User, ticket: Ticket, resource: str) -> None:
    client = signed_in(reader)
    page = text(client.get(address(ticket)))
    assert ticket.title in page
    assert address(ticket, resource) not in page
    told = WRITES[resource] | {"revision": ticket.revision}
    assert client.post(address(ticket, resource), told).status_code == 403
    assert Ticket.objects.get().revision == ticket.revision
    assert not Comment.objects.exists()


@pytest.mark.parametrize("resource", WRITES)
def test_without_the_right_to_see_tickets_nothing_can_be_written(outsider: User, ticket: Ticket, resource: str) -> None:
    told = WRITES[resource] | {"revision": ticket.revision}
    answer = signed_in(outsider).post(address(ticket, resource), told)
    assert answer.status_code == 403
    assert ticket.title not in text(answer)
    assert Ticket.objects.get().revision == ticket.revision


def test_agents_find_every_way_to_write_except_deleting(agent: User, manager: User, ticket: Ticket) -> None:
    page = text(signed_in(agent).get(address(ticket)))
    for resource in WRITES:
        assert f'"{address(ticket, resource)}"' in page
    assert f'href="{address(ticket, "delete")}"' not in page
    assert f'href="{address(ticket, "delete")}"' in text(signed_in(manager).get(address(ticket)))


def test_the_address_of_an_action_leads_back_to_its_ticket(agent: User, ticket: Ticket) -> None:
    """As after a new sign-in."""
    for resource in WRITES:
        assert signed_in(agent).get(address(ticket, resource)).headers["Location"] == address(ticket)


# Changes in one click


def test_status_and_priority_change_in_one_click(agent: User, ticket: Ticket) -> None:
    client = signed_in(agent)
    answer = post(client, address(ticket, "status"), status="pending", revision=ticket.revision)
    assert "The ticket is pending now." in text(answer)
    ticket.refresh_from_db()
    assert ticket.status == "pending"
    answer = post(client, address(ticket, "priority"), priority="urgent", revision=ticket.revision)
    assert "The priority is urgent now." in text(answer)
    ticket.refresh_from_db()
    assert ticket.priority == "urgent"


def test_a_ticket_is_assigned_to_me_to_a_colleague_and_to_nobody(agent: User, manager: User, ticket: Ticket) -> None:
    client = signed_in(agent)
    for told, assignee, sentence in (
        ({"to": "me", "member": str(manager.pk)}, agent.pk, "Assigned to Ada Agent."),
        ({"to": "member", "member": str(manager.pk)}, manager.pk, "Assigned to Max Manager."),
        ({"to": "nobody", "member": str(manager.pk)}, None, "Assigned to nobody."),
    ):
        answer = post(client, address(ticket, "assignment"), **told, revision=ticket.revision)
        assert sentence in text(answer)
        ticket.refresh_from_db()
        assert ticket.assigned_to == assignee


STALE = {"assignment": {"to": "me"}, "status": {"status": "closed"}, "priority": {"priority": "low"}}


@pytest.mark.parametrize("resource", STALE)
def test_a_stale_click_is_refused_with_a_sentence_and_the_ticket_as_it_is(
    agent: User, ticket: Ticket, resource: str
) -> None:
    change_behind(ticket, status="resolved", priority="urgent", assigned_to=uuid4())
    before = Ticket.objects.get()
    answer = signed_in(agent).post(address(ticket, resource), STALE[resource] | {"revision": ticket.revision})
    assert answer.status_code == 409
    noun, now = {
        "assignment": ("assignee", "Unknown"),
        "status": ("status", "Resolved"),
        "priority": ("priority", "Urgent"),
    }[resource]
    assert f"Nothing was changed: Somebody changed the {noun} to “{now}” in the meantime." in text(answer)
    assert f'name="revision" value="{before.revision}"' in text(answer)
    assert Ticket.objects.get().revision == before.revision


@pytest.mark.parametrize("revision", [None, "", "0", "-1", "abc", "9" * 40, "1\x00"])
def test_an_absurd_revision_changes_nothing(agent: User, ticket: Ticket, revision: str | None) -> None:
    told = {"status": "closed"} | ({} if revision is None else {"revision": revision})
    assert signed_in(agent).post(address(ticket, "status"), told).status_code == 409
    assert Ticket.objects.get().status == "open"


@pytest.mark.parametrize(
    ("resource", "told", "word"),
    [
        ("status", {"status": "burning"}, "a status is one of open, pending, resolved, closed"),
        ("priority", {"priority": ""}, "a priority is one of low, normal, high, urgent"),
        ("assignment", {"to": "member", "member": ""}, "choose who gets this ticket"),
        ("assignment", {"to": "member", "member": str(uuid4())}, "account is closed"),
        ("assignment", {}, "choose who gets this ticket"),
    ],
)
def test_a_choice_that_is_none_is_refused_in_words(
    agent: User, ticket: Ticket, resource: str, told: dict[str, str], word: str
) -> None:
    answer = signed_in(agent).post(address(ticket, resource), told | {"revision": ticket.revision})
    assert answer.status_code == 422
    assert word in text(answer)
    assert Ticket.objects.get().revision == ticket.revision


def test_a_change_to_a_ticket_that_is_gone_says_so(agent: User) -> None:
    answer = signed_in(agent).post(address(uuid4(), "status"), {"status": "closed", "revision": "1"})
    assert answer.status_code == 404
    assert "somebody deleted this ticket in the meantime" in text(answer)


def test_a_form_sent_in_the_background_is_answered_with_its_sentence_alone(agent: User, ticket: Ticket) -> None:
    client = signed_in(agent)
    where, headers = address(ticket, "status"), {"accept": "application/json"}
    done = client.post(where, {"status": "closed", "revision": ticket.revision}, headers=headers)
    assert (done.status_code, done.json()) == (200, {"said": "The ticket is closed now.", "url": address(ticket)})
    stale = client.post(where, {"status": "open", "revision": ticket.revision}, headers=headers)
    assert stale.status_code == 409
    assert set(stale.json()) == {"said"}
    # What was said there isn't repeated on the next page.
    assert "is closed now" not in text(client.get("/"))


# The form


def test_an_edit_keeps_an_assignee_this_portal_does_not_know(agent: User) -> None:
    stranger = uuid4()
    ticket = make_ticket(assigned_to=stranger)
    client = signed_in(agent)
    assert f'<option value="{stranger}" selected>Unknown</option>' in text(client.get(address(ticket, "edit")))
    told = {"title": "New title", "status": "open", "priority": "low", "assigned_to": str(stranger)}
    client.post(address(ticket, "edit"), told | {"revision": ticket.revision})
    ticket.refresh_from_db()
    assert (ticket.title, ticket.assigned_to) == ("New title", stranger)


def test_a_stale_edit_shows_names_where_the_row_has_ids(agent: User, manager: User) -> None:
    old, new = Customer.objects.create(name="Old customer"), Customer.objects.create(name="New customer")
    ticket = make_ticket(customer=old)
    change_behind(ticket, customer_id=new.pk, assigned_to=manager.pk, status="pending")
    told = {"title": "Mine", "status": "open", "priority": "low", "customer": str(old.pk), "assigned_to": agent.pk}
    answer = signed_in(agent).post(address(ticket, "edit"), told | {"revision": ticket.revision})
    assert answer.status_code == 409
    compared = {item.label: (item.mine, item.theirs, item.original) for item in answer.context["conflicts"]}
    assert compared == {"Assigned to": ("Ada Agent", "Max Manager", "Nobody")}
    # The customer and the status weren't touched: they are theirs.
    form = answer.context["form"]
    assert (form["customer"].value().key, form["status"].value()) == (str(new.pk), "pending")


def test_the_notice_beside_the_form_shows_names_where_the_row_has_ids(manager: User) -> None:
    new = Customer.objects.create(name="New customer")
    ticket = make_ticket()
    change_behind(ticket, customer_id=new.pk, assigned_to=manager.pk)
    told = live_view("ticket-editing", {"id": ticket.pk, "revision": ticket.revision}).html
    assert "New customer" in told
    assert "Max Manager" in told
    assert str(manager.pk) not in re.sub(r'data-now="[^"]*"', "", told)


def test_a_new_ticket_starts_with_the_customer_whose_page_it_came_from(agent: User) -> None:
    customer = Customer.objects.create(name="Smoky Ltd")
    page = text(signed_in(agent).get("/ticketing/tickets/new/", {"customer": str(customer.pk)}))
    assert f'<option value="{customer.pk}" selected' in page


def test_deleting_a_ticket_says_how_much_goes_along_and_takes_it(manager: User, ticket: Ticket) -> None:
    first, _ = make_comment(ticket), make_comment(ticket)
    Attachment.objects.create(ticket=ticket, comment=first, file_name="a.pdf", file_url="https://files.example/a.pdf")
    client = signed_in(manager)
    page = text(client.get(address(ticket, "delete")))
    assert "2 comments" in page
    assert "1 attachment<" in page
    post(client, address(ticket, "delete"), revision=ticket.revision)
    assert not Ticket.objects.exists()
    assert not Comment.objects.exists()
    assert not Attachment.objects.exists()


def test_a_customer_with_tickets_is_kept_and_told_how_many(manager: User) -> None:
    customer = Customer.objects.create(name="Smoky Ltd")
    customer.refresh_from_db()
    make_ticket(customer=customer)
    make_ticket(customer=customer)
    answer = signed_in(manager).post(f"/crm/customers/{customer.pk}/delete/", {"revision": customer.revision})
    assert answer.status_code == 409
    assert "2 tickets" in text(answer)
    assert Customer.objects.exists()


# The conversation


def test_a_comment_is_added_under_its_author(agent: User, ticket: Ticket) -> None:
    answer = post(signed_in(agent), address(ticket, "comments"), content="Pull the plug")
    comment = Comment.objects.get()
    assert (comment.ticket_id, comment.author_id, comment.content) == (ticket.pk, agent.pk, "Pull the plug")
    assert "Pull the plug" in text(answer)
    assert "Ada Agent" in text(answer)


@pytest.mark.parametrize("content", ["", "  \n\t", "x" * 50_001, "a\x00b"])
def test_a_comment_that_cannot_be_saved_is_told_and_what_was_typed_stays(
    agent: User, ticket: Ticket, content: str
) -> None:
    answer = signed_in(agent).post(address(ticket, "comments"), {"content": content})
    assert answer.status_code == 422
    assert "Nothing was saved." in text(answer)
    assert answer.context["comment_form"]["content"].value() == content
    assert not Comment.objects.exists()


def test_a_comment_on_a_ticket_that_is_gone_says_so(agent: User) -> None:
    answer = signed_in(agent).post(
        address(uuid4(), "comments"), {"content": "Too late"}, headers={"accept": "application/json"}
    )
    assert answer.status_code == 404
    assert answer.json() == {"said": "Nothing was saved: somebody deleted this ticket in the meantime."}


def test_an_author_edits_and_deletes_an_own_comment(agent: User, ticket: Ticket) -> None:
    comment, client = make_comment(ticket, agent), signed_in(agent)
    where = f"/ticketing/comments/{comment.pk}/"
    post(client, f"{where}edit/", content="Not water!", revision=comment.revision)
    comment.refresh_from_db()
    assert (comment.content, comment.author_id) == ("Not water!", agent.pk)
    answer = post(client, f"{where}delete/", revision=comment.revision)
    assert answer.redirect_chain == [(address(ticket), 302)]
    assert not Comment.objects.exists()


def test_only_managers_touch_the_comments_of_others(agent: User, reader: User, manager: User, ticket: Ticket) -> None:
    for author in (manager, None):
        comment = make_comment(ticket, author)
        for verb in ("edit", "delete"):
            where = f"/ticketing/comments/{comment.pk}/{verb}/"
            for client in (signed_in(agent), signed_in(reader)):
                assert client.get(where).status_code == 403
                assert client.post(where, {"content": "Taken", "revision": comment.revision}).status_code == 403
    assert Comment.objects.count() == 2
    comment = make_comment(ticket, agent)
    where = f"/ticketing/comments/{comment.pk}/"
    post(signed_in(manager), f"{where}edit/", content="Moderated", revision=comment.revision)
    comment.refresh_from_db()
    # Whoever edits it, the author stays the same.
    assert (comment.content, comment.author_id) == ("Moderated", agent.pk)
    post(signed_in(manager), f"{where}delete/", revision=comment.revision)
    assert not Comment.objects.filter(pk=comment.pk).exists()


def test_a_reader_who_once_wrote_may_not_edit_any_more(reader: User, ticket: Ticket) -> None:
    comment = make_comment(ticket, reader)
    assert signed_in(reader).get(f"/ticketing/comments/{comment.pk}/edit/").status_code == 403


@pytest.mark.parametrize("verb", ["edit", "delete"])
def test_a_stale_form_of_a_comment_changes_nothing(agent: User, ticket: Ticket, verb: str) -> None:
    comment = make_comment(ticket, agent)
    with connection.cursor() as cursor:
        cursor.execute("update comments set content = 'Theirs' where id = %s", [comment.pk])
    told = {"content": "Mine", "revision": comment.revision}
    answer = signed_in(agent).post(f"/ticketing/comments/{comment.pk}/{verb}/", told)
    assert answer.status_code == 409
    assert {"edit": "Somebody changed the same field", "delete": "someone else changed this"}[verb] in text(answer)
    assert Comment.objects.get().content == "Theirs"


def test_the_buttons_of_own_comments_come_with_the_readers_own_stylesheet(agent: User, ticket: Ticket) -> None:
    client = signed_in(agent)
    comment = make_comment(ticket, agent)
    page = text(client.get(address(ticket)))
    where = f"/ticketing/own/{agent.pk}.css"
    assert f'href="{where}"' in page
    assert f'data-author="{comment.author_id}"' in page
    sheet = client.get(where)
    assert sheet.headers["Content-Type"] == "text/css"
    assert f'[data-author="{agent.pk}"] .comment__tools' in text(sheet)


def test_a_comments_address_leads_into_its_conversation(reader: User, ticket: Ticket) -> None:
    comment = make_comment(ticket)
    answer = signed_in(reader).get(f"/ticketing/comments/{comment.pk}/")
    assert answer.headers["Location"] == f"{address(ticket)}#comment-{comment.pk}"


def test_a_long_conversation_shows_its_end_and_leads_to_its_beginning(reader: User, ticket: Ticket) -> None:
    for number in range(1, 131):
        make_comment(ticket, content=f"Comment number {number}.")
    client = signed_in(reader)
    latest = text(client.get(address(ticket)))
    assert "Comment number 130." in latest
    assert "Comment number 31." in latest
    assert "Comment number 30." not in latest
    assert latest.index("Comment number 31.") < latest.index("Comment number 130.")
    first = text(client.get(address(ticket) + linked(latest, "Earlier comments")))
    assert "Comment number 1." in first
    assert "Comment number 100." in first
    assert "Comment number 101." not in first
    rest = text(client.get(address(ticket) + linked(first, "Later comments")))
    assert "Comment number 100." not in rest
    assert "Comment number 101." in rest
    assert "Comment number 130." in rest


# The list


def linked(page: str, words: str) -> str:
    """The query of the link with these words."""
    return unescape(re.search(r'<a [^>]*href="([^"]*)"[^>]*>(?:(?!</a>).)*' + words, page, re.DOTALL)[1])  # type: ignore[index]


def rows(client: Client, **query: str) -> list[str]:
    return [row.id for row in client.get("/ticketing/tickets/", query).context["live"].rows]


def test_a_row_shows_its_relatives_and_counts(reader: User, agent: User) -> None:
    customer = Customer.objects.create(name="Smoky Ltd")
    ticket = make_ticket(customer=customer, assigned_to=agent.pk)
    make_comment(ticket)
    make_comment(ticket)
    page = text(signed_in(reader).get("/ticketing/tickets/"))
    for word in ("Printer on fire", "Smoky Ltd", "Ada Agent", "Open", "Normal", "> comments<"):
        assert word in page
    assert 'data-column="comments">2<' in page


@pytest.mark.parametrize(("assigned", "word"), [(None, "Nobody"), (uuid4(), "Unknown")])
def test_a_row_says_nobody_or_unknown(reader: User, assigned: UUID | None, word: str) -> None:
    make_ticket(assigned_to=assigned)
    assert f'<span class="quiet">{word}</span>' in text(signed_in(reader).get("/ticketing/tickets/"))


def test_a_comment_is_the_last_activity_of_its_ticket(reader: User, ticket: Ticket) -> None:
    tickets = TicketList()
    before = tickets.queryset(tickets.normalise({})).get().last_activity
    assert before == ticket.updated_at
    comment = make_comment(ticket)
    assert tickets.queryset(tickets.normalise({})).get().last_activity == comment.updated_at > before
    comment.delete()
    assert tickets.queryset(tickets.normalise({})).get().last_activity == before


def test_a_rename_of_the_assignee_is_in_the_row_of_the_next_load(reader: User, agent: User) -> None:
    """The row itself didn't change, but a cached one must not be shown."""
    make_ticket(assigned_to=agent.pk)
    client = signed_in(reader)
    assert "Ada Agent" in text(client.get("/ticketing/tickets/"))
    User.objects.filter(pk=agent.pk).update(first_name="Grace")
    assert "Grace Agent" in text(client.get("/ticketing/tickets/"))


def test_the_filters_find_what_they_say(agent: User, manager: User) -> None:
    mine, hers = make_ticket(assigned_to=agent.pk), make_ticket(assigned_to=manager.pk, status="closed")
    free = make_ticket(title="Lamp", status="pending")
    client = signed_in(agent)
    assert rows(client) == rows(client, status="all", assigned="all") == [str(t.pk) for t in (free, hers, mine)]
    assert rows(client, status="closed") == [str(hers.pk)]
    assert rows(client, assigned="me") == [str(mine.pk)]
    assert rows(client, assigned="nobody") == [str(free.pk)]
    assert rows(client, assigned=str(manager.pk)) == [str(hers.pk)]
    assert rows(client, assigned="me", status="closed") == []
    assert rows(client, q="lamp") == [str(free.pk)]
    assert rows(client, status="burning", assigned="someone") == rows(client)


def test_the_signed_parameters_say_who_me_is(agent: User, manager: User) -> None:
    params = []
    for user in (agent, manager):
        answer = signed_in(user).get("/ticketing/tickets/", {"assigned": "me"})
        assert f'<strong class="chip__value" dir="auto">{user}</strong>' in text(answer)
        params.append(read_token(answer.context["live"].token)[1]["assigned"])
    assert params == [[str(agent.pk)], [str(manager.pk)]]


def test_the_next_page_keeps_the_filters(agent: User) -> None:
    Ticket.objects.bulk_create(Ticket(title=f"Bulk {n}", assigned_to=agent.pk) for n in range(51))
    client = signed_in(agent)
    page = text(client.get("/ticketing/tickets/", {"assigned": "me", "status": "open", "q": "bulk"}))
    following = linked(page, "Next")
    assert following.startswith(f"?q=bulk&status=open&assigned={agent.pk}&after=")
    answer = client.get("/ticketing/tickets/" + following)
    assert [row.id for row in answer.context["live"].rows] == [str(Ticket.objects.order_by("created_at", "id")[0].pk)]
    assert linked(text(client.get("/ticketing/tickets/", {"assigned": "all"})), "Next").startswith("?after=")


def test_the_list_of_one_customers_tickets_says_whose_they_are(agent: User) -> None:
    customer = Customer.objects.create(name="Smoky Ltd")
    own = make_ticket(customer=customer)
    make_ticket()
    client = signed_in(agent)
    assert rows(client, customer=str(customer.pk)) == [str(own.pk)]
    told = text(client.get("/ticketing/tickets/", {"customer": str(customer.pk)}))
    assert "Customer" in told[told.index('class="chips"') :].split("</li>")[0]


@pytest.mark.django_db
def test_a_page_of_fifty_tickets_takes_as_many_queries_as_one_of_one(
    agent: User, django_assert_num_queries: Callable[..., Any]
) -> None:
    customer = Customer.objects.create(name="Smoky Ltd")
    for number in range(50):
        make_comment(make_ticket(title=f"Number {number}", customer=customer, assigned_to=agent.pk))
    with django_assert_num_queries(2):
        live_view("tickets", {})


# Board, dashboard, hostile words


def test_the_board_has_a_column_for_each_status(reader: User) -> None:
    for status in Ticket.Status.values:
        make_ticket(title=f"The {status} one", status=status)
    page = text(signed_in(reader).get("/ticketing/board/"))
    places = [page.index(f"The {status} one") for status in Ticket.Status.values]
    assert places == sorted(places)
    # One more for what has no word here.
    assert page.count("data-live-list=") == 5


def test_a_full_column_says_that_there_are_more(reader: User) -> None:
    Ticket.objects.bulk_create(Ticket(title=f"Bulk {n}", status="closed") for n in range(51))
    page = text(signed_in(reader).get("/ticketing/board/"))
    assert "The latest 50." in page
    assert 'href="/ticketing/tickets/?status=closed"' in page


def test_the_dashboard_counts_the_open_tickets(reader: User) -> None:
    make_ticket(title="Still open")
    make_ticket(title="Long closed", status="closed")
    page = text(signed_in(reader).get("/"))
    block = page.partition('class="summary__count">')[2].partition("</section>")[0]
    assert block.startswith("1 <")
    assert "Still open" in block
    assert "Long closed" not in block


def test_hostile_texts_are_escaped_on_every_page(manager: User) -> None:
    customer = Customer.objects.create(name=HOSTILE)
    ticket = make_ticket(title=HOSTILE, description=HOSTILE, customer=customer, assigned_to=manager.pk)
    User.objects.filter(pk=manager.pk).update(first_name=HOSTILE[:150])
    comment = make_comment(ticket, manager, HOSTILE)
    for content in (HOSTILE, "javascript:alert(1)"):
        Attachment.objects.create(ticket=ticket, file_name=HOSTILE[:200], file_url=content, file_type=HOSTILE)
        Attachment.objects.create(ticket=ticket, comment=comment, file_name=HOSTILE[:200], file_url=content)
    client = signed_in(manager)
    file = Attachment.objects.first()
    assert file is not None
    for where in (
        "/",
        "/ticketing/tickets/",
        "/ticketing/board/",
        f"/crm/customers/{customer.pk}/",
        address(ticket),
        address(ticket, "edit"),
        address(ticket, "delete"),
        f"/ticketing/comments/{comment.pk}/edit/",
        f"/ticketing/comments/{comment.pk}/delete/",
        f"/ticketing/attachments/{file.pk}/delete/",
    ):
        page = text(client.get(where))
        assert "<img src=x" not in page, where
        assert "<script>alert" not in page, where
        assert "&lt;img src=x" in page, where
        assert " style=" not in page


def test_the_admin_shows_all_three_with_search_filters_and_inlines(db: None, ticket: Ticket) -> None:
    comment = make_comment(ticket)
    file = Attachment.objects.create(ticket=ticket, file_name="a.pdf", file_url="https://files.example/a.pdf")
    client = signed_in(member(is_staff=True, is_superuser=True))
    for model, pk in (("ticket", ticket.pk), ("comment", comment.pk), ("attachment", file.pk)):
        assert client.get(f"/admin/ticketing/{model}/", {"q": "printer"}).status_code == 200
        page = text(client.get(f"/admin/ticketing/{model}/{pk}/change/"))
        assert 'class="readonly"' in page
        assert 'name="revision"' not in page
    page = text(client.get(f"/admin/ticketing/ticket/{ticket.pk}/change/"))
    assert "comments-0-content" in page
    assert "a.pdf" in page


def test_the_admin_names_people_and_offers_staff(agent: User, ticket: Ticket) -> None:
    comment, stranger = make_comment(ticket, agent), uuid4()
    Ticket.objects.filter(pk=ticket.pk).update(assigned_to=stranger)
    boss = member(is_staff=True, is_superuser=True)
    client = signed_in(boss)
    address = f"/admin/ticketing/ticket/{ticket.pk}/change/"
    page = text(client.get(address))
    assert f'<option value="{agent.pk}">Ada Agent</option>' in page
    assert f'<option value="{stranger}" selected>Unknown</option>' in page
    assert "Ada Agent" in text(client.get(f"/admin/ticketing/comment/{comment.pk}/change/"))
    assert "Ada Agent" in text(client.get("/admin/ticketing/comment/"))
    typed = {
        "title": ticket.title,
        "status": "open",
        "priority": "normal",
        "assigned_to": str(agent.pk),
        "comments-TOTAL_FORMS": "2",
        "comments-INITIAL_FORMS": "1",
        "comments-0-id": str(comment.pk),
        "comments-0-ticket": str(ticket.pk),
        "comments-0-content": comment.content,
        "initial-comments-0-content": comment.content,
        "comments-1-ticket": str(ticket.pk),
        "comments-1-content": "From the administration",
        "attachments-TOTAL_FORMS": "0",
        "attachments-INITIAL_FORMS": "0",
    }
    assert client.post(address, typed).status_code == 302
    assert Ticket.objects.get(pk=ticket.pk).assigned_to == agent.pk
    assert "Ada Agent" in text(client.get("/admin/ticketing/ticket/"))
    assert Comment.objects.get(content="From the administration").author_id == boss.pk
    assert Comment.objects.get(pk=comment.pk).author_id == agent.pk
    client.post("/admin/ticketing/comment/add/", {"ticket": str(ticket.pk), "content": "Alone"})
    assert Comment.objects.get(content="Alone").author_id == boss.pk


def test_the_admin_lets_agents_change_only_their_own_comments(agent: User, ticket: Ticket) -> None:
    agent.is_staff = True
    agent.save()
    client = signed_in(agent)
    others, own = make_comment(ticket), make_comment(ticket, agent)
    told = {"ticket": ticket.pk, "author_id": agent.pk, "content": "Changed"}
    assert client.post(f"/admin/ticketing/comment/{others.pk}/change/", told).status_code == 403
    assert client.post(f"/admin/ticketing/comment/{own.pk}/change/", told).status_code == 302
    assert Comment.objects.get(pk=others.pk).content == "Have you tried water?"
    assert Comment.objects.get(pk=own.pk).content == "Changed"


def test_a_comment_with_a_file_needs_the_right_to_attach(ticket: Ticket) -> None:
    from django.contrib.auth.models import Permission

    user = member("Read-only")
    user.user_permissions.add(Permission.objects.get(codename="add_comment"))
    file = SimpleUploadedFile("a.txt", b"words")
    answer = signed_in(user).post(address(ticket, "comments"), {"content": "See file", "files": file})
    assert answer.status_code == 403
    assert "may not attach files" in text(answer)
    assert not Comment.objects.exists()
