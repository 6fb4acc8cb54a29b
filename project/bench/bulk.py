"""`bin/bench bulk`: how long a worker needs to change, put back and delete many tickets, each by its form's rules."""

import time

import psycopg

from project.bench.rows import fill
from project.bench.services import database


def run(rows: int) -> None:
    with database() as url:
        fill(url, max(1000, rows // 3), rows)
        with psycopg.connect(url, autocommit=True) as sql:
            sql.execute("update tickets set priority = 'low'")
        measure()


def measure() -> None:
    from django.contrib.auth import get_user_model
    from django.test import Client

    from realtime.live.bulks import action_of
    from realtime.models import Bulk
    from realtime.pages.bulk_running import step

    person = get_user_model()._default_manager.create_superuser(username="bench")
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(person)

    def timed(words: str, address: str, sent: dict[str, str]) -> str:
        began = time.monotonic()
        answer = client.post(address, sent)
        assert answer.status_code == 302, answer.status_code
        started = time.monotonic() - began
        while step():
            pass
        took = time.monotonic() - began
        bulk = Bulk.objects.order_by("-created_at").first()
        assert bulk is not None
        changed = bulk.rows.filter(outcome="changed").count()
        print(f"{words:10}{changed:8,} rows in{took:7.1f} s, {changed / took:7,.0f} a second; begun in {started:.2f} s")
        return action_of(bulk)

    change = {"do": "change", "all": "1", "query": "?all=1", "set": "priority", "priority": "urgent"}
    action = timed("change", "/ticketing/tickets/bulk/", change)
    timed("undo", "/history/undo/", {"doing": action})
    timed("delete", "/ticketing/tickets/bulk/", {"do": "delete", "all": "1", "query": "?all=1"})
