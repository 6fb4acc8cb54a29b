from django.db import migrations

from realtime.database.engine_sql import FUNCTIONS_SQL
from realtime.database.schema import DatabaseSQL


class Migration(migrations.Migration):
    """In an adopted table, the app may keep `created_at` and `updated_at` by itself."""

    dependencies = [("realtime", "0010_personal_tables")]

    operations = [DatabaseSQL(FUNCTIONS_SQL, "")]
