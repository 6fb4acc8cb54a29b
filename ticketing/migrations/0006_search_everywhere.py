from django.db import migrations

from realtime.database.list_indexes import searched_by


class Migration(migrations.Migration):
    """What the search through everything needs of the tables without a list of their own."""

    dependencies = [("ticketing", "0005_dashboard_indexes")]

    operations = [
        searched_by("comments", "comments_searched", "content"),
        searched_by("attachments", "attachments_searched", "file_name"),
    ]
