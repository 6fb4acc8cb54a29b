"""The switches that make this server misbehave on purpose, as real servers, networks and gateways do.

Only with --faults and only from loopback: `GET /_faults/<name>?key=value`. `faults_client.py` is the way to use them.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

FOREVER: Final = -1
MESSAGES: Final = {401: "Token has expired", 404: "Tenant not found", 429: "Too many connected users"}


class FaultError(ValueError):
    """The request can't be obeyed; the text says what would be valid."""


class UnknownFault(FaultError):
    pass


class Sockets(Protocol):
    """What faults do to living sockets and channels; the hub provides it."""

    def freeze(self, seconds: float) -> None: ...
    def unfreeze(self) -> None: ...
    def close_all(self, code: int) -> None: ...
    def abort_all(self) -> None: ...
    def close_channels(self, table: str | None) -> None: ...
    def error_channels(self, table: str | None) -> None: ...
    def system_error(self, table: str | None, message: str) -> None: ...
    def send_garbage(self) -> None: ...
    def error_event(self, table: str | None) -> None: ...
    def expire_all(self) -> None: ...


@dataclass
class Faults:
    """The state of the switches; off by default."""

    delay: float = 0.0
    copies: int = 1
    _blackout_until: float = 0.0
    _drop: int = 0
    _refuse_http: int = 0
    _refuse_http_as: tuple[int, str] = (503, "")
    _refuse_join: int = 0
    _refuse_join_reason: str = ""
    _ignore_join: int = 0
    _forget_system: int = 0
    _thawed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._thawed.set()

    def blacked_out(self) -> bool:
        return time.monotonic() < self._blackout_until

    def drops_event(self) -> bool:
        return self._take("_drop")

    def refuses_http(self) -> tuple[int, str] | None:
        return self._refuse_http_as if self._take("_refuse_http") else None

    def refuses_join(self) -> str | None:
        return self._refuse_join_reason if self._take("_refuse_join") else None

    def ignores_join(self) -> bool:
        return self._take("_ignore_join")

    def forgets_system(self) -> bool:
        return self._take("_forget_system")

    async def thaw(self) -> None:
        await self._thawed.wait()

    def freeze(self) -> None:
        self._thawed.clear()

    def unfreeze(self) -> None:
        self._thawed.set()

    def _take(self, name: str) -> bool:
        """Use up one of a counted fault; FOREVER never runs out."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left != 0

    def set_blackout(self, seconds: float) -> None:
        self._blackout_until = time.monotonic() + seconds

    def set_drop(self, count: int) -> None:
        self._drop = count

    def set_refuse_http(self, status: int, message: str, count: int) -> None:
        self._refuse_http, self._refuse_http_as = count, (status, message or MESSAGES.get(status, "Refused"))

    def set_refuse_join(self, reason: str, count: int) -> None:
        self._refuse_join, self._refuse_join_reason = count, reason

    def set_ignore_join(self, count: int) -> None:
        self._ignore_join = count

    def set_forget_system(self, count: int) -> None:
        self._forget_system = count

    def reset(self) -> None:
        self.delay, self.copies, self._blackout_until = 0.0, 1, 0.0
        self._drop = self._refuse_http = self._refuse_join = self._ignore_join = self._forget_system = 0


class Arguments:
    """The query of a fault request."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def number(self, name: str, default: float | None = None) -> float:
        text = self._values.get(name)
        if text is None and default is not None:
            return default
        try:
            value = float(text or "")
        except ValueError:
            raise FaultError(f"{name} must be a number") from None
        if not 0 <= value < 1e9:
            raise FaultError(f"{name} must be 0 or more")
        return value

    def count(self) -> int:
        """`count=n`, or `on=1` for always and `on=0` for no more; one by default."""
        if "on" in self._values:
            return FOREVER if self.flag("on") else 0
        return int(self.number("count", 1))

    def flag(self, name: str) -> bool:
        return self._values.get(name, "1") not in ("0", "false", "off")

    def text(self, name: str, default: str) -> str:
        return self._values.get(name, default)

    def table(self) -> str | None:
        return self._values.get("table")


def apply(name: str, values: dict[str, str], faults: Faults, sockets: Sockets) -> None:
    """Obey one fault request; raise FaultError if it makes no sense."""
    action = ACTIONS.get(name)
    if action is None:
        raise UnknownFault(f"Unknown fault {name!r}; valid names: {', '.join(sorted(ACTIONS))}")
    action(Arguments(values), faults, sockets)


def _set_delay(arguments: Arguments, faults: Faults, _: Sockets) -> None:
    faults.delay = arguments.number("seconds")


def _set_duplicate(arguments: Arguments, faults: Faults, _: Sockets) -> None:
    faults.copies = 2 if arguments.flag("on") else 1


def _close(arguments: Arguments, _: Faults, sockets: Sockets) -> None:
    code = int(arguments.number("code"))
    if not (code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 1014) or 3000 <= code < 5000):
        raise FaultError(f"{code} can't be sent as a close code; for a lost connection use abort")
    sockets.close_all(code)


def _refuse_http(arguments: Arguments, faults: Faults, _: Sockets) -> None:
    status = int(arguments.number("status", 503))
    if not 400 <= status < 600:
        raise FaultError("status must be 400 to 599")
    faults.set_refuse_http(status, arguments.text("message", ""), arguments.count())


def _reset(_: Arguments, faults: Faults, sockets: Sockets) -> None:
    faults.reset()
    sockets.unfreeze()


def _system_error(arguments: Arguments, _: Faults, sockets: Sockets) -> None:
    message = arguments.text("message", "Unable to subscribe to changes with given parameters")
    sockets.system_error(arguments.table(), message)


ACTIONS: Final[dict[str, Callable[[Arguments, Faults, Sockets], None]]] = {
    "blackout": lambda arguments, faults, _: faults.set_blackout(arguments.number("seconds")),
    "drop": lambda arguments, faults, _: faults.set_drop(arguments.count()),
    "delay": _set_delay,
    "duplicate": _set_duplicate,
    "freeze": lambda arguments, _, sockets: sockets.freeze(arguments.number("seconds")),
    "close": _close,
    "abort": lambda _arguments, _faults, sockets: sockets.abort_all(),
    "close_channel": lambda arguments, _, sockets: sockets.close_channels(arguments.table()),
    "error_channel": lambda arguments, _, sockets: sockets.error_channels(arguments.table()),
    "system_error": _system_error,
    "garbage": lambda _arguments, _faults, sockets: sockets.send_garbage(),
    "error_event": lambda arguments, _, sockets: sockets.error_event(arguments.table()),
    "expire": lambda _arguments, _faults, sockets: sockets.expire_all(),
    "refuse_http": _refuse_http,
    "refuse_join": lambda arguments, faults, _: faults.set_refuse_join(
        arguments.text("reason", "ConnectionRateLimitReached: Too many connected users"), arguments.count()
    ),
    "ignore_join": lambda arguments, faults, _: faults.set_ignore_join(arguments.count()),
    "forget_system": lambda arguments, faults, _: faults.set_forget_system(arguments.count()),
    "reset": _reset,
}
