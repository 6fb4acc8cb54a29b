import uuid

from django.db import migrations, models
from django.db.models.functions import Now

from realtime.database.engine_sql import DROP_ENGINE_SQL, ENGINE_SQL
from realtime.database.schema import DatabaseSQL, LiveTable


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        DatabaseSQL(ENGINE_SQL, DROP_ENGINE_SQL),
        migrations.CreateModel(
            name="RealtimeChange",
            fields=[
                ("revision", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("table_name", models.TextField()),
                (
                    "op",
                    models.TextField(
                        choices=[
                            ("INSERT", "Insert"),
                            ("UPDATE", "Update"),
                            ("DELETE", "Delete"),
                            ("TRUNCATE", "Truncate"),
                            ("RESET", "Reset"),
                        ]
                    ),
                ),
                ("row_key", models.UUIDField(null=True)),
                ("old", models.JSONField(null=True)),
                ("new", models.JSONField(null=True)),
                ("actor", models.TextField()),
            ],
            options={"db_table": "realtime_change", "ordering": ("-revision",), "managed": False},
        ),
        migrations.CreateModel(
            name="RealtimeWatermark",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("snapshot", models.TextField()),
                ("system_identifier", models.TextField()),
                ("timeline", models.TextField()),
                ("stored_at", models.DateTimeField(db_default=Now())),
            ],
            options={"db_table": "realtime_watermark"},
        ),
        migrations.CreateModel(
            name="RealtimeProbe",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("nonce", models.TextField()),
                ("written_at", models.DateTimeField(db_default=Now())),
            ],
            options={"db_table": "realtime_probe"},
        ),
        LiveTable("realtime_probe", logged=False),
    ]
