"""The people of the app that a database was adopted from: names for ids that no account here has.

``settings.APP_PEOPLE`` names a table or view of the app with its columns for id and name.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Func, TextField


class AppName(Func):
    """The name that the app has for an id; NULL when it has none, or no such setting was made."""

    output_field = TextField()

    def as_sql(self, compiler: Any, connection: Any, **kwargs: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        (key,) = self.get_source_expressions()
        sql, parameters = compiler.compile(key)
        if settings.APP_PEOPLE is None:
            return "null::text", []
        table, id_column, name = _quoted()
        return f"(select {name}::text from {table} where {id_column} = {sql} limit 1)", parameters


def app_names(keys: Iterable[str]) -> dict[str, str]:
    """The names that the app has for these ids, which are UUIDs."""
    asked = list(keys)
    if settings.APP_PEOPLE is None or not asked:
        return {}
    table, id_column, name = _quoted()
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {id_column}::text, {name}::text from {table} where {id_column} = any(%s::uuid[])", [asked]
        )
        return {key: name for key, name in cursor.fetchall() if name}


def is_of_the_app(key: UUID) -> bool:
    """Whether the app knows somebody with this id; True where no setting says who its people are."""
    return settings.APP_PEOPLE is None or bool(app_names([str(key)]))


def _quoted() -> tuple[str, str, str]:
    assert settings.APP_PEOPLE is not None
    table, id_column, name = settings.APP_PEOPLE
    place = ".".join(connection.ops.quote_name(part) for part in table.split("."))
    return place, connection.ops.quote_name(id_column), connection.ops.quote_name(name)
