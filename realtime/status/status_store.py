"""The status: kept in Redis by the worker, gone when it stops renewing. "Connected" means "heard lately".

A Redis that is full, or a replica, passes messages on but keeps nothing: then the worker leads without a stored status.
"""

import json
import logging
from typing import Any

import redis
import redis.asyncio
from django.conf import settings

logger = logging.getLogger(__name__)

BEAT_SECONDS = 3.0
EXPIRY_SECONDS = 8.0
EXPIRY_MS = int(EXPIRY_SECONDS * 1000)

UNREACHABLE = "Redis can't be reached"
# A Redis that evicts stays a little below its limit: it makes room for the next write, and for no more.
FULL_FROM = 0.9


def status_key() -> str:
    return f"{settings.REDIS_PREFIX}:realtime:status"


class StatusStore:
    """The worker's side: writes with an expiry, and never raises; ``problem`` says why the last write failed."""

    def __init__(self) -> None:
        self._redis = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
        self.problem = ""
        self._announced = ""

    async def write(self, status: dict[str, Any]) -> None:
        await self._keep(status_key(), status)

    async def write_standby(self, worker: dict[str, Any]) -> None:
        """Says that another worker stands by; expires like the status."""
        await self._keep(f"{status_key()}:standby:{worker['epoch']}", worker)

    async def close(self) -> None:
        await self._redis.aclose()

    async def _keep(self, key: str, told: dict[str, Any]) -> None:
        try:
            await self._redis.set(key, json.dumps(told), px=EXPIRY_MS)
        except redis.ResponseError as error:
            self.problem = refusal(error)
            if self.problem != self._announced:
                logger.warning("%s: it doesn't keep how this worker is, pages hear it all the same", self.problem)
            self._announced = self.problem
        except Exception:
            # The publisher, which uses the same Redis, logs that it is away.
            self.problem = UNREACHABLE
        else:
            if self._announced:
                logger.info("Redis keeps how this worker is again")
            self.problem = self._announced = ""


def read_status() -> dict[str, Any] | None:
    """What the worker last said, or None when it has been silent for ``EXPIRY_SECONDS``, or Redis keeps nothing.

    Raises redis.RedisError when Redis is away.
    """
    with _client() as client:
        raw = client.get(status_key())
        if raw is None:
            return None
        standbys = client.mget(list(client.scan_iter(f"{status_key()}:standby:*", count=1_000)))
    told: dict[str, Any] = json.loads(raw)
    return told | {"standbys": [json.loads(standby) for standby in standbys if standby]}


def why_nothing_is_kept() -> str:
    """Asks Redis with a write: returns a sentence without its full stop, or nothing if it keeps what it is given.

    Raises redis.RedisError when Redis is away.
    """
    with _client() as client:
        try:
            client.set(f"{status_key()}:asked", 1, px=EXPIRY_MS)
        except redis.ResponseError as error:
            return refusal(error)
        try:
            memory = client.info("memory")
        except redis.ResponseError:
            # Some hosted ones don't say.
            return ""
    limit, policy = memory.get("maxmemory", 0), memory.get("maxmemory_policy", "noeviction")
    if limit and policy != "noeviction" and memory["used_memory"] >= FULL_FROM * limit:
        return f"Redis is full and evicts ({policy})"
    return ""


def refusal(error: redis.ResponseError) -> str:
    """Redis's answer to a write, in our words."""
    if isinstance(error, redis.OutOfMemoryError):
        return "Redis is full"
    if isinstance(error, redis.ReadOnlyError):
        return "Redis is a read-only replica"
    code = str(error).partition(" ")[0]
    if code == "MISCONF":
        return "Redis can't save to its disk and takes no writes"
    return f"Redis takes no writes ({code if code.isupper() else type(error).__name__})"


def _client() -> "redis.Redis":
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
