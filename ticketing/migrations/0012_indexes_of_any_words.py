from django.db import migrations

from realtime.database.schema import DatabaseSQL


class Migration(migrations.Migration):
    """What the dashboard is read by names no words: which of them count as open is the installation's to say."""

    dependencies = [("ticketing", "0011_words")]

    operations = [
        DatabaseSQL(
            "drop index if exists tickets_unsolved;"
            " create index tickets_counted on tickets (status, priority, created_at, assigned_to)",
            "drop index tickets_counted;"
            " create index tickets_unsolved on tickets (status, priority, created_at, assigned_to)"
            " where status in ('open', 'pending')",
            of=("tickets",),
        ),
        DatabaseSQL(
            "drop index if exists realtime_change_solved;"
            " create index realtime_change_of_status on realtime_change (at) where table_name = 'tickets'"
            " and op = 'UPDATE' and (old ->> 'status') is distinct from (new ->> 'status')",
            "drop index realtime_change_of_status;"
            " create index realtime_change_solved on realtime_change (at) where table_name = 'tickets'"
            " and op = 'UPDATE' and old ->> 'status' in ('open', 'pending')"
            " and new ->> 'status' in ('resolved', 'closed')",
        ),
    ]
