"""/metrics: numbers of the web process and of the leading worker, for those who may read them."""

import re
import time

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from project.environment import Environment
from realtime.events import EventPath
from realtime.local.process import REPOSITORY
from realtime.status.last_beat import Known
from realtime.status.metrics import STATUSES, known_metrics
from realtime.worker.outlet import LAG_SECONDS
from realtime.worker.worker import RealtimeWorker
from tests.live_site import LiveSite


@pytest.fixture
def local() -> Client:
    return Client(REMOTE_ADDR="127.0.0.1")


def test_the_running_portal_tells_of_web_and_worker(live_site: LiveSite) -> None:
    families: dict[str, list[float]] = {}
    with live_site.connect() as sql:
        # The worker reports its numbers with every heartbeat, but nothing from before it began.
        for _ in range(200):
            sql.execute("insert into products (name) values ('counted')")
            text = httpx.get(f"{live_site.url}/metrics").text
            families = {
                family.name: [sample.value for sample in family.samples]
                for family in text_string_to_metric_families(text)
            }
            if sum(families.get("livedesk_events", [0])) and "livedesk_probe_round_trip_seconds" in families:
                break
            sql.execute("select pg_sleep(0.1)")
    assert families["livedesk_worker_leads"] == [1]
    assert sum(families["livedesk_events"]) > 0
    assert sum(families["livedesk_worker_status"]) == 1
    told = {"livedesk_sockets", "livedesk_views", "livedesk_view_resyncs", "livedesk_layer_reachable", "livedesk_gaps"}
    told |= {"livedesk_probe_round_trip_seconds", "livedesk_change_lag_seconds", "livedesk_worker_queue"}
    assert told <= families.keys()
    assert "counted" not in text
    alerts = (REPOSITORY / "docs" / "RELIABILITY.md").read_text()
    named = {re.sub("_(total|bucket)$", "", name) for name in re.findall(r"livedesk_\w+", alerts)}
    assert named <= families.keys()


@pytest.mark.django_db
def test_elsewhere_only_a_token_or_a_session_opens_them(local: Client, settings: Settings) -> None:
    assert local.get("/metrics").status_code == 200
    assert Client(REMOTE_ADDR="192.0.2.7").get("/metrics").status_code == 403
    assert local.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 403
    settings.METRICS_TOKEN = "a token"
    assert local.get("/metrics").status_code == 403
    assert local.get("/metrics", headers={"Authorization": "Bearer another"}).status_code == 403
    assert (
        Client(REMOTE_ADDR="192.0.2.7").get("/metrics", headers={"Authorization": "Bearer a token"}).status_code == 200
    )


def test_without_a_worker_they_say_just_that() -> None:
    writable, leads = known_metrics(Known())
    assert (writable.samples[0].value, leads.samples[0].value) == (1, 0)


@pytest.mark.parametrize("value", ["9108", ":9108", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:x"])
def test_an_address_that_is_none_is_named(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=re.escape(value)):
        Environment({"REALTIME_METRICS_ADDRESS": value}).address("REALTIME_METRICS_ADDRESS")


def test_what_was_late_long_ago_is_no_lag_of_now() -> None:
    worker = RealtimeWorker()
    told = worker.outlet._lag[EventPath.SWEEP]
    told.append((time.time() - LAG_SECONDS - 1, 12.0))
    assert worker.heartbeat.describe(worker.manager.status, "")["lag_ms"]["sweep"] is None
    told.append((time.time(), 0.25))
    assert worker.heartbeat.describe(worker.manager.status, "")["lag_ms"]["sweep"] == 250


def test_every_status_has_its_metric() -> None:
    from realtime.events import RealtimeConnectionStatus

    assert set(STATUSES) == set(RealtimeConnectionStatus)
