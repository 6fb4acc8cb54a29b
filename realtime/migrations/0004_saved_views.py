import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import realtime.models


class Migration(migrations.Migration):
    """Saved views, the side bar's pins, and how people want their lists."""

    dependencies = [
        ("realtime", "0003_fold"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("listing", models.TextField(editable=False)),
                ("name", models.CharField(max_length=80)),
                ("query", models.TextField(blank=True, editable=False)),
                ("shared", models.BooleanField(default=False)),
                (
                    "owner",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=realtime.models.leave_what_is_shared,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "realtime_saved_view",
                "ordering": (django.db.models.functions.text.Lower("name"), "id"),
            },
        ),
        migrations.CreateModel(
            name="PinnedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "view",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="pins", to="realtime.savedview"
                    ),
                ),
            ],
            options={
                "db_table": "realtime_pinned_view",
                "ordering": ("at", "id"),
            },
        ),
        migrations.CreateModel(
            name="ListPreference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("listing", models.TextField()),
                (
                    "columns",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None),
                ),
                (
                    "hidden",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "default_view",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="realtime.savedview",
                    ),
                ),
            ],
            options={
                "db_table": "realtime_list_preference",
            },
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(
                models.F("owner"),
                models.F("listing"),
                django.db.models.functions.text.Lower("name"),
                name="realtime_saved_view_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.CheckConstraint(
                condition=models.Q(("shared", True), ("owner__isnull", False), _connector="OR"),
                name="realtime_saved_view_seen",
            ),
        ),
        migrations.AddConstraint(
            model_name="pinnedview",
            constraint=models.UniqueConstraint(fields=("user", "view"), name="realtime_pinned_once"),
        ),
        migrations.AddConstraint(
            model_name="listpreference",
            constraint=models.UniqueConstraint(fields=("user", "listing"), name="realtime_list_preference_once"),
        ),
    ]
