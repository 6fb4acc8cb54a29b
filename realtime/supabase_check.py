"""What the database and the Supabase project need, whether it is so, and how to mend what isn't.

The database's part reads PostgreSQL's catalogs and changes nothing; each function is one section of the report.
Realtime's part (``realtime.supabase_check_realtime``) opens the very session that the worker would open.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from realtime.channel_manager import PROBE_TABLE
from realtime.log_guard import RELATED_TRIGGER, Standing, standings, triggers_behind_the_stamp
from realtime.related import related_tables
from realtime.repository import live_tables
from realtime.schema import (
    API_ROLES,
    DOORBELL_TRIGGER,
    LOGGING_TRIGGERS,
    STAMP_TRIGGER,
    WORKER_ROLE,
    trigger_sql,
)
from realtime.supabase_key import read_key

OLDEST_VERSION = 15
MIGRATE = "python manage.py migrate"

# pg_trigger.tgtype of what LiveTable makes: bits for row, before, insert, delete, update, truncate.
TRIGGER_TYPES = {
    STAMP_TRIGGER: (1 | 2 | 4 | 16, "realtime_stamp"),
    "realtime_log": (1 | 4 | 8 | 16, "realtime_log"),
    "realtime_log_truncate": (32, "realtime_log"),
}
# The functions that the triggers stand on, each with whether it runs with its owner's rights.
FUNCTIONS = (("realtime_stamp", True), ("realtime_log", True), ("realtime_note", True), ("realtime_actor", False))
IDENTITIES = {"d": "default", "f": "full", "n": "nothing", "i": "an index"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. ``remedy`` is what to run or do about it, only where ``ok`` is false."""

    ok: bool
    text: str
    remedy: str = ""


@dataclass
class Section:
    """Findings under one heading."""

    title: str
    findings: list[Finding] = field(default_factory=list)

    def require(self, ok: bool, good: str, bad: str, remedy: str) -> bool:
        self.findings.append(Finding(True, good) if ok else Finding(False, bad, remedy))
        return ok

    def wrong(self, text: str, remedy: str) -> None:
        self.findings.append(Finding(False, text, remedy))

    def everything(self, good: str) -> None:
        """Said once for many things that were looked at, when nothing is wrong with any of them."""
        if all(finding.ok for finding in self.findings):
            self.findings.append(Finding(True, good))


def check_database() -> Iterator[Section]:
    """Every section of the database's part, in an order in which the first ✗ is the one to mend first."""
    for check in (
        check_server,
        check_migrations,
        check_publication,
        check_live_tables,
        check_related_tables,
        check_doorbell,
        check_trigger_functions,
        check_closed_tables,
        check_roles,
    ):
        try:
            yield check()
        except OperationalError as error:
            section = Section("The database")
            section.wrong(f"it can't be reached: {_first_line(error)}", "check DATABASE_URL, and that the server runs")
            yield section
            return
        except DatabaseError as error:
            section = Section(check.__name__.removeprefix("check_").replace("_", " ").capitalize())
            section.wrong(f"it can't be read: {_first_line(error)}", "connect as the role that owns our tables")
            yield section


def check_server() -> Section:
    section = Section("The PostgreSQL server")
    version, level = _row("select current_setting('server_version_num')::int / 10000, current_setting('wal_level')")
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
    hidden = [name for name, oid in _tables(_our_tables()).items() if _value("select row_security_active(%s)", oid)]
    section.require(
        not hidden,
        f"DATABASE_URL's role {_value('select current_user')} sees the rows of our tables",
        f"DATABASE_URL's role {_value('select current_user')} sees no rows of {', '.join(hidden)}",
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


def check_publication() -> Section:
    name = settings.SUPABASE_PUBLICATION
    section = Section(f"Publication {name}")
    wanted = _followed_tables()
    found = _rows("select puballtables, pubinsert, pubupdate, pubdelete from pg_publication where pubname = %s", name)
    if not found:
        section.wrong("there is no such publication", f"create publication {name} for table {', '.join(wanted)};")
        return section
    everything, *verbs = found[0]
    section.require(
        all(verbs),
        "it publishes inserts, updates and deletes",
        "it leaves out inserts, updates or deletes",
        f"alter publication {name} set (publish = 'insert, update, delete, truncate');",
    )
    published = _published(name)
    for table in wanted:
        add = f"alter publication {name} add table {table};"
        renew = f"alter publication {name} drop table {table}; {add}"
        if table not in published:
            section.wrong(f"'{table}' is not published", add)
        elif published[table]:
            section.wrong(f"'{table}' is published in part only", renew)
    section.everything(f"it holds {', '.join(wanted)}, whole")
    # Whoever hears of a table learns the keys of its deleted rows, policies or not: of a session that is its secret.
    others = [table for table in _our_tables() if table in published and table not in wanted]
    for table in others if not everything else ():
        section.wrong(f"'{table}' is published", f"alter publication {name} drop table {table};")
    if everything:
        section.wrong(
            "it is for all tables, those of users and sessions too",
            f"drop publication {name}; create publication {name} for table {', '.join(wanted)};",
        )
    return section


def check_live_tables() -> Section:
    section = Section("Live tables")
    standing = standings(live_tables())
    for table in live_tables():
        oid = _tables([table]).get(table)
        if oid is None:
            section.wrong(f"there is no table '{table}'", MIGRATE)
            continue
        before = len(section.findings)
        section.findings += _trigger_findings(table, oid)
        section.findings += _family_findings(table, oid, standing[table])
        identity = _value("select relreplident from pg_class where oid = %s", oid)
        if identity not in ("d", "f"):
            section.wrong(
                f"'{table}' has {IDENTITIES[identity]} as its replica identity, so events lack the key",
                f"alter table {table} replica identity default;",
            )
        if len(section.findings) == before:
            section.findings.append(
                Finding(True, f"'{table}' has its triggers, enabled always; replica identity {IDENTITIES[identity]}")
            )
    return section


def check_doorbell() -> Section:
    """It may be off on purpose: then this says what that costs."""
    section = Section("The doorbell")
    later = f"changes are on screen within {settings.REALTIME_SWEEP_SECONDS:g} s"
    enabled = dict(
        _rows("select tgrelid::regclass::text, tgenabled from pg_trigger where tgname = 'realtime_doorbell'")
    )
    for table in live_tables():
        create, enable = trigger_sql(DOORBELL_TRIGGER, table)
        if table not in enabled:
            section.wrong(f"'{table}' lacks the trigger realtime_doorbell", f"{create} {enable}")
        elif enabled[table] not in "AD":
            section.wrong(f"'{table}' has the trigger realtime_doorbell, but not enabled always", enable)
    if "D" in enabled.values():
        section.everything(f"it is switched off (manage.py realtime_doorbell on): {later}")
    elif not settings.REALTIME_DOORBELL:
        section.everything(f"the worker doesn't listen (REALTIME_DOORBELL): {later}")
    elif settings.DATABASE_TRANSACTION_POOLER:
        section.everything(f"DATABASE_URL is a pooler in transaction mode, through which it can't be heard: {later}")
    else:
        section.everything("every commit rings it")
    return section


def check_trigger_functions() -> Section:
    section = Section("Trigger functions")
    for name, definer in FUNCTIONS:
        found = _rows(
            "select oid, prosecdef, coalesce(array_to_string(proconfig, ' '), '') like '%%search_path=%%'"
            " from pg_proc where proname = %s and pronamespace = current_schema()::regnamespace",
            name,
        )
        if not found:
            section.wrong(
                f"there is no function {name}()",
                f"run the statement `create or replace function {name}` of: python manage.py sqlmigrate realtime 0002",
            )
            continue
        oid, is_definer, is_pinned = found[0]
        if definer and not is_definer:
            section.wrong(
                f"{name}() runs with the writer's rights, so other clients can't write",
                f"alter function {name} security definer;",
            )
        if not is_pinned:
            section.wrong(
                f"{name}() has no search_path of its own, so a writer chooses what its names mean",
                f"alter function {name} set search_path = pg_catalog;",
            )
        # Who may call it can hang it on a table of his own and forge entries of the log.
        callers = [
            role for role in _api_roles() if _value("select has_function_privilege(%s, %s, 'execute')", role, oid)
        ]
        if definer and callers:
            section.wrong(
                f"{name}() may be called by {' and '.join(callers)}",
                f"revoke all on function {name} from {_everybody()};",
            )
    section.everything("they run with their owner's rights on a pinned search_path, out of the API's reach")
    return section


MAY_CALL = "select has_function_privilege(%s, %s, 'execute')"


def check_closed_tables() -> Section:
    """Design rule 17: no table of this project, Django's own included, is reachable through Supabase's API."""
    section = Section("What Supabase's API must not reach")
    live = set(live_tables())
    tables = _tables(_our_tables())
    for table, oid in tables.items():
        if not _value("select relrowsecurity from pg_class where oid = %s", oid):
            section.wrong(f"'{table}' has no row level security", f"alter table {table} enable row level security;")
        if table not in live:
            # On a live table, policies and grants for other clients are its owner's choice.
            section.findings += _reached(table, oid)
    for (sequence,) in _rows("select to_regclass('realtime_revision')::text"):
        may = [role for role in _api_roles() if sequence and _value(ANY_SEQUENCE_RIGHT, role, sequence)]
        if may:
            section.wrong(
                f"sequence {sequence} may be used by {' and '.join(may)}",
                f"revoke all on sequence {sequence} from {_everybody()};",
            )
    closed = len(tables.keys() - live)
    section.everything(f"row level security is on for all {len(tables)} tables; {closed} have no policy and no grant")
    return section


def check_roles() -> Section:
    section = Section("Roles that read the live tables")
    for role in dict.fromkeys((WORKER_ROLE, *([reading_role()] if reading_role() else []))):
        found = _rows("select rolbypassrls or rolsuper, rolsuper from pg_roles where rolname = %s", role)
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


def check_related_tables() -> Section:
    """Names and rights of people, of which the log notes that they changed."""
    section = Section("People and their rights")
    for table, standing in standings((), related_tables()).items():
        for sentence in (*standing.bypasses, *standing.loose):
            enable = f"alter table {table} enable always trigger {RELATED_TRIGGER};"
            section.wrong(sentence, MIGRATE if not standing.fingerprint else enable)
    section.everything("every change of them is noted")
    return section


def reading_role() -> str:
    """The role the worker reads Realtime as, or nothing when the key doesn't say."""
    return settings.SUPABASE_REALTIME_ROLE if settings.SUPABASE_JWT_SECRET else read_key(settings.SUPABASE_KEY).role


def _trigger_findings(table: str, oid: int) -> Iterator[Finding]:
    found = {
        name: (kind, function, enabled, plain)
        for name, kind, function, enabled, plain in _rows(
            "select tgname, tgtype, proname, tgenabled, tgqual is null and tgattr = ''::int2vector"
            " from pg_trigger join pg_proc on pg_proc.oid = tgfoid where tgrelid = %s",
            oid,
        )
    }
    for name, (kind, function) in TRIGGER_TYPES.items():
        create, enable = trigger_sql(name, table)
        if name not in found:
            yield Finding(False, f"'{table}' lacks the trigger {name}", f"{create} {enable}")
            continue
        is_kind, is_function, enabled, plain = found[name]
        if (is_kind, is_function, plain) != (kind, function, True):
            yield Finding(
                False,
                f"'{table}' has another trigger under the name {name}",
                f'drop trigger "{name}" on {table}; {create} {enable}',
            )
        elif enabled != "A":
            yield Finding(False, f"'{table}' has the trigger {name}, but not enabled always", enable)


def _family_findings(table: str, oid: int, standing: Standing) -> Iterator[Finding]:
    for child in standing.children:
        sentences = [told for told in (*standing.bypasses, *standing.loose) if f"'{child}'" in told]
        if sentences:
            remedy = " ".join(statement for name in LOGGING_TRIGGERS for statement in trigger_sql(name, child, table))
            yield Finding(False, "; ".join(sentences), remedy)
        yield Finding(
            False,
            f"'{table}' has rows in '{child}', which Realtime tells under that name: they come through the change log",
            f"alter table {child} no inherit {table};  or leave it so: pages stay live, up to the sweep's delay later",
        )
    for trigger in triggers_behind_the_stamp(oid):
        yield Finding(
            False,
            f"the trigger {trigger} of '{table}' fires behind our stamp, so forms can't see what it changes",
            f'alter trigger "{trigger}" on {table} rename to "a_{trigger}";',
        )


# Table rights and column rights are granted apart.
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


def _reached(table: str, oid: int) -> Iterator[Finding]:
    may = [role for role in _api_roles() if _value(ANY_TABLE_RIGHT, role, oid, role, oid)]
    if may:
        remedy = f"revoke all on {table} from {_everybody()};"
        yield Finding(False, f"'{table}' has a grant for {' and '.join(may)}", remedy)
    for (policy,) in _rows(POLICIES_FOR_THE_API, oid, list(API_ROLES)):
        yield Finding(False, f"'{table}' has the policy {policy}", f'drop policy "{policy}" on {table};')


def _lacking(role: str, bypasses: bool) -> Iterator[Finding]:
    schema = _value("select quote_ident(current_schema())")
    if not _value("select has_schema_privilege(%s, %s, 'usage')", role, schema):
        yield Finding(False, f"{role} may not use schema {schema}", f"grant usage on schema {schema} to {role};")
    # Realtime does `set role` from its own login; PostgREST's authenticator stands for it.
    if _rows("select from pg_roles where rolname = 'authenticator'") and not _value(
        "select pg_has_role('authenticator', %s, 'member')", role
    ):
        yield Finding(False, f"Realtime can't become {role}", f"grant {role} to authenticator;")
    for table, oid in _tables(_followed_tables()).items():
        if not _value("select has_table_privilege(%s, %s, 'select')", role, oid):
            yield Finding(False, f"{role} may not read '{table}'", f"grant select on {table} to {role};")
        if not bypasses and not _value(READS_ALL_ROWS, oid, role):
            policy = "realtime_worker_reads" if role == WORKER_ROLE else f"realtime_{role}_reads"
            yield Finding(
                False,
                f"no policy shows {role} all rows of '{table}'",
                f'create policy "{policy}" on {table} for select to {role} using (true);',
            )


READS_ALL_ROWS = """
select exists (
    select from pg_policy join pg_roles reader on polroles @> array[reader.oid] or polroles @> '{0}'
    where polrelid = %s and reader.rolname = %s
    and polpermissive and polcmd in ('r', '*') and pg_get_expr(polqual, polrelid) = 'true'
)
"""


def _reads_too_much(role: str) -> Iterator[Finding]:
    followed = set(_followed_tables())
    for table, oid in _tables(_our_tables()).items():
        if table not in followed and _value("select has_table_privilege(%s, %s, 'select')", role, oid):
            yield Finding(False, f"{role} may read '{table}'", f"revoke all on {table} from {role}, public;")


def _making_of(role: str) -> str:
    attributes = "nologin noinherit bypassrls" if role == "service_role" else "nologin noinherit"
    steps = [f"create role {role} {attributes}"]
    if _rows("select from pg_roles where rolname = 'authenticator'"):
        steps.append(f"grant {role} to authenticator")
    return "; ".join(steps) + ";  then run this check again for its rights"


def _followed_tables() -> list[str]:
    """What Realtime is asked for: the live tables, and the probe's."""
    return [*live_tables(), PROBE_TABLE]


def _our_tables() -> list[str]:
    """Every table that this project's migrations make, Django's own included."""
    models = [model for app in apps.get_app_configs() for model in app.get_models(include_auto_created=True)]
    return list(dict.fromkeys(["django_migrations", *(model._meta.db_table for model in models)]))


def _tables(names: Iterable[str]) -> dict[str, int]:
    """Those of these tables that are there, with their oids."""
    found = dict(
        _rows(
            "select relname, oid from pg_class"
            " where relkind in ('r', 'p') and relnamespace = current_schema()::regnamespace and relname = any(%s)",
            list(names),
        )
    )
    return {name: found[name] for name in names if name in found}


def _published(publication: str) -> dict[str, bool]:
    """The tables of a publication, each with whether a row filter or a list of columns leaves something out."""
    return dict(
        _rows(
            "select tablename, rowfilter is not null or cardinality(attnames) < ("
            "   select count(*) from pg_attribute where attrelid = format('%%I.%%I', schemaname, tablename)::regclass"
            "   and attnum > 0 and not attisdropped)"
            " from pg_publication_tables where pubname = %s and schemaname = current_schema()",
            publication,
        )
    )


def _api_roles() -> list[str]:
    return [name for (name,) in _rows("select rolname from pg_roles where rolname = any(%s)", list(API_ROLES))]


def _everybody() -> str:
    return ", ".join(("public", *_api_roles()))


def _rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _row(sql: str, *parameters: Any) -> tuple[Any, ...]:
    return _rows(sql, *parameters)[0]


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]


def _value(sql: str, *parameters: Any) -> Any:
    return _row(sql, *parameters)[0]
