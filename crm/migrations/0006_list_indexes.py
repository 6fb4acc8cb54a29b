from django.db import migrations

from realtime.database.list_indexes import by_text, searched_by, sorted_by


class Migration(migrations.Migration):
    """What lists are sorted, filtered and searched by."""

    dependencies = [("crm", "0005_amounts_are_numbers"), ("realtime", "0003_fold")]

    operations = [
        sorted_by("products", "products_by_name", by_text("name")),
        sorted_by("products", "products_by_price", "price"),
        sorted_by("products", "products_by_update", "updated_at"),
        searched_by("products", "products_searched", "name", "description"),
        sorted_by("customers", "customers_by_name", by_text("name")),
        sorted_by("customers", "customers_by_email", by_text("email")),
        sorted_by("customers", "customers_by_phone", by_text("phone")),
        sorted_by("customers", "customers_by_update", "updated_at"),
        searched_by("customers", "customers_searched", "name", "email", "phone"),
        sorted_by("acquisitions", "acquisitions_by_quantity", "quantity"),
        sorted_by("acquisitions", "acquisitions_by_total", "total_amount"),
        sorted_by("acquisitions", "acquisitions_by_update", "updated_at"),
        sorted_by("acquisitions", "acquisitions_of_a_customer", "customer_id", "created_at"),
        sorted_by("acquisitions", "acquisitions_of_a_product", "product_id", "created_at"),
        sorted_by("interactions", "interactions_by_creation", "created_at"),
        sorted_by("interactions", "interactions_by_update", "updated_at"),
        sorted_by("interactions", "interactions_of_a_customer", "customer_id", "interaction_at"),
        searched_by("interactions", "interactions_searched", "notes"),
    ]
