"""The server, its settings, and our migrations."""

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from realtime.operating.check.catalog import oids_of, our_tables, row, value
from realtime.operating.check.report import MIGRATE, Section

OLDEST_VERSION = 15


def check_server() -> Section:
    section = Section("The PostgreSQL server")
    version, level = row("select current_setting('server_version_num')::int / 10000, current_setting('wal_level')")
    section.require(
        version >= OLDEST_VERSION,
        f"PostgreSQL {version}; {OLDEST_VERSION} is the oldest that will do",
        f"PostgreSQL {version} is too old",
        f"upgrade the server to PostgreSQL {OLDEST_VERSION} or newer",
    )
    section.require(
        level == "logical",
        "wal_level is logical",
        f"wal_level is {level}, so Realtime can't follow the changes",
        "alter system set wal_level = 'logical';  then restart PostgreSQL",
    )
    hidden = [name for name, oid in oids_of(our_tables()).items() if value("select row_security_active(%s)", oid)]
    section.require(
        not hidden,
        f"DATABASE_URL's role {value('select current_user')} sees the rows of our tables",
        f"DATABASE_URL's role {value('select current_user')} sees no rows of {', '.join(hidden)}",
        "connect as the role that owns the tables: change DATABASE_URL",
    )
    return section


def check_migrations() -> Section:
    section = Section("Our migrations")
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    for migration, _ in plan:
        section.wrong(f"{migration.app_label}.{migration.name} is not applied", MIGRATE)
    section.everything(f"all {len(executor.loader.disk_migrations)} are applied")
    return section
