from django.db import migrations

from realtime.database.schema import DatabaseSQL
from realtime.live.log_pages import ORIGIN

# What the history can be filtered by. In the order that its pages have: by the number's negative, like the latest.
INDEXES = {
    "realtime_change_actor": "(actor, (-revision))",
    "realtime_change_origin": f"({ORIGIN}, (-revision))",
    "realtime_change_at": "(at)",
}


class Migration(migrations.Migration):
    """The history is read by person, by origin and by day."""

    dependencies = [("realtime", "0007_actions")]

    operations = [
        DatabaseSQL(f"create index {name} on realtime_change {columns}", f"drop index {name}")
        for name, columns in INDEXES.items()
    ]
