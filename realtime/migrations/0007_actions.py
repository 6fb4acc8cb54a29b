from django.db import migrations, models

from realtime.database.engine_sql import FUNCTIONS_SQL
from realtime.database.schema import DatabaseSQL


class Migration(migrations.Migration):
    """The change log names what was done in one go (design rule 29)."""

    dependencies = [("realtime", "0006_quicker_fold")]

    operations = [
        DatabaseSQL(
            "alter table realtime_change add column if not exists action text;"
            "create index realtime_change_action on realtime_change (action, revision) where action is not null;",
            "drop index realtime_change_action",
        ),
        DatabaseSQL(FUNCTIONS_SQL, ""),
        migrations.AddField("RealtimeChange", "action", models.TextField(null=True)),
    ]
