"""Many rows for the benches of lists, made by PostgreSQL itself and past the triggers: a million takes minutes."""

from collections.abc import Iterable

import psycopg

from project.bulk import bulk_loading

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


PRODUCTS = """
insert into products (name, description, price, created_at, updated_at, revision)
select (array['Lamp', 'Desk', 'Chair', 'Shelf'])[1 + n %% 4] || ' ' || md5(n::text), 'Article ' || n, n %% 2000,
       now() - n * interval '1 h', now() - n * interval '50 min', nextval('realtime_revision')
from generate_series(1, %(rows)s) n
"""

ACQUISITIONS = """
with c as (select array_agg(id) ids from (select id from customers limit 1000) c),
     p as (select array_agg(id) ids from (select id from products limit 1000) p)
insert into acquisitions (customer_id, product_id, quantity, total_amount, created_at, updated_at, revision)
select c.ids[1 + n %% cardinality(c.ids)], p.ids[1 + (n / 7) %% cardinality(p.ids)], 1 + n %% 40, n %% 5000,
       now() - n * interval '90 s', now() - n * interval '60 s', nextval('realtime_revision')
from generate_series(1, %(rows)s) n, c, p
"""

INTERACTIONS = """
with c as (select array_agg(id) ids from (select id from customers limit 1000) c)
insert into interactions (customer_id, type, notes, interaction_at, created_at, updated_at, revision)
select c.ids[1 + n %% cardinality(c.ids)], (array['call', 'email', 'meeting', 'note'])[1 + n %% 4],
       'Spoke about ' || md5(n::text), now() - n * interval '100 s', now() - n * interval '90 s',
       now() - n * interval '60 s', nextval('realtime_revision')
from generate_series(1, %(rows)s) n, c
"""

# Every other ticket has one.
COMMENTS = """
insert into comments (ticket_id, author_id, content, created_at, updated_at, revision)
select id, assigned_to, 'Called back about ' || md5(n::text), created_at + interval '1 h', created_at + interval '1 h',
       nextval('realtime_revision')
from (select id, assigned_to, created_at, row_number() over () n from tickets) t where n %% 2 = 0 and n <= %(rows)s
"""


def fill(url: str, customers: int, tickets: int) -> None:
    """Fills both tables, and lets PostgreSQL look at what it has now."""
    _fill(url, (("customers", CUSTOMERS, customers), ("tickets", TICKETS, tickets)))


def fill_all(url: str, customers: int, tickets: int) -> None:
    """Fills the table of each list."""
    fill(url, customers, tickets)
    others = (
        ("products", PRODUCTS, max(100, customers // 100)),
        ("acquisitions", ACQUISITIONS, customers),
        ("interactions", INTERACTIONS, customers),
        ("comments", COMMENTS, tickets),
    )
    _fill(url, others)


def _fill(url: str, tables: Iterable[tuple[str, str, int]]) -> None:
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        with connection.transaction():
            for table, statement, rows in tables:
                with bulk_loading(cursor, table):
                    # Its keys are right.
                    cursor.execute(f"alter table {table} disable trigger all".encode())
                    cursor.execute(statement.encode(), {"rows": rows})
                    cursor.execute(f"alter table {table} enable trigger all".encode())
        cursor.execute("vacuum analyze")
