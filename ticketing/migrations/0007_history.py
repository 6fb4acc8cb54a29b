from django.db import migrations

from realtime.database.schema import DatabaseSQL


class Migration(migrations.Migration):
    """The history of a ticket has its comments and files, too; and a file is kept as long as the history has it."""

    dependencies = [("ticketing", "0006_search_everywhere"), ("realtime", "0008_history")]

    operations = [
        DatabaseSQL(
            "create index realtime_change_of_ticket on realtime_change"
            " (coalesce(new ->> 'ticket_id', old ->> 'ticket_id'), revision)"
            " where table_name in ('comments', 'attachments')",
            "drop index realtime_change_of_ticket",
        ),
        DatabaseSQL(
            "create index realtime_change_of_file on realtime_change ((old ->> 'file_url'))"
            " where table_name = 'attachments' and op = 'DELETE'",
            "drop index realtime_change_of_file",
        ),
    ]
