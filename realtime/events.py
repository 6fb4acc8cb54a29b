"""What travels through the worker: typed events, and the words for the connection's state."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import UUID

from realtime.keys import Key

T = TypeVar("T")


class RealtimeEventType(StrEnum):
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


class RealtimeConnectionStatus(StrEnum):
    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    ERROR = "error"
    RECONNECTING = "reconnecting"


class EventPath(StrEnum):
    """How the worker heard of a change: from Supabase Realtime, or from the change log's sweep."""

    REALTIME = "realtime"
    SWEEP = "sweep"


class Gap(StrEnum):
    """Why something may have been missed. Suspicion is cheap: each one costs a single read of the change log."""

    SUBSCRIBED = "subscribed"  # nobody received what was committed while the channel was down
    RENEWED = "subscription renewed"
    UNREADABLE = "unreadable frame"
    UNUSABLE = "unusable event"
    UNTAKEN = "event not taken"
    QUEUE_FULL = "queue full"
    INVISIBLE = "not visible in time"
    UNLOGGED = "not in the change log"


@dataclass(frozen=True, slots=True)
class RealtimeEvent(Generic[T]):
    """One committed change of one row.

    ``data`` is the row after the change, or before it for a delete. ``revision`` names the change; it is None only
    straight after parsing a DELETE, which Realtime sends with nothing but the key. ``changed`` lists the columns an
    update touched; ``actor`` is the staff id, JWT subject or database role that wrote.
    """

    type: RealtimeEventType
    data: T
    table: str
    timestamp: datetime
    key: Key
    revision: int | None = None
    actor: str = ""
    changed: tuple[str, ...] = ()
    path: EventPath = EventPath.REALTIME


@dataclass(frozen=True, slots=True)
class TableReset:
    """A table changed in a way that no row event describes (TRUNCATE, or a gap that events can't close)."""

    table: str
    reason: str


@dataclass(frozen=True, slots=True)
class PersonalChange:
    """Something changed among the rows of a personal table that belong to one person; what it was isn't told."""

    table: str
    person: UUID
    revision: int
    actor: str
