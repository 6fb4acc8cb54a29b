import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from realtime.database.schema import PersonalTable


class Migration(migrations.Migration):
    """What people do to many rows at once, and what became of each row."""

    dependencies = [
        ("realtime", "0014_column_limits"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Bulk",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("listing", models.TextField()),
                (
                    "verb",
                    models.TextField(
                        choices=[("change", "Change"), ("delete", "Delete"), ("merge", "Merge"), ("undo", "Undo")]
                    ),
                ),
                (
                    "fields",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None),
                ),
                ("sent", models.JSONField(default=dict)),
                ("told", models.TextField(blank=True)),
                ("undoes", models.TextField(blank=True)),
                (
                    "state",
                    models.TextField(
                        choices=[("running", "Running"), ("stopped", "Stopped"), ("done", "Done")], default="running"
                    ),
                ),
                ("total", models.IntegerField(default=0)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("touched_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "realtime_bulk",
                "ordering": ("-created_at", "id"),
            },
        ),
        migrations.CreateModel(
            name="BulkRow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("row_key", models.TextField()),
                ("revision", models.BigIntegerField()),
                (
                    "outcome",
                    models.TextField(
                        blank=True,
                        choices=[
                            ("", "Waiting"),
                            ("changed", "Changed"),
                            ("same", "Same"),
                            ("conflict", "Conflict"),
                            ("forbidden", "Forbidden"),
                            ("refused", "Refused"),
                            ("gone", "Gone"),
                            ("failed", "Failed"),
                        ],
                        default="",
                    ),
                ),
                ("note", models.TextField(blank=True)),
                (
                    "bulk",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rows",
                        to="realtime.bulk",
                    ),
                ),
            ],
            options={
                "db_table": "realtime_bulk_row",
                "ordering": ("id",),
            },
        ),
        migrations.AddIndex(
            model_name="bulk",
            index=models.Index(condition=models.Q(("state", "running")), fields=["touched_at"], name="bulks_running"),
        ),
        migrations.AddIndex(
            model_name="bulk",
            index=models.Index(fields=["created_at"], name="bulks_by_age"),
        ),
        migrations.AddIndex(
            model_name="bulkrow",
            index=models.Index(fields=["bulk", "outcome", "id"], name="bulk_rows_by_outcome"),
        ),
        migrations.AddConstraint(
            model_name="bulkrow",
            constraint=models.UniqueConstraint(fields=("bulk", "row_key"), name="realtime_bulk_row_once"),
        ),
        PersonalTable("realtime_bulk", "person_id"),
    ]
