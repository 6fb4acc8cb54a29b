"""What can be seen from outside: the worker's status in Redis, the logs, and what the processes hold."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from realtime.local.process import Service

# Django's REDIS_PREFIX by default; realtime.status.status_store can't be used without Django's settings.
STATUS_KEY = "livedesk:realtime:status"
NEVER_IN_A_LOG = re.compile(
    r"Traceback|never retrieved|Exception in|Exception inside|[Uu]nhandled exception|was destroyed but|never awaited"
)
EXCERPT_LINES = 25
OUR_PLACE = re.compile(r'  File ".*?((?:realtime|project|crm|ticketing)/[^"]*)", line (\d+)')
CHAINED = ("During handling of the above", "The above exception was the direct cause")
# Daphne's line for each request.
ACCESS = re.compile(r' - - \[[^]]*\] "(GET|POST|WS)')


class Statuses:
    """The leader's status, read now and then: who leads, and how much came through Realtime."""

    def __init__(self, redis_url: str) -> None:
        self._redis = redis.Redis.from_url(redis_url, socket_timeout=0.3, socket_connect_timeout=0.3)
        self._leader = ""
        self.takeovers = 0
        # By epoch: what its intake heard from Realtime, whether emitted first or known from the sweep already.
        self._through_realtime: dict[str, int] = {}
        self._before = 0
        self.last: Mapping[str, Any] = {}

    def begin(self) -> None:
        self.takeovers = 0
        self._before = sum(self._through_realtime.values())

    @property
    def through_realtime(self) -> int:
        return sum(self._through_realtime.values()) - self._before

    def look(self) -> None:
        with suppress(redis.RedisError, OSError):
            told = self._redis.get(STATUS_KEY)
            if isinstance(told, bytes):
                self._take(json.loads(told))

    def _take(self, told: dict[str, Any]) -> None:
        self.last = told
        epoch = str(told.get("worker", {}).get("epoch", ""))
        if epoch != self._leader:
            self.takeovers += bool(self._leader)
            self._leader = epoch
        tables = told.get("tables", {}).values()
        self._through_realtime[epoch] = sum(table["by_realtime"] + table["duplicates"] for table in tables)

    def redis_memory(self) -> int:
        info: Any = self._redis.info("memory")
        return int(info["used_memory"])

    def close(self) -> None:
        self._redis.close()


@dataclass
class Logs:
    """What was written to these files since ``begin()``."""

    paths: tuple[Path, ...]
    _sizes: dict[Path, int] = field(default_factory=dict)

    def begin(self) -> None:
        self._sizes = {path: path.stat().st_size for path in self.paths if path.exists()}

    def unwanted(self) -> list[str]:
        """What must never be in a log: how often each kind occurs, and an excerpt of its first occurrence."""
        found = []
        for path in self.paths:
            lines = self._lines(path)
            kinds: dict[str, list[int]] = {}
            for number, kind in unwanted_in(lines):
                kinds.setdefault(kind, []).append(number)
            for kind, places in kinds.items():
                excerpt = "\n      ".join(lines[max(0, places[0] - 2) : places[0] + EXCERPT_LINES])
                found.append(f"{path.name}: {len(places)} times {kind}, the first\n      {excerpt}")
        return found

    def tail(self, number: int = 12) -> str:
        told = {path.name: [line for line in self._lines(path) if not ACCESS.search(line)] for path in self.paths}
        return "\n".join(f"  {name}:\n    " + "\n    ".join(lines[-number:]) for name, lines in told.items())

    def _lines(self, path: Path) -> list[str]:
        if not path.exists():
            return []
        with path.open("rb") as file:
            file.seek(self._sizes.get(path, 0))
            return file.read().decode(errors="replace").splitlines()


def unwanted_in(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Where each unwanted entry begins, and its kind; a chain of tracebacks counts as one."""
    number = 0
    while number < len(lines):
        begun = number
        if lines[number].startswith("Traceback"):
            kind, number = _traceback(lines, number)
            yield begun, kind
        elif NEVER_IN_A_LOG.search(lines[number]) and not any(map(_is_traceback, lines[number : number + 5])):
            yield begun, re.sub(r"\d+", "n", lines[number])
        number += 1


def _traceback(lines: Sequence[str], number: int) -> tuple[str, int]:
    """The error that ends a chain of tracebacks, with the last place in our own code, and the line it is on."""
    ours, error, end = "a library", "an error without a name", number
    while number < len(lines) and _is_traceback(lines[number]):
        number += 1
        while number < len(lines) and (lines[number].startswith(" ") or not lines[number]):
            if place := OUR_PLACE.match(lines[number]):
                ours = f"{place[1]}:{place[2]}"
            number += 1
        if number < len(lines):
            error, end = lines[number].split(":")[0], number
        number = _next_in_chain(lines, end)
    return f"{error} from {ours}", end


def _next_in_chain(lines: Sequence[str], end: int) -> int:
    """Where the next traceback of the chain begins; past the last line when there is none."""
    for number in range(end + 1, len(lines)):
        if lines[number].startswith(CHAINED):
            return number + 2
        # The error's own further lines are indented or empty; anything else is the log's next entry.
        if lines[number] and not lines[number][0].isspace():
            break
    return len(lines)


def _is_traceback(line: str) -> bool:
    return line.startswith("Traceback")


@dataclass(frozen=True)
class Holdings:
    """How much of the machine a process holds."""

    memory: int
    descriptors: int

    def __str__(self) -> str:
        return f"{self.memory >> 20} MB, {self.descriptors} fds"

    def exceeds(self, baseline: "Holdings") -> bool:
        """A generous limit: the first round leaves caches half filled."""
        return self.memory > 2 * baseline.memory + (60 << 20) or self.descriptors > 2 * baseline.descriptors + 60


def holdings(services: Mapping[str, Service], names: Iterable[str]) -> dict[str, Holdings]:
    return {name: _holdings(services[name].pid) for name in names if services[name].alive}


def _holdings(pid: int) -> Holdings:
    process = Path(f"/proc/{pid}")
    resident = re.search(r"VmRSS:\s+(\d+) kB", (process / "status").read_text())
    return Holdings(int(resident[1]) << 10 if resident else 0, len(list((process / "fd").iterdir())))
