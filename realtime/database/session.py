"""A connection that is its own session: what PostgreSQL ties to a session (LISTEN, an advisory lock) ends with it."""

from collections.abc import Mapping
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

CONNECT_SECONDS = 5
# What Django adds for its own cursors.
_DJANGOS = ("context", "cursor_factory", "prepare_threshold", "server_side_binding")


class NoSessions(Exception):
    """DATABASE_URL can't give sessions; the text says why."""


async def open_session(options: Mapping[str, str]) -> "psycopg.AsyncConnection[Any]":
    """Connects to Django's database in autocommit mode, with these settings applied.

    Raises ``NoSessions`` behind a pooler in transaction mode, and psycopg's own errors.
    """
    if settings.DATABASE_TRANSACTION_POOLER:
        raise NoSessions("DATABASE_URL is a pooler in transaction mode")
    parameters = {name: value for name, value in connection.get_connection_params().items() if name not in _DJANGOS}
    session = await psycopg.AsyncConnection.connect(
        **parameters | {"connect_timeout": CONNECT_SECONDS, "autocommit": True}
    )
    try:
        for name, value in options.items():
            await session.execute("select set_config(%s, %s, false)", [name, value])
    except BaseException:
        await session.close()
        raise
    return session
