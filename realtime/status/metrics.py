"""What Prometheus is told: this web process's own numbers, and those the leading worker reports about itself.

The worker's come from the same heartbeat that pages get (``Heartbeat.describe``), so that `/metrics` of any web process
and the worker's own port agree. Names of numbers that only grow, until the process restarts, end in ``_total``.
"""

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from realtime.status.last_beat import Known

SOCKETS = Gauge("livedesk_sockets", "Open WebSockets of this web process")
PEOPLE_PRESENT = Gauge("livedesk_people_present", "People who have a record open, on any web process that is heard")
VIEWS = Gauge("livedesk_views", "Distinct live lists and regions that this web process keeps")
VIEWS_FAILING = Gauge("livedesk_views_failing", "Views that can't be read, so that pages show their old state")
FRAMES = Counter("livedesk_frames", "Frames handed to sockets")
VIEW_READINGS = Histogram(
    "livedesk_view_reading_seconds",
    "One reading of all views that changes have touched",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
HUB_RESYNCS = Counter("livedesk_view_resyncs", "Times that views were read without a change of theirs", ["cause"])
QUESTIONS = Counter("livedesk_view_questions", "Times that PostgreSQL was asked whether a change matters to a view")
DRIFTS = Counter("livedesk_view_drifts", "Readings by age that found what nothing had told of")
SLOW_SOCKETS = Counter(
    "livedesk_slow_sockets", "Times that a socket was behind and got no patches until it had caught up"
)
LAYER_SECONDS = Gauge("livedesk_layer_round_trip_seconds", "Web process → channel layer → web process, the last echo")
LAYER_REACHABLE = Gauge("livedesk_layer_reachable", "1 while this web process hears the channel layer")
DATABASE_ANSWERS = Gauge("livedesk_database_answers", "1 while the database answers this web process's hub")
for good_until_known in (LAYER_REACHABLE, DATABASE_ANSWERS):
    # The hub starts with the first socket; before that, a zero would be a false alarm.
    good_until_known.set(1)
WORKER_SILENCE = Gauge("livedesk_worker_silence_seconds", "Since this web process last heard a worker's beat")

STATUSES = ("connected", "connecting", "reconnecting", "disconnected", "error")


def known_metrics(known: Known) -> Iterator[Metric]:
    """What a web process knows about the leading worker; says that nobody leads only if that is known."""
    yield GaugeMetricFamily("livedesk_status_store_writable", "1 while Redis keeps the status", not known.problem)
    if known.told is not None or known.silent:
        yield from worker_metrics(known.told)


def worker_metrics(told: dict[str, Any] | None) -> Iterator[Metric]:
    """The metric families of what a worker said about itself, or only that nobody leads."""
    yield GaugeMetricFamily("livedesk_worker_leads", "1 while a worker leads", 1 if told else 0)
    if told is None:
        return
    status = GaugeMetricFamily("livedesk_worker_status", "1 for the status that holds", labels=["status"])
    for word in STATUSES:
        status.add_metric([word], told["status"] == word)
    yield status
    if "standbys" in told:
        # Only Redis knows about them.
        yield GaugeMetricFamily("livedesk_worker_standbys", "Workers that stand by", len(told["standbys"]))
    yield GaugeMetricFamily("livedesk_doorbell_heard", "1 while NOTIFY reaches the worker", not told["doorbell"])
    yield GaugeMetricFamily("livedesk_change_log_read", "1 while the worker keeps up with it", told["live"])
    since = told.get("leads_since") or 0
    yield GaugeMetricFamily("livedesk_worker_leads_since_seconds", "When the leader took over", since)
    probe = told["probe"]
    if probe is not None:
        seconds = probe["round_trip_ms"] / 1000
        yield GaugeMetricFamily("livedesk_probe_round_trip_seconds", "Database → Supabase → worker", seconds)
        yield GaugeMetricFamily("livedesk_probe_age_seconds", "Since a probe came back", told["at"] - probe["at"])
    lag = GaugeMetricFamily("livedesk_change_lag_seconds", "Commit → handler, median of late", labels=["path"])
    for path, milliseconds in told["lag_ms"].items():
        if milliseconds is not None:
            lag.add_metric([path], milliseconds / 1000)
    yield lag
    yield GaugeMetricFamily("livedesk_worker_queue", "Events of Realtime that wait for the pump", told["queue"])
    yield GaugeMetricFamily("livedesk_worker_waiting", "Events heard before their commit is visible", told["waiting"])
    yield _counted("livedesk_rings", "Rings of the doorbell", told["rings"])
    yield _counted("livedesk_reconnects", "Sessions with Supabase Realtime that were opened again", told["reconnects"])
    yield _counted("livedesk_handler_errors", "Handlers that raised", told["handler_errors"])
    yield _counted("livedesk_worker_resyncs", "Tables that were reset for want of a usable position", told["resyncs"])
    yield _counted("livedesk_takeovers", "Times that this worker took the lead", told["takeovers"])
    yield GaugeMetricFamily("livedesk_database_refuses", "1 while the database takes no changes", bool(told["refusal"]))
    gaps = CounterMetricFamily("livedesk_gaps", "Looks into the change log for a suspicion", labels=["cause"])
    for cause, count in told["gaps"].items():
        gaps.add_metric([cause], count)
    yield gaps
    yield from _tables(told["tables"])


def _counted(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, value)


def _tables(tables: dict[str, dict[str, Any]]) -> Iterator[Metric]:
    events = CounterMetricFamily(
        "livedesk_events", "Changes emitted, by the path that was first", labels=["table", "path"]
    )
    doubles = CounterMetricFamily("livedesk_events_deduplicated", "Told again by the slower path", labels=["table"])
    unusable = CounterMetricFamily(
        "livedesk_events_unusable", "Events of Realtime that can't be used", labels=["table"]
    )
    subscribed = GaugeMetricFamily("livedesk_table_subscribed", "1 while the channel is confirmed", labels=["table"])
    deaf = GaugeMetricFamily("livedesk_table_deaf", "1 while Realtime is silent on it", labels=["table"])
    bypassed = GaugeMetricFamily("livedesk_table_bypassed", "1 while changes go past the change log", labels=["table"])
    loose = GaugeMetricFamily("livedesk_table_loose", "1 while a role may silence its triggers", labels=["table"])
    for table, counted in tables.items():
        events.add_metric([table, "realtime"], counted["by_realtime"])
        events.add_metric([table, "sweep"], counted["by_sweep"])
        doubles.add_metric([table], counted["duplicates"])
        unusable.add_metric([table], counted["unusable"])
        subscribed.add_metric([table], counted["subscribed"])
        deaf.add_metric([table], counted["deaf"])
        bypassed.add_metric([table], bool(counted["bypassed"]))
        loose.add_metric([table], bool(counted["loose"]))
    yield from (events, doubles, unusable, subscribed, deaf, bypassed, loose)


class LiveCollector(Collector):
    """Asks again at every scrape."""

    def __init__(self, families: Callable[[], Iterator[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return self._families()


def web_exposition(known: Known) -> bytes:
    """The text that Prometheus reads: this web process's own numbers, then the leading worker's."""
    registry = CollectorRegistry()
    registry.register(LiveCollector(lambda: known_metrics(known)))
    return bytes(generate_latest(REGISTRY) + generate_latest(registry))


def serve_worker(address: str, told: Callable[[], dict[str, Any] | None]) -> None:
    """Serves the worker's numbers at ``host:port``, from a thread of its own; raises OSError when it can't."""
    host, _, port = address.rpartition(":")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(LiveCollector(lambda: worker_metrics(told())))
    registry.register(PlatformCollector(registry=None))
    registry.register(ProcessCollector(registry=None))
    start_http_server(int(port), host, registry)
