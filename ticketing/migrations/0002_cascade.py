from django.db import migrations

from realtime.database.schema import DatabaseSQL

# Django cascades in Python; a ticket that another writer deletes has to take its conversation along as well.
CASCADE = """
do $$
declare
    link record;
begin
    for link in
        select conname, conrelid::regclass as child, confrelid::regclass as parent, attname
        from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]
        where contype = 'f' and conrelid in ('comments'::regclass, 'attachments'::regclass)
    loop
        execute format('alter table %s drop constraint %I', link.child, link.conname);
        execute format(
            'alter table %s add constraint %I foreign key (%I) references %s (id)'
            ' on delete cascade deferrable initially deferred',
            link.child, link.conname, link.attname, link.parent
        );
    end loop;
end
$$;
"""


class Migration(migrations.Migration):
    # By itself, because Django adds foreign keys only at the end of the migration that asks for them.
    dependencies = [("ticketing", "0001_initial")]

    # In adopted tables, foreign keys are the app's; the portal takes along by itself what would be left.
    operations = [DatabaseSQL(CASCADE, "", of=("comments", "attachments"))]
