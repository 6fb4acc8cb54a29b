import django.db.models.functions.datetime
from django.db import migrations, models

import realtime.database.schema
import realtime.keys


class Migration(migrations.Migration):
    initial = True

    dependencies = [("realtime", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Supplier",
            fields=[
                ("id", realtime.keys.LiveKey(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("revision", models.BigIntegerField(db_default=0, editable=False)),
                ("name", models.CharField(max_length=200)),
            ],
            options={
                "db_table": "suppliers",
                "ordering": ("name", "id"),
            },
        ),
        realtime.database.schema.LiveTable("suppliers"),
    ]
