"""`bin/bench sweep`: what a long transaction costs the sweep of the change log (design rule 6)."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from realtime.local.postgres import EmbeddedPostgres
from realtime.local.process import REPOSITORY, pick_port

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


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__)
    parser.add_argument("what", choices=["sweep"])
    parser.add_argument("--commits", type=int, default=300_000, help="behind one open transaction")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="livedesk-bench-") as directory:
        Path(directory).chmod(0o711)
        postgres = EmbeddedPostgres(Path(directory) / "postgres", pick_port(), durable=False)
        postgres.start()
        try:
            postgres.create_database("bench")
            bench_sweep(postgres.url("bench"), options.commits)
        finally:
            postgres.stop()
            postgres.remove()


def bench_sweep(url: str, commits: int) -> None:
    migrate(url)
    from realtime.change_log import REVISIONS_SINCE

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


def migrate(url: str) -> None:
    os.environ |= {
        "DATABASE_URL": url,
        "REDIS_URL": "redis://127.0.0.1",
        "SUPABASE_URL": "http://127.0.0.1",
        "SUPABASE_KEY": "none",
        "DJANGO_DEBUG": "1",
        "DJANGO_SETTINGS_MODULE": "project.settings",
    }
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=REPOSITORY, check=True)
    import django

    django.setup()


if __name__ == "__main__":
    main()
