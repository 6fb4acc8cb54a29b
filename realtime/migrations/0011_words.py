from django.db import migrations, models

from realtime.database.engine_sql import FUNCTIONS_SQL, ROLES_SQL
from realtime.database.schema import DatabaseSQL
from realtime.database.triggers import DOORBELL, DOORBELL_TRIGGER

TELLING = f"""
create trigger realtime_log_words after insert or update or delete on realtime_word
    for each row execute function realtime_log_words();
create trigger {DOORBELL_TRIGGER} after insert or update or delete on realtime_word
    {DOORBELL} execute function realtime_ring();
"""


class Migration(migrations.Migration):
    """Words are the installation's own. And in an adopted table, the app may keep `created_at` and `updated_at`."""

    dependencies = [("realtime", "0010_personal_tables")]

    operations = [
        DatabaseSQL(FUNCTIONS_SQL + ROLES_SQL, ""),
        migrations.CreateModel(
            name="Word",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("table_name", models.TextField(editable=False, verbose_name="table")),
                ("column_name", models.TextField(editable=False, verbose_name="column")),
                ("value", models.TextField(editable=False)),
                ("label", models.CharField(max_length=80)),
                (
                    "position",
                    models.PositiveIntegerField(help_text="Lowest first. For a priority: from the least urgent on."),
                ),
                (
                    "colour",
                    models.CharField(
                        choices=[
                            ("grey", "Grey"),
                            ("blue", "Blue"),
                            ("amber", "Amber"),
                            ("green", "Green"),
                            ("red", "Red"),
                            ("violet", "Violet"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "is_open",
                    models.BooleanField(
                        default=False,
                        help_text="For a status: its tickets are still to be done.",
                        verbose_name="counts as open",
                    ),
                ),
            ],
            options={
                "verbose_name": "word",
                "db_table": "realtime_word",
                "ordering": ("table_name", "column_name", "position", "id"),
                "constraints": [
                    models.UniqueConstraint(fields=("table_name", "column_name", "value"), name="realtime_word_once")
                ],
            },
        ),
        DatabaseSQL(TELLING, ""),
    ]
