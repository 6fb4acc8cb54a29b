"""Every broken hop has its own true sentence, and green means fresh."""

from datetime import UTC, datetime
from typing import Any

import pytest

from realtime.status.connection_words import PROBE_FRESH_SECONDS, PROBE_LATE_SECONDS, Hops, words
from realtime.status.status_store import EXPIRY_SECONDS

NOW = 1_800_000_000.0


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def beat(**more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "status": "connected",
        "reason": "",
        "since": NOW - 100,
        "at": NOW,
        "live": True,
        "sweep_problem": "",
        "swept_at": NOW - 1,
        "database": "",
        "probe": {"at": NOW - 5, "round_trip_ms": 300},
        "deaf": [],
        "doorbell": "",
        "sweep_seconds": 2,
        "tables": {"products": {"problem": ""}},
    }
    return told | more


def test_green_needs_a_fresh_probe() -> None:
    assert words(beat(), NOW, NOW, Hops())["status"] == "connected"
    stale = words(beat(probe={"at": NOW - PROBE_FRESH_SECONDS - 1, "round_trip_ms": 1}), NOW, NOW, Hops())
    assert (stale["status"], stale["live"]) == ("reconnecting", True)
    assert words(beat(probe=None), NOW, NOW, Hops())["status"] == "reconnecting"


@pytest.mark.parametrize(
    ("told", "redis", "status", "live", "said"),
    [
        (None, True, "disconnected", False, "worker is not answering"),
        (None, False, "disconnected", False, "Redis"),
        (beat(status="connecting"), True, "connecting", True, "Connecting"),
        (beat(status="reconnecting"), True, "reconnecting", True, "live through the change log"),
        (beat(status="error"), True, "error", True, "every minute"),
        (beat(status="error", live=False), True, "error", False, "every minute"),
        (beat(live=False, sweep_problem="it is torn"), True, "reconnecting", False, "stopped: it is torn"),
        (beat(status="connecting", live=False, sweep_problem="x"), True, "connecting", False, "stopped: x"),
        (beat(status="error", live=False, sweep_problem="x"), True, "error", False, "refreshed every few seconds"),
        (beat(status="disconnected", live=False, sweep_problem="x"), True, "disconnected", False, "worker"),
        (beat(database="can't be reached", live=False), True, "reconnecting", False, "The database can't be reached"),
        (beat(status="error", database="is not answering", live=False), True, "error", False, "not answering"),
        (beat(status="disconnected", database="is not answering", live=False), True, "disconnected", False, "worker"),
        (beat(deaf=["products"]), True, "reconnecting", True, "silent for products"),
        (beat(probe_waiting=PROBE_LATE_SECONDS + 1), True, "reconnecting", True, "delivers late"),
        (beat(status="error", doorbell="no"), True, "error", True, "the change log, up to 2 s late"),
        (beat(tables={"products": {"problem": "no"}}), True, "reconnecting", True, "refuses products"),
    ],
)
def test_each_hop_has_its_sentence(
    told: dict[str, Any] | None, redis: bool, status: str, live: bool, said: str
) -> None:
    frame = words(told, NOW if told else NOW - EXPIRY_SECONDS - 1, NOW, Hops(layer_reachable=redis))
    assert (frame["status"], said in frame["reason"]) == (status, True), frame
    assert frame["live"] is live


def test_a_process_that_has_just_begun_to_listen_says_so() -> None:
    assert words(None, NOW, NOW, Hops())["status"] == "connecting"


def test_a_worker_silent_for_too_long_turns_the_page_grey() -> None:
    frame = words(beat(), NOW - EXPIRY_SECONDS - 1, NOW, Hops())
    assert (frame["status"], frame["live"]) == ("disconnected", False)
    assert frame["since"] < frame["fresh_at"], "data as of the last beat"


def test_a_page_that_is_read_anew_meanwhile_says_as_of_when() -> None:
    frame = words(beat(swept_at=NOW - 100), NOW - 100, NOW, Hops(read_at=NOW - 2))
    assert (frame["status"], frame["live"]) == ("disconnected", False)
    assert frame["fresh_at"] == iso(NOW - 2)


def test_so_says_one_whose_worker_can_read_nothing() -> None:
    unread = beat(live=False, sweep_problem="the change log can't be read", swept_at=NOW - 100)
    assert words(unread, NOW, NOW, Hops(read_at=NOW - 2))["fresh_at"] == iso(NOW - 2)
    never = unread | {"swept_at": None}
    assert words(never, NOW, NOW, Hops(read_at=NOW - 9))["fresh_at"] == iso(NOW - 9), "a probe passes the log by"
    assert words(beat(swept_at=NOW - 1), NOW, NOW, Hops(read_at=NOW))["fresh_at"] == iso(NOW - 1), (
        "live: what it is told"
    )


def test_with_the_sweep_switched_off_realtime_alone_can_be_live() -> None:
    frame = words(beat(live=False, swept_at=None, sweeps=False), NOW, NOW, Hops())
    assert (frame["status"], frame["live"]) == ("connected", True)


def test_a_web_process_without_its_database_says_so_whatever_the_worker_says() -> None:
    without = Hops(database="can't be reached", database_at=NOW - 30)
    for told in (beat(), None):
        frame = words(told, NOW, NOW, without)
        assert (frame["status"], frame["live"]) == ("reconnecting", False)
        assert frame["reason"] == "The database can't be reached; the page may be out of date."
        assert frame["fresh_at"] == iso(NOW - 30)


def test_data_are_no_fresher_than_the_last_sweep() -> None:
    """A worker that still speaks may have read nothing for a while."""
    assert words(beat(swept_at=NOW - 40), NOW, NOW, Hops())["fresh_at"] == iso(NOW - 40)
    assert words(beat(swept_at=None, sweeps=False), NOW, NOW, Hops())["fresh_at"] == iso(NOW - 5), "by the probe alone"


def test_after_redis_came_back_nobody_is_blamed_before_a_beat_can_be_there() -> None:
    silent = NOW - EXPIRY_SECONDS - 5
    assert words(beat(), silent, NOW, Hops(heard_since=NOW - 1))["status"] == "connecting"
    assert words(beat(), silent, NOW, Hops(heard_since=silent))["status"] == "disconnected"


def test_a_round_trip_of_long_ago_is_not_told() -> None:
    old = {"at": NOW - PROBE_FRESH_SECONDS - 1, "round_trip_ms": 300}
    assert words(beat(status="error", probe=old), NOW, NOW, Hops())["round_trip_ms"] is None
    assert words(beat(), NOW, NOW, Hops())["round_trip_ms"] == 300


def test_without_the_doorbell_it_says_how_late_a_change_may_be() -> None:
    assert words(beat(), NOW, NOW, Hops())["doorbell"] == ""
    frame = words(beat(doorbell="it is switched off"), NOW, NOW, Hops(layer_ms=1.5))
    assert (frame["status"], frame["layer_ms"]) == ("connected", 1.5)
    assert "every 2 s" in frame["doorbell"]
