"""`bin/bench log`: how long finding one record's changes takes among a million: the admin's search and the command."""

import io
import statistics
import time
from collections.abc import Callable
from typing import Any

import psycopg

from project.bench.history import _fill
from project.bench.lists import IS_FILLED, ME, _one
from project.bench.services import kept

RUNS = 15
AIM_MS = 2_000


def run(entries: int) -> None:
    # The entries of `bin/bench history`.
    with kept(f"history-{entries}") as url:
        # Requests take their connections from its pool.
        import project.asgi  # noqa: F401

        with psycopg.connect(url, autocommit=True) as sql:
            if not _one(sql, IS_FILLED):
                _fill(sql, entries)
            key = str(_one(sql, "select row_key from realtime_change order by revision offset 1000 limit 1"))
            person = str(ME)
        _bench(entries, key, person)


def _bench(entries: int, key: str, person: str) -> None:
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client

    from project.accounts.models import User

    # It would keep every statement.
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client()
    client.force_login(User.objects.get(pk=ME))

    def admin(term: str) -> None:
        answer = client.get("/admin/realtime/realtimechange/", {"q": term})
        assert answer.status_code == 200

    def command(*arguments: str) -> None:
        call_command("realtime_events", *arguments, stdout=io.StringIO())

    cases: dict[str, Callable[[], Any]] = {
        "admin: a record": lambda: admin(key),
        "admin: a record that nobody has changed": lambda: admin("00000000-0000-4000-8000-999999999999"),
        "admin: a person": lambda: admin(person),
        "command: a record, of all time": lambda: command("--record", key, "--since", "99999h"),
        "command: one hour": lambda: command("--since", "1h"),
        "command: one action": lambda: command("--action", "portal:bulk"),
    }
    print(f"{entries:,} entries; ms, {RUNS} runs; to be found within {AIM_MS:,}")
    for what, look in cases.items():
        look()
        times = []
        for _ in range(RUNS):
            began = time.perf_counter()
            look()
            times.append((time.perf_counter() - began) * 1000)
        late = "  late" if max(times) > AIM_MS else ""
        print(f"{what:42}{statistics.median(times):8.1f}  at most {max(times):8.1f}{late}", flush=True)
