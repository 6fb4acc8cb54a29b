from django.db import migrations, models

from realtime.database.engine_sql import FUNCTIONS_SQL, ROLES_SQL
from realtime.database.schema import DatabaseSQL


class Migration(migrations.Migration):
    """The change log names rows by their keys as text: they are UUIDs or numbers."""

    dependencies = [("realtime", "0012_row_limits")]

    operations = [
        DatabaseSQL(FUNCTIONS_SQL + ROLES_SQL, ""),
        migrations.AlterField("RealtimeChange", "row_key", models.TextField(null=True)),
    ]
