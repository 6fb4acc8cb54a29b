import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns may be hidden from groups."""

    dependencies = [("auth", "0012_alter_user_first_name_max_length"), ("realtime", "0013_text_keys")]

    operations = [
        migrations.CreateModel(
            name="ColumnLimit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("column", models.TextField(verbose_name="doesn’t see")),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="column_limits", to="auth.group"
                    ),
                ),
            ],
            options={
                "verbose_name": "hidden column",
                "verbose_name_plural": "which columns it doesn’t see",
                "db_table": "realtime_column_limit",
                "ordering": ("column",),
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("group", "column"), name="realtime_column_limit_once")],
            },
        ),
    ]
