"""The database and the server of the conformance tests."""

import os
from collections.abc import Iterator

import pytest

from tests.integration.local.conformance.harness import Database, Fence, Server


@pytest.fixture(scope="session")
def conformance_postgres_url(request: pytest.FixtureRequest) -> str:
    """A superuser's URL of a cluster with wal_level=logical: the test stack's, or another version's by environment."""
    url: str = os.environ.get("CONFORMANCE_POSTGRES_URL") or request.getfixturevalue("postgres_url")
    return url


# Of this package, because a server that reads its slot every 20 ms takes 7 % of a core while others are tested.
@pytest.fixture(scope="package")
def database(conformance_postgres_url: str) -> Iterator[Database]:
    with Database(conformance_postgres_url).living() as database:
        yield database


@pytest.fixture(scope="package")
def session_server(database: Database) -> Iterator[Server]:
    with Server(database.url, "--publication-refresh=3600") as server:
        yield server


@pytest.fixture
def server(session_server: Server) -> Iterator[Server]:
    """The server with all faults off."""
    session_server.faults.reset()
    yield session_server
    session_server.faults.reset()


@pytest.fixture
def fence(server: Server, database: Database) -> Iterator[Fence]:
    with Fence(server, database) as fence:
        yield fence
