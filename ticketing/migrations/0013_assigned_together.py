from django.db import migrations, models


class Migration(migrations.Migration):
    """Who gets many tickets at once is told once."""

    dependencies = [("ticketing", "0012_indexes_of_any_words")]

    operations = [
        migrations.AddField("notification", "action", models.TextField(blank=True, default="", db_default="")),
        migrations.AddField("notification", "others", models.PositiveIntegerField(default=0, db_default=0)),
        migrations.AddConstraint(
            "notification",
            models.UniqueConstraint(
                condition=models.Q(("action", ""), _negated=True),
                fields=("person", "action"),
                name="ticketing_notification_action_once",
            ),
        ),
    ]
