"""A Redis that passes messages on but stores nothing: full, a replica, unable to save. No worker is denied for that."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from realtime.events import RealtimeConnectionStatus as Status
from realtime.local.process import pick_port
from realtime.local.redis import EmbeddedRedis
from realtime.status import last_beat, status_store
from realtime.status.status_store import EXPIRY_SECONDS, StatusStore
from realtime.worker.worker import RealtimeWorker

PATIENCE = 10.0
Told = dict[str, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path_factory.mktemp("redis"), pick_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def admin(server: EmbeddedRedis, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator["redis.Redis"]:
    """The operator's connection to this process's Redis; no heartbeat has been heard yet."""
    settings.REDIS_URL = server.url
    settings.REDIS_PREFIX = f"test-{uuid4().hex[:8]}"
    monkeypatch.setattr(last_beat, "_heard", None)
    with redis.Redis.from_url(server.url) as client:
        yield client


@contextmanager
def full(admin: "redis.Redis", server: EmbeddedRedis) -> Iterator[None]:
    admin.config_set("maxmemory", 1)
    try:
        yield
    finally:
        admin.config_set("maxmemory", 0)


@contextmanager
def replica(admin: "redis.Redis", server: EmbeddedRedis) -> Iterator[None]:
    admin.replicaof("127.0.0.1", str(pick_port()))
    try:
        yield
    finally:
        admin.replicaof("NO", "ONE")


@contextmanager
def unsaved(admin: "redis.Redis", server: EmbeddedRedis) -> Iterator[None]:
    """A failed save, as a full disk or an out-of-memory killer causes it."""
    admin.set("something", "to save")
    # Long enough for the save to be killed while it runs.
    admin.config_set("rdb-key-save-delay", 60_000_000)
    admin.config_set("save", "3600 1")
    children = Path(f"/proc/{server.service.pid}/task/{server.service.pid}/children")
    try:
        admin.bgsave()
        for child in children.read_text().split():
            os.kill(int(child), signal.SIGKILL)
        until(lambda: not admin.info("persistence")["rdb_bgsave_in_progress"])
        yield
    finally:
        admin.config_set("save", "")
        admin.config_set("rdb-key-save-delay", 0)


REFUSALS = [
    pytest.param(full, "Redis is full", id="full"),
    pytest.param(replica, "Redis is a read-only replica", id="replica"),
    pytest.param(unsaved, "Redis can't save to its disk and takes no writes", id="unsaved"),
]
Refusal = Callable[["redis.Redis", EmbeddedRedis], Any]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def beat(**more: Any) -> Told:
    worker = RealtimeWorker()
    told = worker.heartbeat.describe(Status.CONNECTED, "")
    probe = {"at": time.time(), "round_trip_ms": 5}
    return told | {"probe": probe, "live": True, "sweep_problem": ""} | more


def stored(told: Told) -> StatusStore:
    """A store after one write."""
    store = StatusStore()
    asyncio.run(written(store, told))
    return store


async def written(store: StatusStore, told: Told, times: int = 1) -> None:
    for _ in range(times):
        await store.write(told)
    # A connection can't outlive the loop of its test.
    await store.close()


@pytest.fixture
def status(admin_client: Client) -> Callable[[], Told]:
    return lambda: admin_client.get("/realtime/status/").json()  # type: ignore[no-any-return]


@pytest.fixture
def metrics() -> Callable[[], dict[str, float]]:
    def scrape() -> dict[str, float]:
        text = Client(REMOTE_ADDR="127.0.0.1").get("/metrics").content.decode()
        return {
            family.name: family.samples[0].value for family in text_string_to_metric_families(text) if family.samples
        }

    return scrape


@pytest.mark.parametrize(("refuse", "said"), REFUSALS)
def test_a_worker_says_once_that_redis_keeps_nothing_and_once_that_it_does_again(
    admin: "redis.Redis", server: EmbeddedRedis, refuse: Refusal, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, status_store.__name__)
    store = StatusStore()
    with refuse(admin, server):
        asyncio.run(written(store, beat(), times=3))
        assert store.problem == said
    asyncio.run(written(store, beat(), times=3))
    assert store.problem == ""
    lines = [record.getMessage() for record in caplog.records if record.name == status_store.__name__]
    assert lines == [
        f"{said}: it doesn't keep how this worker is, pages hear it all the same",
        "Redis keeps how this worker is again",
    ]


def test_a_worker_tells_in_its_beat_that_its_status_is_not_kept(admin: "redis.Redis", server: EmbeddedRedis) -> None:
    worker = RealtimeWorker()
    assert worker.heartbeat.describe(Status.CONNECTED, "")["status_stored"] is True
    with full(admin, server):
        asyncio.run(written(worker.store, beat()))
    told = worker.heartbeat.describe(Status.CONNECTED, "")
    assert (told["status_stored"], told["store_problem"]) == (False, "Redis is full")


@pytest.mark.django_db
@pytest.mark.parametrize(("refuse", "said"), REFUSALS)
def test_where_nobody_can_know_who_leads_that_is_what_is_said(
    admin: "redis.Redis",
    server: EmbeddedRedis,
    refuse: Refusal,
    said: str,
    status: Callable[[], Told],
    metrics: Callable[[], dict[str, float]],
) -> None:
    with refuse(admin, server):
        told = status()
        assert told["reason"].startswith(f"{said}: ")
        assert "not answering" not in told["reason"]
        assert (told["status"], told["status_stored"], told["store_problem"]) == ("connecting", False, said)
        numbers = metrics()
        assert "livedesk_worker_leads" not in numbers
        assert numbers["livedesk_status_store_writable"] == 0
    assert "not answering" in status()["reason"]
    assert (metrics()["livedesk_worker_leads"], metrics()["livedesk_status_store_writable"]) == (0, 1)


@pytest.mark.django_db
@pytest.mark.parametrize(("refuse", "said"), REFUSALS)
def test_a_web_process_that_hears_the_worker_tells_of_it_whatever_redis_keeps(
    admin: "redis.Redis",
    server: EmbeddedRedis,
    refuse: Refusal,
    said: str,
    status: Callable[[], Told],
    metrics: Callable[[], dict[str, float]],
) -> None:
    with refuse(admin, server):
        store = stored(beat())
        last_beat.note(beat(status_stored=False, store_problem=store.problem))
        told = status()
        assert (told["status"], told["live"], told["reason"]) == ("connected", True, "")
        assert (told["status_stored"], told["store_problem"], told["standbys"]) == (False, said, None)
        numbers = metrics()
        assert (numbers["livedesk_worker_leads"], numbers["livedesk_status_store_writable"]) == (1, 0)
        assert "livedesk_worker_standbys" not in numbers


def test_who_was_heard_and_has_been_silent_since_is_known_to_be_silent(
    admin: "redis.Redis", server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full(admin, server):
        monkeypatch.setattr(last_beat, "_heard", (beat(), time.time() - EXPIRY_SECONDS - 1))
        assert last_beat.known().silent


def test_the_newer_of_what_redis_keeps_and_what_was_heard_counts(admin: "redis.Redis") -> None:
    stored(beat(reason="kept"))
    last_beat.note(beat(reason="heard", at=time.time() + 1))
    known = last_beat.known()
    assert known.told
    assert (known.told["reason"], known.told["standbys"]) == ("heard", [])
    last_beat.note(beat(reason="heard", at=time.time() - 1))
    known = last_beat.known()
    assert known.told
    assert known.told["reason"] == "kept"


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_redis_that_evicts_the_status_is_no_silent_worker(
    admin: "redis.Redis", server: EmbeddedRedis, policy: str
) -> None:
    stored(beat())
    assert last_beat.known().told
    admin.config_set("maxmemory-policy", policy)
    admin.config_set("maxmemory", admin.info("memory")["used_memory"] + 200_000)
    number = 0
    while last_beat.known().told:
        admin.set(f"filler {number}", "x" * 10_000, ex=60)
        number += 1
    assert last_beat.known().problem == f"Redis is full and evicts ({policy})"
    assert not last_beat.known().silent
    admin.config_set("maxmemory", 0)
    admin.config_set("maxmemory-policy", "noeviction")
    admin.flushall()
    assert last_beat.known().silent
