"""Child processes that never outlive their parent, and the loopback ports they listen on."""

import ctypes
import os
import pwd
import random
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

LOOPBACK = "127.0.0.1"
REPOSITORY = Path(__file__).resolve().parents[2]

PR_SET_PDEATHSIG = 1
# Loaded here because the child, between fork and exec, must not import or allocate more than it has to.
_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)

_CHECK_SECONDS = 0.02


class ServiceError(Exception):
    """One sentence for the person who started the service: what is wrong and, where there is one, the way out."""


@dataclass(frozen=True)
class Account:
    """An unprivileged account of this machine that a service runs as when its parent is root."""

    uid: int
    gid: int

    def own(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid)

    def reaches(self, path: Path) -> bool:
        """Whether the account may pass every directory above ``path``.

        Judged by the bits for others: the account is taken to own nothing and to share no group.
        """
        return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


def always_ready() -> bool:
    return True


def nothing_to_prepare() -> None:
    pass


@dataclass
class Service:
    """A long-running child process: started, checked for readiness, stopped, and never left behind.

    ``ready`` is asked until it is true or the process ends; ``prepare`` runs before each start. The kernel sends
    ``orphan_signal`` when the thread that started the service ends, however it ends (``kill -9`` included), so start
    services from a thread that lives as long as they should.
    """

    name: str
    argv: Sequence[str | Path]
    log: Path
    env: Mapping[str, str]
    cwd: Path = REPOSITORY
    address: str = ""
    account: Account | None = None
    prepare: Callable[[], None] = nothing_to_prepare
    ready: Callable[[], bool] = always_ready
    ready_seconds: float = 60
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    grace_seconds: float = 10
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def pid(self) -> int:
        """The process id, or the last process's when it has ended."""
        return self._started().pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self.exit_code is None

    @property
    def exit_code(self) -> int | None:
        """The exit code (minus the signal's number for a signal), None while it runs."""
        process = self._started()
        if process.returncode is None and ended(process.pid):
            self._bury()
        return process.returncode

    def start(self) -> None:
        """Starts the process and returns when it is ready."""
        self.launch()
        try:
            self._await_ready()
        except BaseException:
            self.kill()
            raise

    def launch(self) -> None:
        """Starts the process without waiting until it is ready; the log goes on where an earlier start left it."""
        if self.alive:
            raise ServiceError(f"{self.name} is already running (pid {self.pid}).")
        self.prepare()
        with self._open_log() as log:
            self._process = self._spawn(log)

    def stop(self) -> None:
        """Asks the process to end and, when it doesn't within its grace, ends it and everything it started."""
        if self.alive:
            self._signal(self.stop_signal)
            self.thaw()
            ended(self.pid, self.grace_seconds)
            self._bury()

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self) -> None:
        """Ends the process at once (SIGKILL), with what it left in its process group."""
        if self.alive:
            self._bury()

    def freeze(self) -> None:
        """Stops the process and its children from running, as a machine under memory pressure would."""
        self._signal(signal.SIGSTOP)
        # A stopped parent starts no further ones.
        self._signal_children(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_children(signal.SIGCONT)
        self._signal(signal.SIGCONT)

    def wait(self, seconds: float) -> int:
        """Waits for the process to end by itself; returns its exit code."""
        if not ended(self.pid, seconds):
            raise ServiceError(f"{self.name} (pid {self.pid}) still runs after {seconds:g} s.")
        exit_code = self.exit_code
        assert exit_code is not None
        return exit_code

    def last_line(self) -> str:
        """The last line the process wrote, usually the reason it ended."""
        lines = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServiceError(f"{self.name} was not started.")
        return self._process

    def _open_log(self) -> IO[bytes]:
        if self._process is None:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            if self.log.exists():
                self.log.replace(self.log.with_name(f"{self.log.name}.1"))
        return self.log.open("ab")

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        account = self.account
        try:
            return subprocess.Popen(
                [str(word) for word in self.argv],
                cwd=self.cwd,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C in the terminal reaches the parent alone, which stops children in order.
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                # Runs after the change of account, which would clear it.
                preexec_fn=die_with_parent(self.orphan_signal),
            )
        except OSError as error:
            raise ServiceError(f"{self.name} can't be started: {error}.") from error

    def _await_ready(self) -> None:
        deadline = time.monotonic() + self.ready_seconds
        while self.alive:
            if self.ready():
                return
            if time.monotonic() > deadline:
                raise ServiceError(f"{self.name} was not ready within {self.ready_seconds:g} s; see {self.log}.")
            ended(self.pid, _CHECK_SECONDS)
        raise ServiceError(f"{self.name} ended while starting (exit code {self.exit_code}): {self.last_line()}")

    def _bury(self) -> None:
        process = self._started()
        # Before the process is reaped: until then its pid can't have become another group's.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self.alive:
            os.kill(self.pid, number)

    def _signal_children(self, number: signal.Signals) -> None:
        # PostgreSQL's children aren't members of its group.
        for child in self._children() if self.alive else []:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(child, number)

    def _children(self) -> list[int]:
        found: list[int] = []
        for children in Path(f"/proc/{self.pid}/task").glob("*/children"):
            # A thread that has ended since has none.
            with suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, children.read_text().split())
        return found


def die_with_parent(number: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """A ``preexec_fn`` that has the kernel send ``number`` to the child when its parent ends, whatever ends it."""
    parent = os.getpid()

    def arrange() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:
            # The parent ended before the kernel knew what to do then.
            os._exit(1)

    return arrange


def ended(pid: int, seconds: float = 0) -> bool:
    """Waits until the process has ended; False when it still runs after ``seconds``. Nothing is reaped."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        # Not select(), which can't watch a descriptor above 1023.
        watcher = select.poll()
        watcher.register(handle, select.POLLIN)
        return bool(watcher.poll(max(0.0, seconds) * 1000))
    finally:
        os.close(handle)


def unprivileged_account() -> Account | None:
    """The account for programs that refuse to run as root; None when this process isn't root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return Account(uid=65534, gid=65534)
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def port_answers(port: int) -> bool:
    """Whether something accepts connections on this port of the loopback."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def require_free_port(port: int, name: str) -> None:
    if not port_is_free(port):
        raise ServiceError(f"Port {port} on {LOOPBACK} is already in use, so {name} can't listen there.")


def pick_port(taken: Iterable[int] = ()) -> int:
    """A free loopback port below the range that outgoing connections draw theirs from.

    From inside that range, a client that retries a stopped service could be given the service's own port, connect to
    itself, and keep the service from ever coming back.
    """
    first_outgoing = 32768
    with suppress(OSError, ValueError):
        first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = range(15000, first_outgoing) if first_outgoing > 16000 else range(50000, 65000)
    for port in random.sample(candidates, k=min(200, len(candidates))):
        if port not in taken and port_is_free(port):
            return port
    raise ServiceError(f"No free port was found on {LOOPBACK}.")
