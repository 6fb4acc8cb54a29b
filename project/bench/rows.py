"""Many rows for the benches of lists, made by PostgreSQL itself and past the triggers: a million takes minutes."""

import psycopg

from realtime.database.triggers import LIVE_TRIGGERS

CUSTOMERS = """
insert into customers (name, email, phone, created_at, updated_at, revision)
select (array['Lefèvre', 'Muñoz', 'Groß', 'Brzęcz', 'Smith', 'Okafor', 'Chen', 'Novák'])[1 + n %% 8] || ' '
       || md5(n::text), 'c' || n || '@example.org', '+49 30 ' || n,
       now() - n * interval '90 s', now() - n * interval '60 s', nextval('realtime_revision')
from generate_series(1, %(rows)s) n
"""

TICKETS = """
insert into tickets (title, description, status, priority, customer_id, assigned_to, created_at, updated_at, revision)
select (array['Printer', 'Lamp', 'Desk', 'Invoice', 'Door', 'Screen', 'Chair', 'Login'])[1 + n %% 8] || ' '
       || (array['on fire', 'is broken', 'flickers', 'was lost'])[1 + n %% 4] || ' ' || md5(n::text),
       'Ticket number ' || n || ', ' || repeat(md5((n * 7)::text) || ' ', 4),
       (array['open', 'pending', 'resolved', 'closed', 'closed', 'closed', 'closed', 'closed'])[1 + (n / 3) %% 8],
       (array['low', 'normal', 'normal', 'high', 'urgent'])[1 + n %% 5],
       (select array_agg(id) from (select id from customers limit 1000) c)[1 + n %% 1000],
       case when n %% 3 > 0 then ('00000000-0000-4000-8000-' || lpad((n %% 200)::text, 12, '0'))::uuid end,
       now() - n * interval '30 s', now() - n * interval '20 s', nextval('realtime_revision')
from generate_series(1, %(rows)s) n
"""


def fill(url: str, customers: int, tickets: int) -> None:
    """Fills both tables past their triggers, and lets PostgreSQL look at what it has now."""
    with psycopg.connect(url, autocommit=True) as sql:
        for table, statement, rows in (("customers", CUSTOMERS, customers), ("tickets", TICKETS, tickets)):
            sql.execute(f"alter table {table} disable trigger all")
            sql.execute(statement, {"rows": rows})
            sql.execute(f"alter table {table} enable trigger all")
            for name in LIVE_TRIGGERS:
                sql.execute(f'alter table {table} enable always trigger "{name}"')
        sql.execute("vacuum analyze")
