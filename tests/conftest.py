import os
import subprocess
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path
from typing import NoReturn

import pytest
from django.db import connections
from playwright._impl._driver import compute_driver_executable
from playwright.sync_api import Browser, sync_playwright

from project.chromium import ARGUMENTS, find_chromium
from realtime.local.stack import LocalStack, RealtimeOptions
from tests.live_site import LiveSite, make_live_site
from tests.plugin import DEBIAN_POSTGRES_15, SERVICES, SessionServices
from tests.prepared import MIGRATED, copy_database, has_database

# As quick as it goes: what these stretch in production only makes a test wait.
# A service worker's requests go past a page's routes.
AS_HERE = {"service_workers": "block", "ignore_https_errors": True}
# The certificates of tests/nginx.py are nobody's. Service workers and passkeys want one without an error that somebody
# has passed over: with this, there is none.
ANY_CERTIFICATE = "--ignore-certificate-errors"
QUICK = RealtimeOptions(poll_interval_ms=20, idle_multiplier=5, refusal_delay_scale=0, faults=True)


@pytest.fixture(scope="session")
def services(request: pytest.FixtureRequest) -> SessionServices:
    return request.config.stash[SERVICES]


@pytest.fixture(scope="session", autouse=True)
def session_redis(services: SessionServices) -> None:
    """Redis is there for every test: it starts in milliseconds, and code under test needn't say that it uses it."""
    services.redis.start()


@pytest.fixture(scope="session")
def postgres_url(services: SessionServices) -> str:
    """The superuser's address of the session's PostgreSQL; new databases in it look like a Supabase project."""
    return services.start_postgres().url()


@pytest.fixture(scope="session")
def postgres15_url(services: SessionServices) -> str:
    """The same on PostgreSQL 15, the oldest that Supabase runs."""
    if not (DEBIAN_POSTGRES_15 / "postgres").exists():
        unavailable(f"PostgreSQL 15 is not installed in {DEBIAN_POSTGRES_15}.")
    return services.start_postgres15().url()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres_url: str, django_db_modify_db_settings_parallel_suffix: None) -> None:
    """pytest-django's hook just before it makes the test database: PostgreSQL must run by then.

    Where a migrated database is there already, its copy leaves the migrations nothing to do.
    """
    if has_database(postgres_url, MIGRATED):
        copy_database(postgres_url, MIGRATED, connections["default"].creation._get_test_db_name())


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The whole cluster goes with the session: dropping a database in it first would only wait for its last user."""
    return True


@pytest.fixture(scope="session")
def local_stack(services: SessionServices, postgres_url: str) -> Iterator[LocalStack]:
    """Redis and a Realtime server with fault switches, on a database of their own that no migration has touched."""
    stack = LocalStack(
        services.directory / "local-stack", database="local_stack", postgres=services.postgres, realtime=QUICK
    )
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture(scope="session")
def stack_environment(local_stack: LocalStack) -> dict[str, str]:
    """The whole environment for a process that is to work with ``local_stack``."""
    return dict(os.environ) | local_stack.environment()


@pytest.fixture(scope="session")
def live_site(services: SessionServices, postgres_url: str) -> Iterator[LiveSite]:
    """The portal itself: web and worker processes over a stack and a migrated, seeded database of their own."""
    directory = services.directory / "live-site"
    stack = LocalStack(directory, database="live_site", postgres=services.postgres, realtime=QUICK)
    site = make_live_site(stack, directory / "logs", extra={})
    try:
        site.start()
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="session")
def chromium() -> Path:
    node, _ = compute_driver_executable()
    driver = subprocess.run([node, "--version"], capture_output=True, text=True)
    if driver.returncode:
        # On Debian 12, for want of a library (libatomic1) that nothing else brings.
        unavailable(f"Playwright's driver doesn't run here: {driver.stderr.strip()}")
    try:
        return find_chromium()
    except FileNotFoundError as error:
        unavailable(str(error))


@pytest.fixture(scope="session")
def browser(chromium: Path) -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright leaves its event loop running in this thread, and Django takes that for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        # tests/browser/test_offline.py has a service worker.
        patch.setattr(Browser, "new_context", partialmethod(Browser.new_context, **AS_HERE))
        browser = playwright.chromium.launch(executable_path=chromium, args=[*ARGUMENTS, ANY_CERTIFICATE])
        yield browser
        browser.close()


def unavailable(reason: str) -> NoReturn:
    """On a developer's machine a missing program skips tests; in CI it would hide them, so there it fails them."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
