from django.db import migrations

from realtime.database.schema import DatabaseSQL

TABLES = ("accounts_user", "accounts_user_groups", "accounts_user_user_permissions", "auth_group_permissions")
ENABLE = """
alter table {table} enable always trigger realtime_log_related;
alter table {table} enable always trigger realtime_doorbell;
"""


class Migration(migrations.Migration):
    """Changes of people and rights are noted whatever session_replication_role says, as those of live tables are."""

    dependencies = [("accounts", "0002_related")]

    operations = [DatabaseSQL("".join(ENABLE.format(table=table) for table in TABLES), "")]
