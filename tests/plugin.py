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

import pytest

from realtime.local.keys import make_jwt
from realtime.local.postgres import EmbeddedPostgres
from realtime.local.process import LOOPBACK, pick_port
from realtime.local.redis import EmbeddedRedis
from realtime.local.remembered import write_private
from tests.prepared import SHARED, alone, copy_cluster, migrated_template, provision_cluster, seeded_template

DEBIAN_POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")
BINARIES = {"postgres": None, "postgres15": DEBIAN_POSTGRES_15}
# The fullest database to be copied that tests on each want.
TEMPLATES = {"postgres": seeded_template, "postgres15": migrated_template}
BROWSER_TESTS = Path(__file__).parent / "browser"


class SessionServices:
    """What one test session runs: its own PostgreSQL and Redis, in a directory that goes with it."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="livedesk-test-"))
        # PostgreSQL runs as another account when the tests run as root.
        self.directory.chmod(0o711)
        self.jwt_secret = secrets.token_urlsafe(40)
        # In a run of several processes it is that of the one that shares the tests out.
        self.shared = Path(os.environ.get(SHARED) or self.directory / "shared")
        # A run that a test starts is one by itself, and its databases may be other ones.
        self.is_one_of_many = "PYTEST_XDIST_WORKER" in os.environ
        self.shared.mkdir(mode=0o711, exist_ok=True)
        # Whitenoise warns of every client that is made while there is none.
        self.static = self.directory / "static"
        self.static.mkdir()

    @cached_property
    def postgres(self) -> EmbeddedPostgres:
        return self._cluster("postgres")

    @cached_property
    def postgres15(self) -> EmbeddedPostgres:
        return self._cluster("postgres15")

    @cached_property
    def redis(self) -> EmbeddedRedis:
        return EmbeddedRedis(self.directory / "redis", pick_port())

    def environment(self) -> dict[str, str]:
        """For tests without a live stack: nothing listens at this SUPABASE_URL."""
        return {
            SHARED: str(self.shared),
            "DATABASE_URL": self.postgres.url("livedesk"),
            "REDIS_URL": self.redis.url,
            "SUPABASE_URL": f"http://{LOOPBACK}:{pick_port()}",
            "SUPABASE_KEY": make_jwt(self.jwt_secret, "service_role"),
            "SUPABASE_JWT_SECRET": self.jwt_secret,
            "DJANGO_SECRET_KEY": "only-for-tests",
            "DJANGO_DEBUG": "",
            "URL_PREFIX": "/",
            # For code under test in this very process; live_site.py's processes have theirs.
            "DATABASE_POOL_SIZE": "0",
            "STATIC_ROOT": str(self.static),
            "MEDIA_ROOT": str(self.directory / "media"),
        }

    def start_postgres(self) -> EmbeddedPostgres:
        return self._started("postgres")

    def start_postgres15(self) -> EmbeddedPostgres:
        return self._started("postgres15")

    def _cluster(self, name: str) -> EmbeddedPostgres:
        own = EmbeddedPostgres(self.directory / name, pick_port(), durable=False, binaries=BINARIES[name])
        if self.is_one_of_many:
            # A copy of a cluster keeps its password.
            with alone(self.shared):
                write_private(own.directory / "password", self._source(name).password)
        return own

    def _source(self, name: str) -> EmbeddedPostgres:
        """What the processes of this run copy their cluster from."""
        return EmbeddedPostgres(self.shared / name, pick_port(), durable=False, binaries=BINARIES[name])

    def _started(self, name: str) -> EmbeddedPostgres:
        """The cluster, running; every database made in it from then on looks like a Supabase project."""
        own: EmbeddedPostgres = getattr(self, name)
        if not own.service.alive:
            if self.is_one_of_many:
                copy_cluster(self._source(name), own, TEMPLATES[name])
                own.start()
            else:
                own.start()
                provision_cluster(own)
        return own

    def stop(self) -> None:
        for name in ("redis", "postgres15", "postgres"):
            if (service := self.__dict__.get(name)) is not None:
                service.stop()
        for name in BINARIES:
            if (cluster := self.__dict__.get(name)) is not None:
                cluster.remove()
            if self.shared.parent == self.directory and (self.shared / name).exists():
                self._source(name).remove()
        shutil.rmtree(self.directory, ignore_errors=True)


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
