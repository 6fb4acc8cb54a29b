import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.datetime
from django.db import migrations, models

import realtime.database.schema
import realtime.keys


class Migration(migrations.Migration):
    """A ticket can be merged into another one, and linked with others."""

    dependencies = [("ticketing", "0007_history")]

    operations = [
        migrations.AddField(
            model_name="ticket",
            name="merged_into",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="merged",
                to="ticketing.ticket",
            ),
        ),
        migrations.AddField(
            model_name="comment",
            name="merged_from",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="ticketing.ticket",
            ),
        ),
        migrations.AddField(
            model_name="attachment",
            name="merged_from",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="ticketing.ticket",
            ),
        ),
        migrations.CreateModel(
            name="TicketLink",
            fields=[
                ("id", realtime.keys.LiveKey(primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("revision", models.BigIntegerField(db_default=0, editable=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("related", "Related"), ("duplicate", "Duplicate of")],
                        db_default="related",
                        default="related",
                        max_length=20,
                    ),
                ),
                ("created_by", models.UUIDField(blank=True, null=True)),
                (
                    "other",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="linked_by",
                        to="ticketing.ticket",
                        verbose_name="linked ticket",
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="links", to="ticketing.ticket"
                    ),
                ),
            ],
            options={
                "verbose_name": "link",
                "db_table": "ticket_links",
                "ordering": ("created_at", "id"),
            },
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(("merged_into", models.F("id")), _negated=True), name="tickets_merged_elsewhere"
            ),
        ),
        migrations.AddConstraint(
            model_name="ticketlink",
            constraint=models.CheckConstraint(
                condition=models.Q(("ticket", models.F("other")), _negated=True), name="ticket_links_two_tickets"
            ),
        ),
        migrations.AddConstraint(
            model_name="ticketlink",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["related", "duplicate"])), name="ticket_links_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="ticketlink",
            constraint=models.UniqueConstraint(
                django.db.models.functions.comparison.Least("ticket", "other"),
                django.db.models.functions.comparison.Greatest("ticket", "other"),
                name="ticket_links_one_a_pair",
            ),
        ),
        realtime.database.schema.LiveTable("ticket_links"),
    ]
