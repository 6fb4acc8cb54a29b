"""What a page is told of the connection: one of five words and one true sentence. Pure.

``live`` says whether changes reach pages at all: with Supabase Realtime down but the change log read, they do.
"""

from datetime import UTC, datetime
from typing import Any

from realtime.events import RealtimeConnectionStatus as Status
from realtime.status_store import EXPIRY_SECONDS

# The last two probes, written every 10 s, plus the time an echo may take.
PROBE_FRESH_SECONDS = 25.0

SILENT_WORKER = "Live updates have stopped: the realtime worker is not answering."
SILENT_REDIS = "Live updates have stopped: the message channel (Redis) can't be reached."
THROUGH_LOG = "Changes still arrive, live through the change log."


def words(beat: dict[str, Any] | None, heard_at: float, now: float, redis_reachable: bool) -> dict[str, Any]:
    """The status frame's fields for what the worker last said, heard at ``heard_at`` (seconds, as ``now``).

    Without a beat, ``heard_at`` is when listening began: for a moment nothing can have been heard.
    """
    if beat is None and now - heard_at <= EXPIRY_SECONDS and redis_reachable:
        return _frame(Status.CONNECTING, False, "Listening for the realtime worker.", heard_at, None, None)
    if beat is None or now - heard_at > EXPIRY_SECONDS:
        reason = SILENT_WORKER if redis_reachable else SILENT_REDIS
        fresh = beat.get("at") if beat else None
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
    aftermath = f" {THROUGH_LOG}" if live else ""
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
