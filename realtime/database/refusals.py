"""Tells the reader of a page why the database refused or was away: one sentence for each cause."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import Error as DjangoError
from psycopg import errors
from psycopg_pool import PoolTimeout, TooManyRequests

from realtime.database.pool import PooledConnection


@dataclass(frozen=True, slots=True)
class Trouble:
    sentence: str
    # For the log: only the error's name, because its text may quote records.
    name: str
    # Whether the request has certainly not been carried out.
    settled: bool = True

    @property
    def passes(self) -> bool:
        """Whether the trouble may pass by itself in a moment."""
        return self.sentence not in (_READ_ONLY, _DISK_FULL)


_READ_ONLY = "The database takes no changes at the moment; most likely its disk is full. An administrator has to look."
_DISK_FULL = "The database’s disk is full. An administrator has to make room."
_OVERLOADED = "The database has more to do than it can at the moment."
_TOO_SLOW = "The database took too long to answer; it may be very busy."
_LOCKED = "Something else is working on the same records and did not finish in time."
_COLLISION = "Somebody else changed the same records at the same moment."
_CROWDED = "The database has no connection left; too many use it at once."
_ALL_IN_USE = "All connections to the database are in use; many people are working at once."
_AWAY = "The database can’t be reached at the moment."
_BROKEN = "The connection to the database broke before it answered."

# The first match counts: some are subclasses of a later one.
_SENTENCES: tuple[tuple[type[psycopg.Error], str], ...] = (
    (errors.ReadOnlySqlTransaction, _READ_ONLY),
    (errors.DiskFull, _DISK_FULL),
    (errors.TooManyConnections, _CROWDED),
    (errors.LockNotAvailable, _LOCKED),
    (errors.QueryCanceled, _TOO_SLOW),
    (errors.TransactionTimeout, _TOO_SLOW),
    (errors.DeadlockDetected, _COLLISION),
    (errors.SerializationFailure, _COLLISION),
    (TooManyRequests, _ALL_IN_USE),
    (errors.CannotConnectNow, _AWAY),
)
# Families of PostgreSQL's codes; without a code, the client itself has lost the connection.
_SHORT_OF_SOMETHING = "53"
_OF_THE_CONNECTION = ("", "08", "57")
# A refused connection has no code, only the text from PostgreSQL or a pooler.
_NEVER_MADE = ("connection failed", "connection is bad", "connection timeout")
_NO_ROOM = ("too many clients", "too many connections", "connection slots", "max client", "maxclients")


def words_for(error: BaseException) -> str | None:
    """The sentence; None when the error isn't a failure of the database but a fault in what was asked of it."""
    trouble = trouble_of(error)
    return trouble.sentence if trouble else None


def trouble_of(error: BaseException) -> Trouble | None:
    for cause in _causes(error):
        if isinstance(cause, PoolTimeout):
            refusal = PooledConnection.refusal
            return Trouble(_of_refusal(refusal) if refusal else _ALL_IN_USE, type(refusal or cause).__name__)
        for kind, sentence in _SENTENCES:
            if isinstance(cause, kind):
                return Trouble(sentence, type(cause).__name__)
        family = (cause.sqlstate or "")[:2]
        if family == _SHORT_OF_SOMETHING:
            return Trouble(_OVERLOADED, type(cause).__name__)
        if family in _OF_THE_CONNECTION and isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
            return _of_connection(cause)
    return None


def _of_connection(error: psycopg.Error) -> Trouble:
    text = str(error).lower()
    if error.sqlstate is None and any(words in text for words in _NEVER_MADE):
        return Trouble(_of_refusal(error), type(error).__name__)
    # What was in flight may have arrived: a commit whose answer is lost is still a commit.
    return Trouble(_BROKEN, type(error).__name__, settled=False)


def _of_refusal(error: psycopg.Error) -> str:
    text = str(error).lower()
    return _CROWDED if any(words in text for words in _NO_ROOM) else _AWAY


def _causes(error: BaseException) -> Iterator[psycopg.Error]:
    """psycopg's errors behind Django's. A session that couldn't be saved hides its cause deeper."""
    current: BaseException | None = error
    while current is not None:
        if isinstance(current, psycopg.Error):
            yield current
        if isinstance(current, DjangoError):
            current = current.__cause__
        elif isinstance(current, SessionInterrupted | UpdateError):
            current = current.__context__
        else:
            current = None


def first_line(error: Exception) -> str:
    """What the database says, for an operator: without the lines that quote the statement or a row."""
    return str(error).strip().split("\n")[0]
