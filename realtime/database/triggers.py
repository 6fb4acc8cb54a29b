"""The triggers of a live table: their names, what each does when, and the SQL that makes them."""

# What a commit rings, and who listens: the worker's doorbell.
DOORBELL_CHANNEL = "livedesk_doorbell"


# PostgreSQL fires the triggers of a kind in the byte order of their names. The stamp has to see what every other BEFORE
# trigger made of the row (design rule 39), and no other ASCII character sorts behind the tilde.
STAMP_TRIGGER = "~realtime_stamp"


# What each trigger of a live table does when, by its name. ``{table}`` is where it stands, ``{live}`` the live table
# whose rows are there: another one only for its partitions and children.
LOGGING_TRIGGERS = {
    STAMP_TRIGGER: "before insert or update on {table} for each row execute function realtime_stamp()",
    "realtime_log": "after insert or update or delete on {table} for each row execute function realtime_log('{live}')",
    "realtime_log_truncate": "after truncate on {table} for each statement execute function realtime_log('{live}')",
}


# Once a statement, not once a row. `set local livedesk.doorbell = 'off'` keeps a transaction silent: one that is to be
# prepared (PostgreSQL refuses to PREPARE after a NOTIFY), or a bulk that other commits shouldn't queue behind.
DOORBELL_TRIGGER = "realtime_doorbell"


DOORBELL = "for each statement when (coalesce(current_setting('livedesk.doorbell', true), '') <> 'off')"


LIVE_TRIGGERS = LOGGING_TRIGGERS | {
    DOORBELL_TRIGGER: f"after insert or update or delete or truncate on {{table}} {DOORBELL}"
    " execute function realtime_ring()"
}


def trigger_sql(name: str, table: str, live: str = "") -> tuple[str, str]:
    """The statements that make one trigger of a live table, and enable it always.

    ``table`` is where it stands; of a partition or a child, ``live`` names the live table that the rows belong to.
    """
    what = LIVE_TRIGGERS[name].format(table=table, live=live or table)
    # `always`: a role that may set session_replication_role could else write past the log.
    return f'create or replace trigger "{name}" {what};', f'alter table {table} enable always trigger "{name}";'


def triggers_sql(table: str) -> str:
    """Makes every trigger of a live table, whatever stands there already."""
    statements = [statement for name in LIVE_TRIGGERS for statement in trigger_sql(name, table)]
    # Under its first name the stamp fired before other clients' triggers.
    return "\n".join([f"drop trigger if exists realtime_stamp on {table};", *statements, ""])


def drop_triggers_sql(table: str) -> str:
    return "\n".join([*(f'drop trigger "{name}" on {table};' for name in reversed(LIVE_TRIGGERS)), ""])
