"""What a live table needs in PostgreSQL besides its columns, as one reversible migration operation.

``LiveTable("products")`` gives a table its triggers, publication, row level security and grants; ``ENGINE_SQL`` is
what these stand on. Written as SQL of our own instead of django-pgtrigger, because trigger functions made by it run
with the writer's rights and any role can silence them by ``SET pgtrigger.ignore`` (design rule 3).
"""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import connections
from django.db.migrations.operations.base import Operation

# The API roles of a Supabase project, and the role our worker reads Realtime as.
API_ROLES = ("anon", "authenticated")
WORKER_ROLE = "livedesk_realtime"
# Written on a publication or role that we made, so that reversing the migrations removes just those.
OURS = "made by livedesk"
# What a commit rings, and who listens: the worker's doorbell.
DOORBELL_CHANNEL = "livedesk_doorbell"

# PostgreSQL fires the triggers of a kind in the byte order of their names. The stamp has to see what every other BEFORE
# trigger made of the row (design rule 39), and no other ASCII character sorts behind the tilde.
STAMP_TRIGGER = "~realtime_stamp"

TABLES_SQL = """
create sequence realtime_revision;

create table realtime_change (
    revision bigint primary key,
    xid xid8 not null default pg_current_xact_id(),
    at timestamptz not null default clock_timestamp(),
    table_name text not null,
    op text not null check (op in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'RESET')),
    row_key uuid,
    old jsonb,
    new jsonb,
    actor text not null
);
create index realtime_change_xid on realtime_change (xid, revision);
create index realtime_change_row on realtime_change (table_name, row_key, revision);
"""

# The trigger functions. SECURITY DEFINER, because other Supabase clients write as `authenticated`, which may touch
# neither sequence nor log; a pinned search_path, because a definer function must not resolve names in a schema its
# caller controls. EXECUTE is revoked: a trigger fires without it, and nobody can then hang these functions on a table
# of their own to forge log entries.
FUNCTIONS_SQL = f"""
create or replace function realtime_actor() returns text
language sql stable set search_path = pg_catalog as $$
    select coalesce(
        nullif(current_setting('livedesk.actor', true), ''),
        nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', ''),
        session_user::text
    )
$$;

create or replace function realtime_stamp() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
declare
    before record := old;
    generated text[];
begin
    if tg_op = 'UPDATE' then
        new.created_at := old.created_at;
        new.updated_at := old.updated_at;
        new.revision := old.revision;
        -- A write that changes nothing a page shows is no change: same revision, same time, no log entry. Compared byte
        -- by byte: to citext, 'a' and 'A' are equal, to a page they aren't.
        if new *= old then
            return new;
        end if;
        -- Generated columns are computed after this trigger and are empty in `new`: they say nothing of a change.
        generated := array(select attname from pg_attribute where attrelid = tg_relid and attgenerated <> '');
        if cardinality(generated) > 0 then
            before := jsonb_populate_record(
                old, jsonb_object(generated, array_fill(null::text, array[cardinality(generated)])));
            if new *= before then
                return new;
            end if;
        end if;
    else
        -- Beyond these years lies what no other language can read, 'infinity' included.
        if new.created_at between '0001-01-02' and '9999-12-30' is not true then
            new.created_at := now();
        end if;
    end if;
    new.updated_at := clock_timestamp();
    new.revision := nextval('@schema@.realtime_revision');
    return new;
end
$$;

-- One entry, under its row's number unless that names another change: a trigger behind the stamp may have chosen it.
create or replace function realtime_note(
    live text, op text, key uuid, was jsonb, now_is jsonb, stamped bigint default null
) returns void
language plpgsql security definer set search_path = pg_catalog as $$
begin
    loop
        insert into @schema@.realtime_change (revision, table_name, op, row_key, old, new, actor)
        values (coalesce(stamped, nextval('@schema@.realtime_revision')), live, op, key, was, now_is,
                @schema@.realtime_actor())
        on conflict (revision) do nothing;
        exit when found;
        stamped := null;
    end loop;
end
$$;

-- The argument is the table that is subscribed to: a row of a partition or a child table is a row of that one.
create or replace function realtime_log() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
declare
    live constant text := coalesce(tg_argv[0], tg_table_name);
begin
    if tg_op = 'TRUNCATE' then
        perform @schema@.realtime_note(live, tg_op, null, null, null);
    elsif tg_op = 'DELETE' then
        perform @schema@.realtime_note(live, tg_op, old.id, to_jsonb(old), null);
    elsif tg_op = 'INSERT' then
        perform @schema@.realtime_note(live, tg_op, new.id, null, to_jsonb(new), nullif(new.revision, 0));
    -- What a trigger behind the stamp changed is noted too, and so is everything while the stamp is switched off.
    elsif new *<> old then
        perform @schema@.realtime_note(live, tg_op, new.id, to_jsonb(old), to_jsonb(new),
                                       case when new.revision <> old.revision then nullif(new.revision, 0) end);
        if new.id <> old.id then
            perform @schema@.realtime_note(live, 'DELETE', old.id, to_jsonb(old), null);
        end if;
    end if;
    return null;
end
$$;

create or replace function realtime_log_related() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
begin
    insert into @schema@.realtime_change (revision, table_name, op, actor)
    values (nextval('@schema@.realtime_revision'), tg_table_name, 'RESET', @schema@.realtime_actor());
    return null;
end
$$;

revoke all on function realtime_stamp(), realtime_log(), realtime_log_related() from public;
revoke all on function realtime_note(text, text, uuid, jsonb, jsonb, bigint) from public;

-- Runs as the writer: whoever may write may ring. The payload is constant, so that one transaction rings once.
create or replace function realtime_ring() returns trigger
language plpgsql set search_path = pg_catalog as $$
begin
    perform pg_notify('{DOORBELL_CHANNEL}', '');
    return null;
end
$$;
"""

ROLES_SQL = f"""
do $$
declare
    api_role text;
begin
    -- Supabase's default privileges give these roles new functions and sequences by name, not through `public`.
    for api_role in select rolname from pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
        execute format('revoke all on function realtime_stamp(), realtime_log(), realtime_log_related(),'
                       ' realtime_note(text, text, uuid, jsonb, jsonb, bigint) from %I', api_role);
        execute format('revoke all on sequence realtime_revision from %I', api_role);
    end loop;
    if not exists (select from pg_roles where rolname = '{WORKER_ROLE}') then
        begin
            create role {WORKER_ROLE} nologin noinherit;
            comment on role {WORKER_ROLE} is '{OURS}';
        exception when duplicate_object or unique_violation then null;
        end;
    end if;
    -- Supabase Realtime does `set role` from its own login; PostgREST's authenticator stands for it locally.
    if exists (select from pg_roles where rolname = 'authenticator') then
        grant {WORKER_ROLE} to authenticator;
    end if;
    execute format('grant usage on schema %I to {WORKER_ROLE}', current_schema());
end
$$;
"""

ENGINE_SQL = TABLES_SQL + FUNCTIONS_SQL + ROLES_SQL

DROP_ENGINE_SQL = f"""
drop function realtime_ring();
drop function realtime_log_related();
drop function realtime_log();
drop function realtime_note(text, text, uuid, jsonb, jsonb, bigint);
drop function realtime_stamp();
drop function realtime_actor();
drop table realtime_change;
drop sequence realtime_revision;
do $$
begin
    execute format('revoke usage on schema %I from {WORKER_ROLE}', current_schema());
    if (select shobj_description(oid, 'pg_authid') from pg_roles where rolname = '{WORKER_ROLE}') = '{OURS}' then
        drop role {WORKER_ROLE};
    end if;
exception
    -- Roles belong to the cluster: another database still uses it, or it was never ours to drop.
    when dependent_objects_still_exist or undefined_object or insufficient_privilege or object_in_use then null;
end
$$;
"""

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


READERS_SQL = f"""
alter table {{table}} enable row level security;
grant select on {{table}} to {WORKER_ROLE};
create policy realtime_worker_reads on {{table}} for select to {WORKER_ROLE} using (true);
do $$
begin
    if exists (select from pg_roles where rolname = 'service_role') then
        grant select on {{table}} to service_role;
        create policy realtime_service_reads on {{table}} for select to service_role using (true);
    end if;
end
$$;
"""

DROP_READERS_SQL = f"""
drop policy if exists realtime_service_reads on {{table}};
drop policy realtime_worker_reads on {{table}};
revoke select on {{table}} from {WORKER_ROLE};
do $$
begin
    if exists (select from pg_roles where rolname = 'service_role') then
        revoke select on {{table}} from service_role;
    end if;
end
$$;
alter table {{table}} disable row level security;
"""

PUBLISH_SQL = f"""
do $$
begin
    if not exists (select from pg_publication where pubname = '{{publication}}') then
        create publication {{publication}};
        comment on publication {{publication}} is '{OURS}';
    end if;
    if not exists (select from pg_publication_tables
                   where pubname = '{{publication}}' and schemaname = current_schema() and tablename = '{{table}}')
    then
        alter publication {{publication}} add table {{table}};
    end if;
end
$$;
"""

UNPUBLISH_SQL = f"""
do $$
declare
    published oid := (select oid from pg_publication where pubname = '{{publication}}' and not puballtables);
begin
    if exists (select from pg_publication_rel where prpubid = published and prrelid = '{{table}}'::regclass) then
        alter publication {{publication}} drop table {{table}};
    end if;
    if obj_description(published, 'pg_publication') = '{OURS}'
       and not exists (select from pg_publication_rel where prpubid = published)
    then
        drop publication {{publication}};
    end if;
end
$$;
"""


class DatabaseSQL(Operation):
    """A migration step of plain SQL with its reverse. ``@schema@`` is the schema the migrations run in."""

    reversible = True
    reduces_to_sql = True

    def __init__(self, forwards: str, backwards: str) -> None:
        self.forwards = forwards
        self.backwards = backwards

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Django's model state doesn't know triggers, policies or publications."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._execute(schema_editor, self.forwards)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._execute(schema_editor, self.backwards)

    def _execute(self, schema_editor: Any, sql: str) -> None:
        if not sql:
            return
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("select quote_ident(current_schema())")
            sql = sql.replace("@schema@", cursor.fetchone()[0])
        schema_editor.execute(sql, params=None)


class LiveTable(DatabaseSQL):
    """Makes an existing table live; the last operation of the migration that creates it.

    ``logged=False`` leaves the triggers out: for a table whose rows are only proof of delivery.
    """

    def __init__(self, table: str, logged: bool = True) -> None:
        self.table = table
        self.logged = logged
        names = {"table": table, "publication": settings.SUPABASE_PUBLICATION}
        steps = [(READERS_SQL, DROP_READERS_SQL), (PUBLISH_SQL, UNPUBLISH_SQL)]
        backwards = "".join(backward.format(**names) for _, backward in reversed(steps))
        super().__init__(
            forwards=(triggers_sql(table) if logged else "") + "".join(forward.format(**names) for forward, _ in steps),
            backwards=backwards + (drop_triggers_sql(table) if logged else ""),
        )

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return ("LiveTable", [self.table], {} if self.logged else {"logged": False})

    def describe(self) -> str:
        return f"Make table {self.table} live"


class RenewedTriggers(DatabaseSQL):
    """Gives tables that are live already the triggers that ``LiveTable`` makes today."""

    def __init__(self, *tables: str) -> None:
        self.tables = tables
        super().__init__(forwards="".join(map(triggers_sql, tables)), backwards="")

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return ("RenewedTriggers", list(self.tables), {})

    def describe(self) -> str:
        return f"Renew the triggers of {', '.join(self.tables)}"


class RelatedTable(DatabaseSQL):
    """Has the change log note that something in a table changed, without saying what (``realtime.related``).

    ``columns`` are those of whose updates it is to hear: of users every sign-in is one.
    """

    def __init__(self, table: str, columns: tuple[str, ...] = ()) -> None:
        self.table = table
        self.columns = columns
        updates = f"update of {', '.join(columns)}" if columns else "update"
        events = f"insert or delete or {updates}"
        super().__init__(
            forwards=f"""
                create or replace trigger realtime_log_related after {events} on {table}
                    for each statement execute function realtime_log_related();
                create or replace trigger {DOORBELL_TRIGGER} after {events} on {table}
                    {DOORBELL} execute function realtime_ring();
                alter table {table} enable always trigger realtime_log_related;
                alter table {table} enable always trigger {DOORBELL_TRIGGER};
            """,
            backwards=f"drop trigger {DOORBELL_TRIGGER} on {table}; drop trigger realtime_log_related on {table};",
        )

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return ("RelatedTable", [self.table], {"columns": self.columns} if self.columns else {})

    def describe(self) -> str:
        return f"Tell of changes in {self.table}"


def close_tables_to_the_api(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Makes every table of ``sender`` unreachable through Supabase's API (design rule 17).

    Supabase grants new tables of ``public`` to its API roles and serves them over HTTP: users, sessions and the
    change log as well. Row level security without a policy shuts them, and so does the loss of the grants; live
    tables keep what their owner gave them.
    """
    names = {model._meta.db_table for model in sender.get_models(include_auto_created=True)} | {"django_migrations"}
    with connections[using].cursor() as cursor:
        cursor.execute("select rolname from pg_roles where rolname = any(%s)", [list(API_ROLES)])
        roles = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            "select quote_ident(relname), relrowsecurity,"
            "       exists (select from pg_trigger where tgrelid = pg_class.oid and tgname = 'realtime_log')"
            " from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace"
            " and relname = any(%s)",
            [list(names)],
        )
        for table, secured, live in cursor.fetchall():
            if not secured:
                cursor.execute(f"alter table {table} enable row level security")
            if not live:
                for role in roles:
                    cursor.execute(f"revoke all on {table} from {role}")
