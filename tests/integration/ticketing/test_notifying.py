"""Who is told of what: whoever wrote, once for each change, and never what somebody may not see."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.utils import timezone

from crm.models import Product
from project.accounts.models import User
from realtime.database import change_log
from realtime.database.actor import Origin, acting_user
from realtime.hub.live_socket import LiveSocket
from realtime.hub.rights import Rights
from realtime.live.definition import definition_named
from realtime.live.first_paint import live_view
from realtime.models import RealtimeChange, RealtimeWatermark
from realtime.worker.log_readers import LogReader, read_news
from tests.integration.conftest import Project
from ticketing import notifying
from ticketing.live.notifications import in_words
from ticketing.models import Comment, Notification, NotificationChoice, Ticket
from ticketing.notifying import READER

pytestmark = pytest.mark.usefixtures("project", "quick_pages", "reading")
SECRET = "w83secret"


@pytest.fixture
def reading(project: Project) -> None:
    """Whatever was written before is nobody's news."""
    RealtimeWatermark.objects.filter(name=READER.name).delete()
    catch_up()


def catch_up(reader: LogReader = READER) -> int:
    return sum(read_news(reader))


def person(group: str = "Support agents", **more: Any) -> User:
    user = User.objects.create_user(f"u{uuid4().hex[:10]}", **more)
    if group:
        user.groups.add(Group.objects.get(name=group))
    return user


def told(user: User) -> list[str]:
    """The kinds of what somebody was told of, the newest first."""
    return list(Notification.objects.filter(person=user).values_list("kind", flat=True))


def say(ticket: Ticket, author: User, content: str) -> Comment:
    with acting_user(str(author.pk)):
        return Comment.objects.create(ticket=ticket, author_id=author.pk, content=content)


def ticket_of(user: User | None = None) -> Ticket:
    return Ticket.objects.create(title=f"{SECRET} printer", assigned_to=user.pk if user else None)


def seen_by(user: User, name: str = "bell", **more: Any) -> str:
    may = user.has_perms(notifying.SEES_COMMENTS)
    return str(live_view(name, {"person": user.pk, "comments": may} | more).html)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_everybody_concerned_is_told_once_by_the_strongest_reason_and_nobody_of_their_own() -> None:
    owner, spoke, named, writer, stranger = (person() for _ in range(5))
    ticket = ticket_of(owner)
    say(ticket, spoke, "It smokes")
    catch_up()
    Notification.objects.all().delete()
    say(ticket, writer, f"@{named.username}, @{owner.username.upper()} and @{writer.username}: `@{stranger.username}`")
    catch_up()
    catch_up()
    assert {user: told(user) for user in (owner, spoke, named, writer, stranger)} == {
        owner: ["mention"],
        spoke: ["reply"],
        named: ["mention"],
        writer: [],
        stranger: [],
    }
    # Only from now on is it a ticket of theirs.
    say(ticket, owner, "Thanks")
    catch_up()
    assert told(writer) == ["reply"]
    assert told(named) == ["mention"]


def test_whoever_writes_by_sql_is_noticed_also_while_no_worker_runs() -> None:
    owner, named, other = person(), person(), person()
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into tickets (title, assigned_to) values ('by SQL', %s) returning id",
            [owner.pk],
        )
        (key,) = cursor.fetchone()
        content = f"@{named.username} look"
        cursor.execute("insert into comments (ticket_id, content) values (%s, %s)", [key, content])
        cursor.execute("update tickets set assigned_to = %s where id = %s", [other.pk, key])
        cursor.execute("update tickets set title = 'again' where id = %s", [key])
    catch_up()
    assert (told(owner), told(named), told(other)) == (["reply", "assigned"], ["mention"], ["assigned"])


def test_what_is_committed_late_is_not_missed_and_nothing_is_told_twice() -> None:
    """The change log's numbers aren't the order of commits."""
    early, late = person(), person()
    started, go_on = threading.Event(), threading.Event()

    def slowly() -> None:
        with transaction.atomic():
            ticket_of(late)
            started.set()
            assert go_on.wait(30)
        connection.close()

    writer = threading.Thread(target=slowly)
    writer.start()
    assert started.wait(30)
    ticket_of(early)
    catch_up()
    assert (told(early), told(late)) == (["assigned"], [])
    go_on.set()
    writer.join(30)
    catch_up()
    assert (told(early), told(late)) == (["assigned"], ["assigned"])


def test_a_worker_that_is_killed_in_between_has_done_all_or_nothing() -> None:
    owner = person()
    ticket_of(owner)

    def die(changes: list[change_log.Change]) -> None:
        notifying.read(changes)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        catch_up(LogReader(READER.name, READER.tables, die))
    assert told(owner) == []
    catch_up()
    assert told(owner) == ["assigned"]
    # Whoever reads from further back finds what was told already.
    first = change_log.current_watermark()
    RealtimeWatermark.objects.filter(name=READER.name).update(
        snapshot="3:3:", system_identifier=first.system_identifier
    )
    Notification.objects.filter(person=owner).update(read_at=timezone.now())
    catch_up()
    assert told(owner) == ["assigned"]
    assert Notification.objects.get(person=owner).read_at is not None


def test_a_change_that_cannot_be_read_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    before, cursed, after = person(), person(), person()
    for user in (before, cursed, after):
        ticket_of(user)

    def read(changes: list[change_log.Change]) -> None:
        notifying.read(changes)
        for change in changes:
            if (change.new or {}).get("assigned_to") == str(cursed.pk):
                raise ValueError(change.new)

    catch_up(LogReader(READER.name, READER.tables, read))
    assert [told(user) for user in (before, cursed, after)] == [["assigned"], [], ["assigned"]]
    assert "leaves out change" in caplog.text
    assert SECRET not in caplog.text


def test_of_two_leaders_at_once_one_does_the_work() -> None:
    owner = person()
    ticket_of(owner)
    slow = read_news(READER)
    assert next(slow) > 0
    # The other waits for neither: who stores the position first has done the work.
    other = threading.Thread(target=lambda: (_store_position(), connection.close()))
    other.start()
    other.join(30)
    with pytest.raises(OperationalError, match="serialize"):
        next(slow)
    assert told(owner) == []
    catch_up()
    assert told(owner) == ["assigned"]


def _store_position() -> None:
    RealtimeWatermark.objects.filter(name=READER.name).update(stored_at=timezone.now())


def test_an_edit_tells_those_whom_it_mentions_anew_and_only_once() -> None:
    first, second, author = person(), person(), person()
    comment = say(ticket_of(), author, f"@{first.username} look")
    catch_up()
    for content in (f"@{first.username} @{second.username}", "nobody", f"@{first.username} @{second.username} again"):
        Comment.objects.filter(pk=comment.pk).update(content=content)
        catch_up()
    assert (told(first), told(second), told(author)) == (["mention"], ["mention"], [])


def test_what_an_undo_brings_back_is_no_news() -> None:
    named, author, owner = person(), person(), person()
    ticket = ticket_of(owner)
    comment = say(ticket, author, f"@{named.username}")
    catch_up()
    row = Comment.objects.get(pk=comment.pk)
    row.delete()
    assert told(named) == []
    with acting_user(str(author.pk), Origin.UNDO):
        row.save(force_insert=True)
    catch_up()
    assert (told(named), told(owner)) == ([], ["assigned"])


def test_nobody_is_told_or_shown_what_they_may_not_see() -> None:
    outsider, agent = person("CRM staff"), person()
    blind = person("")
    blind.user_permissions.add(*permissions("ticketing.view_ticket"))
    gone = person(is_active=False)
    ticket = ticket_of(outsider)
    say(ticket, person(), " ".join(f"@{user.username}" for user in (outsider, blind, gone, agent)))
    Ticket.objects.filter(pk=ticket.pk).update(assigned_to=blind.pk)
    catch_up()
    assert [told(user) for user in (outsider, gone, blind, agent)] == [[], [], ["assigned"], ["mention"]]
    # In the comment, too, only those who may see it are marked.
    marked = str(live_view("comments", {"ticket": ticket.pk}).rows)
    assert str(agent.pk) in marked
    assert not any(str(user.pk) in marked for user in (outsider, blind, gone))
    # A right that was lost takes off what it showed.
    Notification.objects.create(
        person=blind, kind="mention", cause=-ticket.revision, actor="x", ticket=ticket, at=timezone.now()
    )
    assert "mentioned" not in seen_by(blind, "newest-notifications")
    agent.groups.clear()
    client = signed_in(agent)
    assert client.get("/notifications/").status_code == 403
    assert SECRET not in client.get("/").content.decode()
    key = Notification.objects.get(person=agent).pk
    assert client.get(f"/notifications/{key}/").status_code == 403


def permissions(*names: str) -> Iterator[Any]:
    for name in names:
        app, codename = name.split(".")
        yield Permission.objects.get(content_type__app_label=app, codename=codename)


def test_a_bell_is_one_persons_alone() -> None:
    owner, other = person(), person()
    definition = definition_named("bell")
    params = definition.normalise({"person": owner.pk, "comments": True})
    socket = LiveSocket("session")
    socket.rights = Rights(everything=True)
    socket.user = str(other.pk)
    assert not socket.may_see(definition, params)
    socket.user = str(owner.pk)
    assert socket.may_see(definition, params)
    socket.rights = Rights(frozenset({"ticketing.view_ticket"}))
    assert not socket.may_see(definition, params)
    ticket_of(owner)
    catch_up()
    key = Notification.objects.get(person=owner).pk
    client = signed_in(other)
    assert client.get(f"/notifications/{key}/").status_code == 404
    assert client.post(f"/notifications/{key}/", {"read": "yes"}).status_code == 404
    client.post("/notifications/read/", {"until": key})
    assert Notification.objects.get(pk=key).read_at is None


def test_marking_all_as_read_leaves_what_came_later() -> None:
    owner = person()
    ticket_of(owner)
    catch_up()
    shown = Notification.objects.get(person=owner).pk
    assert f'value="{shown}"' in seen_by(owner, "newest-notifications")
    ticket_of(owner)
    catch_up()
    client = signed_in(owner)
    client.post("/notifications/read/", {"until": shown})
    unread = Notification.objects.get(person=owner, read_at=None)
    assert unread.pk > shown
    assert 'data-unread="1"' in seen_by(owner)
    assert client.get(f"/notifications/{unread.pk}/").headers["Location"] == f"/ticketing/tickets/{unread.ticket_id}/"
    assert 'data-unread="0"' in seen_by(owner)
    client.post(f"/notifications/{unread.pk}/", {"read": "no"})
    assert seen_by(owner, "notifications", unread=True).count("data-told=") == 1
    page = client.get("/notifications/", {"kind": "nonsense", "before": "x"}).content.decode()
    assert "“nonsense”" in page
    assert "mention, assigned, reply" in page
    for until in ("", "x", "9" * 30, "-1"):
        assert client.post("/notifications/read/", {"until": until}).status_code == 302


def test_nobody_is_told_of_a_kind_that_they_do_not_want() -> None:
    owner = person()
    client = signed_in(owner)
    client.post("/notifications/choices/", {"kind": ["mention", "reply", "nonsense"]})
    assert set(NotificationChoice.objects.filter(person=owner).values_list("kind", flat=True)) == {"assigned"}
    ticket = ticket_of(owner)
    say(ticket, person(), "hello")
    catch_up()
    assert told(owner) == ["reply"]
    # Where the strongest reason isn't wanted, the next one counts.
    client.post("/notifications/choices/", {"kind": ["reply"]})
    say(ticket, person(), f"@{owner.username}")
    catch_up()
    assert told(owner) == ["reply", "reply"]
    client.post("/notifications/choices/", {"kind": ["mention", "reply", "assigned"]})
    assert not NotificationChoice.objects.filter(person=owner).exists()


def test_they_go_with_what_they_tell_of_whoever_deletes_it_and_after_ninety_days() -> None:
    owner = person()
    first, second, third = ticket_of(owner), ticket_of(owner), ticket_of(owner)
    comment = say(third, person(), "hello")
    catch_up()
    assert len(told(owner)) == 4
    with connection.cursor() as cursor:
        cursor.execute("delete from tickets where id = %s", [first.pk])
        cursor.execute("delete from comments where id = %s", [comment.pk])
    assert told(owner) == ["assigned", "assigned"]
    Notification.objects.filter(person=owner, ticket=second).update(at=timezone.now() - 2 * notifying.KEPT)
    notifying.forget_old()
    assert told(owner) == ["assigned"]
    owner.delete()
    assert not Notification.objects.filter(ticket=third, kind="assigned").exists()


def test_the_change_log_says_whose_rows_changed_and_nothing_else() -> None:
    owner, other = person(), person()
    ticket_of(owner)
    ticket_of(other)
    catch_up()
    mine = RealtimeChange.objects.filter(table_name="ticketing_notification", row_key=owner.pk)
    assert mine.count() == 1
    Notification.objects.filter(person__in=[owner, other]).update(read_at=timezone.now())
    Notification.objects.filter(person=owner).update(person=other)
    Notification.objects.filter(person=other).delete()
    assert mine.count() == 3
    assert not mine.exclude(op="RESET", old=None, new=None).exists()


def test_many_people_take_as_few_queries_as_one(django_assert_max_num_queries: Any) -> None:
    owners = [person() for _ in range(12)]
    ticket = ticket_of()
    for owner in owners:
        say(ticket, owner, "me too")
        ticket_of(owner)
    Product.objects.create(name="of no concern")
    with django_assert_max_num_queries(27):
        catch_up()
    assert all("assigned" in told(owner) for owner in owners)


def test_the_combobox_offers_only_those_who_may_see_the_ticket() -> None:
    word = f"q{uuid4().hex[:8]}"
    agent, asker = person(first_name="Zoë", last_name=word), person(last_name=word)
    person("CRM staff", last_name=word)
    User.objects.create_user(f"{word}@example.com", last_name=word, is_superuser=True)
    ticket = ticket_of()
    where = f"/ticketing/tickets/{ticket.pk}/people/"
    client = signed_in(asker)
    offered = client.get(where, {"q": word.upper()}).json()["people"]
    assert offered == [{"username": agent.username, "name": f"Zoë {word}"}]
    assert client.get(where, {"q": "%"}).json()["people"] == []
    assert client.get(f"/ticketing/tickets/{uuid4()}/people/").status_code == 404
    assert signed_in(person("CRM staff")).get(where).status_code == 403


def test_who_gets_many_tickets_in_one_action_is_told_once() -> None:
    ben, anna, cleo = person(), person(), person()
    tickets = [Ticket.objects.create(title=f"One of many {number}") for number in range(5)]
    for portion in (tickets[:2], tickets[2:]):
        # As a bulk does: one action in several transactions, read before and after its end.
        with acting_user(str(anna.pk), action_key="a" * 32):
            for ticket in portion:
                Ticket.objects.filter(pk=ticket.pk).update(assigned_to=ben.pk)
        catch_up()
    notification = Notification.objects.get(person=ben)
    assert (notification.ticket, notification.others) == (tickets[0], 4)
    [entry] = in_words([notification])
    assert (entry.title, entry.to) == ("One of many 0", "and 4 more to you")
    # Another action tells again.
    with acting_user(str(anna.pk)):
        Ticket.objects.filter(pk=tickets[0].pk).update(assigned_to=cleo.pk)
        Ticket.objects.filter(pk=tickets[0].pk).update(assigned_to=ben.pk)
    catch_up()
    assert told(ben) == ["assigned", "assigned"]
    assert told(cleo) == ["assigned"]
