"""Keeps our tables out of reach of Supabase's API."""

from typing import Any

from django.apps import AppConfig
from django.db import connections

from realtime.database.adopted import adopted_tables
from realtime.database.roles import API_ROLES
from realtime.database.tables import live_tables

# Each table, whether it has row level security, whether it is live or about to be, and the roles that may do anything.
_OPEN = """
select quote_ident(relname), relrowsecurity,
       relname = any(%s)
       or exists (select from pg_trigger where tgrelid = pg_class.oid and tgname = 'realtime_log'),
       array(select rolname::text from pg_roles where rolname = any(%s) and (
           exists (select from aclexplode(relacl) where grantee = pg_roles.oid)
           or has_any_column_privilege(pg_roles.oid, pg_class.oid, 'select, insert, update, references')))
from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace and relname = any(%s)
"""


def close_tables_to_the_api(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Makes every table of ``sender`` unreachable through Supabase's API (design rule 17).

    Supabase grants its API roles every new table in ``public`` and serves it over HTTP: users, sessions and the
    change log too. Row level security without a policy closes them, and so does revoking the grants. Live tables
    keep the grants their owner gave them, and adopted ones are their owner's altogether.

    An adoption does so in each step that makes a table (``adopting/plan.py``): until its end, they would be open.
    """
    adopted = adopted_tables(using)
    models = sender.get_models(include_auto_created=True)
    names = {"django_migrations", *(model._meta.db_table for model in models)} - adopted.keys()
    with connections[using].cursor() as cursor:
        cursor.execute(_OPEN, [list(live_tables()), list(API_ROLES), list(names)])
        for table, secured, live, roles in cursor.fetchall():
            if not secured:
                cursor.execute(f"alter table {table} enable row level security")
            for role in () if live else roles:
                cursor.execute(f"revoke all on {table} from {role}")
