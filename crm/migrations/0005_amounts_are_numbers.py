from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    """For new writes: a table may hold a NaN already, and must be migrated all the same."""

    dependencies = [("crm", "0004_last_word")]

    operations = [
        AddConstraintNotValid(
            "product", models.CheckConstraint(condition=models.Q(("price__lt", 10**10)), name="products_price_a_number")
        ),
        AddConstraintNotValid(
            "acquisition",
            models.CheckConstraint(
                condition=models.Q(("total_amount__lt", 10**12)), name="acquisitions_total_a_number"
            ),
        ),
    ]
