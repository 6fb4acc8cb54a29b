import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser.portal import sign_in
from tests.conftest import unavailable
from tests.live_site import LiveSite
from tests.nginx import MISSING, find_nginx, through_nginx

# On a busy machine, an answer may take longer than Playwright's five seconds.
expect.set_options(timeout=15_000)


@contextmanager
def as_asked(site: LiveSite, directory: Path) -> Iterator[LiveSite]:
    """With THROUGH_NGINX=/portal/ browsers reach the portal through the shipped nginx configuration, at that path."""
    prefix = os.environ.get("THROUGH_NGINX", "")
    if not prefix:
        yield site
        return
    if find_nginx() is None:
        unavailable(MISSING)
    with through_nginx(site, prefix, directory) as fronted:
        yield fronted


@pytest.fixture(scope="session")
def live_site(live_site: LiveSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    with as_asked(live_site, tmp_path_factory.mktemp("as-asked")) as site:
        yield site


@pytest.fixture
def context(browser: Browser, live_site: LiveSite) -> Iterator[BrowserContext]:
    """A signed-in browser of its own, of a person who has no drafts and has chosen nothing."""
    with live_site.connect() as sql:
        sql.execute("delete from realtime_draft")
        sql.execute("delete from accounts_preferences")
    with browser.new_context() as context:
        context.set_default_timeout(20_000)
        sign_in(context, live_site)
        yield context


@pytest.fixture
def other_context(browser: Browser, live_site: LiveSite) -> Iterator[BrowserContext]:
    with browser.new_context() as context:
        sign_in(context, live_site)
        yield context


@pytest.fixture
def word() -> str:
    """A word that no other row contains: a list that searches for it belongs to this test alone."""
    return f"w{uuid4().hex[:10]}"
