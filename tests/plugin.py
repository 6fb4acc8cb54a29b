"""Names this session's own services in the environment before Django reads its settings.

They start when something first uses them, and whatever the caller's environment names is left alone: no test run can
touch the demo's data, or anyone's Supabase.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Generator
from functools import cached_property
from pathlib import Path

import psycopg
import pytest

from realtime.local.keys import make_jwt
from realtime.local.postgres import EmbeddedPostgres
from realtime.local.process import LOOPBACK, pick_port
from realtime.local.redis import EmbeddedRedis
from realtime.local.supabase import provision

DEBIAN_POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")
BROWSER_TESTS = Path(__file__).parent / "browser"


class SessionServices:
    """What one test session runs: its own PostgreSQL and Redis, in a directory that goes with it."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="livedesk-test-"))
        # PostgreSQL runs as another account when the tests run as root.
        self.directory.chmod(0o711)
        self.jwt_secret = secrets.token_urlsafe(40)
        # Whitenoise warns of every client that is made while there is none.
        self.static = self.directory / "static"
        self.static.mkdir()

    @cached_property
    def postgres(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self.directory / "postgres", pick_port(), durable=False)

    @cached_property
    def postgres15(self) -> EmbeddedPostgres:
        directory = self.directory / "postgres15"
        return EmbeddedPostgres(directory, pick_port(), durable=False, binaries=DEBIAN_POSTGRES_15)

    @cached_property
    def redis(self) -> EmbeddedRedis:
        return EmbeddedRedis(self.directory / "redis", pick_port())

    def environment(self) -> dict[str, str]:
        """For tests without a live stack: nothing listens at this SUPABASE_URL."""
        return {
            "DATABASE_URL": self.postgres.url("livedesk"),
            "REDIS_URL": self.redis.url,
            "SUPABASE_URL": f"http://{LOOPBACK}:{pick_port()}",
            "SUPABASE_KEY": make_jwt(self.jwt_secret, "service_role"),
            "SUPABASE_JWT_SECRET": self.jwt_secret,
            "DJANGO_SECRET_KEY": "only-for-tests",
            "DJANGO_DEBUG": "",
            # For code under test in this very process; live_site.py's processes have theirs.
            "DATABASE_POOL_SIZE": "0",
            "STATIC_ROOT": str(self.static),
            "MEDIA_ROOT": str(self.directory / "media"),
        }

    def start_postgres(self) -> EmbeddedPostgres:
        return _started(self.postgres)

    def start_postgres15(self) -> EmbeddedPostgres:
        return _started(self.postgres15)

    def stop(self) -> None:
        for name in ("redis", "postgres15", "postgres"):
            if (service := self.__dict__.get(name)) is not None:
                service.stop()
        for name in ("postgres15", "postgres"):
            if (cluster := self.__dict__.get(name)) is not None:
                cluster.remove()
        shutil.rmtree(self.directory, ignore_errors=True)


def _started(postgres: EmbeddedPostgres) -> EmbeddedPostgres:
    """The cluster, running; every database made in it from then on looks like a Supabase project."""
    if not postgres.service.alive:
        postgres.start()
        with psycopg.connect(postgres.url("template1"), autocommit=True) as connection:
            provision(connection)
        postgres.create_database("livedesk")
    return postgres


SERVICES = pytest.StashKey[SessionServices]()


# A wrapper, because pytest-django reads the settings in this very hook.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    services = SessionServices()
    early_config.stash[SERVICES] = services
    early_config.add_cleanup(services.stop)
    os.environ.update(services.environment())
    yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: Playwright's event loop stays in the main thread, where asyncio.run then fails.

    By folder, because a fixture can ask for the browser without an item's ``fixturenames`` telling.
    """
    items.sort(key=lambda item: BROWSER_TESTS in item.path.parents)
