"""Many rows at once: each with the checks of a single write, exactly once, reported row by row, one undo for all."""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from pytest_django import Settings

from crm.models import Customer
from project.accounts.models import User
from realtime.database.actor import acting_user
from realtime.live.bulks import action_of
from realtime.live.first_paint import live_view
from realtime.local.process import Service
from realtime.models import Bulk, BulkRow, RealtimeChange, RowLimit
from realtime.pages import bulk_running
from realtime.pages.bulk_running import PORTION, step
from tests.integration.conftest import Project
from ticketing.models import Comment, Ticket

pytestmark = pytest.mark.usefixtures("project", "quick_pages")
ROWS = int(os.environ.get("ROWS", "300"))


def member(group: str = "Managers", **limits: str) -> tuple[User, Client]:
    user = User.objects.create_user(f"u{uuid4().hex[:10]}", first_name="Anna")
    user.groups.add(Group.objects.get(name=group))
    if limits:
        limited = Group.objects.create(name=f"g{uuid4().hex[:10]}")
        user.groups.set([limited])
        limited.permissions.set(Group.objects.get(name=group).permissions.all())
        RowLimit.objects.create(group=limited, scope=limits["scope"])
    client = Client()
    client.force_login(user)
    return user, client


def tickets(count: int, **values: Any) -> list[Ticket]:
    mark = uuid4().hex
    for number in range(count):
        Ticket.objects.create(title=f"{mark} {number}", **values)
    return list(Ticket.objects.filter(title__startswith=mark).order_by("title"))


def begin(client: Client, verb: str, rows: list[Any] | str, kind: str = "ticketing/tickets", **values: Any) -> Bulk:
    which = {"all": "1", "query": rows} if isinstance(rows, str) else {"rows": " ".join(str(row.pk) for row in rows)}
    answer = client.post(f"/{kind}/bulk/", {"do": verb, **which, **values})
    assert answer.status_code == 302, answer.content.decode()
    return Bulk.objects.get(pk=UUID(answer["Location"].strip("/").split("/")[-1]))


def run() -> None:
    while step():
        pass


def counts(bulk: Bulk) -> dict[str, int]:
    return Counter(bulk.rows.values_list("outcome", flat=True))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def worker(project: Project, tmp_path: Path, settings: Settings) -> Iterator[Service]:
    environment = dict(os.environ) | project.stack.environment()
    environment |= {"SUPABASE_JWT_SECRET": "", "PYTHONUNBUFFERED": "1", "REDIS_PREFIX": settings.REDIS_PREFIX}
    service = Service(
        name="Worker",
        argv=[sys.executable, "manage.py", "run_realtime_worker"],
        log=tmp_path / "worker.log",
        env=environment,
    )
    yield service
    service.stop()


def test_conflicts_and_hidden_rows_are_reported_and_a_killed_worker_does_nothing_twice(worker: Service) -> None:
    anna, client = member(scope="tickets/mine")
    rows = tickets(ROWS, assigned_to=anna.pk)
    before = {row.pk: row.priority for row in rows}
    bulk = begin(client, "change", f"?q={rows[0].title.split()[0]}", set=["priority"], priority="urgent")
    assert bulk.total == ROWS
    taken, hidden = rows[:20], rows[20:30]
    with acting_user(str(member()[0].pk)):
        for row in taken:
            Ticket.objects.filter(pk=row.pk).update(priority="low" if row.priority != "low" else "high")
        for row in hidden:
            Ticket.objects.filter(pk=row.pk).update(assigned_to=uuid4())
    theirs = {row.pk: Ticket.objects.get(pk=row.pk).priority for row in taken}
    worker.start()
    until(lambda: counts(bulk)["changed"] >= PORTION)
    worker.kill()
    assert counts(bulk)[""] or ROWS <= 3 * PORTION
    worker.start()
    until(lambda: Bulk.objects.filter(pk=bulk.pk, state="done").exists())
    assert counts(bulk) == {"changed": ROWS - 30, "conflict": 20, "forbidden": 10}
    log = RealtimeChange.objects.filter(action=action_of(bulk))
    assert Counter(log.values_list("row_key", flat=True)) == dict.fromkeys([str(row.pk) for row in rows[30:]], 1)
    assert {row.priority for row in Ticket.objects.filter(pk__in=[row.pk for row in rows[30:]])} == {"urgent"}
    assert {row.pk: Ticket.objects.get(pk=row.pk).priority for row in taken} == theirs

    # Somebody changes one more; one undo takes back all the others.
    with acting_user(str(member()[0].pk)):
        Ticket.objects.filter(pk=rows[30].pk).update(priority="low" if before[rows[30].pk] != "low" else "high")
    answer = client.post("/history/undo/", {"doing": action_of(bulk)}, HTTP_ACCEPT="application/json")
    back = Bulk.objects.get(undoes=action_of(bulk))
    assert answer.headers["Livedesk-Action"] == action_of(back)
    until(lambda: Bulk.objects.filter(pk=back.pk, state="done").exists())
    assert counts(back) == {"changed": ROWS - 31, "conflict": 1}
    for row in Ticket.objects.filter(pk__in=[row.pk for row in rows[31:]]):
        assert row.priority == before[row.pk]
    # The undo is an action like any other.
    client.post("/history/undo/", {"doing": action_of(back)})
    again = Bulk.objects.get(undoes=action_of(back))
    until(lambda: Bulk.objects.filter(pk=again.pk, state="done").exists())
    assert {row.priority for row in Ticket.objects.filter(pk__in=[row.pk for row in rows[31:]])} == {"urgent"}


def test_a_change_of_another_field_is_no_conflict_and_each_row_meets_its_forms_rules() -> None:
    anna, client = member()
    rows = tickets(4)
    merged, other, same, gone = rows
    bulk = begin(client, "change", rows, set=["status"], status="pending")
    with acting_user(str(anna.pk)):
        Ticket.objects.filter(pk=other.pk).update(title="renamed")
        Ticket.objects.filter(pk=same.pk).update(status="pending")
        Ticket.objects.filter(pk=merged.pk).update(merged_into=other, status="closed")
    # Whoever has chosen what another has chosen, too, agrees.
    Ticket.objects.filter(pk=gone.pk).delete()
    run()
    endings = dict(bulk.rows.values_list("row_key", "outcome"))
    told = {str(merged.pk): "refused", str(other.pk): "changed", str(same.pk): "same", str(gone.pk): "gone"}
    assert endings == told
    other.refresh_from_db()
    assert (other.title, other.status) == ("renamed", "pending")
    assert "merged into" in bulk.rows.get(row_key=str(merged.pk)).note


def test_stopping_ends_behind_a_portion_and_it_goes_on_from_there() -> None:
    _, client = member()
    rows = tickets(PORTION + 5)
    bulk = begin(client, "delete", rows)
    Comment.objects.create(ticket=rows[0], content="goes along", author_id=None)
    assert step()
    client.post(f"/bulk/{bulk.pk}/stop/")
    run()
    assert counts(bulk) == {"changed": PORTION, "": 5}
    assert member()[1].post(f"/bulk/{bulk.pk}/resume/").status_code == 404
    client.post(f"/bulk/{bulk.pk}/resume/")
    run()
    assert counts(bulk) == {"changed": PORTION + 5}
    client.post("/history/undo/", {"doing": action_of(bulk)})
    run()
    assert Ticket.objects.filter(pk__in=[row.pk for row in rows]).count() == PORTION + 5
    assert Comment.objects.filter(ticket=rows[0]).count() == 1


def test_one_row_that_fails_is_its_own_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    _, client = member()
    mark = uuid4().hex
    customers = [Customer.objects.create(name=f"{mark} {number}") for number in range(3)]
    bulk = begin(client, "change", customers, kind="crm/customers", set=["phone"], phone="+49 30 1")
    really = bulk_running._changed

    def broken(bulk: Bulk, pages: Any, row: BulkRow, instance: Any, person: Any) -> Any:
        if instance.pk == customers[1].pk:
            raise RuntimeError("a fault of ours")
        return really(bulk, pages, row, instance, person)

    monkeypatch.setattr(bulk_running, "_changed", broken)
    run()
    assert counts(bulk) == {"changed": 2, "failed": 1}


def test_merging_many_closes_them_and_each_refusal_is_told() -> None:
    _, client = member()
    target, *others = tickets(4)
    bulk = begin(client, "merge", [target, *others], into=str(target.pk))
    run()
    assert counts(bulk) == {"changed": 3, "same": 1}
    assert set(Ticket.objects.filter(merged_into=target)) == set(others)


def test_what_nobody_could_get_is_refused_at_once_and_nothing_that_was_sent_is_lost() -> None:
    _, client = member()
    rows = tickets(2)
    keys = " ".join(str(row.pk) for row in rows)
    before = Bulk.objects.count()
    for sent, word in (
        ({"set": ["status"], "status": "nonsense"}, "nonsense"),
        ({}, "tick at least one field"),
        ({"set": ["status"], "status": "closed", "rows": "17'--"}, "no key"),
        ({"set": ["status"], "status": "closed", "rows": ""}, "nothing to do"),
    ):
        answer = client.post("/ticketing/tickets/bulk/", {"do": "change", "rows": keys, "title": "kept", **sent})
        page = answer.content.decode()
        assert answer.status_code == 422
        assert word in page
        assert "kept" in page
    assert Bulk.objects.count() == before
    assert client.get("/ticketing/tickets/bulk/?do=explode").status_code == 404
    _, reader = member("Read-only")
    for verb in ("change", "delete", "merge"):
        assert reader.post("/ticketing/tickets/bulk/", {"do": verb, "rows": keys}).status_code == 403


def test_rows_that_may_not_be_seen_are_not_there() -> None:
    anna, client = member(scope="tickets/mine")
    mine, theirs = tickets(1, assigned_to=anna.pk)[0], tickets(1)[0]
    bulk = begin(client, "change", [mine, theirs], set=["priority"], priority="urgent")
    run()
    assert dict(bulk.rows.values_list("row_key", "outcome")) == {str(mine.pk): "changed", str(theirs.pk): "gone"}
    export = client.post("/ticketing/tickets/selection/", {"rows": f"{mine.pk} {theirs.pk}", "as": "csv"})

    async def collected() -> bytes:
        return b"".join([piece async for piece in export.streaming_content])  # type: ignore[attr-defined]

    told = asyncio.run(collected()).decode()
    assert mine.title in told
    assert theirs.title not in told


def test_rights_that_end_end_the_bulk() -> None:
    anna, client = member()
    rows = tickets(PORTION + 1)
    bulk = begin(client, "change", rows, set=["priority"], priority="urgent")
    assert step()
    anna.groups.clear()
    run()
    assert counts(bulk) == {"changed": PORTION, "forbidden": 1}


def test_the_report_is_its_persons_alone_and_others_get_one_notice() -> None:
    anna, client = member()
    rows = tickets(100)
    bulk = begin(client, "change", rows, set=["priority"], priority="urgent")
    notice = live_view("bulks", {"listing": "tickets"}).html
    assert "is changing 100 tickets" in notice
    assert client.get(f"/bulk/{bulk.pk}/").status_code == 200
    assert member()[1].get(f"/bulk/{bulk.pk}/").status_code == 404
    run()
    assert "100 of 100" in live_view("bulk", {"id": bulk.pk, "person": anna.pk, "listing": "tickets"}).html
    assert "100 tickets" not in live_view("bulks", {"listing": "tickets"}).html
