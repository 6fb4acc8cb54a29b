from django.db import migrations

from realtime.database.list_indexes import RankIndex
from realtime.database.schema import OwnWords

STATUS = (
    ("open", "Open", "blue", True),
    ("pending", "Pending", "amber", True),
    ("resolved", "Resolved", "green", False),
    ("closed", "Closed", "grey", False),
)
PRIORITY = (
    ("low", "Low", "grey", False),
    ("normal", "Normal", "grey", False),
    ("high", "High", "amber", False),
    ("urgent", "Urgent", "red", False),
)


class Migration(migrations.Migration):
    """The words of status and priority are in a table, and tickets are sorted by their place there."""

    dependencies = [("ticketing", "0010_notifications"), ("realtime", "0011_words")]

    operations = [
        OwnWords("tickets", "status", STATUS),
        OwnWords("tickets", "priority", PRIORITY),
        RankIndex("tickets", "tickets_by_progress", "status", tuple(word for word, *_ in STATUS)),
        RankIndex("tickets", "tickets_by_urgency", "priority", tuple(word for word, *_ in PRIORITY)),
    ]
