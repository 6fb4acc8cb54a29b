"""What this web process knows about the leading worker; any thread may ask.

There are two sources: what the worker keeps in Redis, and the last beat that the hub has heard. The second works even
if Redis is full or refuses writes, but only a process with sockets has it. If neither says anything, the worker is
silent only if Redis keeps what it is given.
"""

import time
from dataclasses import dataclass
from typing import Any

import redis

from realtime.status.status_store import EXPIRY_SECONDS, UNREACHABLE, read_status, refusal, why_nothing_is_kept

_heard: tuple[dict[str, Any], float] | None = None


@dataclass(frozen=True, slots=True)
class Known:
    # What the worker said, with the ``standbys`` where Redis keeps them.
    told: dict[str, Any] | None = None
    # By this machine's clock; for what Redis keeps, by the worker's.
    heard_at: float = 0.0
    reachable: bool = True
    # Why Redis doesn't keep the worker's status, as far as anybody has noticed.
    problem: str = ""

    @property
    def silent(self) -> bool:
        """Nobody leads: a worker that did would be known."""
        return self.told is None and not self.problem


def note(told: dict[str, Any]) -> None:
    """The hub has heard a beat."""
    global _heard
    _heard = told, time.time()


def known() -> Known:
    """Asks Redis, and takes the newer of what it says and what was heard."""
    stored: dict[str, Any] | None = None
    reachable, problem = True, ""
    try:
        stored = read_status()
    except redis.ResponseError as error:
        problem = refusal(error)
    except (redis.RedisError, OSError):
        reachable, problem = False, UNREACHABLE
    heard = _heard
    if heard and time.time() - heard[1] <= EXPIRY_SECONDS and (stored is None or heard[0]["at"] > stored["at"]):
        standbys = {"standbys": stored["standbys"]} if stored else {}
        return Known(heard[0] | standbys, heard[1], reachable, problem or heard[0].get("store_problem", ""))
    if stored is not None:
        return Known(stored, stored["at"], reachable)
    if heard is None and not problem:
        reachable, problem = _ask()
    return Known(None, 0.0, reachable, problem)


def _ask() -> tuple[bool, str]:
    try:
        return True, why_nothing_is_kept()
    except (redis.RedisError, OSError):
        return False, UNREACHABLE
