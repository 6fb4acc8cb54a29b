"""The cache that all web processes share, in Redis: it counts failed sign-ins.

While Redis is away, each web process counts by itself: nobody is kept out, and nobody can guess without a limit.
"""

import json
import logging
import time
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# A Redis that hangs must not hold up a sign-in, which asks it a dozen times.
PATIENCE_SECONDS = 1.0
LEFT_ALONE_SECONDS = 5.0


class JsonSerializer:
    """Django's own would unpickle what Redis holds, so whoever can write to Redis could run code here."""

    def dumps(self, value: Any) -> bytes:
        return json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class SharedCache(RedisCache):
    """``RedisCache`` with a cache of this process to fall back on."""

    # Django makes one of these for each thread; whether Redis is there concerns all of them.
    _away_until = 0.0

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        options = {
            "socket_timeout": PATIENCE_SECONDS,
            "socket_connect_timeout": PATIENCE_SECONDS,
            "serializer": JsonSerializer(),
        }
        super().__init__(server, params | {"OPTIONS": options})
        self._here = LocMemCache(server, {key: value for key, value in params.items() if key != "OPTIONS"})

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self._ask(super().get, self._here.get, key, default, version)

    def add(self, key: str, value: Any, *rest: Any, **more: Any) -> Any:
        return self._ask(super().add, self._here.add, key, value, *rest, **more)

    def set(self, key: str, value: Any, *rest: Any, **more: Any) -> Any:
        return self._ask(super().set, self._here.set, key, value, *rest, **more)

    def delete(self, key: str, version: int | None = None) -> Any:
        return self._ask(super().delete, self._here.delete, key, version)

    def _ask(self, shared: Callable[..., Any], here: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        if time.monotonic() >= SharedCache._away_until:
            try:
                return shared(*arguments, **more)
            except RedisError as error:
                logger.warning("Redis is away (%s): each process counts failed sign-ins alone", type(error).__name__)
                SharedCache._away_until = time.monotonic() + LEFT_ALONE_SECONDS
        return here(*arguments, **more)
