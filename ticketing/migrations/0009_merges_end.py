from django.db import migrations

from realtime.database.schema import DatabaseSQL

# What goes along with a deleted ticket, whoever deletes it. A ticket that was merged into it stays, merged no more.
DELETED = """
do $$
declare
    link record;
begin
    for link in
        select conname, conrelid::regclass as child, confrelid::regclass as parent, attname,
               case when conrelid = 'ticket_links'::regclass then 'cascade' else 'set null' end as what
        from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]
        where contype = 'f' and confrelid = 'tickets'::regclass
          and (conrelid = 'ticket_links'::regclass or attname in ('merged_into_id', 'merged_from_id'))
    loop
        execute format('alter table %s drop constraint %I', link.child, link.conname);
        execute format(
            'alter table %s add constraint %I foreign key (%I) references %s (id)'
            ' on delete %s deferrable initially deferred',
            link.child, link.conname, link.attname, link.parent, link.what
        );
    end loop;
end
$$;
"""

# An undo, or another client, could close a circle of merges that no reply would ever leave.
NO_CIRCLE = """
create function ticketing_merge_ends() returns trigger language plpgsql security definer
set search_path = @schema@, pg_temp as $$
begin
    if exists (
        with recursive chain (id) as (
            select new.merged_into_id
            union
            select merged_into_id from tickets join chain using (id) where merged_into_id is not null
        )
        select from chain where id = new.id
    ) then
        raise exception 'ticket % would be merged into itself', new.id
            using errcode = 'check_violation', constraint = 'tickets_merge_ends';
    end if;
    return null;
end
$$;
create constraint trigger tickets_merge_ends after insert or update of merged_into_id on tickets
    deferrable initially deferred for each row when (new.merged_into_id is not null)
    execute function ticketing_merge_ends();
"""


# The same for adopted tables: what is there already is checked beside the app's writes.
DELETED_IN_ADOPTED: list[tuple[str, str]] = [
    step
    for table, column in (("tickets", "merged_into"), ("comments", "merged_from"), ("attachments", "merged_from"))
    for step in (
        (
            f"have {column}_id of {table} name tickets",
            f"alter table {table} add constraint {table}_{column} foreign key ({column}_id) references tickets (id)"
            " on delete set null deferrable initially deferred not valid",
        ),
        (
            f"check that, beside reads and writes of {table}",
            f"alter table {table} validate constraint {table}_{column}",
        ),
    )
]
DELETED_LINKS = """
do $$
declare
    link record;
begin
    for link in
        select conname, attname from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]
        where contype = 'f' and conrelid = 'ticket_links'::regclass
    loop
        execute format('alter table ticket_links drop constraint %I', link.conname);
        execute format('alter table ticket_links add constraint %I foreign key (%I) references tickets (id)'
                       ' on delete cascade deferrable initially deferred', link.conname, link.attname);
    end loop;
end
$$;
"""


def log_index(name: str, column: str, *tables: str) -> DatabaseSQL:
    key = f"coalesce(new ->> '{column}', old ->> '{column}')"
    named = ", ".join(f"'{table}'" for table in tables)
    where = f"table_name in ({named}) and {key} is not null"
    return DatabaseSQL(f"create index {name} on realtime_change ({key}, revision) where {where}", f"drop index {name}")


class Migration(migrations.Migration):
    # By itself, because Django adds foreign keys only at the end of the migration that asks for them.
    dependencies = [("ticketing", "0008_merging_and_links"), ("realtime", "0008_history")]

    operations = [
        DatabaseSQL(
            DELETED,
            "",
            of=("tickets", "comments", "attachments", "ticket_links"),
            adopted=(*DELETED_IN_ADOPTED, ("have links go with their tickets", DELETED_LINKS)),
        ),
        DatabaseSQL(
            NO_CIRCLE,
            "drop trigger tickets_merge_ends on tickets; drop function ticketing_merge_ends();",
            of=("tickets",),
            adopted=(("refuse circles of merges", NO_CIRCLE),),
        ),
        # What hangs on a ticket is part of its history, and what was merged into it of its conversation, too.
        log_index("realtime_change_of_merge", "merged_into_id", "tickets"),
        log_index("realtime_change_of_merged", "merged_from_id", "comments", "attachments"),
        log_index("realtime_change_of_link", "ticket_id", "ticket_links"),
        log_index("realtime_change_of_linked", "other_id", "ticket_links"),
    ]
