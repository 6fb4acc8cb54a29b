"""What travels through the worker: typed events, and the words for the connection's state."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import UUID

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
    """Why something may have been missed. Suspected freely: each costs one look into the change log."""

    SUBSCRIBED = "subscribed"  # what was committed while the channel wasn't there came to nobody
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

    ``data`` is the row after the change, of a delete the row before it. ``revision`` names the change; it is None
    only straight after parsing a DELETE, which Realtime sends with nothing but the key. ``changed`` are the columns
    an update touched, ``actor`` the staff id, JWT subject or database role that wrote.
    """

    type: RealtimeEventType
    data: T
    table: str
    timestamp: datetime
    key: UUID
    revision: int | None = None
    actor: str = ""
    changed: tuple[str, ...] = ()
    path: EventPath = EventPath.REALTIME


@dataclass(frozen=True, slots=True)
class TableReset:
    """A table changed in a way that no row event tells (TRUNCATE, or a gap that can't be closed by events)."""

    table: str
    reason: str
