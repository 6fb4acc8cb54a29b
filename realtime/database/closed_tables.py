"""Keeps our tables out of reach of Supabase's API."""

from typing import Any

from django.apps import AppConfig
from django.db import connections

from realtime.database.adopted import adopted_tables
from realtime.database.roles import API_ROLES


def close_tables_to_the_api(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Makes every table of ``sender`` unreachable through Supabase's API (design rule 17).

    Supabase grants its API roles every new table in ``public`` and serves it over HTTP: users, sessions and the
    change log too. Row level security without a policy closes them, and so does revoking the grants. Live tables
    keep the grants their owner gave them, and adopted ones are their owner's altogether.
    """
    adopted = adopted_tables(using)
    models = sender.get_models(include_auto_created=True)
    names = {"django_migrations", *(model._meta.db_table for model in models)} - adopted.keys()
    with connections[using].cursor() as cursor:
        cursor.execute("select rolname from pg_roles where rolname = any(%s)", [list(API_ROLES)])
        roles = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            "select quote_ident(relname), relrowsecurity,"
            "       exists (select from pg_trigger where tgrelid = pg_class.oid and tgname = 'realtime_log')"
            " from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace"
            " and relname = any(%s)",
            [list(names)],
        )
        for table, secured, live in cursor.fetchall():
            if not secured:
                cursor.execute(f"alter table {table} enable row level security")
            if not live:
                for role in roles:
                    cursor.execute(f"revoke all on {table} from {role}")
