"""What a page is told about the connection: one of five words and one true sentence. Pure.

``live`` says whether changes reach pages at all: with Supabase Realtime down but the change log read, they do.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from realtime.events import RealtimeConnectionStatus as Status
from realtime.status.status_store import EXPIRY_SECONDS

# The last two probes, written every 10 s, plus the time an echo may take.
PROBE_FRESH_SECONDS = 25.0

# An echo that takes longer is late, though it may still come.
PROBE_LATE_SECONDS = 5.0

MEANWHILE = "Meanwhile this page is refreshed every few seconds."
SILENT_WORKER = f"Live updates have stopped: the realtime worker is not answering. {MEANWHILE}"
SILENT_REDIS = f"Live updates have stopped: the message channel (Redis) can't be reached. {MEANWHILE}"
NOT_KEPT = "it doesn't keep how the realtime worker is. Pages hear the worker itself, and say how it is."
THROUGH_LOG = "Changes still arrive, live through the change log"


@dataclass(frozen=True, slots=True)
class Hops:
    """What this web process knows about the path behind it, by its own clock."""

    layer_reachable: bool = True
    layer_ms: float | None = None
    # Since when it has heard the channel layer without a break.
    heard_since: float = 0.0
    # When it last read all that its pages show, and when it last read from the database at all.
    read_at: float | None = None
    database_at: float | None = None
    # See ``DatabaseThread.problem``.
    database: str = ""
    # Why Redis doesn't keep the worker's status, if this process hasn't heard the worker itself either.
    store: str = ""


def words(beat: dict[str, Any] | None, heard_at: float, now: float, hops: Hops) -> dict[str, Any]:
    """The status frame's fields for what the worker last said, heard at ``heard_at`` (seconds, as ``now``).

    Without a beat, ``heard_at`` is when listening began: for a moment nothing can have been heard.
    """
    told = _words(beat, heard_at, now, hops)
    doorbell = beat.get("doorbell") if beat else None
    late = (
        f"Changes are noticed every {beat['sweep_seconds']:g} s: the database doesn’t announce them ({doorbell})."
        if (beat and doorbell and told["live"])
        else ""
    )
    return told | {"layer_ms": hops.layer_ms, "doorbell": late}


def _words(beat: dict[str, Any] | None, heard_at: float, now: float, hops: Hops) -> dict[str, Any]:
    if hops.database:
        # Whatever the worker says: this process can show nothing newer than what it has read.
        fresh = min(filter(None, (_fresh(beat, hops), hops.database_at)), default=None)
        return _frame(Status.RECONNECTING, False, _database(hops.database), hops.database_at, fresh, None)
    if beat is None or now - heard_at > EXPIRY_SECONDS:
        return _silent(beat, heard_at, now, hops)
    status, reason = _judged(beat, now - heard_at)
    # With the sweep switched off, Realtime alone carries changes; a worker that says goodbye carries none.
    live = status is not Status.DISCONNECTED and (bool(beat["live"]) or status is Status.CONNECTED)
    # The probe's age is by the worker's clock, the beat's by ours: the two clocks needn't agree.
    probe = beat.get("probe")
    round_trip = (
        probe["round_trip_ms"] if probe and _age(beat, probe["at"], now - heard_at) < PROBE_FRESH_SECONDS else None
    )
    fresh = _told_fresh(beat) if live else _fresh(beat, hops)
    return _frame(status, live, reason, beat["since"], fresh, round_trip)


def _silent(beat: dict[str, Any] | None, heard_at: float, now: float, hops: Hops) -> dict[str, Any]:
    fresh = _fresh(beat, hops)
    if not hops.layer_reachable:
        return _frame(Status.DISCONNECTED, False, SILENT_REDIS, heard_at, fresh, None)
    if now - max(heard_at, hops.heard_since) <= EXPIRY_SECONDS:
        # Nothing can have been heard yet.
        return _frame(Status.CONNECTING, False, "Listening for the realtime worker.", heard_at, fresh, None)
    if hops.store:
        return _frame(Status.CONNECTING, False, f"{hops.store}: {NOT_KEPT}", heard_at, fresh, None)
    return _frame(Status.DISCONNECTED, False, SILENT_WORKER, heard_at, fresh, None)


def _told_fresh(beat: dict[str, Any]) -> float | None:
    """Everything committed by then has come out of the worker. Without the sweep only the probe says so."""
    at: float | None = beat.get("swept_at")
    if not beat.get("sweeps", True) and (probe := beat.get("probe")):
        at = probe["at"]
    return at


def _fresh(beat: dict[str, Any] | None, hops: Hops) -> float | None:
    return max(filter(None, (_told_fresh(beat) if beat else None, hops.read_at)), default=None)


def _database(problem: str) -> str:
    return f"The database {problem}; the page may be out of date."


def _age(beat: dict[str, Any], at: float, silent_for: float) -> float:
    age: float = beat["at"] - at + silent_for
    return age


def _judged(beat: dict[str, Any], age: float) -> tuple[Status, str]:
    status, reason = _judged_connection(beat, age)
    bypassed = beat.get("bypassed")
    if not bypassed or status is Status.DISCONNECTED:
        return status, reason
    meanwhile = "Meanwhile, pages that show them are refreshed every few seconds."
    told = f"Changes to {' and '.join(bypassed)} bypass the change log. {meanwhile}"
    return _not_green(status), f"{told} {reason}".strip()


def _judged_connection(beat: dict[str, Any], age: float) -> tuple[Status, str]:
    status = Status(beat["status"])
    live = bool(beat["live"])
    delay = f", up to {beat['sweep_seconds']:g} s late" if beat.get("doorbell") else ""
    aftermath = f" {THROUGH_LOG}{delay}." if live else ""
    if beat.get("database") and status is not Status.DISCONNECTED:
        return _not_green(status), _database(beat["database"])
    if beat["sweep_problem"] and status is not Status.DISCONNECTED:
        # Realtime's events are completed from the log, so they don't come out either.
        return _not_green(status), f"Live updates have stopped: {beat['sweep_problem']}. {MEANWHILE}"
    if beat.get("refusal") and status is not Status.DISCONNECTED:
        # Without a probe nobody can prove that Realtime delivers, and it isn't Realtime's fault.
        return _not_green(status), f"{beat['refusal']} Nothing can be saved meanwhile.{aftermath}"
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
    if not probe or _age(beat, probe["at"], age) > PROBE_FRESH_SECONDS:
        return Status.RECONNECTING, f"Supabase Realtime delivers late.{aftermath}"
    return Status.CONNECTED, ""


def _not_green(status: Status) -> Status:
    return Status.RECONNECTING if status is Status.CONNECTED else status


def _frame(
    status: Status, live: bool, reason: str, since: float | None, fresh: float | None, round_trip_ms: int | None
) -> dict[str, Any]:
    return {
        "status": status.value,
        "live": live,
        "reason": reason,
        "since": _iso(since) if since else None,
        "fresh_at": _iso(fresh) if fresh else None,
        "round_trip_ms": round_trip_ms,
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
