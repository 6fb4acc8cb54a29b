import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from realtime.database.schema import DatabaseSQL, PersonalTable

# Whatever is gone takes along what was told of it, whoever deletes it; Django would do so in Python only.
GOES_WITH = """
alter table ticketing_notification
    add constraint ticketing_notification_person foreign key (person_id)
        references accounts_user (id) on delete cascade deferrable initially deferred,
    add constraint ticketing_notification_ticket foreign key (ticket_id)
        references tickets (id) on delete cascade deferrable initially deferred,
    add constraint ticketing_notification_comment foreign key (comment_id)
        references comments (id) on delete cascade deferrable initially deferred;
"""


class Migration(migrations.Migration):
    """What people are told of, and what they don't want to be told of."""

    dependencies = [
        ("ticketing", "0009_merges_end"),
        ("realtime", "0010_personal_tables"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.TextField(
                        choices=[("mention", "Mentions"), ("assigned", "Assigned to me"), ("reply", "Replies")]
                    ),
                ),
                ("cause", models.BigIntegerField()),
                ("actor", models.TextField()),
                ("at", models.DateTimeField()),
                ("read_at", models.DateTimeField(null=True)),
                (
                    "comment",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ticketing.comment",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ticketing.ticket",
                    ),
                ),
            ],
            options={
                "db_table": "ticketing_notification",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(fields=["person", "-id"], name="notifications_of_a_person"),
                    models.Index(condition=models.Q(("read_at", None)), fields=["person"], name="notifications_unread"),
                    models.Index(fields=["at"], name="notifications_by_age"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("person", "cause"), name="ticketing_notification_once"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["mention", "assigned", "reply"])),
                        name="ticketing_notification_kind_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="NotificationChoice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.TextField(
                        choices=[("mention", "Mentions"), ("assigned", "Assigned to me"), ("reply", "Replies")]
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "ticketing_notification_choice",
                "constraints": [
                    models.UniqueConstraint(fields=("person", "kind"), name="ticketing_notification_choice_once")
                ],
            },
        ),
        DatabaseSQL(GOES_WITH, ""),
        PersonalTable("ticketing_notification", "person_id"),
    ]
