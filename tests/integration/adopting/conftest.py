import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from realtime.keys import UUIDS
from tests.conftest import unavailable
from tests.integration.adopting.their_project import TheirProject, adopt, djangos_database, opened, their_project
from tests.integration.databases import fresh_database, migrated_template
from tests.plugin import SessionServices
from tests.prepared import copy_database

PROJECTS = ("uuid_keys", "odd_rows") if UUIDS else ("bigint_keys",)


@pytest.fixture(params=PROJECTS)
def project(
    request: pytest.FixtureRequest, services: SessionServices, postgres_url: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[TheirProject]:
    """A project that wasn't adopted yet."""
    yield from _project(request.param, postgres_url, services.postgres.binaries, django_db_blocker)


@pytest.fixture(params=PROJECTS)
def project15(
    request: pytest.FixtureRequest, services: SessionServices, postgres15_url: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[TheirProject]:
    """The same on PostgreSQL 15, the oldest that Supabase runs."""
    yield from _project(request.param, postgres15_url, services.postgres15.binaries, django_db_blocker)


def _project(script: str, cluster: str, binaries: Path, blocker: DjangoDbBlocker) -> Iterator[TheirProject]:
    if shutil.which(binaries / "pg_dump") is None:
        unavailable(f"there is no pg_dump in {binaries}")
    with fresh_database(cluster) as url, blocker.unblock(), their_project(url, script, binaries) as project:
        yield project


@pytest.fixture(scope="session")
def adopted_templates() -> dict[str, str]:
    """The databases of projects that were adopted in this session, to be copied."""
    return {}


@pytest.fixture(params=PROJECTS)
def adopted(
    request: pytest.FixtureRequest,
    services: SessionServices,
    postgres_url: str,
    django_db_blocker: DjangoDbBlocker,
    adopted_templates: dict[str, str],
) -> Iterator[TheirProject]:
    """A project that was adopted: a copy of its own, since adopting takes seconds."""
    script, binaries = request.param, services.postgres.binaries
    if script not in adopted_templates:
        template = f"adopted_{script}"
        url = copy_database(postgres_url, "template1", template)
        with django_db_blocker.unblock(), their_project(url, script, binaries):
            adopt()
        adopted_templates[script] = template
    with (
        fresh_database(postgres_url, adopted_templates[script]) as url,
        django_db_blocker.unblock(),
        opened(url, binaries) as project,
    ):
        yield project


@pytest.fixture
def own_database(postgres_url: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database that our migrations have made."""
    with (
        fresh_database(postgres_url, migrated_template(postgres_url)) as url,
        django_db_blocker.unblock(),
        djangos_database(url),
    ):
        yield
