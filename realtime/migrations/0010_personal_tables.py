from django.db import migrations

from realtime.database.engine_sql import FUNCTIONS_SQL, ROLES_SQL
from realtime.database.schema import DatabaseSQL


class Migration(migrations.Migration):
    """The change log notes whose rows of a personal table changed."""

    dependencies = [("realtime", "0009_drafts")]

    operations = [DatabaseSQL(FUNCTIONS_SQL + ROLES_SQL, "")]
