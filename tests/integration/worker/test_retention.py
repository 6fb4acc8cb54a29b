"""The change log is pruned by age, never past a position still in use; whoever comes back later finds out."""

import asyncio
import math
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.utils import timezone
from pytest_django import Settings

from crm.models import FileImport, Product
from project.accounts.models import User
from realtime.database import change_log
from realtime.database.thread import DatabaseThread
from realtime.models import RealtimeChange, RealtimeWatermark
from realtime.worker import retention
from realtime.worker.intake import WATERMARK_NAME, Intake
from tests.integration.worker.harness import begun

pytestmark = pytest.mark.django_db(transaction=True)
TABLES = ("products",)


def write(*names: str) -> None:
    for name in names:
        Product.objects.create(name=name)


def age(days: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("update realtime_change set at = now() - %s * interval '1 day'", [days])


def kept() -> list[str]:
    return [change.new["name"] for change in RealtimeChange.objects.order_by("revision") if change.new]


@pytest.fixture(autouse=True)
def empty_log() -> None:
    with connection.cursor() as cursor:
        cursor.execute("delete from realtime_change")
    RealtimeWatermark.objects.all().delete()


def test_what_is_older_goes_and_what_is_younger_stays() -> None:
    write("old", "older")
    age(11)
    write("young")
    change_log.store_watermark(WATERMARK_NAME, change_log.current_watermark())
    assert sum(retention.prune(10)) == 2
    assert kept() == ["young"]


def test_many_go_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    write(*"abcdefgh")
    age(11)
    assert list(retention.prune(10)) == [3, 3, 2]
    assert kept() == []


def test_what_a_worker_has_not_read_stays_however_old() -> None:
    write("read")
    change_log.store_watermark(WATERMARK_NAME, change_log.current_watermark())
    write("not read")
    age(11)
    assert sum(retention.prune(10)) == 1
    assert kept() == ["not read"]


def test_a_position_nobody_lives_by_holds_nothing_up_and_is_found_unusable_when_its_worker_returns() -> None:
    begun(Intake(TABLES))
    write("missed")
    age(11)
    RealtimeWatermark.objects.filter(name=WATERMARK_NAME).update(stored_at=timezone.now() - timedelta(days=2))
    assert sum(retention.prune(10)) == 1

    returning = Intake(TABLES)
    (reset,) = returning.open()
    assert "pruned" in reset.reason
    returning.opened()
    returning.store()
    # Only once: now it has a position that means something.
    assert returning.open() == []
    assert Intake(TABLES).open() == []


def test_pruning_what_everybody_has_read_costs_nobody_a_resync() -> None:
    intake = begun(Intake(TABLES))
    write("read")
    for _page in intake.sweep():
        pass
    intake.settle()
    intake.store()
    age(11)
    assert sum(retention.prune(10)) == 1
    assert Intake(TABLES).open() == []


def test_each_hour_what_apps_throw_away_goes_too_whatever_fails(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REALTIME_RETENTION_DAYS = 0
    monkeypatch.setattr(retention, "PRUNE_EVERY_SECONDS", 0)
    person = User.objects.create_user(f"user-{uuid4().hex[:8]}")
    file = {"table": "customers", "content": b"", "reading": {}, "headings": [], "preview": [], "row_count": 0}
    for age_in_days in (0, 2):
        created = timezone.now() - timedelta(days=age_in_days)
        FileImport.objects.create(person=person, file_name=str(age_in_days), created_at=created, **file)

    def fails() -> None:
        raise DatabaseError("away")

    async def an_hour() -> None:
        database, over = DatabaseThread("errands"), asyncio.Event()
        loop = asyncio.get_running_loop()
        ours = list(retention.hourly)
        monkeypatch.setattr(retention, "hourly", [fails, *ours, lambda: loop.call_soon_threadsafe(over.set)])
        hours = asyncio.create_task(retention.prune_for_ever(database))
        await over.wait()
        hours.cancel()
        await asyncio.gather(hours, return_exceptions=True)
        database.close()

    asyncio.run(an_hour())
    assert list(FileImport.objects.values_list("file_name", flat=True)) == ["0"]
    assert "stays for now: away" in caplog.text


def test_the_command_prunes_and_names_what_is_wrong(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    write("old")
    age(100)
    settings.REALTIME_RETENTION_DAYS = 0
    with pytest.raises(CommandError, match="REALTIME_RETENTION_DAYS is 0"):
        call_command("prune_change_log")
    for days in (-1.0, 36_501.0, math.inf, math.nan):
        with pytest.raises(CommandError, match=f"--days is {days:g}; it takes 0 to 36,500"):
            call_command("prune_change_log", days=days)
    settings.REALTIME_RETENTION_DAYS = 90
    call_command("prune_change_log")
    assert "Pruned 1 entries older than 90 days" in capsys.readouterr().out
    assert kept() == []
