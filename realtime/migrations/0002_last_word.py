from django.db import migrations

from realtime.schema import FUNCTIONS_SQL, ROLES_SQL, DatabaseSQL


class Migration(migrations.Migration):
    """The trigger functions as they are today, where the first migration made earlier ones."""

    dependencies = [("realtime", "0001_initial")]

    operations = [DatabaseSQL(FUNCTIONS_SQL + ROLES_SQL, "")]
