import django.core.validators
import django.db.models.functions.datetime
from django.db import migrations, models

import realtime.database.schema
import realtime.keys


class Migration(migrations.Migration):
    initial = True

    dependencies = [("realtime", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Product",
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
                ("description", models.TextField(blank=True, db_default="", default="")),
                (
                    "price",
                    models.DecimalField(
                        db_default=0,
                        decimal_places=2,
                        default=0,
                        max_digits=12,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
            ],
            options={
                "db_table": "products",
                "ordering": ("-created_at", "-id"),
                "indexes": [models.Index(fields=["-created_at", "-id"], name="products_newest_first")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("price__gte", 0)), name="products_price_not_negative"),
                    models.CheckConstraint(
                        condition=models.Q(("name__regex", "^\\s*$"), _negated=True), name="products_name_not_blank"
                    ),
                ],
            },
        ),
        realtime.database.schema.LiveTable("products"),
    ]
