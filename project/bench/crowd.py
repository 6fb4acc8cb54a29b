"""Many sockets in a process of their own (``crowd_client.py``)."""

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from realtime.local.process import REPOSITORY, die_with_parent

# More than this share of a core, and the load generator may be the bottleneck.
BUSY = 0.8


class SocketsLost(RuntimeError):
    """A server gave up connections, or never answered them."""


class Crowd:
    """Opens on entering; ``ready`` are the seconds after which each socket was current, in order.

    Entering raises SocketsLost when not every socket becomes current.
    """

    def __init__(
        self,
        port: int,
        path: str,
        sockets: int,
        openings: Sequence[tuple[dict[str, str], str]],
        *,
        ready: str,
        counted: str,
        wave: int = 0,
        acknowledges: bool = False,
        ask: str = "",
        pong: str = "",
        tells: bool = False,
    ) -> None:
        self._task = {
            "port": port,
            "path": path,
            "sockets": sockets,
            "openings": openings,
            "ready": ready,
            "counted": counted,
            "wave": wave,
            "acknowledges": acknowledges,
            "ask": ask,
            "pong": pong,
            "tells": tells,
        }
        self.sockets = sockets
        self.ready: list[float] = []

    def __enter__(self) -> "Crowd":
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "project.bench.crowd_client"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent(),
        )
        self._say(json.dumps(self._task))
        told = self._hear()
        self.ready = told["ready"]
        if not told["all_ready"]:
            self.__exit__()
            raise SocketsLost(f"only {len(self.ready)} of {self._task['sockets']} sockets became current")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def count(self) -> None:
        """Counts from now on."""
        self._say("count")

    def stop(self) -> dict[str, Any]:
        """``counted``, when the ``last`` socket had each, sockets ``lost``, what was ``told``, the ``cpu`` it took."""
        self._say("stop")
        return self._hear()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the load generator has ended")
        found: dict[str, Any] = json.loads(line)
        return found
