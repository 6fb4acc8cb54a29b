from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import psycopg
import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker, Settings

from realtime.local.faults_client import RealtimeFaults
from realtime.local.stack import LocalStack
from tests.conftest import QUICK
from tests.integration.databases import Connection
from tests.plugin import SessionServices
from tests.prepared import copy_database, migrated_template


@dataclass
class Project:
    """A Supabase project with a migrated database, and this process's Django pointed at it."""

    stack: LocalStack
    faults: RealtimeFaults

    def connect(self) -> Connection:
        return psycopg.connect(self.stack.database_url, autocommit=True)


# Of this package: it goes before the browser's tests come.
@pytest.fixture(scope="package")
def project_stack(services: SessionServices, postgres_url: str) -> Iterator[LocalStack]:
    stack = LocalStack(
        services.directory / "project-stack", database="project_stack", postgres=services.postgres, realtime=QUICK
    )
    copy_database(postgres_url, migrated_template(postgres_url), stack.database)
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
def project(project_stack: LocalStack, settings: Settings, django_db_blocker: DjangoDbBlocker) -> Iterator[Project]:
    """Commits are real: tests tell rows apart by their keys, and nothing is cleaned up."""
    environment = project_stack.environment()
    settings.SUPABASE_URL = environment["SUPABASE_URL"]
    settings.SUPABASE_KEY = environment["SUPABASE_KEY"]
    settings.SUPABASE_JWT_SECRET = ""
    settings.REALTIME_SWEEP_SECONDS = 0.2
    # The doorbell nearly always comes first, and these tests are about the other two; its own tests switch it on.
    settings.REALTIME_DOORBELL = False
    # Workers of other tests use other groups and another status.
    settings.REDIS_PREFIX = f"test-{uuid4().hex[:8]}"
    address = connections["default"].settings_dict
    before = address["NAME"]
    with django_db_blocker.unblock():
        connections["default"].close()
        address["NAME"] = "project_stack"
        faults = RealtimeFaults(project_stack.supabase_url)
        yield Project(project_stack, faults)
        faults.reset()
        connections["default"].close()
        address["NAME"] = before


@pytest.fixture
def quick_pages(settings: Settings) -> None:
    """Hashed names of static files need a `collectstatic` that these tests don't use."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}
