"""Connections of the local server: one reads the slot, one asks the catalogue."""

from typing import Any

import psycopg

# The text of values depends on these; databases and roles may carry other defaults.
SESSION_SETTINGS = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


async def connect(url: str, purpose: str) -> Connection:
    connection = await psycopg.AsyncConnection.connect(
        url, autocommit=True, connect_timeout=5, application_name=f"realtime_server {purpose}", client_encoding="utf8"
    )
    for name, value in SESSION_SETTINGS.items():
        await connection.execute("select set_config(%s, %s, false)", (name, value))
    return connection
