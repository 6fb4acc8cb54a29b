import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

import realtime.database.schema
import realtime.keys


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Customer",
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
                ("name", models.CharField(max_length=500)),
                ("email", models.EmailField(blank=True, db_default="", default="", max_length=320)),
                ("phone", models.CharField(blank=True, db_default="", default="", max_length=50)),
            ],
            options={
                "db_table": "customers",
                "ordering": ("-created_at", "-id"),
                "indexes": [models.Index(fields=["-created_at", "-id"], name="customers_newest_first")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("name__regex", "^\\s*$"), _negated=True), name="customers_name_not_blank"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Acquisition",
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
                    "quantity",
                    models.PositiveIntegerField(
                        db_default=1, default=1, validators=[django.core.validators.MinValueValidator(1)]
                    ),
                ),
                (
                    "total_amount",
                    models.DecimalField(
                        db_default=0,
                        decimal_places=2,
                        default=0,
                        max_digits=14,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="acquisitions", to="crm.product"
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="acquisitions", to="crm.customer"
                    ),
                ),
            ],
            options={
                "db_table": "acquisitions",
                "ordering": ("-created_at", "-id"),
                "indexes": [models.Index(fields=["-created_at", "-id"], name="acquisitions_newest_first")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gte", 1)), name="acquisitions_quantity_at_least_one"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("total_amount__gte", 0)), name="acquisitions_total_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Interaction",
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
                    "type",
                    models.CharField(
                        choices=[("call", "Call"), ("email", "Email"), ("meeting", "Meeting"), ("note", "Note")],
                        db_default="note",
                        default="note",
                        max_length=20,
                    ),
                ),
                ("notes", models.TextField(blank=True, db_default="", default="")),
                (
                    "interaction_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="interactions", to="crm.customer"
                    ),
                ),
            ],
            options={
                "db_table": "interactions",
                "ordering": ("-interaction_at", "-id"),
                "indexes": [models.Index(fields=["-interaction_at", "-id"], name="interactions_newest_first")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("type__in", ["call", "email", "meeting", "note"])),
                        name="interactions_type_known",
                    )
                ],
            },
        ),
        realtime.database.schema.LiveTable("customers"),
        realtime.database.schema.LiveTable("acquisitions"),
        realtime.database.schema.LiveTable("interactions"),
    ]
