"""Design rule 17: no table of this project, Django's own included, is reachable through Supabase's API."""

from collections.abc import Iterator

from realtime.database.adopted import adopted_tables
from realtime.database.roles import API_ROLES
from realtime.database.tables import live_tables
from realtime.operating.check.catalog import (
    api_roles,
    everybody,
    oids_of,
    our_tables,
    rows,
    value,
)
from realtime.operating.check.report import Finding, Section

# Table rights and column rights are granted separately.
ANY_TABLE_RIGHT = """
select has_table_privilege(%s, %s, 'select, insert, update, delete, truncate, references, trigger')
    or has_any_column_privilege(%s, %s, 'select, insert, update, references')
"""


ANY_SEQUENCE_RIGHT = "select has_sequence_privilege(%s, %s, 'usage, select, update')"


# The role 0 is everybody.
POLICIES_FOR_THE_API = """
select polname from pg_policy
where polrelid = %s and (polroles @> '{0}' or polroles && array(select oid from pg_roles where rolname = any(%s)))
"""


def check_closed_tables() -> Section:
    """Design rule 17: no table of this project, Django's own included, is reachable through Supabase's API."""
    section = Section("What Supabase's API must not reach")
    live = set(live_tables())
    tables = oids_of(our_tables())
    adopted = adopted_tables()
    for table, oid in tables.items():
        if table not in adopted and not value("select relrowsecurity from pg_class where oid = %s", oid):
            section.wrong(f"'{table}' has no row level security", f"alter table {table} enable row level security;")
        if table not in live:
            # On a live table, policies and grants for other clients are its owner's choice.
            section.findings += _reached(table, oid)
    for (sequence,) in rows("select to_regclass('realtime_revision')::text"):
        may = [role for role in api_roles() if sequence and value(ANY_SEQUENCE_RIGHT, role, sequence)]
        if may:
            section.wrong(
                f"sequence {sequence} may be used by {' and '.join(may)}",
                f"revoke all on sequence {sequence} from {everybody()};",
            )
    closed = len(tables.keys() - live)
    ours = "" if not adopted else ", but for those of the app, whose owner decides"
    section.everything(
        f"row level security is on for all {len(tables)} tables{ours}; {closed} have no policy and no grant"
    )
    return section


def _reached(table: str, oid: int) -> Iterator[Finding]:
    may = [role for role in api_roles() if value(ANY_TABLE_RIGHT, role, oid, role, oid)]
    if may:
        remedy = f"revoke all on {table} from {everybody()};"
        yield Finding(False, f"'{table}' has a grant for {' and '.join(may)}", remedy)
    for (policy,) in rows(POLICIES_FOR_THE_API, oid, list(API_ROLES)):
        yield Finding(False, f"'{table}' has the policy {policy}", f'drop policy "{policy}" on {table};')
