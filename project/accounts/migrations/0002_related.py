from django.db import migrations

from realtime.database.schema import RelatedTable


class Migration(migrations.Migration):
    """Lists show names of people, and rights decide what is shown: pages hear when either changes."""

    dependencies = [
        ("accounts", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("realtime", "0001_initial"),
    ]

    operations = [
        RelatedTable(
            "accounts_user",
            columns=("username", "first_name", "last_name", "is_active", "is_superuser", "password"),
        ),
        RelatedTable("accounts_user_groups"),
        RelatedTable("accounts_user_user_permissions"),
        RelatedTable("auth_group_permissions"),
    ]
