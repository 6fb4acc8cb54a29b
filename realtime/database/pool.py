"""A web process's connections: requests share a pool of limited size, and none waits long for anybody's lock.

Only ``project/asgi.py`` asks for it: a command or a worker has connections of its own (``thread.py``).
"""

from typing import Any, Self
from weakref import WeakSet

import psycopg
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

# How long a request waits for a connection when all are in use.
PATIENCE_SECONDS = 5.0
# A connection idle for this long is closed.
IDLE_SECONDS = 60.0
LOCK_TIMEOUT = "5s"

_limited: "WeakSet[psycopg.Connection[Any]]" = WeakSet()


class PooledConnection(psycopg.Connection[Any]):
    """Remembers why PostgreSQL refused a connection; the pool itself only says that it has waited in vain."""

    refusal: psycopg.Error | None = None

    @classmethod
    def connect(cls, conninfo: str = "", **parameters: Any) -> Self:
        try:
            connection = super().connect(conninfo, **parameters)
        except psycopg.Error as error:
            PooledConnection.refusal = error
            raise
        PooledConnection.refusal = None
        return connection


def share_connections(size: int) -> None:
    """With ``size`` 0, each request has its own connection, for as long as the request lasts."""
    if size:
        connections.settings["default"]["OPTIONS"]["pool"] = {
            "min_size": 0,
            "max_size": size,
            "timeout": PATIENCE_SECONDS,
            "max_idle": IDLE_SECONDS,
            # Not the default five minutes, during which the pauses grow: the pool returns soon after PostgreSQL does.
            "reconnect_timeout": PATIENCE_SECONDS,
            "connection_class": PooledConnection,
        }
    # Behind a pooler in transaction mode the next transaction may be on another session.
    if not settings.DATABASE_TRANSACTION_POOLER:
        connection_created.connect(_limit_waiting)


def give_back() -> None:
    """Returns this thread's connection to the pool, or closes it, before long work that doesn't need it."""
    for connection in connections.all(initialized_only=True):
        # Tests run requests inside a transaction of their own.
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def _limit_waiting(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Limits each session once, though the signal comes whenever one is taken from the pool."""
    has_own_settings = connection.settings_dict is not connections.settings[connection.alias]
    session = connection.connection
    if has_own_settings or session in _limited:
        return
    with connection.cursor() as cursor:
        cursor.execute(f"set lock_timeout = '{LOCK_TIMEOUT}'")
    _limited.add(session)
