"""Everything in the catalog that an adoption can add, each with the statement that takes it back.

What a step added is the difference between two looks at the catalog within its own transaction, so that ``--undo``
needs no list of its own that could forget something.
"""

from collections.abc import Mapping

from django.conf import settings
from django.db import connection

from realtime.database.roles import WORKER_ROLE

# Dependants before what they hang on.
KINDS = (
    "policy",
    "trigger",
    "published",
    "constraint",
    "index",
    "default",
    "column",
    "table",
    "sequence",
    "function",
    "publication",
    "extension",
    "grant",
    "membership",
    "role",
)

# One row per object: its kind, what it is, the table that takes it along when that is dropped, and the statement.
# Whatever an extension brought goes with the extension.
CATALOG = """
with ours as (select oid, relname, relkind, relacl, relowner from pg_class
              where relnamespace = current_schema()::regnamespace),
brought as (select classid, objid from pg_depend where deptype = 'e')
select 'table', oid::regclass::text, null, format('drop table if exists %%s', oid::regclass), oid::bigint
from ours where relkind in ('r', 'p')
union all
select 'sequence', oid::regclass::text, null, format('drop sequence if exists %%s', oid::regclass), oid::bigint
from ours where relkind = 'S' and not exists (
    select from pg_depend where classid = 'pg_class'::regclass and objid = ours.oid and deptype in ('a', 'i'))
union all
select 'index', indexrelid::regclass::text, indrelid::regclass::text,
       format('drop index if exists %%s', indexrelid::regclass), indexrelid::bigint
from pg_index join ours on oid = indrelid
where relkind in ('r', 'p') and not exists (select from pg_constraint where conindid = indexrelid)
union all
select 'column', attrelid::regclass || '.' || attname, attrelid::regclass::text,
       format('alter table if exists %%s drop column if exists %%I', attrelid::regclass, attname), attnum::bigint
from pg_attribute join ours on oid = attrelid where relkind in ('r', 'p') and attnum > 0 and not attisdropped
union all
select 'default', adrelid::regclass || '.' || attname, adrelid::regclass || '.' || attname,
       format('alter table if exists %%s alter column %%I drop default', adrelid::regclass, attname), adrelid::bigint
from pg_attrdef join ours on ours.oid = adrelid join pg_attribute on attrelid = adrelid and attnum = adnum
where attgenerated = ''
union all
select 'constraint', conrelid::regclass || '.' || conname, conrelid::regclass::text,
       format('alter table if exists %%s drop constraint if exists %%I', conrelid::regclass, conname),
       pg_constraint.oid::bigint
from pg_constraint join ours on ours.oid = conrelid where contype <> 'n'
union all
select 'trigger', tgrelid::regclass || '.' || tgname, tgrelid::regclass::text,
       format('drop trigger if exists %%I on %%s', tgname, tgrelid::regclass), pg_trigger.oid::bigint
from pg_trigger join ours on ours.oid = tgrelid where not tgisinternal
union all
select 'policy', polrelid::regclass || '.' || polname, polrelid::regclass::text,
       format('drop policy if exists %%I on %%s', polname, polrelid::regclass), pg_policy.oid::bigint
from pg_policy join ours on ours.oid = polrelid
union all
select 'published', pubname || '.' || prrelid::regclass, prrelid::regclass::text,
       format('alter publication %%I drop table %%s', pubname, prrelid::regclass), pg_publication_rel.oid::bigint
from pg_publication_rel join pg_publication on pg_publication.oid = prpubid where pubname = %(publication)s
union all
select 'publication', pubname, null, format('drop publication if exists %%I', pubname), oid::bigint
from pg_publication where pubname = %(publication)s
union all
select 'function', p.oid::regprocedure::text, null, format('drop function if exists %%s', p.oid::regprocedure),
       p.oid::bigint
from pg_proc as p where pronamespace = current_schema()::regnamespace and prokind in ('f', 'p')
    and not exists (select from brought where classid = 'pg_proc'::regclass and objid = p.oid)
union all
select 'extension', extname, null, format('drop extension if exists %%I', extname), oid::bigint from pg_extension
union all
-- Roles belong to the cluster: another of its databases may use it by now.
select 'role', rolname, null,
       format('do $do$ begin drop role if exists %%I; exception when dependent_objects_still_exist then null; end $do$',
              rolname), oid::bigint
from pg_roles where rolname = %(role)s
union all
select 'membership', rolname, %(role)s, format('revoke %%I from %%I', %(role)s, rolname), member::bigint
from pg_auth_members join pg_roles on pg_roles.oid = member
where roleid = (select oid from pg_roles where rolname = %(role)s)
union all
select 'grant', format('%%s %%s %%s', oid::regclass, privilege_type, grantee), oid::regclass::text,
       format('revoke %%s on %%s from %%s', privilege_type, oid::regclass, grantee::regrole), oid::bigint
from ours cross join lateral aclexplode(relacl)
where relkind in ('r', 'p') and grantee in (select oid from pg_roles where rolname in (%(role)s, 'service_role'))
union all
select 'grant', format('%%s %%s %%s', nspname, privilege_type, grantee), null,
       format('revoke %%s on schema %%I from %%s', privilege_type, nspname, grantee::regrole), pg_namespace.oid::bigint
from pg_namespace cross join lateral aclexplode(nspacl)
where nspname = current_schema() and grantee = (select oid from pg_roles where rolname = %(role)s)
"""

Object = tuple[str, str]
# An object's host, statement and place among its kind.
Telling = tuple[str | None, str, int]


def look() -> Mapping[Object, Telling]:
    """What is in the catalog at this moment, as this transaction sees it."""
    with connection.cursor() as cursor:
        cursor.execute(CATALOG, {"role": WORKER_ROLE, "publication": settings.SUPABASE_PUBLICATION})
        return {(kind, name): (host, take_back, place) for kind, name, host, take_back, place in cursor.fetchall()}


def added(before: Mapping[Object, Telling], after: Mapping[Object, Telling]) -> list[str]:
    """The statements that take back what came in between, dependants first."""
    new = after.keys() - before.keys()
    hosts = {name for kind, name in new if kind in ("table", "column", "role")}
    alone = [thing for thing in new if after[thing][0] not in hosts]
    # What was made last goes first: it may hang on the others of its kind.
    alone.sort(key=lambda thing: (KINDS.index(thing[0]), -after[thing][2]))
    return [after[thing][1] for thing in alone]
