"""Merging tickets, and back; and links between tickets: over HTTP, by undo, and by two people at once."""

import threading
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import connection, connections
from django.test import Client

from crm.models import Customer
from project.accounts.models import User
from realtime.database.actor import acting_user
from realtime.live.definition import definition_named
from realtime.pages.undo import Outcome, action_targets, undo
from tests.integration.conftest import Project
from ticketing import actions
from ticketing.actions import Refused
from ticketing.models import Attachment, Comment, Ticket, TicketLink

pytestmark = pytest.mark.usefixtures("quick_pages")

JSON = {"HTTP_ACCEPT": "application/json"}
RELATED, DUPLICATE = TicketLink.Kind.RELATED, TicketLink.Kind.DUPLICATE


class Browser(Client):
    """After each request its transaction would have ended, and with it what PostgreSQL knows of who acts."""

    def request(self, **request: Any) -> Any:
        response = super().request(**request)
        with connection.cursor() as cursor:
            cursor.execute("select set_config('livedesk.actor', '', true), set_config('livedesk.action', '', true)")
        return response


def member(group: str, first_name: str = "") -> User:
    user = User.objects.create_user(f"{group}-{uuid4().hex[:8]}", first_name=first_name)
    user.groups.add(Group.objects.get(name=group))
    return user


def signed_in(user: User) -> Client:
    client = Browser()
    client.force_login(user)
    return client


@pytest.fixture
def anna(db: None) -> User:
    return member("Managers", "Anna")


@pytest.fixture
def lamp(db: None) -> Ticket:
    return Ticket.objects.create(title="Lamp flickers")


@pytest.fixture
def desk(db: None) -> Ticket:
    return Ticket.objects.create(title="Desk is dark")


def address(ticket: Ticket, *parts: str) -> str:
    return "/".join(["/ticketing/tickets", str(ticket.pk), *parts, ""])


def merged(user: User, source: Ticket, target: Ticket) -> str:
    """Merges them and returns the action's name."""
    with acting_user(str(user.pk)) as action:
        actions.merge_tickets(source.pk, target.pk)
        return action.name


def undone(user: User, action: str, rest: bool = False) -> Outcome:
    return undo(User.objects.get(pk=user.pk), action_targets(user, action) or (), rest=rest)


def conversation(ticket: Ticket) -> list[str]:
    return list(Comment.objects.filter(ticket=ticket).values_list("content", flat=True))


def shown(name: str, **params: object) -> str:
    definition = definition_named(name)
    snapshot = definition.snapshot(definition.normalise(params))
    return "".join([*(row.html for row in snapshot.rows), *(part.html for part in snapshot.parts.values())])


def everything() -> list[Any]:
    """Every row of tickets and of what hangs on them, without what triggers stamp."""
    stamps = {"revision", "updated_at"}
    return [
        {name: value for name, value in row.items() if name not in stamps}
        for model in (Ticket, Comment, Attachment, TicketLink)
        for row in model._default_manager.order_by("pk").values()
    ]


@pytest.mark.any_keys
def test_a_merge_moves_everything_tells_everybody_and_is_taken_back_whole(
    anna: User, lamp: Ticket, desk: Ticket
) -> None:
    author, third = uuid4(), Ticket.objects.create(title="Third")
    comment = Comment.objects.create(ticket=lamp, author_id=author, content="It hums")
    Attachment.objects.create(ticket=lamp, comment=comment, file_name="hum.mp3", file_url="https://a.example/b")
    Attachment.objects.create(ticket=lamp, file_name="lamp.jpg", file_url="https://a.example/c")
    Comment.objects.create(ticket=desk, content="Is there a lamp?")
    TicketLink.objects.create(ticket=third, other=lamp, kind=DUPLICATE)
    opened = Ticket.objects.get(pk=lamp.pk).revision
    before, when = everything(), Comment.objects.get(pk=comment.pk).created_at

    answer = signed_in(anna).post(address(lamp, "merge"), {"into": desk.pk}, **JSON)
    assert answer.json()["said"] == "“Lamp flickers” was merged into “Desk is dark”."
    assert "Desk is dark" in shown("ticket-editing", id=lamp.pk, revision=opened)
    lamp.refresh_from_db()
    assert (lamp.status, lamp.merged_into_id) == ("closed", desk.pk)
    assert not lamp.comments.exists()
    assert not lamp.attachments.exists()
    assert conversation(desk) == ["It hums", "Is there a lamp?"]
    moved = Comment.objects.get(pk=comment.pk)
    assert (moved.author_id, moved.created_at, moved.merged_from_id) == (author, when, lamp.pk)
    assert desk.attachments.count() == 2
    assert TicketLink.objects.get().other_id == desk.pk

    told = shown("ticket", id=lamp.pk)
    assert "Merged into" in told
    assert "Anna" in told
    assert address(desk) in shown("ticket-reply", id=lamp.pk)
    here = shown("comments", ticket=desk.pk)
    assert "merged into this ticket:" in here
    assert here.count("from <bdi>“Lamp flickers”</bdi>") == 1
    assert "merged the ticket into" in shown("comments", ticket=lamp.pk)
    assert "from <bdi>“Lamp flickers”</bdi>" in shown("attachments", ticket=desk.pk)
    assert "merged into another ticket" in shown("tickets", q="flickers")

    # Somebody has written meanwhile: that stays where it was written.
    later = Comment.objects.create(ticket=desk, content="Solved")
    outcome = undone(anna, answer.headers["Livedesk-Action"])
    assert outcome.action, outcome.said
    later.delete()
    assert everything() == before
    assert "undid the merge of" in shown("comments", ticket=desk.pk)
    assert shown("ticket-reply", id=lamp.pk) == ""
    # To redo is to undo the undo.
    assert undone(anna, outcome.action).action
    assert conversation(lamp) == []


def test_what_cant_be_merged_is_refused_and_says_where_to_go(anna: User, lamp: Ticket, desk: Ticket) -> None:
    third, client = Ticket.objects.create(title="Third"), signed_in(anna)

    def refusal(source: Ticket, target: object) -> tuple[int, str]:
        answer = client.post(address(source, "merge"), {"into": target}, **JSON)
        return answer.status_code, answer.json()["said"]

    assert refusal(lamp, lamp.pk) == (
        422,
        "Nothing was merged: a ticket can’t be merged into itself. Choose another one.",
    )
    assert refusal(lamp, "")[0] == 422
    assert refusal(lamp, uuid4())[0] == 422
    merged(anna, lamp, desk)
    assert refusal(lamp, third.pk) == (
        409,
        "Nothing was merged: “Lamp flickers” was merged into “Desk is dark” already.",
    )
    told = "Nothing was merged: “Lamp flickers” was merged into “Desk is dark”. Choose that one."
    assert refusal(third, lamp.pk) == (409, told)
    # The page says it before anybody confirms, and offers the way.
    assert f"?into={desk.pk}" in client.get(address(third, "merge"), {"into": lamp.pk}).content.decode()
    assert client.post(address(third, "merge"), {"into": lamp.pk}).status_code == 409
    # A deleted one, merged or not, has no way back.
    Ticket.objects.filter(pk=third.pk).delete()
    assert refusal(third, desk.pk)[0] == 404


def test_both_are_shown_side_by_side_and_other_customers_are_warned_of(anna: User, lamp: Ticket, desk: Ticket) -> None:
    for ticket, name in ((lamp, "Ada Ltd"), (desk, "Bob Ltd")):
        ticket.customer = Customer.objects.create(name=name)
        ticket.save()
    Comment.objects.create(ticket=lamp, content="One")
    html = signed_in(anna).get(address(lamp, "merge"), {"into": desk.pk}, **JSON).json()["html"]
    assert "The customers differ" in html
    assert html.count('merge__side"') == 2
    assert html.index("Ada Ltd") < html.index("Bob Ltd")
    assert "<dt>Comments</dt><dd>1</dd>" in html


def test_only_who_may_moderate_merges_and_undoes_it(anna: User, lamp: Ticket, desk: Ticket) -> None:
    agent, reader = member("Support agents"), member("Read-only")
    Comment.objects.create(ticket=lamp, author_id=anna.pk, content="Anna’s")
    for user in (agent, reader):
        assert "data-merge>" not in signed_in(user).get(address(lamp)).content.decode()
        assert signed_in(user).get(address(lamp, "merge")).status_code == 403
        assert signed_in(user).post(address(lamp, "merge"), {"into": desk.pk}).status_code == 403
    assert "data-merge>" in signed_in(anna).get(address(lamp)).content.decode()
    action = merged(anna, lamp, desk)
    assert not undone(agent, action).action
    assert undone(anna, action).action


def test_a_reply_to_a_merged_ticket_goes_to_the_end_of_the_chain_and_says_so(
    anna: User, lamp: Ticket, desk: Ticket
) -> None:
    third = Ticket.objects.create(title="Third")
    merged(anna, lamp, desk)
    merged(anna, desk, third)
    client = signed_in(member("Support agents"))
    answer = client.post(address(lamp, "comments"), {"content": "Too late?"}, **JSON)
    assert answer.json()["said"] == "This ticket was merged into “Third”, so your comment was added there."
    assert answer.json()["url"] == address(third)
    assert conversation(third) == ["Too late?"]
    assert client.post(address(desk, "comments"), {"content": "And this?"}).headers["Location"] == address(third)
    assert address(third) in shown("ticket-reply", id=lamp.pk)
    assert address(desk) in shown("ticket", id=lamp.pk)


def test_a_merged_ticket_is_opened_by_undoing_the_merge_only(anna: User, lamp: Ticket, desk: Ticket) -> None:
    merged(anna, lamp, desk)
    lamp.refresh_from_db()
    client, told = signed_in(anna), "this ticket was merged into “Desk is dark”. Undo the merge to open it again."
    answer = client.post(address(lamp, "status"), {"status": "open", "revision": lamp.revision}, **JSON)
    assert (answer.status_code, answer.json()["said"]) == (409, f"Nothing was changed: {told}")
    edit = {"title": "Lamp hums", "status": "open", "priority": "low", "revision": lamp.revision}
    assert f"T{told[1:]}" in client.post(address(lamp, "edit"), edit).content.decode()
    assert client.post(address(lamp, "edit"), edit | {"status": "closed"}).status_code == 302
    # Another program can: then it is plainly open, and still says where it went.
    Ticket.objects.filter(pk=lamp.pk).update(status="open")
    assert "opened again since, by another program" in shown("ticket", id=lamp.pk)
    lamp.refresh_from_db()
    assert client.post(address(lamp, "edit"), edit | {"revision": lamp.revision}).status_code == 302


def test_no_undo_closes_a_circle(anna: User, lamp: Ticket, desk: Ticket) -> None:
    back = undone(anna, merged(anna, lamp, desk)).action
    merged(anna, desk, lamp)
    outcome = undone(anna, back, rest=True)
    assert not outcome.action
    assert "Nothing was put back" in outcome.said
    lamp.refresh_from_db()
    assert lamp.merged_into_id is None


def test_a_ticket_that_others_were_merged_into_comes_back_with_them(anna: User, lamp: Ticket, desk: Ticket) -> None:
    comment = Comment.objects.create(ticket=lamp, content="It hums")
    TicketLink.objects.create(ticket=lamp, other=desk)
    merged(anna, lamp, desk)
    before = everything()
    with acting_user(str(anna.pk)) as action:
        desk_key = desk.pk
        lamp.delete()
        desk.delete()
        gone = action.name
    assert everything() == []
    assert undone(anna, gone).action
    assert everything() == before
    # Deleting only where it went: it stays, merged no more, and nothing of it is left behind.
    with connection.cursor() as cursor:
        cursor.execute("delete from tickets where id = %s", [desk_key])
    found = Ticket.objects.get()
    assert (found.title, found.merged_into_id) == ("Lamp flickers", None)
    assert not Comment.objects.filter(pk=comment.pk).exists()
    assert not TicketLink.objects.exists()


def test_links_are_on_both_pages_and_a_pair_has_one(anna: User, lamp: Ticket, desk: Ticket) -> None:
    agent = member("Support agents", "Ben")
    client = signed_in(agent)

    def linked(ticket: Ticket, other: Ticket, kind: str) -> tuple[int, str]:
        answer = client.post(address(ticket, "links"), {"link-kind": kind, "link-other": other.pk}, **JSON)
        return answer.status_code, answer.json()["said"]

    assert linked(lamp, desk, "related") == (200, "This ticket is related to “Desk is dark” now.")
    for ticket, other in ((lamp, desk), (desk, lamp)):
        told = shown("ticket-links", id=ticket.pk)
        assert other.title in told
        assert "Ben" in told
    assert linked(desk, lamp, "related")[0] == 409
    assert linked(lamp, lamp, "related")[0] == 422
    assert linked(lamp, desk, "friends")[0] == 422
    assert linked(lamp, desk, "duplicate") == (200, "This ticket is a duplicate of “Desk is dark” now.")
    assert "Duplicate of" in shown("ticket-links", id=lamp.pk)
    assert "Duplicated by" in shown("ticket-links", id=desk.pk)
    assert address(lamp, "merge") in shown("ticket-links", id=lamp.pk)
    link = TicketLink.objects.get()
    stale = client.post(address(desk, "links", "remove"), {"link": link.pk, f"revision-{link.pk}": 1}, **JSON)
    assert stale.status_code == 409
    sent = {"link": link.pk, f"revision-{link.pk}": link.revision}
    answer = client.post(address(desk, "links", "remove"), sent, **JSON)
    assert answer.json()["said"] == "The link was removed."
    assert "No linked tickets." in shown("ticket-links", id=lamp.pk)
    assert undone(agent, answer.headers["Livedesk-Action"]).action
    assert TicketLink.objects.get().pk == link.pk
    # For those who may only look, and for those who may not even do that.
    assert signed_in(member("Read-only")).post(address(lamp, "links"), {"link-other": desk.pk}).status_code == 403
    outsider = signed_in(member("CRM staff"))
    assert outsider.post(address(lamp, "links"), {"link-other": desk.pk}).status_code == 403
    assert outsider.get(address(lamp)).status_code == 403


@pytest.fixture
def two_tickets(project: Project) -> tuple[Project, UUID, UUID]:
    lamp, desk = (Ticket.objects.create(title=f"{uuid4().hex} {word}").pk for word in ("lamp", "desk"))
    return project, lamp, desk


def test_of_two_merges_in_opposite_directions_one_wins(two_tickets: tuple[Project, UUID, UUID]) -> None:
    project, lamp, desk = two_tickets
    outcomes: list[str] = []

    def merge(source: UUID, target: UUID) -> None:
        try:
            actions.merge_tickets(source, target)
            outcomes.append("merged")
        except Refused as refusal:
            outcomes.append(str(refusal.status))
        finally:
            connections["default"].close()

    people = [threading.Thread(target=merge, args=pair) for pair in ((lamp, desk), (desk, lamp))]
    with project.connect() as sql, sql.transaction():
        # Both are under way before either gets its first row.
        sql.execute("select from tickets where id = any(%s) for update", [[lamp, desk]])
        for person in people:
            person.start()
        waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%%tickets%%'"
        with project.connect() as watch:
            while all(person.is_alive() for person in people) and watch.execute(waiting).fetchone() != (2,):
                pass
    for person in people:
        person.join()
    assert sorted(outcomes) == ["409", "merged"]
    assert Ticket.objects.filter(pk__in=[lamp, desk], merged_into=None).count() == 1


def test_a_reply_that_meets_a_merge_isnt_left_behind(two_tickets: tuple[Project, UUID, UUID]) -> None:
    project, lamp, desk = two_tickets
    written = threading.Thread(
        target=lambda: (actions.add_comment(lamp, uuid4(), "Late"), connections["default"].close())
    )
    with project.connect() as sql, sql.transaction():
        sql.execute("update tickets set merged_into_id = %s, status = 'closed' where id = %s", [desk, lamp])
        sql.execute("select from tickets where id = %s for update", [lamp])
        written.start()
        with project.connect() as watch:
            while written.is_alive() and not _waits_for_a_ticket(watch):
                pass
    written.join()
    assert Comment.objects.get(content="Late", ticket=desk)


def _waits_for_a_ticket(watch: "psycopg.Connection[Any]") -> bool:
    waiting = "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    return watch.execute(waiting).fetchone() is not None
