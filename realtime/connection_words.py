"""What a page is told of the connection: one of five words and one true sentence. Pure.

``live`` says whether changes reach pages at all: with Supabase Realtime down but the change log read, they do.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from realtime.events import RealtimeConnectionStatus as Status
from realtime.status_store import EXPIRY_SECONDS

# The last two probes, written every 10 s, plus the time an echo may take.
PROBE_FRESH_SECONDS = 25.0

# An echo that takes longer is late, though it may still come.
PROBE_LATE_SECONDS = 5.0

MEANWHILE = "The page is read anew every few seconds meanwhile."
SILENT_WORKER = f"Live updates have stopped: the realtime worker is not answering. {MEANWHILE}"
SILENT_REDIS = f"Live updates have stopped: the message channel (Redis) can't be reached. {MEANWHILE}"
THROUGH_LOG = "Changes still arrive, live through the change log"


@dataclass(frozen=True, slots=True)
class Hops:
    """What this web process knows of the way behind it: the channel layer, its round trip, its last look at rows."""

    layer_reachable: bool = True
    layer_ms: float | None = None
    read_at: float | None = None


def words(beat: dict[str, Any] | None, heard_at: float, now: float, hops: Hops) -> dict[str, Any]:
    """The status frame's fields for what the worker last said, heard at ``heard_at`` (seconds, as ``now``).

    Without a beat, ``heard_at`` is when listening began: for a moment nothing can have been heard.
    """
    told = _words(beat, heard_at, now, hops)
    doorbell = beat.get("doorbell") if beat else None
    late = (
        f"Without the doorbell ({doorbell}) the change log is looked into every {beat['sweep_seconds']:g} s."
        if (beat and doorbell and told["live"])
        else ""
    )
    return told | {"layer_ms": hops.layer_ms, "doorbell": late}


def _words(beat: dict[str, Any] | None, heard_at: float, now: float, hops: Hops) -> dict[str, Any]:
    if beat is None and now - heard_at <= EXPIRY_SECONDS and hops.layer_reachable:
        return _frame(Status.CONNECTING, False, "Listening for the realtime worker.", heard_at, None, None)
    if beat is None or now - heard_at > EXPIRY_SECONDS:
        reason = SILENT_WORKER if hops.layer_reachable else SILENT_REDIS
        fresh = max(filter(None, (beat.get("at") if beat else None, hops.read_at)), default=None)
        return _frame(Status.DISCONNECTED, False, reason, heard_at, fresh, None)
    status, reason = _judged(beat, now - heard_at)
    # With the sweep switched off, Realtime alone carries changes; a worker that says goodbye carries none.
    live = status is not Status.DISCONNECTED and (bool(beat["live"]) or status is Status.CONNECTED)
    probe = beat.get("probe") or {}
    fresh = beat["at"] if live else probe.get("at")
    return _frame(status, live, reason, beat["since"], fresh, probe.get("round_trip_ms"))


def _judged(beat: dict[str, Any], age: float) -> tuple[Status, str]:
    status = Status(beat["status"])
    live = bool(beat["live"])
    delay = f", up to {beat['sweep_seconds']:g} s late" if beat.get("doorbell") else ""
    aftermath = f" {THROUGH_LOG}{delay}." if live else ""
    if beat.get("sweep_problem") == "the database can't be reached":
        return _worse(status, Status.RECONNECTING), "The database can't be reached; the page may be out of date."
    if status is Status.CONNECTED:
        return _judged_connected(beat, age, aftermath)
    if status is Status.CONNECTING:
        return status, f"Connecting to Supabase Realtime.{aftermath}"
    if status is Status.RECONNECTING:
        return status, f"Supabase Realtime is not answering; reconnecting.{aftermath}"
    if status is Status.ERROR:
        return status, f"Supabase Realtime can't be reached; trying again every minute.{aftermath}"
    return status, SILENT_WORKER


def _judged_connected(beat: dict[str, Any], age: float, aftermath: str) -> tuple[Status, str]:
    problems = [table for table, told in beat.get("tables", {}).items() if told.get("problem")]
    if problems:
        return Status.RECONNECTING, f"Supabase Realtime refuses {', '.join(problems)}.{aftermath}"
    if beat.get("deaf"):
        return Status.RECONNECTING, f"Supabase Realtime has gone silent for {', '.join(beat['deaf'])}.{aftermath}"
    probe = beat.get("probe")
    waiting = beat.get("probe_waiting")
    if waiting is not None and waiting + age > PROBE_LATE_SECONDS:
        return Status.RECONNECTING, f"Supabase Realtime delivers late.{aftermath}"
    # By the worker's clock, and how long ago it spoke by ours: the two clocks needn't agree.
    if not probe or beat["at"] - probe["at"] + age > PROBE_FRESH_SECONDS:
        return Status.RECONNECTING, f"Supabase Realtime delivers late.{aftermath}"
    return Status.CONNECTED, ""


def _worse(status: Status, other: Status) -> Status:
    return status if status in (Status.ERROR, Status.DISCONNECTED) else other


def _frame(
    status: Status, live: bool, reason: str, since: float, fresh: float | None, round_trip_ms: int | None
) -> dict[str, Any]:
    return {
        "status": status.value,
        "live": live,
        "reason": reason,
        "since": _iso(since),
        "fresh_at": _iso(fresh) if fresh else None,
        "round_trip_ms": round_trip_ms,
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
