from django.db import migrations

from realtime.database.schema import DatabaseSQL


class Migration(migrations.Migration):
    """What the dashboard is read by."""

    dependencies = [("ticketing", "0004_list_indexes")]

    operations = [
        DatabaseSQL(
            "create index tickets_unsolved on tickets (status, priority, created_at, assigned_to)"
            " where status in ('open', 'pending')",
            "drop index tickets_unsolved",
            of=("tickets",),
        ),
        DatabaseSQL(
            "create index realtime_change_solved on realtime_change (at) where table_name = 'tickets'"
            " and op = 'UPDATE' and old ->> 'status' in ('open', 'pending')"
            " and new ->> 'status' in ('resolved', 'closed')",
            "drop index realtime_change_solved",
        ),
    ]
