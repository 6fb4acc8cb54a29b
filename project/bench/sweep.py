"""`bin/bench sweep`: what a long transaction costs the sweep of the change log (design rule 6)."""

import statistics
import time

import psycopg

from project.bench.services import database

RUNS = 9

NAIVE = """
select revision from realtime_change
where xid >= pg_snapshot_xmin(%(position)s::pg_snapshot)
  and not pg_visible_in_snapshot(xid, %(position)s::pg_snapshot)
order by revision
"""

COMMIT_MANY = """
create procedure commit_many(n int) language plpgsql as $$
begin
    for i in 1..n loop
        insert into products (name) values ('benchmark');
        commit;
    end loop;
end $$
"""


def run(commits: int) -> None:
    with database() as url:
        bench_sweep(url, commits)


def bench_sweep(url: str, commits: int) -> None:
    from realtime.database.change_log import REVISIONS_SINCE

    with psycopg.connect(url) as long, psycopg.connect(url, autocommit=True) as sql:
        long.execute("insert into products (name) values ('still open')")
        sql.execute(COMMIT_MANY)
        started = time.monotonic()
        sql.execute("call commit_many(%s)", [commits])
        print(f"{commits:,} commits in {time.monotonic() - started:.1f} s behind one open transaction")
        sql.execute("vacuum analyze realtime_change")
        position = sql.execute("select pg_current_snapshot()::text").fetchone()
        assert position is not None
        sql.execute("insert into products (name) values ('news')")
        ours = median_ms(sql, REVISIONS_SINCE, position[0])
        naive = median_ms(sql, NAIVE, position[0])
        print(f"sweep, two index ranges: {ours:.2f} ms   plain form: {naive:.2f} ms   ratio 1 : {naive / ours:.0f}")


def median_ms(sql: "psycopg.Connection[tuple[object, ...]]", statement: str, position: str) -> float:
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        found = sql.execute(statement, {"position": position}).fetchall()
        times.append((time.perf_counter() - started) * 1000)
        assert len(found) == 1, "the one change since the position"
    return statistics.median(times)
