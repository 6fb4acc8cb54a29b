"""Queries of PostgreSQL's catalogs that several sections share."""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.db import connection

from realtime.database.roles import API_ROLES
from realtime.database.tables import live_tables
from realtime.upstream.channel_manager import PROBE_TABLE


def followed_tables() -> list[str]:
    """The tables that Realtime is asked for: the live ones, and the probe's."""
    return [*live_tables(), PROBE_TABLE]


def our_tables() -> list[str]:
    """Every table that this project's migrations make, Django's own included."""
    models = [model for app in apps.get_app_configs() for model in app.get_models(include_auto_created=True)]
    return list(dict.fromkeys(["django_migrations", *(model._meta.db_table for model in models)]))


def oids_of(names: Iterable[str]) -> dict[str, int]:
    """The tables that exist, with their oids."""
    found = dict(
        rows(
            "select relname, oid from pg_class"
            " where relkind in ('r', 'p') and relnamespace = current_schema()::regnamespace and relname = any(%s)",
            list(names),
        )
    )
    return {name: found[name] for name in names if name in found}


def api_roles() -> list[str]:
    return [name for (name,) in rows("select rolname from pg_roles where rolname = any(%s)", list(API_ROLES))]


def everybody() -> str:
    return ", ".join(("public", *api_roles()))


def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def row(sql: str, *parameters: Any) -> tuple[Any, ...]:
    return rows(sql, *parameters)[0]


def value(sql: str, *parameters: Any) -> Any:
    return row(sql, *parameters)[0]
