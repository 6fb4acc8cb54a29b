"""Who is told of what: of a mention, of a ticket that became theirs, of a reply on a ticket of theirs.

It reads the change log, so it doesn't matter who wrote: the portal, the admin, another client of Supabase, SQL. Each
change tells each person once at most; the strongest reason counts. Nobody is told of what they did themselves, of what
they may not see, or of a kind that they don't want.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Min, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from crm.mentions import mentioned, those_with
from crm.templatetags.marked import names_in
from realtime.database.actor import Origin
from realtime.database.change_log import Change
from realtime.database.values import EARLIEST
from realtime.keys import KEY_TYPE, read_key
from realtime.live.people import is_key
from realtime.sight import blind_to, current_sight
from realtime.worker.log_readers import LogReader
from ticketing.kinds import COMMENT, TICKET
from ticketing.models import Comment, Notification, NotificationChoice, Ticket

Kind = Notification.Kind

# What it takes to be told of a kind, and to see what one was told.
SEES_TICKETS = (TICKET.permission("view"),)
SEES_COMMENTS = (TICKET.permission("view"), COMMENT.permission("view"))
RIGHTS = {Kind.ASSIGNED: SEES_TICKETS, Kind.MENTION: SEES_COMMENTS, Kind.REPLY: SEES_COMMENTS}
# A mention is meant for somebody more than an assignment is, and that more than a reply.
STRENGTH = (Kind.MENTION, Kind.ASSIGNED, Kind.REPLY)

KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Telling:
    """One person is to be told of one change."""

    person: str
    kind: Kind
    change: Change
    actor: str
    ticket: str
    comment: str | None = None


def read(changes: list[Change]) -> None:
    """A page of the log: makes the notifications that it calls for."""
    tellings = _allowed([*_assignments(changes), *_comments(changes)])
    strongest: dict[tuple[str, int], Telling] = {}
    # Of the reasons that a person wants to hear of.
    for telling in sorted(tellings, key=lambda telling: STRENGTH.index(telling.kind)):
        strongest.setdefault((telling.person, telling.change.revision), telling)
    # In the order of what happened: the newest has the highest number.
    wanted = sorted(strongest.values(), key=lambda telling: (telling.change.revision, telling.person))
    Notification.objects.bulk_create(
        [
            Notification(
                person_id=telling.person,
                kind=telling.kind,
                cause=telling.change.revision,
                actor=telling.actor,
                ticket_id=telling.ticket,
                comment_id=telling.comment,
                at=telling.change.at,
            )
            for telling in wanted
        ],
        ignore_conflicts=True,
    )


READER = LogReader("notifications", frozenset({TICKET.table, COMMENT.table}), read)


def _assignments(changes: Iterable[Change]) -> Iterator[Telling]:
    for change in changes:
        if change.table != TICKET.table or change.new is None or _brings_back(change):
            continue
        now, was = change.new.get("assigned_to"), (change.old or {}).get("assigned_to")
        if now and now != was and now != change.actor:
            yield Telling(now, Kind.ASSIGNED, change, change.actor, str(change.key))


def _comments(changes: Iterable[Change]) -> Iterator[Telling]:
    written = [c for c in changes if c.table == COMMENT.table and c.new is not None and not _brings_back(c)]
    added = [change for change in written if change.old is None]
    spoken, assigned = _spoken({str(_row(change)["ticket_id"]) for change in added}), _assigned_then(added)
    for change in added:
        ticket, at = str(_row(change)["ticket_id"]), _said_at(change)
        concerned = {person for person, first in spoken[ticket].items() if first < at} | assigned[change.revision]
        for person in concerned - {_writer(change), change.actor}:
            yield Telling(person, Kind.REPLY, change, _writer(change), ticket, str(change.key))
    # By change, the names that it brings: an edit only those that weren't there before.
    names = {change.revision: _new_names(change) for change in written}
    people = mentioned(set().union(*names.values()), SEES_COMMENTS)
    told_before = _mentioned_before(change for change in written if change.old is not None)
    for change in written:
        for person in (people[name].key for name in names[change.revision] if name in people):
            is_own = person in (_writer(change), change.actor)
            if not is_own and (person, str(change.key)) not in told_before:
                ticket = str(_row(change)["ticket_id"])
                yield Telling(person, Kind.MENTION, change, _writer(change), ticket, str(change.key))


def _row(change: Change) -> dict[str, Any]:
    assert change.new is not None
    return change.new


def _said_at(change: Change) -> datetime:
    told = parse_datetime(str(_row(change)["created_at"]))
    if told is None:
        return change.at
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def _writer(change: Change) -> str:
    """Whose words they are: the author of a new comment, whoever edits one; as far as that is known."""
    author = _row(change).get("author_id") if change.old is None else None
    return str(author or change.actor)


def _brings_back(change: Change) -> bool:
    """Whether an undo brings back a row that was there before: everybody was told of it then."""
    return change.old is None and change.action.startswith(f"{Origin.UNDO}:")


def _new_names(change: Change) -> set[str]:
    return names_in(str(_row(change)["content"])) - names_in(str((change.old or {}).get("content") or ""))


def _spoken(tickets: set[str]) -> "defaultdict[str, dict[str, datetime]]":
    """By ticket, who has commented on it, and when first."""
    found: defaultdict[str, dict[str, datetime]] = defaultdict(dict)
    comments = Comment.objects.filter(ticket__in=map(read_key, tickets), author_id__isnull=False).order_by()
    for row in comments.values("ticket", "author_id").annotate(first=Min("created_at")) if tickets else ():
        # An app may leave the time out; whoever has spoken then is told in any case.
        found[str(row["ticket"])][str(row["author_id"])] = row["first"] or EARLIEST
    return found


# What a later change of the ticket says that it was before; without one, what it is.
ASSIGNED_THEN = f"""
select asked.revision, case when later.is_there then later.assigned else tickets.assigned_to::text end
from unnest(%s::{KEY_TYPE}[], %s::bigint[]) as asked (ticket, revision) join tickets on tickets.id = asked.ticket
left join lateral (
    select true as is_there, old ->> 'assigned_to' as assigned from realtime_change
    where table_name = 'tickets' and row_key = asked.ticket::text and revision > asked.revision
    order by revision limit 1
) as later on true
"""


def _assigned_then(added: list[Change]) -> "defaultdict[int, set[str]]":
    """By revision of a comment, whose ticket it was when that came: one person or nobody."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    if added:
        with connection.cursor() as cursor:
            tickets = [_row(change)["ticket_id"] for change in added]
            cursor.execute(ASSIGNED_THEN, [tickets, [change.revision for change in added]])
            for revision, person in cursor.fetchall():
                found[revision] |= {person} - {None}
    return found


def _mentioned_before(edits: Iterable[Change]) -> set[tuple[str, str]]:
    """Who was told already that these comments mention them, as (person, comment)."""
    keys = [change.key for change in edits]
    if not keys:
        return set()
    told = Notification.objects.filter(kind=Kind.MENTION, comment__in=keys).order_by()
    return {(str(person), str(comment)) for person, comment in told.values_list("person", "comment")}


def _allowed(tellings: Iterable[Telling]) -> list[Telling]:
    """Those whose person may see it and wants to know, of what is still there; a few queries for all of them."""
    tellings = [telling for telling in tellings if is_key(telling.person)]
    people = {telling.person for telling in tellings}
    if not people:
        return []
    may: dict[tuple[str, ...], set[str]] = {}
    for rights in RIGHTS.values():
        if rights not in may:
            may[rights] = {str(key) for key in those_with(rights).filter(pk__in=people).values_list("pk", flat=True)}
    unwanted = {(str(c.person_id), c.kind) for c in NotificationChoice.objects.filter(person__in=map(UUID, people))}
    tickets = _there(Ticket.objects.all(), {telling.ticket for telling in tellings})
    comments = _there(Comment.objects.all(), {telling.comment for telling in tellings if telling.comment})
    blind = blind_to(TICKET.table, {(telling.person, telling.ticket) for telling in tellings})
    return [
        telling
        for telling in tellings
        if (telling.person, telling.ticket) not in blind
        and telling.person in may[RIGHTS[telling.kind]]
        and (telling.person, telling.kind) not in unwanted
        and telling.ticket in tickets
        and (telling.comment is None or telling.comment in comments)
    ]


def _there(rows: "QuerySet[Any]", keys: set[str]) -> set[str]:
    return {str(key) for key in rows.order_by().filter(pk__in=keys).values_list("pk", flat=True)} if keys else set()


# What a person does with them


def shown_to(person: Any, with_comments: bool) -> "QuerySet[Notification]":
    """A person's notifications, the newest first; without those of comments for somebody who may not see any, and
    without those of tickets that they may not see any more.
    """
    found = Notification.objects.filter(person=person)
    if current_sight() is not None:
        found = found.filter(ticket__in=Ticket.objects.order_by().values("pk"))
    return found if with_comments else found.filter(kind=Kind.ASSIGNED)


def mark_read(person: Any, up_to: int) -> int:
    """Marks what was there when a page was shown, up to the newest that it knew of; returns how many those were."""
    unread = Notification.objects.filter(person=person, read_at=None, pk__lte=up_to)
    return unread.update(read_at=timezone.now())


def mark(person: Any, key: int, is_read: bool) -> Notification | None:
    """Marks one; None when it is gone or somebody else's."""
    found = Notification.objects.filter(person=person, pk=key)
    found.filter(read_at__isnull=is_read).update(read_at=timezone.now() if is_read else None)
    return found.first()


def unwanted_by(person: Any) -> set[str]:
    return set(NotificationChoice.objects.filter(person=person).values_list("kind", flat=True))


def choose(person: Any, wanted: Iterable[str]) -> None:
    """Keeps which kinds a person wants to be told of, from now on."""
    unwanted = set(Kind.values) - set(wanted)
    NotificationChoice.objects.filter(person=person).exclude(kind__in=unwanted).delete()
    NotificationChoice.objects.bulk_create(
        [NotificationChoice(person=person, kind=kind) for kind in sorted(unwanted)], ignore_conflicts=True
    )


def forget_old() -> int:
    """Deletes those older than 90 days; returns how many."""
    return Notification.objects.filter(at__lt=timezone.now() - KEPT).delete()[0]
