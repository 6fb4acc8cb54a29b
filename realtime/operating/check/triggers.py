"""Whether every change is logged: the triggers of the followed tables, and the functions they call."""

from collections.abc import Iterable, Iterator

from django.conf import settings

from realtime.database.adopted import adopted_tables
from realtime.database.log_guard import RELATED_TRIGGER, Standing, standings, triggers_behind_the_stamp
from realtime.database.tables import live_tables, personal_tables, related_tables
from realtime.database.triggers import DOORBELL_TRIGGER, LOGGING_TRIGGERS, PERSONAL_TRIGGERS, STAMP_TRIGGER, trigger_sql
from realtime.keys import KEY_TYPE
from realtime.operating.check.catalog import api_roles, everybody, oids_of, rows, value
from realtime.operating.check.report import MIGRATE, Finding, Section

# pg_trigger.tgtype of what LiveTable makes: bits for row, before, insert, delete, update, truncate.
TRIGGER_TYPES = {
    STAMP_TRIGGER: (1 | 2 | 4 | 16, "realtime_stamp"),
    "realtime_log": (1 | 4 | 8 | 16, "realtime_log"),
    "realtime_log_truncate": (32, "realtime_log"),
}


# The functions that the triggers use, each with whether it runs with its owner's rights.
FUNCTIONS = (("realtime_stamp", True), ("realtime_log", True), ("realtime_note", True), ("realtime_actor", False))


IDENTITIES = {"d": "default", "f": "full", "n": "nothing", "i": "an index"}


def check_live_tables() -> Section:
    section = Section("Live tables")
    standing = standings(live_tables())
    adopted = adopted_tables()
    for table in live_tables():
        oid = oids_of([table]).get(table)
        if oid is None:
            section.wrong(f"there is no table '{table}'", MIGRATE)
            continue
        before = len(section.findings)
        section.findings += _trigger_findings(table, oid, adopted.get(table, ()))
        section.findings += _family_findings(table, oid, standing[table])
        kind = value("select format_type(atttypid, null) from pg_attribute where attrelid = %s and attname = 'id'", oid)
        if kind != KEY_TYPE:
            section.wrong(f"'{table}' has keys of the type {kind}, and LIVE_KEYS says {KEY_TYPE}", f"LIVE_KEYS={kind}")
        identity = value("select relreplident from pg_class where oid = %s", oid)
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


def _trigger_findings(table: str, oid: int, theirs: Iterable[str]) -> Iterator[Finding]:
    found = {
        name: (kind, function, enabled, plain)
        for name, kind, function, enabled, plain in rows(
            "select tgname, tgtype, proname, tgenabled, tgqual is null and tgattr = ''::int2vector"
            " from pg_trigger join pg_proc on pg_proc.oid = tgfoid where tgrelid = %s",
            oid,
        )
    }
    for name, (kind, function) in TRIGGER_TYPES.items():
        create, enable = trigger_sql(name, table, theirs=theirs)
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


def check_related_tables() -> Section:
    """People's names and rights; the log only notes that they changed."""
    section = Section("People and their rights")
    for table, standing in standings((), related_tables()).items():
        for sentence in (*standing.bypasses, *standing.loose):
            enable = f"alter table {table} enable always trigger {RELATED_TRIGGER};"
            section.wrong(sentence, MIGRATE if not standing.fingerprint else enable)
    section.everything("every change of them is noted")
    return section


def check_personal_tables() -> Section:
    """What belongs to one person each; the log only notes whose rows changed."""
    section = Section("Personal tables")
    for table, standing in standings((), (), personal_tables()).items():
        for sentence in (*standing.bypasses, *standing.loose):
            enable = "".join(f'alter table {table} enable always trigger "{name}"; ' for name in PERSONAL_TRIGGERS)
            section.wrong(sentence, MIGRATE if not standing.fingerprint else enable.strip())
    section.everything("it is noted whose rows change")
    return section


def check_doorbell() -> Section:
    """It may be off on purpose: then this says what that costs."""
    section = Section("The doorbell")
    later = f"changes are on screen within {settings.REALTIME_SWEEP_SECONDS:g} s"
    enabled = dict(rows("select tgrelid::regclass::text, tgenabled from pg_trigger where tgname = 'realtime_doorbell'"))
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
        found = rows(
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
        # Anybody who may call it can attach it to a table of their own and forge entries of the log.
        callers = [role for role in api_roles() if value("select has_function_privilege(%s, %s, 'execute')", role, oid)]
        if definer and callers:
            section.wrong(
                f"{name}() may be called by {' and '.join(callers)}",
                f"revoke all on function {name} from {everybody()};",
            )
    section.everything("they run with their owner's rights on a pinned search_path, out of the API's reach")
    return section
