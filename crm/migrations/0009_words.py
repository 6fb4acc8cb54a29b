from django.db import migrations

from realtime.database.schema import OwnWords

TYPE = (
    ("call", "Call", "grey", False),
    ("email", "Email", "grey", False),
    ("meeting", "Meeting", "grey", False),
    ("note", "Note", "grey", False),
)


class Migration(migrations.Migration):
    """The words of an interaction's type are in a table."""

    dependencies = [("crm", "0008_history"), ("realtime", "0011_words")]

    operations = [OwnWords("interactions", "type", TYPE)]
