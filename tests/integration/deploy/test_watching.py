"""The alert rules and the dashboard: Prometheus takes them, each alert fires for its fault and for nothing else."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from realtime.local.process import REPOSITORY
from tests.live_site import LiveSite

ALERTS = REPOSITORY / "deploy/prometheus/alerts.yml"
SCRAPE = REPOSITORY / "deploy/prometheus/scrape.yml"
DASHBOARD = REPOSITORY / "deploy/grafana/livedesk.json"
RELIABILITY = REPOSITORY / "docs/RELIABILITY.md"

# A portal to which nothing has happened for an hour, minute by minute.
HEALTHY = {
    'up{job="livedesk"}': "1x60",
    "livedesk_worker_leads": "1x60",
    "livedesk_worker_standbys": "1x60",
    "livedesk_worker_leads_since_seconds": "1000x60",
    "livedesk_worker_silence_seconds": "1x60",
    "livedesk_layer_reachable": "1x60",
    "livedesk_status_store_writable": "1x60",
    'livedesk_worker_status{status="connected"}': "1x60",
    "livedesk_change_log_read": "1x60",
    "livedesk_probe_age_seconds": "5x60",
    "livedesk_probe_round_trip_seconds": "0.2x60",
    'livedesk_events_total{path="realtime",table="tickets"}': "0+5x60",
    'livedesk_events_total{path="sweep",table="tickets"}': "0+60x60",
    'livedesk_events_deduplicated_total{table="tickets"}': "0+60x60",
    'livedesk_table_deaf{table="tickets"}': "0x60",
    'livedesk_table_subscribed{table="tickets"}': "1x60",
    'livedesk_table_bypassed{table="tickets"}': "0x60",
    'livedesk_table_loose{table="tickets"}': "0x60",
    "livedesk_view_drifts_total": "0x60",
    "livedesk_views_failing": "0x60",
    "livedesk_database_refuses": "0x60",
    "livedesk_database_answers": "1x60",
    "livedesk_doorbell_heard": "1x60",
    'livedesk_change_lag_seconds{path="sweep"}': "0.01x60",
    "livedesk_worker_resyncs_total": "0x60",
    'livedesk_view_resyncs_total{cause="messages missing"}': "0x60",
    "livedesk_worker_queue": "0x60",
    "livedesk_handler_errors_total": "0x60",
    "livedesk_slow_sockets_total": "0+1x60",
    'livedesk_view_reading_seconds_bucket{le="0.01"}': "0+90x60",
    'livedesk_view_reading_seconds_bucket{le="1"}': "0+100x60",
    'livedesk_view_reading_seconds_bucket{le="2.5"}': "0+100x60",
    'livedesk_view_reading_seconds_bucket{le="+Inf"}': "0+100x60",
}
# What is otherwise where an alert must fire.
FAULTS: dict[str, dict[str, str]] = {
    "NobodyLeads": {"livedesk_worker_leads": "0x60"},
    "NoStandby": {"livedesk_worker_standbys": "0x60"},
    "LeadersTakeTurns": {"livedesk_worker_leads_since_seconds": "1000+60x60"},
    "WebHearsNoWorker": {"livedesk_worker_silence_seconds": "1+60x60"},
    "RedisNotHeard": {"livedesk_layer_reachable": "0x60"},
    "RedisKeepsNothing": {"livedesk_status_store_writable": "0x60"},
    "RealtimeAway": {'livedesk_worker_status{status="connected"}': "0x60"},
    "RealtimeLate": {"livedesk_probe_age_seconds": "60x60"},
    "RealtimeSilent": {
        'livedesk_events_total{path="realtime",table="tickets"}': "0x60",
        'livedesk_events_deduplicated_total{table="tickets"}': "0x60",
    },
    "TableDeaf": {'livedesk_table_deaf{table="tickets"}': "1x60"},
    "ChangeLogBypassed": {'livedesk_table_bypassed{table="tickets"}': "1x60"},
    "TriggersLoose": {'livedesk_table_loose{table="tickets"}': "1x60"},
    "UnreportedChanges": {"livedesk_view_drifts_total": "0x40 1x19"},
    "ListUnreadable": {"livedesk_views_failing": "1x60"},
    "DatabaseRefuses": {"livedesk_database_refuses": "1x60"},
    "DatabaseAway": {"livedesk_database_answers": "0x60"},
    "ChangeLogUnread": {"livedesk_change_log_read": "0x60"},
    "DoorbellSilent": {"livedesk_doorbell_heard": "0x60"},
    "ChangesLate": {'livedesk_change_lag_seconds{path="sweep"}': "9x60"},
    "WatermarkLost": {"livedesk_worker_resyncs_total": "0x40 7x19"},
    "MessagesMissing": {'livedesk_view_resyncs_total{cause="messages missing"}': "0+5x60"},
    "WorkerBehindRealtime": {"livedesk_worker_queue": "20000x60"},
    "HandlerFails": {"livedesk_handler_errors_total": "0+1x60"},
    "SlowSockets": {"livedesk_slow_sockets_total": "0+600x60"},
    "ViewsExpensive": {
        'livedesk_view_reading_seconds_bucket{le="0.01"}': "0x60",
        'livedesk_view_reading_seconds_bucket{le="1"}': "0+10x60",
    },
    "TargetDown": {'up{job="livedesk"}': "0x60"},
}


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


@pytest.fixture(scope="module")
def promtool(need: Callable[[str, str], str]) -> str:
    return need("promtool", "prometheus")


def test_prometheus_takes_the_rules_and_the_targets(promtool: str) -> None:
    for command in (["check", "rules", ALERTS], ["check", "config", "--syntax-only", SCRAPE]):
        done = subprocess.run([promtool, *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_for_its_fault_and_none_without(promtool: str, tmp_path: Path) -> None:
    names = [rule["alert"].removeprefix("Livedesk") for rule in rules()]
    assert sorted(FAULTS) == sorted(names)
    tests = [cases({}, dict.fromkeys(names, False))]
    tests += [cases(series, {name: True}) for name, series in FAULTS.items()]
    told = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(told))
    done = subprocess.run([promtool, "test", "rules", tmp_path / "tests.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def cases(series: dict[str, str], fire: dict[str, bool]) -> dict[str, Any]:
    by_name = {rule["alert"].removeprefix("Livedesk"): rule for rule in rules()}
    told = HEALTHY | series
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in told.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="Livedesk{name}",alertstate="firing",'
                f'severity="{by_name[name]["labels"]["severity"]}"}})',
                "eval_time": "55m",
                "exp_samples": [{"value": 1}] if is_due else [],
            }
            for name, is_due in fire.items()
        ],
    }


def test_the_conditions_are_those_of_the_document() -> None:
    named = set(re.findall(r"`([^`]*livedesk_[^`]*)`", table()))
    missing = [rule["alert"] for rule in rules() if not parts(rule["expr"]) <= named and "up{" not in rule["expr"]]
    assert missing == []
    used = {part for rule in rules() for part in parts(rule["expr"])}
    assert named - used == set()


def table() -> str:
    return RELIABILITY.read_text().partition("## What to watch")[2].partition("## Operating it")[0]


def parts(condition: str) -> set[str]:
    return set(condition.split(" or "))


def test_every_number_named_is_one_that_the_portal_tells(live_site: LiveSite) -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [rule["expr"] for rule in rules()]
    named = {plain(name) for expression in asked for name in re.findall(r"\b(?:livedesk|process)_\w+", expression)}
    missing = named
    with live_site.connect() as sql:
        # The worker tells its numbers with its beats, and of the probe when one has come back.
        for _ in range(300):
            if not (missing := named - told(live_site)):
                return
            sql.execute("select pg_sleep(0.1)")
    pytest.fail(f"named in deploy/, but told by no process: {', '.join(sorted(missing))}")


def told(site: LiveSite) -> set[str]:
    text = httpx.get(f"http://{site.web.address}{site.prefix}metrics", trust_env=False).text
    return {plain(family.name) for family in text_string_to_metric_families(text)}


def plain(name: str) -> str:
    return re.sub("_(total|bucket)$", "", name)


def test_the_dashboard_shows_each_number_in_a_place_of_its_own() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["title"] for panel in dashboard["panels"]}) == len(places)
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {"${source}"}
