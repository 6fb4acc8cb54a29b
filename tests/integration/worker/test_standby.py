"""One worker leads, the others wait: a leader that dies, freezes or is cut off is replaced; two at once do no harm."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from realtime.local.process import Service, ended
from tests.integration.conftest import Project
from tests.integration.worker.harness import watched_worker

INSERT = "insert into products (id, name) values (%s, %s)"
TERMINATE = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'livedesk leadership'"


def test_the_second_worker_waits_and_takes_over_when_the_first_loses_its_lock(project: Project) -> None:
    key, later = str(uuid4()), str(uuid4())

    async def scenario() -> None:
        async with watched_worker() as first:
            await first.until(lambda: first.worker.heartbeat.takeovers == 1, "the lead")
            async with watched_worker() as second:
                with project.connect() as sql:
                    sql.execute(INSERT, [key, "before"])
                    await first.until(lambda: bool(first.of(key)), "the change")
                    assert second.worker.heartbeat.takeovers == 0
                    assert second.events == []
                    # Only the leader's connection is idle: the other one waits for the lock.
                    sql.execute(f"{TERMINATE} and state = 'idle'")
                    await second.until(lambda: second.worker.heartbeat.takeovers == 1, "the takeover")
                    sql.execute(INSERT, [later, "after"])
                await second.until(lambda: bool(second.of(later)), "the change after")
                # The second doesn't repeat what the first had emitted: each handler hears a change once.
                for watched in (first, second):
                    revisions = [event.revision for event in watched.events]
                    assert len(revisions) == len(set(revisions))
            await first.until(lambda: first.worker.heartbeat.takeovers == 2, "the lead once more")

    asyncio.run(scenario())


@pytest.fixture
def workers(project: Project, tmp_path: Path, settings: Any) -> Iterator[list[Service]]:
    environment = dict(os.environ) | project.stack.environment()
    environment |= {"SUPABASE_JWT_SECRET": "", "PYTHONUNBUFFERED": "1", "REDIS_PREFIX": settings.REDIS_PREFIX}
    services = [
        Service(
            name=f"Worker {number}",
            argv=[sys.executable, "manage.py", "run_realtime_worker"],
            log=tmp_path / f"worker-{number}.log",
            env=environment,
        )
        for number in range(2)
    ]
    yield services
    for service in services:
        if service.alive:
            service.thaw()
        service.stop()


@pytest.mark.parametrize("fault", [Service.kill, Service.freeze], ids=["killed", "frozen"])
def test_a_leader_that_is_gone_or_frozen_is_replaced(project: Project, workers: list[Service], fault: Any) -> None:
    leader, standby = workers
    leader.start()
    until_says(leader, ": leading")
    standby.start()
    until_says(standby, "standing by")
    fault(leader)
    until_says(standby, ": leading")
    if leader.alive:
        leader.thaw()
        # It finds out by itself, and waits like any other worker.
        until_says(leader, "standing by")


def until_says(service: Service, words: str) -> None:
    for _ in range(1_200):
        if service.log.exists() and words in service.log.read_text():
            return
        # Returns at once when the process ends, which is no answer either.
        assert not ended(service.pid, 0.05), service.last_line()
    raise AssertionError(f"{service.name} never said {words!r}: {service.log.read_text()}")
