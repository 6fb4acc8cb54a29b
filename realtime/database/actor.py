"""Tells PostgreSQL who makes a change and as part of what, inside the write's own transaction (design rules 4 and 29).

A session-level setting would leak to the next user of a pooled connection, so a wrapper around each write sets it
locally.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Any
from uuid import uuid4

from django.db import connection, transaction

# Called only when something is written: naming the user would cost every request a query.
Actor = Callable[[], str]

# Called with a cursor in the transaction of each write, before it; what it raises prevents the write.
Beforehand = Callable[[Any], None]

WRITES = ("insert", "update", "delete", "truncate", "merge", "with")


class Origin(StrEnum):
    """Where an action was taken; the first part of its name in the change log."""

    PORTAL = "portal"
    ADMIN = "admin"
    IMPORT = "import"
    UNDO = "undo"


class Action:
    """What one person does in one go: a form saved, an import, an undo. All its changes carry its name.

    ``key`` is for one that is done in several transactions.
    """

    def __init__(self, actor: Actor, origin: Callable[[], Origin], key: str = "") -> None:
        self.actor = actor
        self._origin = origin
        self._key = key or uuid4().hex
        self._has_written = False

    @property
    def name(self) -> str:
        """``<origin>:<key>``, as the change log has it; empty for one that has written nothing."""
        return f"{self._origin()}:{self._key}" if self._has_written else ""

    def announce(self, cursor: Any) -> None:
        """Names it to PostgreSQL, for this transaction."""
        self._has_written = True
        announcement = "select set_config('livedesk.actor', %s, true), set_config('livedesk.action', %s, true)"
        cursor.execute(announcement, [self.actor(), self.name])


_current: ContextVar[Action | None] = ContextVar("livedesk_action", default=None)
_beforehand: ContextVar[Beforehand | None] = ContextVar("livedesk_beforehand", default=None)


def current_action() -> str:
    """The name of the action under way; empty where there is none, or it has written nothing yet."""
    action = _current.get()
    return action.name if action is not None else ""


@contextmanager
def acting_user(
    key: str | Actor, origin: Origin | Callable[[], Origin] = Origin.PORTAL, action_key: str = ""
) -> Iterator[Action]:
    """Within this block, changes made through the default connection are one action of the user with this ``key``.

    An empty key leaves the actor to PostgreSQL: the token's subject, else the role. Blocks with the same ``action_key``
    are one action.
    """
    actor = key if callable(key) else lambda: key
    action = Action(actor, (lambda: origin) if isinstance(origin, Origin) else origin, action_key)
    token = _current.set(action)
    try:
        with connection.execute_wrapper(_announce):
            yield action
    finally:
        _current.reset(token)


@contextmanager
def before_each_write(act: Beforehand) -> Iterator[None]:
    """Within this block, ``act`` runs before each write of whatever action is under way."""
    token = _beforehand.set(act)
    try:
        yield
    finally:
        _beforehand.reset(token)


def _announce(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    action = _current.get()
    if action is None or not sql.lstrip()[:8].lower().startswith(WRITES) or not action.actor():
        return execute(sql, params, many, context)
    with transaction.atomic(savepoint=False):
        cursor = context["connection"].connection.cursor()
        action.announce(cursor)
        if (act := _beforehand.get()) is not None:
            act(cursor)
        return execute(sql, params, many, context)
