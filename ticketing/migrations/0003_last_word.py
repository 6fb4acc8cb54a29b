from django.db import migrations

from realtime.database.schema import RenewedTriggers


class Migration(migrations.Migration):
    """The stamp fires behind other clients' triggers, and the log names the table that is subscribed to."""

    dependencies = [("ticketing", "0002_cascade"), ("realtime", "0002_last_word")]

    operations = [RenewedTriggers("tickets", "comments", "attachments")]
