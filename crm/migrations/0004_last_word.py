from django.db import migrations

from realtime.database.schema import RenewedTriggers


class Migration(migrations.Migration):
    """The stamp fires behind other clients' triggers, and the log names the table that is subscribed to."""

    dependencies = [("crm", "0003_interactions_time_readable"), ("realtime", "0002_last_word")]

    operations = [RenewedTriggers("products", "customers", "acquisitions", "interactions")]
