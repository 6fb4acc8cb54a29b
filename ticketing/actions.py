"""Everything the portal writes to tickets, comments and attachments, besides the plain forms.

Each function does one thing in one transaction, or raises ``Refused`` with the sentence that the user is told.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from django.core.files import File
from django.db import IntegrityError, transaction

from realtime.database.pool import give_back
from realtime.live.merge import UNKNOWN, Verdict, merge
from realtime.live.past import changers, row_at
from realtime.models import LiveModel
from ticketing.files import StorageFailed, StoredFile, kept
from ticketing.models import Attachment, Comment, Ticket
from ticketing.words import in_words

M = TypeVar("M", bound=LiveModel)


class Refused(Exception):
    """Why nothing was written: a sentence for the user, and the HTTP status that fits it."""

    def __init__(self, status: int, sentence: str, **context: Any) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.context = context


def assign(ticket: UUID, revision: int, assignee: UUID | None) -> None:
    _change(ticket, revision, "assigned_to", assignee)


def change_status(ticket: UUID, revision: int, status: Ticket.Status) -> None:
    _change(ticket, revision, "status", str(status))


def change_priority(ticket: UUID, revision: int, priority: Ticket.Priority) -> None:
    _change(ticket, revision, "priority", str(priority))


def add_comment(ticket: UUID, author: UUID, content: str, files: "Iterable[File[Any]]" = ()) -> Comment:
    with _storing(ticket, files) as stored:
        comment = Comment.objects.create(ticket_id=ticket, author_id=author, content=content)
        _attach(ticket, comment, stored)
    return comment


def attach(ticket: UUID, files: "Iterable[File[Any]]") -> list[Attachment]:
    with _storing(ticket, files) as stored:
        return _attach(ticket, None, stored)


def delete_comment(comment: UUID, revision: int) -> None:
    """Deletes its attachments too."""
    _delete(Comment, comment, revision)


def delete_attachment(attachment: UUID, revision: int) -> None:
    _delete(Attachment, attachment, revision)


def _change(key: UUID, revision: int, column: str, value: Any) -> None:
    """Changes what nobody else has changed since ``revision``; what happened to other columns doesn't matter."""
    with transaction.atomic():
        ticket = _locked(Ticket, key)
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


def _delete(model: type[M], key: UUID, revision: int) -> None:
    with transaction.atomic():
        _unchanged(model, key, revision).delete()


def _unchanged(model: type[M], key: UUID, revision: int) -> M:
    """Locks the row and checks that it is as the user saw it; a stale click deletes nothing."""
    row = _locked(model, key)
    if row.revision != revision:
        noun = model._meta.verbose_name
        raise Refused(409, f"Nothing was changed: someone else changed this {noun} in the meantime. This is it now.")
    return row


def _locked(model: type[M], key: UUID) -> M:
    row: M | None = model._default_manager.select_for_update().filter(pk=key).first()
    if row is None:
        noun = model._meta.verbose_name
        raise Refused(404, f"Nothing was changed: somebody deleted this {noun} in the meantime.")
    return row


@contextmanager
def _storing(ticket: UUID, files: "Iterable[File[Any]]") -> Iterator[list[StoredFile]]:
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


def _attach(ticket: UUID, comment: Comment | None, stored: list[StoredFile]) -> list[Attachment]:
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
