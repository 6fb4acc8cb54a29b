"""What a benchmark runs on: its own services in a temporary directory, and Django pointed at them."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from realtime.local.postgres import EmbeddedPostgres
from realtime.local.process import REPOSITORY, pick_port
from realtime.local.redis import EmbeddedRedis
from realtime.local.stack import LocalStack

NOTHING = {
    "REDIS_URL": "redis://127.0.0.1",
    "SUPABASE_URL": "http://127.0.0.1",
    "SUPABASE_KEY": "none",
}


@contextmanager
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="livedesk-bench-") as name:
        # PostgreSQL runs under another account when this is root.
        Path(name).chmod(0o711)
        yield Path(name)


@contextmanager
def database(*, durable: bool = False) -> Iterator[str]:
    """A migrated database on its own PostgreSQL; with ``durable``, commits wait for the disk."""
    with directory() as place:
        postgres = EmbeddedPostgres(place / "postgres", pick_port(), durable=durable)
        postgres.start()
        try:
            postgres.create_database("bench")
            use({"DATABASE_URL": postgres.url("bench"), **NOTHING})
            yield postgres.url("bench")
        finally:
            postgres.stop()
            postgres.remove()


@contextmanager
def kept(name: str) -> Iterator[str]:
    """A migrated database, a Redis, pages' files. The database stays: making its rows takes minutes."""
    place = REPOSITORY / ".local" / "bench" / name
    postgres = EmbeddedPostgres(place / "postgres", pick_port(), durable=False)
    with directory() as passing:
        redis = EmbeddedRedis(passing / "redis", pick_port())
        try:
            postgres.start()
            redis.start()
            postgres.create_database("bench")
            places = {"REDIS_URL": redis.url, "STATIC_ROOT": str(passing / "static")}
            use({"DATABASE_URL": postgres.url("bench"), **NOTHING, **places})
            # Pages name their style sheets and scripts by what is in them.
            manage("collectstatic", "--noinput")
            yield postgres.url("bench")
        finally:
            redis.stop()
            postgres.stop()


@contextmanager
def stack() -> Iterator[LocalStack]:
    """PostgreSQL, Redis and a Realtime server that polls like Supabase's own."""
    with directory() as place:
        services = LocalStack(place, durable=False)
        services.start()
        try:
            use(services.environment())
            yield services
        finally:
            services.stop()
            services.remove()


def use(environment: Mapping[str, str]) -> None:
    """Migrates, and points this process's Django at these services."""
    os.environ.update(environment)
    os.environ |= {
        "DJANGO_DEBUG": "1",
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "LOG_LEVEL": "WARNING",
        "URL_PREFIX": "/",
    }
    manage("migrate")
    import django

    django.setup()


def manage(*command: str) -> None:
    """Runs manage.py against the services in use."""
    subprocess.run([sys.executable, "manage.py", *command, "-v", "0"], cwd=REPOSITORY, check=True)
