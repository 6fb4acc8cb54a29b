import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Writes that browsers have named with a key, so that each is done once."""

    dependencies = [
        ("realtime", "0016_webhooks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="KeyedWrite",
            fields=[
                ("key", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("address", models.TextField()),
                ("request", models.UUIDField()),
                ("answer", models.JSONField(default=dict)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "realtime_keyed_write",
                "indexes": [models.Index(fields=["at"], name="realtime_keyed_write_at")],
            },
        ),
    ]
