"""Switches the faults of a local Realtime server started with --faults; for tests."""

import json
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

TIMEOUT = 10.0


class RealtimeFaults:
    """One method per fault. A `count` of None means: until reset()."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")

    def blackout(self, seconds: float) -> None:
        """Changes are consumed and dropped without a word, as over the rate limit."""
        self._switch("blackout", seconds=seconds)

    def drop(self, count: int = 1) -> None:
        """The next events reach nobody."""
        self._switch("drop", count=count)

    def delay(self, seconds: float) -> None:
        """Every event is delayed this long; 0 ends it."""
        self._switch("delay", seconds=seconds)

    def duplicate(self, on: bool = True) -> None:
        """Every event comes twice."""
        self._switch("duplicate", on=int(on))

    def freeze(self, seconds: float) -> None:
        """The process goes on accepting connections but neither reads nor sends."""
        self._switch("freeze", seconds=seconds)

    def close(self, code: int) -> None:
        """Close all sockets with this code."""
        self._switch("close", code=code)

    def abort(self) -> None:
        """Reset all connections without a close frame."""
        self._switch("abort")

    def close_channel(self, table: str | None = None) -> None:
        """phx_close on the channels that watch the table, or on all."""
        self._switch("close_channel", table=table)

    def error_channel(self, table: str | None = None) -> None:
        """phx_error on the channels that watch the table, or on all."""
        self._switch("error_channel", table=table)

    def system_error(self, table: str | None = None, message: str | None = None) -> None:
        """A `system` frame with status error; the channel stays joined."""
        self._switch("system_error", table=table, message=message)

    def garbage(self) -> None:
        """A frame that isn't JSON, to every socket."""
        self._switch("garbage")

    def error_event(self, table: str | None = None) -> None:
        """An event with an error 401 and without a commit_timestamp."""
        self._switch("error_event", table=table)

    def expire(self) -> None:
        """All channels' tokens expire now, once; the same tokens are accepted again at the next join."""
        self._switch("expire")

    def refuse_http(self, status: int, count: int | None = 1, message: str | None = None) -> None:
        """Handshakes are answered with this status."""
        self._switch("refuse_http", status=status, message=message, **_counted(count))

    def refuse_join(self, reason: str, count: int | None = 1) -> None:
        """Joins are answered with an error and this reason."""
        self._switch("refuse_join", reason=reason, **_counted(count))

    def ignore_join(self, count: int | None = 1) -> None:
        """Joins get no answer."""
        self._switch("ignore_join", **_counted(count))

    def forget_system(self, count: int | None = 1) -> None:
        """Subscriptions work, but their `system` ok isn't sent."""
        self._switch("forget_system", **_counted(count))

    def reset(self) -> None:
        """Everything off."""
        self._switch("reset")

    def health(self) -> dict[str, Any]:
        with urlopen(f"{self._base_url}/health", timeout=TIMEOUT) as response:  # noqa: S310 (a test's own server)
            answer: dict[str, Any] = json.load(response)
        return answer

    def _switch(self, name: str, **values: object) -> None:
        given = {key: value for key, value in values.items() if value is not None}
        with urlopen(f"{self._base_url}/_faults/{name}?{urlencode(given)}", timeout=TIMEOUT):  # noqa: S310
            pass


def _counted(count: int | None) -> dict[str, object]:
    return {"on": 1} if count is None else {"count": count}
