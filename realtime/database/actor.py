"""Tells PostgreSQL who makes a change, inside the write's own transaction (design rule 4).

A session-level setting would leak to the next user of a pooled connection, so a wrapper around each write sets it
locally.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection, transaction

# Called only when something is written: naming the user would cost every request a query.
Actor = Callable[[], str]

_actor: ContextVar[Actor] = ContextVar("livedesk_actor", default=lambda: "")

WRITES = ("insert", "update", "delete", "truncate", "merge", "with")


@contextmanager
def acting_user(key: str | Actor) -> Iterator[None]:
    """Within this block, changes made through the default connection carry ``key`` as their actor.

    An empty key leaves the actor to PostgreSQL: the token's subject, else the role.
    """
    token = _actor.set(key if callable(key) else lambda: key)
    try:
        with connection.execute_wrapper(_announce):
            yield
    finally:
        _actor.reset(token)


def _announce(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    if not sql.lstrip()[:8].lower().startswith(WRITES):
        return execute(sql, params, many, context)
    actor = _actor.get()()
    if not actor:
        return execute(sql, params, many, context)
    with transaction.atomic(savepoint=False):
        cursor = context["connection"].connection.cursor()
        cursor.execute("select set_config('livedesk.actor', %s, true)", [actor])
        return execute(sql, params, many, context)
