from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from tests.integration.adopting.their_project import TheirProject, their_project
from tests.integration.databases import fresh_database
from tests.plugin import SessionServices


@pytest.fixture(params=["uuid_keys"])
def project(
    request: pytest.FixtureRequest, services: SessionServices, postgres_url: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[TheirProject]:
    """A project that wasn't adopted yet."""
    binaries = services.postgres.binaries
    with (
        fresh_database(postgres_url) as url,
        django_db_blocker.unblock(),
        their_project(url, request.param, binaries) as project,
    ):
        yield project
