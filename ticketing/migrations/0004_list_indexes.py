from django.db import migrations

from realtime.database.list_indexes import by_text, searched_by, sorted_by


class Migration(migrations.Migration):
    """What lists are sorted, filtered and searched by."""

    dependencies = [("ticketing", "0003_last_word"), ("realtime", "0003_fold")]

    operations = [
        sorted_by("tickets", "tickets_by_title", by_text("title")),
        sorted_by("tickets", "tickets_by_update", "updated_at"),
        sorted_by("tickets", "tickets_of_a_person", "assigned_to", "created_at"),
        sorted_by("tickets", "tickets_of_a_customer", "customer_id", "created_at"),
        searched_by("tickets", "tickets_searched", "title", "description"),
    ]
