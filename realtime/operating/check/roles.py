"""Whether the roles that read the live tables read all of them, and no more."""

from collections.abc import Iterator

from django.conf import settings

from realtime.database.roles import WORKER_ROLE
from realtime.operating.check.catalog import followed_tables, oids_of, our_tables, rows, value
from realtime.operating.check.report import Finding, Section
from realtime.upstream.channel_manager import PROBE_TABLE
from realtime.upstream.supabase_key import read_key

READS_ALL_ROWS = """
select exists (
    select from pg_policy join pg_roles reader on polroles @> array[reader.oid] or polroles @> '{0}'
    where polrelid = %s and reader.rolname = %s
    and polpermissive and polcmd in ('r', '*') and pg_get_expr(polqual, polrelid) = 'true'
)
"""


def reading_role() -> str:
    """The role the worker reads Realtime as, or nothing when the key doesn't say."""
    return settings.SUPABASE_REALTIME_ROLE if settings.SUPABASE_JWT_SECRET else read_key(settings.SUPABASE_KEY).role


def check_roles() -> Section:
    section = Section("Roles that read the live tables")
    for role in dict.fromkeys((WORKER_ROLE, *([reading_role()] if reading_role() else []))):
        found = rows("select rolbypassrls or rolsuper, rolsuper from pg_roles where rolname = %s", role)
        if not found:
            section.wrong(f"there is no role {role}", _making_of(role))
            continue
        bypasses, superuser = found[0]
        before = len(section.findings)
        section.findings += _lacking(role, bypasses)
        if not superuser and not bypasses:
            section.findings += _reads_too_much(role)
        if len(section.findings) == before:
            how = "past row level security" if bypasses else "by its policies"
            section.findings.append(Finding(True, f"{role} reads every live table and '{PROBE_TABLE}', {how}"))
    return section


def _lacking(role: str, bypasses: bool) -> Iterator[Finding]:
    schema = value("select quote_ident(current_schema())")
    if not value("select has_schema_privilege(%s, %s, 'usage')", role, schema):
        yield Finding(False, f"{role} may not use schema {schema}", f"grant usage on schema {schema} to {role};")
    # Realtime does `set role` from its own login; PostgREST's authenticator stands in for it.
    if rows("select from pg_roles where rolname = 'authenticator'") and not value(
        "select pg_has_role('authenticator', %s, 'member')", role
    ):
        yield Finding(False, f"Realtime can't become {role}", f"grant {role} to authenticator;")
    for table, oid in oids_of(followed_tables()).items():
        if not value("select has_table_privilege(%s, %s, 'select')", role, oid):
            yield Finding(False, f"{role} may not read '{table}'", f"grant select on {table} to {role};")
        if not bypasses and not value(READS_ALL_ROWS, oid, role):
            policy = "realtime_worker_reads" if role == WORKER_ROLE else f"realtime_{role}_reads"
            yield Finding(
                False,
                f"no policy shows {role} all rows of '{table}'",
                f'create policy "{policy}" on {table} for select to {role} using (true);',
            )


def _reads_too_much(role: str) -> Iterator[Finding]:
    followed = set(followed_tables())
    for table, oid in oids_of(our_tables()).items():
        if table not in followed and value("select has_table_privilege(%s, %s, 'select')", role, oid):
            yield Finding(False, f"{role} may read '{table}'", f"revoke all on {table} from {role}, public;")


def _making_of(role: str) -> str:
    attributes = "nologin noinherit bypassrls" if role == "service_role" else "nologin noinherit"
    steps = [f"create role {role} {attributes}"]
    if rows("select from pg_roles where rolname = 'authenticator'"):
        steps.append(f"grant {role} to authenticator")
    return "; ".join(steps) + ";  then run this check again for its rights"
