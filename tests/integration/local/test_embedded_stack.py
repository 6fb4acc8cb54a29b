"""The services a bare machine gets: they start, answer, survive what happens to them, and leave nothing behind."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from realtime.local.postgres import SHARED_DIRECTORY, EmbeddedPostgres
from realtime.local.process import (
    LOOPBACK,
    REPOSITORY,
    Service,
    ServiceError,
    die_with_parent,
    ended,
    pick_port,
    unprivileged_account,
)
from realtime.local.redis import EmbeddedRedis
from realtime.local.stack import LocalStack, RealtimeOptions, healthy, remembered_ports

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every account may enter; pytest's own are closed to PostgreSQL's account."""
    directory = Path(tempfile.mkdtemp(prefix="livedesk-stack-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def stack(open_directory: Path) -> Iterator[LocalStack]:
    stack = LocalStack(open_directory / "stack", durable=False, realtime=RealtimeOptions(poll_interval_ms=20))
    yield stack
    stack.stop()
    stack.remove()


@pytest.fixture
def postgres(open_directory: Path) -> Iterator[EmbeddedPostgres]:
    postgres = EmbeddedPostgres(open_directory / "postgres", pick_port(), durable=False)
    yield postgres
    postgres.stop()
    postgres.remove()


def test_the_stack_starts_answers_and_leaves_no_process(stack: LocalStack) -> None:
    announced: list[str] = []
    stack.start(lambda service: announced.append(service.name))

    assert announced == ["PostgreSQL", "Redis", "Realtime"]
    assert stack.healthy()
    assert healthy(f"{stack.supabase_url}/health")
    environment = stack.environment()
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        assert connection.execute("show wal_level").fetchone() == ("logical",)
        assert connection.execute("select count(*) from pg_publication").fetchone() == (1,)
    assert redis.Redis.from_url(environment["REDIS_URL"]).ping()

    groups = [service.pid for service in stack.services]
    stack.stop()
    assert [service.exit_code for service in stack.services] == [0, 0, 0]
    assert not stack.healthy()
    assert running_below(groups, stack.postgres.data_directory) == []


def test_a_second_start_finds_the_data_the_ports_and_the_secrets(stack: LocalStack) -> None:
    stack.start()
    with psycopg.connect(stack.database_url) as connection:
        connection.execute("create table kept (word text)")
        connection.execute("insert into kept values ('still here')")
    stack.stop()

    again = LocalStack(stack.directory, durable=False)
    again.start()
    try:
        assert (again.ports, again.jwt_secret) == (stack.ports, stack.jwt_secret)
        with psycopg.connect(again.database_url) as connection:
            assert connection.execute("select word from kept").fetchone() == ("still here",)
    finally:
        again.stop()


def test_what_signs_people_in_is_readable_by_its_owner_only(stack: LocalStack) -> None:
    stack.start()
    for name in ("jwt-secret", "postgres/password", "redis/password", "redis/redis.conf"):
        mode = stat.S_IMODE((stack.directory / name).stat().st_mode)
        assert mode == 0o600, f"{name} has mode {mode:o}"


def test_nobody_gets_in_without_the_password(stack: LocalStack) -> None:
    stack.start()
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host=LOOPBACK, port=stack.ports.postgres, user="postgres", password="guessed")
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(host=LOOPBACK, port=stack.ports.redis, retry=Retry(NoBackoff(), 0)).ping()


@as_root
def test_as_root_postgres_runs_as_an_unprivileged_account(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    assert Path(f"/proc/{postgres.service.pid}").stat().st_uid == NOBODY
    assert postgres.data_directory.stat().st_uid == NOBODY
    assert postgres.data_directory.is_relative_to(postgres.directory)


@as_root
def test_as_root_in_a_closed_directory_the_cluster_lives_where_its_account_can_reach_it(open_directory: Path) -> None:
    open_directory.chmod(0o700)
    postgres = EmbeddedPostgres(open_directory / "postgres", pick_port(), durable=False)
    try:
        postgres.start()
        assert postgres.data_directory.is_relative_to(SHARED_DIRECTORY)
        assert postgres.home.stat().st_uid == 0
    finally:
        postgres.stop()
        postgres.remove()
    assert not postgres.home.exists()


@as_root
def test_as_root_unreachable_binaries_are_copied(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from realtime.local import postgres as module

    installation = module._wheel_installation()
    hidden = tmp_path / "hidden" / installation.parent.name / installation.name
    shutil.copytree(installation, hidden)
    hidden.parent.parent.chmod(0o700)
    monkeypatch.setattr(module, "_wheel_installation", lambda: hidden)
    monkeypatch.setattr(module, "SHARED_DIRECTORY", open_directory)

    postgres = EmbeddedPostgres(open_directory / "postgres", pick_port(), durable=False)
    try:
        postgres.start()
        assert postgres.binaries.is_relative_to(open_directory)
    finally:
        postgres.stop()


@as_root
def test_an_ordinary_user_gets_the_same_stack(open_directory: Path) -> None:
    interpreter = interpreter_for_nobody()
    os.chown(open_directory, NOBODY, NOBODY)
    script = (
        "import sys, pathlib\n"
        "from realtime.local.stack import LocalStack\n"
        "stack = LocalStack(pathlib.Path(sys.argv[1]), durable=False)\n"
        "stack.start(lambda service: print(service.name, service.account))\n"
        "assert stack.healthy()\n"
        "stack.stop()\n"
        "print([service.exit_code for service in stack.services])\n"
    )
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    done = subprocess.run(
        [interpreter, "-c", script, open_directory / "stack"],
        cwd=REPOSITORY,
        # An empty home, as a service account has it.
        env={"HOME": "", "PATH": os.defpath, "PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        preexec_fn=die_with_parent(),
    )
    assert done.stdout.splitlines() == ["PostgreSQL None", "Redis None", "Realtime None", "[0, 0, 0]"], done.stderr


def test_postgres_starts_again_after_kill_9(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    os.kill(postgres.service.pid, signal.SIGKILL)
    assert postgres.service.wait(10) == -signal.SIGKILL
    assert (postgres.data_directory / "postmaster.pid").exists()

    postgres.start()
    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_pid_file_that_names_a_foreign_process_does_not_keep_postgres_away(postgres: EmbeddedPostgres) -> None:
    """After a reboot any program may have the old number: here, one of PostgreSQL's own account."""
    postgres.start()
    postgres.stop()
    account = unprivileged_account()
    bystander = Service(
        "Bystander", ["sleep", "600"], postgres.directory / "bystander.log", env=os.environ, account=account
    )
    bystander.start()
    try:
        stale = postgres.data_directory / "postmaster.pid"
        stale.write_text(f"{bystander.pid}\n{postgres.data_directory}\n1\n{postgres.port}\n\n\n")
        postgres.start()
        assert bystander.alive
    finally:
        bystander.kill()


def test_a_busy_port_is_one_clear_sentence(open_directory: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as occupied:
        port = occupied.getsockname()[1]
        postgres = EmbeddedPostgres(open_directory / "postgres", port, durable=False)
        sentence = f"^Port {port} on 127.0.0.1 is already in use, so PostgreSQL can't listen there.$"
        with pytest.raises(ServiceError, match=sentence):
            postgres.start()
        with pytest.raises(ServiceError, match="so Redis can't listen there"):
            EmbeddedRedis(open_directory / "redis", port).start()


def test_a_port_that_was_taken_meanwhile_is_chosen_anew(tmp_path: Path) -> None:
    first = remembered_ports(tmp_path / "ports.json")
    with socket.create_server((LOOPBACK, first.redis)):
        second = remembered_ports(tmp_path / "ports.json")
    assert second.redis != first.redis
    assert (second.postgres, second.realtime) == (first.postgres, first.realtime)


def test_children_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, sys\n"
        "from realtime.local.process import Service\n"
        "log = pathlib.Path(sys.argv[1])\n"
        "service = Service('Sleeper', ['sleep', '600'], log, env=os.environ)\n"
        "service.start()\n"
        "print(service.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "log"], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert ended(int(done.stdout), seconds=10)


def test_a_service_that_ignores_sigterm_is_killed_with_its_children(tmp_path: Path) -> None:
    stubborn = "trap '' TERM; sleep 600 & echo $! > child; echo ready > ready; while :; do wait; done"
    service = Service(
        "Stubborn",
        ["bash", "-c", stubborn],
        tmp_path / "log",
        env=os.environ,
        cwd=tmp_path,
        ready=(tmp_path / "ready").exists,
        grace_seconds=0.2,
    )
    service.start()
    service.stop()
    assert service.exit_code == -signal.SIGKILL
    assert ended(int((tmp_path / "child").read_text()), seconds=10)


def test_a_frozen_service_can_be_stopped(tmp_path: Path) -> None:
    service = Service("Sleeper", ["sleep", "600"], tmp_path / "log", env=os.environ)
    service.start()
    service.freeze()
    service.stop()
    assert service.exit_code == -signal.SIGTERM


def test_threads_that_end_meanwhile_are_in_nobodys_way(tmp_path: Path) -> None:
    busy = "import threading\nwhile True:\n    threading.Thread(target=int).start()"
    service = Service("Busy", [sys.executable, "-c", busy], tmp_path / "log", env=os.environ)
    service.start()
    try:
        for _ in range(1_000):
            service.thaw()
    finally:
        service.kill()


def test_a_service_that_fails_to_start_says_why(tmp_path: Path) -> None:
    service = Service(
        "Broken", ["sh", "-c", "echo no such luck; exit 3"], tmp_path / "log", env=os.environ, ready=lambda: False
    )
    with pytest.raises(ServiceError, match=r"^Broken ended while starting \(exit code 3\): no such luck$"):
        service.start()


def running_below(pids: list[int], data_directory: Path) -> list[str]:
    """Processes that still belong to one of the services: in its group, or working in PostgreSQL's directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            group, state = int(fields[2]), fields[0]
            here = Path(os.readlink(entry / "cwd")) if state != "Z" else None
        except OSError:
            continue
        if state != "Z" and (group in pids or here == data_directory):
            found.append(entry.name)
    return found


def interpreter_for_nobody() -> str:
    """A Python of this very version that an ordinary user may run; the virtual environment's may lie under /root."""
    account = unprivileged_account()
    assert account is not None
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (Path(sys.executable), Path("/usr/bin") / version):
        if candidate.exists() and account.reaches(candidate) and account.reaches(REPOSITORY / "manage.py"):
            return str(candidate)
    pytest.skip("an ordinary user can reach neither this clone's Python nor another of its version")
