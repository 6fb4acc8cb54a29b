"""Everything the portal writes to tickets, comments, attachments and links, besides the plain forms.

Each function does one thing in one transaction, or raises ``Refused`` with the sentence that the user is told.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from django.core.files import File
from django.db import IntegrityError, transaction
from django.db.models import Q, Value
from django.db.models.functions import Coalesce, NullIf

from realtime.database.pool import give_back
from realtime.keys import Key
from realtime.live.app_columns import why_no_new_rows
from realtime.live.kind import Kind
from realtime.live.merge import UNKNOWN, Verdict, merge
from realtime.live.past import changers, row_at
from realtime.models import LiveModel
from ticketing import people
from ticketing.files import StorageFailed, StoredFile, kept
from ticketing.kinds import ATTACHMENT, COMMENT
from ticketing.merges import end_of, held_end_of, place_in_words, still_merged
from ticketing.models import Attachment, Comment, Ticket, TicketLink
from ticketing.words import closed_status, in_words

M = TypeVar("M", bound=LiveModel)


class Refused(Exception):
    """Why nothing was written: a sentence for the user, and the HTTP status that fits it."""

    def __init__(self, status: int, sentence: str, **context: Any) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.context = context


def assign(ticket: Key, revision: int, assignee: UUID | None) -> None:
    _change(ticket, revision, "assigned_to", assignee)


def change_status(ticket: Key, revision: int, status: str) -> None:
    _change(ticket, revision, "status", status)


def change_priority(ticket: Key, revision: int, priority: str) -> None:
    _change(ticket, revision, "priority", priority)


def add_comment(ticket: Key, author: UUID, content: str, files: "Iterable[File[Any]]" = ()) -> Comment:
    """On the ticket that this one was merged into, if it was: ``ticket_id`` of the comment says which."""
    if not people.may_be(author, Comment._meta.db_table, "author_id"):
        raise Refused(422, f"Nothing was sent: {people.NOT_LINKED}")
    _must_be_possible(COMMENT)
    if files:
        _must_be_possible(ATTACHMENT)
    with _storing(ticket, files) as stored:
        place = _place(ticket)
        comment = Comment.objects.create(ticket_id=place, author_id=author, content=content)
        _attach(place, comment, stored)
    return comment


def attach(ticket: Key, files: "Iterable[File[Any]]") -> list[Attachment]:
    """To the ticket that this one was merged into, if it was."""
    _must_be_possible(ATTACHMENT)
    with _storing(ticket, files) as stored:
        return _attach(_place(ticket), None, stored)


def _must_be_possible(kind: Kind) -> None:
    """Whether a new row needs nothing that only the app of an adopted table knows: nobody is asked for that here."""
    if reason := why_no_new_rows(kind.model, kind.singular):
        raise Refused(422, f"Nothing was sent. {reason}")


def _place(ticket: Key) -> Key:
    """Where something said on a ticket goes, if whoever says it may see that."""
    place = held_end_of(ticket)
    if place != ticket and not Ticket.objects.filter(pk=place).exists():
        raise Refused(409, "Nothing was sent: this ticket was merged into one that you may not see.")
    return place


def delete_comment(comment: Key, revision: int) -> None:
    """Deletes its attachments too."""
    _delete(Comment, comment, revision)


def delete_attachment(attachment: Key, revision: int) -> None:
    _delete(Attachment, attachment, revision)


def merge_tickets(source: Key, target: Key) -> tuple[Ticket, Ticket]:
    """Moves the conversation, the files and the links of one ticket to another, and closes it. Returns both.

    ``ticket`` in the context of a refusal is where the target has gone itself.
    """
    if source == target:
        raise Refused(422, "Nothing was merged: a ticket can’t be merged into itself. Choose another one.")
    with transaction.atomic():
        held = _both(source, target, "merged")
        _may_go_together(held[source], held[target])
        # What comes back to the ticket that it was written on has no other origin.
        key = Ticket._meta.pk
        first = Coalesce("merged_from", Value(source), output_field=key)
        origin = {"ticket": target, "merged_from": NullIf(first, Value(target), output_field=key)}
        Comment.objects.filter(ticket=source).update(**origin)
        Attachment.objects.filter(ticket=source).update(**origin)
        _move_links(source, target)
        held[source].merged_into = held[target]
        held[source].status = closed_status() or held[source].status
        held[source].save(update_fields=["merged_into", "status"])
    return held[source], held[target]


def _both(ticket: Key, chosen: Key, done: str) -> dict[Key, Ticket]:
    """Locks both in the order of their keys: who does it the other way round waits, and finds it done."""
    rows = Ticket.objects.select_for_update().filter(pk__in=[ticket, chosen]).order_by("pk")
    held = {row.pk: row for row in rows}
    if ticket not in held:
        raise Refused(404, f"Nothing was {done}: somebody deleted this ticket in the meantime.")
    if chosen not in held:
        raise Refused(422, f"Nothing was {done}: the ticket that you chose isn’t there any more. Choose another one.")
    return held


def _may_go_together(source: Ticket, target: Ticket) -> None:
    if source.merged_into_id:
        raise Refused(409, f"Nothing was merged: “{source}” was merged into {place_in_words(source)} already.")
    if target.merged_into_id:
        end = end_of(target)
        if end == target:
            raise Refused(409, f"Nothing was merged: “{target}” was merged into another ticket.")
        raise Refused(409, f"Nothing was merged: “{target}” was merged into “{end}”. Choose that one.", ticket=end.pk)


def _move_links(source: Key, target: Key) -> None:
    """A pair has one link: what the target is linked with already stays linked with both."""
    known = {end for link in _links_of(target) for end in (link.ticket_id, link.other_id)} | {target}
    for link in _links_of(source):
        column = "ticket_id" if link.ticket_id == source else "other_id"
        if (link.other_id if column == "ticket_id" else link.ticket_id) not in known:
            setattr(link, column, target)
            link.save(update_fields=[column])


def _links_of(ticket: Key) -> list[TicketLink]:
    return list(TicketLink.objects.select_for_update().filter(Q(ticket=ticket) | Q(other=ticket)).order_by("pk"))


def link_tickets(ticket: Key, other: Key, kind: TicketLink.Kind, by: UUID) -> TicketLink:
    """Links two tickets, or gives the link that they have another kind."""
    if ticket == other:
        raise Refused(422, "Nothing was linked: a ticket can’t be linked with itself. Choose another one.")
    with transaction.atomic():
        held = _both(ticket, other, "linked")
        link = TicketLink.objects.filter(Q(ticket=ticket, other=other) | Q(ticket=other, other=ticket)).first()
        if link is None:
            return TicketLink.objects.create(ticket_id=ticket, other_id=other, kind=kind, created_by=by)
        is_same = link.kind == kind and (kind == TicketLink.Kind.RELATED or link.ticket_id == ticket)
        if is_same:
            raise Refused(409, f"Nothing was changed: this ticket and “{held[other]}” are linked like this already.")
        link.ticket_id, link.other_id, link.kind = ticket, other, kind
        link.save(update_fields=["ticket", "other", "kind"])
        return link


def remove_link(link: Key, revision: int) -> None:
    _delete(TicketLink, link, revision)


def _change(key: Key, revision: int, column: str, value: Any) -> None:
    """Changes what nobody else has changed since ``revision``; what happened to other columns doesn't matter."""
    with transaction.atomic():
        ticket = _locked(Ticket, key)
        if column == "status" and (sentence := still_merged(ticket, value)):
            raise Refused(409, f"Nothing was changed: {sentence}")
        before = row_at(ticket, revision)
        # Whoever chooses what was there already means it, too: it isn't untouched.
        base = UNKNOWN if before is None or getattr(before, column) == value else getattr(before, column)
        merged = merge(base, value, getattr(ticket, column))
        if merged.verdict is Verdict.CONFLICT:
            raise Refused(409, _taken(ticket, revision, column))
        setattr(ticket, column, merged.value)
        ticket.save(update_fields=[column])


def _taken(ticket: Ticket, revision: int, column: str) -> str:
    noun = {"assigned_to": "assignee"}.get(column, column)
    by = changers(ticket, revision, [column])[column].name
    now = in_words(column, getattr(ticket, column))
    return f"Nothing was changed: {by} changed the {noun} to “{now}” in the meantime."


def _delete(model: type[M], key: Key, revision: int) -> None:
    with transaction.atomic():
        _unchanged(model, key, revision).delete()


def _unchanged(model: type[M], key: Key, revision: int) -> M:
    """Locks the row and checks that it is as the user saw it; a stale click deletes nothing."""
    row = _locked(model, key)
    if row.revision != revision:
        noun = model._meta.verbose_name
        raise Refused(409, f"Nothing was changed: someone else changed this {noun} in the meantime. This is it now.")
    return row


def _locked(model: type[M], key: Key) -> M:
    rows: Any = model._default_manager
    row: M | None = rows.select_for_update().filter(pk=key).first()
    if row is None:
        noun = model._meta.verbose_name
        raise Refused(404, f"Nothing was changed: somebody deleted this {noun} in the meantime.")
    return row


@contextmanager
def _storing(ticket: Key, files: "Iterable[File[Any]]") -> Iterator[list[StoredFile]]:
    """Stores files around the transaction that writes their rows: slow storage holds no lock and no connection."""
    gone = Refused(404, "Nothing was saved: somebody deleted this ticket in the meantime.")
    if not Ticket.objects.filter(pk=ticket).exists():
        raise gone
    give_back()
    try:
        with kept(files) as stored, transaction.atomic():
            yield stored
    except StorageFailed:
        raise Refused(503, "Nothing was saved: the file storage doesn’t answer. Try again in a moment.") from None
    except IntegrityError:
        # The foreign key is checked at commit: the ticket may have gone while the files were being stored.
        if Ticket.objects.filter(pk=ticket).exists():
            raise
        raise gone from None


def _attach(ticket: Key, comment: Comment | None, stored: list[StoredFile]) -> list[Attachment]:
    return [
        Attachment.objects.create(
            ticket_id=ticket,
            comment=comment,
            file_name=file.name,
            file_url=file.url,
            file_type=file.type,
            file_size=file.size,
        )
        for file in stored
    ]
