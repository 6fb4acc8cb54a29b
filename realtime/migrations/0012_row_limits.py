import django.db.models.deletion
from django.db import migrations, models

import realtime.models


class Migration(migrations.Migration):
    """Groups may be limited to some rows of a kind."""

    dependencies = [("auth", "0012_alter_user_first_name_max_length"), ("realtime", "0011_words")]

    operations = [
        migrations.CreateModel(
            name="RowLimit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("scope", models.TextField(choices=realtime.models.scope_choices, verbose_name="sees")),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="row_limits", to="auth.group"
                    ),
                ),
            ],
            options={
                "verbose_name": "limit",
                "verbose_name_plural": "which rows it sees (without a limit: all)",
                "db_table": "realtime_row_limit",
                "ordering": ("scope",),
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("group", "scope"), name="realtime_row_limit_once")],
            },
        ),
    ]
