"""The triggers of a live table: their names, when each fires and what it does, and the SQL that creates them."""

from collections.abc import Iterable

# Commits notify this channel; the worker's doorbell listens on it.
DOORBELL_CHANNEL = "livedesk_doorbell"


# PostgreSQL fires the triggers of a kind in the byte order of their names. The stamp must see the row as every other
# BEFORE trigger left it (design rule 39), and no other printable ASCII character sorts after the tilde.
STAMP_TRIGGER = "~realtime_stamp"


# When each trigger of a live table fires and what it does, by its name. ``{table}`` carries the trigger; ``{live}`` is
# the live table that its rows belong to, and differs only for partitions and children. ``{theirs}`` names the columns
# that an app keeps by itself, in a table that was adopted.
LOGGING_TRIGGERS = {
    STAMP_TRIGGER: "before insert or update on {table} for each row execute function realtime_stamp({theirs})",
    "realtime_log": "after insert or update or delete on {table} for each row execute function realtime_log('{live}')",
    "realtime_log_truncate": "after truncate on {table} for each statement execute function realtime_log('{live}')",
}


# Once per statement, not per row. `set local livedesk.doorbell = 'off'` keeps a transaction silent: one that will be
# prepared (PostgreSQL refuses to PREPARE after a NOTIFY), or a bulk load that other commits shouldn't queue behind.
DOORBELL_TRIGGER = "realtime_doorbell"


DOORBELL = "for each statement when (coalesce(current_setting('livedesk.doorbell', true), '') <> 'off')"


# A personal table: whose rows changed is logged once per statement and person. ``{column}`` says whose a row is.
PERSONAL_TRIGGERS = {
    "realtime_log_came": "after insert on {table} referencing new table as changed"
    " for each statement execute function realtime_log_personal('{column}')",
    "realtime_log_changed": "after update on {table} referencing old table as was new table as changed"
    " for each statement execute function realtime_log_personal('{column}')",
    "realtime_log_left": "after delete on {table} referencing old table as changed"
    " for each statement execute function realtime_log_personal('{column}')",
    "realtime_log_emptied": "after truncate on {table} for each statement execute function realtime_log_related()",
}


LIVE_TRIGGERS = LOGGING_TRIGGERS | {
    DOORBELL_TRIGGER: f"after insert or update or delete or truncate on {{table}} {DOORBELL}"
    " execute function realtime_ring()"
}


def personal_triggers_sql(table: str, column: str) -> str:
    """Creates every trigger of a personal table."""
    triggers = PERSONAL_TRIGGERS | {DOORBELL_TRIGGER: LIVE_TRIGGERS[DOORBELL_TRIGGER]}
    return "\n".join(
        f'create or replace trigger "{name}" {what.format(table=table, column=column)};'
        f' alter table {table} enable always trigger "{name}";'
        for name, what in triggers.items()
    )


def trigger_sql(name: str, table: str, live: str = "", theirs: Iterable[str] = ()) -> tuple[str, str]:
    """The statements that create one trigger of a live table, and enable it always.

    ``table`` carries it; for a partition or a child, ``live`` names the live table that the rows belong to. ``theirs``
    are the stamped columns that the table's own app keeps.
    """
    kept = ", ".join(f"'{column}'" for column in theirs)
    what = LIVE_TRIGGERS[name].format(table=table, live=live or table, theirs=kept)
    # `always`: otherwise a role that may set session_replication_role could write past the log.
    return f'create or replace trigger "{name}" {what};', f'alter table {table} enable always trigger "{name}";'


def triggers_sql(table: str, theirs: Iterable[str] = ()) -> str:
    """Creates every trigger of a live table, whatever is there already."""
    statements = [statement for name in LIVE_TRIGGERS for statement in trigger_sql(name, table, theirs=theirs)]
    # Under its first name, the stamp fired before other clients' triggers.
    return "\n".join([f"drop trigger if exists realtime_stamp on {table};", *statements, ""])


def drop_triggers_sql(table: str) -> str:
    return "\n".join([*(f'drop trigger "{name}" on {table};' for name in reversed(LIVE_TRIGGERS)), ""])
