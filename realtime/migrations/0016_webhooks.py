import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    """Webhooks with their outbox, and what the worker could not read."""

    dependencies = [
        ("realtime", "0015_bulks"),
    ]

    operations = [
        migrations.CreateModel(
            name="UnusableEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("source", models.TextField()),
                ("table_name", models.TextField(blank=True, verbose_name="table")),
                ("reason", models.TextField()),
                ("content", models.TextField(blank=True)),
            ],
            options={
                "db_table": "realtime_unusable_event",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=80, unique=True)),
                ("address", models.CharField(max_length=2000)),
                ("is_on", models.BooleanField(default=True, verbose_name="on")),
                ("tables", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ("operations", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ("secret", models.TextField(editable=False)),
                ("old_secret", models.TextField(blank=True, editable=False)),
                ("old_secret_until", models.DateTimeField(editable=False, null=True)),
                ("off_because", models.TextField(blank=True, editable=False)),
                ("since", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                "db_table": "realtime_webhook",
                "ordering": (django.db.models.functions.text.Lower("name"), "id"),
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("message", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("revision", models.BigIntegerField(null=True)),
                ("table_name", models.TextField(blank=True, verbose_name="table")),
                ("operation", models.TextField()),
                ("row_key", models.TextField(blank=True, verbose_name="row")),
                ("body", models.TextField()),
                (
                    "state",
                    models.TextField(
                        choices=[("waiting", "Waiting"), ("delivered", "Delivered"), ("failed", "Failed")],
                        default="waiting",
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                (
                    "next_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), null=True, verbose_name="next attempt"
                    ),
                ),
                ("answer", models.PositiveIntegerField(null=True, verbose_name="answered")),
                ("problem", models.TextField(blank=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="since"),
                ),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
                (
                    "webhook",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="realtime.webhook"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "webhook deliveries",
                "db_table": "realtime_webhook_delivery",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["webhook", "id"],
                        name="realtime_delivery_waiting",
                    ),
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["webhook", "table_name", "row_key", "id"],
                        name="realtime_delivery_of_a_row",
                    ),
                    models.Index(fields=["created_at"], name="realtime_delivery_age"),
                ],
                "constraints": [models.UniqueConstraint(fields=("webhook", "revision"), name="realtime_delivery_once")],
            },
        ),
    ]
