"""What every trigger builds on: the change log, the revision sequence, the trigger functions, the worker's role."""

from realtime.database.roles import OURS, WORKER_ROLE
from realtime.database.triggers import DOORBELL_CHANNEL

TABLES_SQL = """
create sequence realtime_revision;

create table realtime_change (
    revision bigint primary key,
    xid xid8 not null default pg_current_xact_id(),
    at timestamptz not null default clock_timestamp(),
    table_name text not null,
    op text not null check (op in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'RESET')),
    row_key text,
    old jsonb,
    new jsonb,
    actor text not null,
    action text
);
create index realtime_change_xid on realtime_change (xid, revision);
create index realtime_change_row on realtime_change (table_name, row_key, revision);
"""


# The trigger functions. SECURITY DEFINER, because other Supabase clients write as `authenticated`, which may touch
# neither sequence nor log; a pinned search_path, because a definer function must not resolve names in a schema its
# caller controls. EXECUTE is revoked: a trigger fires without it, and nobody can then attach these functions to a table
# of their own to forge log entries.
FUNCTIONS_SQL = f"""
-- A log from before keys could be numbers.
do $$
begin
    if exists (select from pg_attribute where attrelid = 'realtime_change'::regclass and attname = 'row_key'
               and atttypid = 'uuid'::regtype) then
        alter table realtime_change alter row_key type text;
        drop function if exists realtime_note(text, text, uuid, jsonb, jsonb, bigint);
    end if;
end
$$;

create or replace function realtime_actor() returns text
language sql stable set search_path = pg_catalog as $$
    select coalesce(
        nullif(current_setting('livedesk.actor', true), ''),
        nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', ''),
        session_user::text
    )
$$;

-- The arguments name columns that an app keeps by itself: those of an adopted table (``manage.py adopt``).
create or replace function realtime_stamp() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
declare
    complete record;
    generated text[];
    -- What the portal writes is stamped there, too: nobody else would.
    is_ours constant boolean := nullif(current_setting('livedesk.actor', true), '') is not null;
    our_creation constant boolean := is_ours or 'created_at' = any(tg_argv) is not true;
    our_update constant boolean := is_ours or 'updated_at' = any(tg_argv) is not true;
begin
    if tg_op = 'UPDATE' then
        if our_creation then
            new.created_at := old.created_at;
        end if;
        if our_update then
            new.updated_at := old.updated_at;
        end if;
        new.revision := old.revision;
        -- A write that changes nothing a page shows is no change: same revision, same time, no log entry. Compared byte
        -- by byte: to citext, 'a' and 'A' are equal, to a page they aren't.
        if new *= old then
            return new;
        end if;
        -- Generated columns are computed after this trigger and are empty in `new`: they say nothing of a change.
        generated := array(select attname from pg_attribute where attrelid = tg_relid and attgenerated <> '');
        if cardinality(generated) > 0 then
            -- Filled into `new`, because a row that is older than a column's constant default isn't read whole.
            complete := jsonb_populate_record(
                new, (select jsonb_object_agg(key, value) from jsonb_each(to_jsonb(old)) where key = any(generated)));
            if complete *= old then
                return new;
            end if;
        end if;
    elsif our_creation then
        -- Beyond these years lies what no other language can read, 'infinity' included.
        if new.created_at between '0001-01-02' and '9999-12-30' is not true then
            new.created_at := now();
        end if;
    end if;
    if our_update then
        new.updated_at := clock_timestamp();
    end if;
    new.revision := nextval('@schema@.realtime_revision');
    return new;
end
$$;

-- One entry, under its row's number unless that names another change: a trigger behind the stamp may have chosen it.
create or replace function realtime_note(
    live text, op text, key text, was jsonb, now_is jsonb, stamped bigint default null
) returns void
language plpgsql security definer set search_path = pg_catalog as $$
begin
    loop
        insert into @schema@.realtime_change (revision, table_name, op, row_key, old, new, actor, action)
        values (coalesce(stamped, nextval('@schema@.realtime_revision')), live, op, key, was, now_is,
                @schema@.realtime_actor(), nullif(current_setting('livedesk.action', true), ''))
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
        perform @schema@.realtime_note(live, tg_op, old.id::text, to_jsonb(old), null);
    elsif tg_op = 'INSERT' then
        perform @schema@.realtime_note(live, tg_op, new.id::text, null, to_jsonb(new), nullif(new.revision, 0));
    -- What a trigger behind the stamp changed is noted too, and so is everything while the stamp is switched off.
    elsif new *<> old then
        perform @schema@.realtime_note(live, tg_op, new.id::text, to_jsonb(old), to_jsonb(new),
                                       case when new.revision <> old.revision then nullif(new.revision, 0) end);
        if new.id <> old.id then
            perform @schema@.realtime_note(live, 'DELETE', old.id::text, to_jsonb(old), null);
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

-- Words belong to a column of another table, whose rows look different now.
create or replace function realtime_log_words() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
begin
    insert into @schema@.realtime_change (revision, table_name, op, actor)
    select nextval('@schema@.realtime_revision'), about, 'RESET', @schema@.realtime_actor()
    from (select new.table_name as about union select old.table_name) as told where about is not null;
    return null;
end
$$;

-- Whose rows changed, and nothing about them. The argument is the column that says whose a row is.
create or replace function realtime_log_personal() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
declare
    people text := format('select %I from changed', tg_argv[0]);
begin
    if tg_op = 'UPDATE' then
        people := people || format(' union select %I from was', tg_argv[0]);
    end if;
    execute 'insert into @schema@.realtime_change (revision, table_name, op, row_key, actor)'
        || ' select nextval(''@schema@.realtime_revision''), $1, ''RESET'', person::text, @schema@.realtime_actor()'
        || ' from (select distinct person from (' || people || ') as found (person)) as told'
        using tg_table_name;
    return null;
end
$$;

revoke all on function realtime_stamp(), realtime_log(), realtime_log_related(), realtime_log_personal(),
    realtime_log_words() from public;
revoke all on function realtime_note(text, text, text, jsonb, jsonb, bigint) from public;

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
                       ' realtime_log_personal(), realtime_log_words(),'
                       ' realtime_note(text, text, text, jsonb, jsonb, bigint)'
                       ' from %I', api_role);
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
    if exists (select from pg_roles where rolname = 'authenticator' and not pg_has_role(oid, '{WORKER_ROLE}', 'member'))
    then
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
drop function realtime_log_personal();
drop function realtime_log_words();
drop function realtime_log();
drop function realtime_note(text, text, text, jsonb, jsonb, bigint);
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
