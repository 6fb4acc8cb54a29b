import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import realtime.database.schema
import realtime.keys


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("crm", "0002_customers_acquisitions_interactions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Ticket",
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
                ("title", models.CharField(max_length=500)),
                ("description", models.TextField(blank=True, db_default="", default="")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("pending", "Pending"),
                            ("resolved", "Resolved"),
                            ("closed", "Closed"),
                        ],
                        db_default="open",
                        default="open",
                        max_length=20,
                    ),
                ),
                (
                    "priority",
                    models.CharField(
                        choices=[("low", "Low"), ("normal", "Normal"), ("high", "High"), ("urgent", "Urgent")],
                        db_default="normal",
                        default="normal",
                        max_length=20,
                    ),
                ),
                ("assigned_to", models.UUIDField(blank=True, null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tickets",
                        to="crm.customer",
                    ),
                ),
            ],
            options={
                "db_table": "tickets",
                "ordering": ("-created_at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="Comment",
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
                ("author_id", models.UUIDField(blank=True, null=True)),
                ("content", models.TextField()),
                (
                    "ticket",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="comments", to="ticketing.ticket"
                    ),
                ),
            ],
            options={
                "db_table": "comments",
                "ordering": ("created_at", "id"),
            },
        ),
        migrations.CreateModel(
            name="Attachment",
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
                ("file_name", models.CharField(max_length=255)),
                ("file_url", models.CharField(max_length=2000)),
                ("file_type", models.CharField(blank=True, db_default="", default="", max_length=255)),
                ("file_size", models.BigIntegerField(db_default=0, default=0)),
                (
                    "comment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attachments",
                        to="ticketing.comment",
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="attachments", to="ticketing.ticket"
                    ),
                ),
            ],
            options={
                "db_table": "attachments",
                "ordering": ("created_at", "id"),
            },
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(fields=["-created_at", "-id"], name="tickets_newest_first"),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(fields=["status", "-created_at", "-id"], name="tickets_by_status"),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(("title__regex", "^\\s*$"), _negated=True), name="tickets_title_not_blank"
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["open", "pending", "resolved", "closed"])),
                name="tickets_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(("priority__in", ["low", "normal", "high", "urgent"])), name="tickets_priority_known"
            ),
        ),
        migrations.AddIndex(
            model_name="comment",
            index=models.Index(fields=["ticket", "created_at", "id"], name="comments_of_a_ticket"),
        ),
        migrations.AddConstraint(
            model_name="comment",
            constraint=models.CheckConstraint(
                condition=models.Q(("content__regex", "^\\s*$"), _negated=True), name="comments_content_not_blank"
            ),
        ),
        migrations.AddIndex(
            model_name="attachment",
            index=models.Index(fields=["ticket", "created_at", "id"], name="attachments_of_a_ticket"),
        ),
        migrations.AddConstraint(
            model_name="attachment",
            constraint=models.CheckConstraint(
                condition=models.Q(("file_size__gte", 0)), name="attachments_size_not_negative"
            ),
        ),
        realtime.database.schema.LiveTable("tickets"),
        realtime.database.schema.LiveTable("comments"),
        realtime.database.schema.LiveTable("attachments"),
    ]
