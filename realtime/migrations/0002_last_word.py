from django.db import migrations

from realtime.database.engine_sql import FUNCTIONS_SQL, ROLES_SQL
from realtime.database.schema import DatabaseSQL


class Migration(migrations.Migration):
    """The trigger functions as they are today, where the first migration made earlier ones."""

    dependencies = [("realtime", "0001_initial")]

    operations = [DatabaseSQL(FUNCTIONS_SQL + ROLES_SQL, "")]
