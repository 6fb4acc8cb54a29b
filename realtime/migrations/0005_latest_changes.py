from django.db import migrations

from realtime.database.schema import DatabaseSQL


class Migration(migrations.Migration):
    """The latest changes of some tables, behind however many of others."""

    dependencies = [("realtime", "0004_saved_views")]

    operations = [
        DatabaseSQL(
            "create index realtime_change_latest on realtime_change (table_name, (-revision))",
            "drop index realtime_change_latest",
        ),
    ]
