"""`bin/bench history`: how long the server takes for a page of the history, behind a million entries of the log."""

import time
from typing import Any

import psycopg

from project.bench.lists import AIM_MS, COLLEAGUES, FILLED, IS_FILLED, ME, RUNS, _one, _times
from project.bench.services import kept

# Of the kinds that a busy desk changes; of products there is next to nothing, months ago.
FILL = """
with desk as (select array_agg(id) as keys, min(customer_id::text) as customer from tickets)
insert into realtime_change (revision, xid, at, table_name, op, row_key, old, new, actor, action)
select nextval('realtime_revision'), (1000 + n / 2)::text::xid8, now() - (%(entries)s - n) * interval '2.5 seconds',
       kind.name, kind.op, keys[1 + n %% array_length(keys, 1)],
       case when kind.op <> 'INSERT' then row || '{"title": "It does not start", "status": "open"}' end,
       case when kind.op <> 'DELETE' then row || '{"title": "It does start", "status": "pending"}' end,
       case when n %% 50 = 7 then 'postgres' else who end,
       case when n %% 50 = 7 then null
            when n between %(entries)s / 2 and %(entries)s / 2 + 50000 then 'import:one'
            when n between %(entries)s - 5200 and %(entries)s - 200 then 'portal:bulk'
            when n %% 1000 = 1 then 'admin:' || n
            else 'portal:' || n / 3 end
from desk cross join generate_series(1, %(entries)s) as n
cross join lateral (
    select case when n < 100 then 'products' when n %% 10 < 5 then 'tickets' when n %% 10 < 8 then 'comments'
           when n %% 10 = 8 then 'customers' else 'interactions' end as name,
           case n %% 11 when 1 then 'INSERT' when 2 then 'DELETE' else 'UPDATE' end as op
) as kind
cross join lateral (
    select '00000000-0000-4000-8000-' || lpad((n / 3 %% 200)::text, 12, '0') as who,
           jsonb_build_object('ticket_id', keys[1 + n %% array_length(keys, 1)], 'customer_id', customer,
                              'name', 'Ada', 'content', repeat('words ', 40), 'description', repeat('more ', 40)) as row
) as filled
"""
TICKETS = 10_000


def run(entries: int, again: bool = False) -> None:
    with kept(f"history-{entries}") as url:
        # Requests take their connections from its pool.
        import project.asgi  # noqa: F401

        with psycopg.connect(url, autocommit=True) as sql:
            if again or not _one(sql, IS_FILLED):
                began = time.monotonic()
                _fill(sql, entries)
                print(f"made {entries:,} entries in {time.monotonic() - began:.0f} s")
            ticket = _one(sql, "select id from tickets limit 1")
            customer = _one(sql, "select id from customers limit 1")
            middle = _one(sql, "select (min(revision) + max(revision)) / 2 from realtime_change")
            day = _one(sql, "select (now() - interval '9 days')::date")
        _bench(entries, middle, ticket, customer, day)


def _fill(sql: "psycopg.Connection[Any]", entries: int) -> None:
    from project.accounts.models import User

    sql.execute("truncate customers, tickets, realtime_change cascade")
    sql.execute("drop table if exists bench_filled")
    User.objects.bulk_create(
        [User(pk=key, username=f"colleague-{key}", is_staff=True, is_superuser=True) for key in COLLEAGUES],
        ignore_conflicts=True,
    )
    sql.execute("insert into customers (name) values ('Ada')")
    sql.execute(
        "insert into tickets (title, customer_id) select 'Ticket ' || n, (select id from customers)"
        " from generate_series(1, %s) as n",
        [TICKETS],
    )
    sql.execute("truncate realtime_change")
    sql.execute(FILL, {"entries": entries})
    sql.execute("vacuum analyze")
    sql.execute(FILLED)


def _bench(entries: int, middle: int, ticket: str, customer: str, day: str) -> None:
    from django.conf import settings
    from django.test import Client

    from project.accounts.models import User

    # It would keep every statement.
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client()
    client.force_login(User.objects.get(pk=ME))
    cases = {
        "the first page": {},
        "a page in the middle": {"before": str(middle)},
        "one kind": {"kind": "ticket"},
        "a kind that seldom changes": {"kind": "product"},
        "one person": {"by": str(ME)},
        "somebody who did nothing": {"by": "00000000-0000-4000-8000-999999999999"},
        "in the administration": {"origin": "admin"},
        "imports": {"origin": "import"},
        "by SQL": {"origin": "sql"},
        "through Supabase: nothing": {"origin": "client"},
        "one day": {"day": str(day)},
        "one person on one day": {"by": str(ME), "day": str(day)},
        "a ticket": {"record": f"ticket/{ticket}"},
        "a customer of all": {"record": f"customer/{customer}"},
        "50,000 rows of one import": {"doing": "import:one"},
    }
    print(f"{entries:,} entries; ms in the server, {RUNS} runs")
    print(f"{'':34}{'median':>8}{'p95':>8}{'CPU':>8}")
    for what, asked in cases.items():
        took = _times(client, "/history/", asked, RUNS)
        late = "  late" if took.p95 > AIM_MS else ""
        print(f"{what:34}{took.median:8.1f}{took.p95:8.1f}{took.cpu:8.1f}{late}", flush=True)
