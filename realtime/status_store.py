"""How things stand: kept in Redis by the worker, gone when it stops renewing. "Connected" means "heard lately"."""

import json
from typing import Any

import redis
import redis.asyncio
from django.conf import settings

BEAT_SECONDS = 3.0
EXPIRY_SECONDS = 8.0
EXPIRY_MS = int(EXPIRY_SECONDS * 1000)


def status_key() -> str:
    return f"{settings.REDIS_PREFIX}:realtime:status"


class StatusStore:
    """The worker's side: writes with an expiry. Raises redis.RedisError when Redis is away."""

    def __init__(self) -> None:
        self._redis = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)

    async def write(self, status: dict[str, Any]) -> None:
        await self._redis.set(status_key(), json.dumps(status), px=EXPIRY_MS)

    async def write_standby(self, worker: dict[str, Any]) -> None:
        """Says that another worker stands by, for as long as the status lives."""
        await self._redis.set(f"{status_key()}:standby:{worker['epoch']}", json.dumps(worker), px=EXPIRY_MS)

    async def close(self) -> None:
        await self._redis.aclose()


def read_status() -> dict[str, Any] | None:
    """What the worker last said, or None when it has been silent for ``EXPIRY_SECONDS``.

    Raises redis.RedisError when Redis is away.
    """
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
        raw = client.get(status_key())
        if raw is None:
            return None
        standbys = client.mget(list(client.scan_iter(f"{status_key()}:standby:*", count=1_000)))
    told: dict[str, Any] = json.loads(raw)
    return told | {"standbys": [json.loads(standby) for standby in standbys if standby]}
