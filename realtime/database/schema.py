"""What a live table needs in PostgreSQL besides its columns, as one reversible migration operation.

``LiveTable("products")`` gives a table its triggers, publication, row level security and grants; these build on
``ENGINE_SQL``. The SQL is our own and not django-pgtrigger's, whose trigger functions run with the writer's rights and
can be silenced by any role with ``SET pgtrigger.ignore`` (design rule 3).
"""

from typing import Any

from django.conf import settings
from django.db.migrations.operations.base import Operation

from realtime.database.roles import OURS, WORKER_ROLE
from realtime.database.triggers import (
    DOORBELL,
    DOORBELL_TRIGGER,
    PERSONAL_TRIGGERS,
    drop_triggers_sql,
    personal_triggers_sql,
    triggers_sql,
)

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
    """A migration step of plain SQL with its reverse. ``@schema@`` is the schema the migrations run in.

    A step that changes live tables names them as ``of``: where one of them was adopted (``realtime/adopting/``),
    ``adopted`` is done instead. It has a sentence and a statement for each transaction, none of which may hold up
    writers for more than a moment.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(
        self, forwards: str, backwards: str, of: tuple[str, ...] = (), adopted: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.forwards = forwards
        self.backwards = backwards
        self.of = of
        self.adopted = adopted

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
        self.publish = PUBLISH_SQL.format(**names)
        steps = [(READERS_SQL, DROP_READERS_SQL), (PUBLISH_SQL, UNPUBLISH_SQL)]
        backwards = "".join(backward.format(**names) for _, backward in reversed(steps))
        super().__init__(
            forwards=(triggers_sql(table) if logged else "") + "".join(forward.format(**names) for forward, _ in steps),
            backwards=backwards + (drop_triggers_sql(table) if logged else ""),
            of=(table,),
        )

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return ("LiveTable", [self.table], {} if self.logged else {"logged": False})

    def describe(self) -> str:
        return f"Make table {self.table} live"


class RenewedTriggers(DatabaseSQL):
    """Gives tables that are already live the triggers that ``LiveTable`` makes today."""

    def __init__(self, *tables: str) -> None:
        self.tables = tables
        super().__init__(forwards="".join(map(triggers_sql, tables)), backwards="", of=tables)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return ("RenewedTriggers", list(self.tables), {})

    def describe(self) -> str:
        return f"Renew the triggers of {', '.join(self.tables)}"


class OwnWords(DatabaseSQL):
    """Fills in the words of a column of a table of our own: value, label, colour, and whether it counts as open.

    Of an adopted table, the words are learned from the database (``words.py``).
    """

    def __init__(self, table: str, column: str, words: tuple[tuple[str, str, str, bool], ...]) -> None:
        self.table = table
        self.column = column
        self.words = words
        rows = ", ".join(
            f"('{table}', '{column}', '{value}', '{label}', {position}, '{colour}', {is_open})"
            for position, (value, label, colour, is_open) in enumerate(words, start=1)
        )
        super().__init__(
            # Nobody has seen these tables with other words yet.
            forwards="alter table realtime_word disable trigger user;"
            " insert into realtime_word (table_name, column_name, value, label, position, colour, is_open)"
            f" values {rows} on conflict do nothing; alter table realtime_word enable trigger user;",
            backwards=f"delete from realtime_word where table_name = '{table}' and column_name = '{column}'",
            of=(table,),
        )

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return ("OwnWords", [self.table, self.column, self.words], {})

    def describe(self) -> str:
        return f"Fill in the words of {self.column} in {self.table}"


class RelatedTable(DatabaseSQL):
    """Has the change log note that something in a table changed, without saying what (``realtime.database.tables``).

    ``columns`` limits which updates count: for users, every sign-in is an update.
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


class PersonalTable(DatabaseSQL):
    """Has the change log note whose rows of a table changed, without saying what (``realtime.database.tables``).

    ``column`` says whose a row is.
    """

    def __init__(self, table: str, column: str) -> None:
        self.table = table
        self.column = column
        drops = (f'drop trigger "{name}" on {table};' for name in (DOORBELL_TRIGGER, *PERSONAL_TRIGGERS))
        super().__init__(forwards=personal_triggers_sql(table, column), backwards=" ".join(drops))

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return ("PersonalTable", [self.table, self.column], {})

    def describe(self) -> str:
        return f"Tell whose rows of {self.table} change"
