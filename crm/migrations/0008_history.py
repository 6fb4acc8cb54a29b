from django.db import migrations

from realtime.database.schema import DatabaseSQL


class Migration(migrations.Migration):
    """The history of a customer or product has what hangs on it, too."""

    dependencies = [("crm", "0007_file_imports"), ("realtime", "0008_history")]

    operations = [
        DatabaseSQL(
            "create index realtime_change_of_customer on realtime_change"
            " (coalesce(new ->> 'customer_id', old ->> 'customer_id'), revision)"
            " where table_name in ('acquisitions', 'interactions', 'tickets')",
            "drop index realtime_change_of_customer",
        ),
        DatabaseSQL(
            "create index realtime_change_of_product on realtime_change"
            " (coalesce(new ->> 'product_id', old ->> 'product_id'), revision) where table_name = 'acquisitions'",
            "drop index realtime_change_of_product",
        ),
    ]
