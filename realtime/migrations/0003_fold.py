from django.db import migrations

from realtime.database.fold import DROP_FOLD_SQL, FOLD_SQL
from realtime.database.schema import DatabaseSQL


class Migration(migrations.Migration):
    """Search without case and accents."""

    dependencies = [("realtime", "0002_last_word")]

    operations = [DatabaseSQL(FOLD_SQL, DROP_FOLD_SQL)]
