import datetime

import django.core.validators
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0002_customers_acquisitions_interactions"),
    ]

    operations = [
        migrations.AlterField(
            model_name="interaction",
            name="interaction_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                default=django.utils.timezone.now,
                validators=[
                    django.core.validators.MinValueValidator(datetime.datetime(1000, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                    django.core.validators.MaxValueValidator(datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                ],
            ),
        ),
        migrations.AddConstraint(
            model_name="interaction",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("interaction_at__gte", datetime.datetime(1000, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                    ("interaction_at__lte", datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                ),
                name="interactions_time_readable",
            ),
        ),
    ]
