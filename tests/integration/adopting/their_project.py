"""Somebody's Supabase project with a running app, as a test needs it."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.core.management import call_command
from django.db import connections

from realtime.database import columns
from realtime.database.words import forget_words
from tests.anything import PROJECTS
from tests.integration.databases import Connection

# pg_dump puts a new secret into every dump.
SECRET = re.compile(r"^\\(un)?restrict .*$", re.MULTILINE)


@dataclass(frozen=True)
class TheirProject:
    """Its address, and a superuser's connection to it. Django works with it too."""

    url: str
    connection: Connection
    dump_with: Path

    def run(self, statements: str) -> None:
        self.connection.execute(statements)  # type: ignore[call-overload]

    def schema(self) -> str:
        dump = subprocess.run(
            [self.dump_with, "--schema-only", "--dbname", self.url], capture_output=True, text=True, check=True
        )
        return SECRET.sub("", dump.stdout)


@contextmanager
def their_project(url: str, script: str, binaries: Path) -> Iterator[TheirProject]:
    """Builds a project in an empty database that looks like a new Supabase project, and has Django work with it."""
    with opened(url, binaries) as project:
        project.run((PROJECTS / f"{script}.sql").read_text())
        yield project


@contextmanager
def opened(url: str, binaries: Path) -> Iterator[TheirProject]:
    """A project that is in the database already; Django works with it."""
    with psycopg.connect(url, autocommit=True) as connection, djangos_database(url):
        yield TheirProject(url, connection, binaries / "pg_dump")


@contextmanager
def djangos_database(url: str) -> Iterator[None]:
    """This process's Django works with another database."""
    address = connections["default"].settings_dict
    parts = urlsplit(url)
    there = {
        "NAME": parts.path.lstrip("/"),
        "HOST": parts.hostname,
        "PORT": parts.port,
        "USER": parts.username,
        "PASSWORD": parts.password,
    }
    before = {name: address[name] for name in there}
    connections["default"].close()
    address.update(there)
    columns.forget()
    forget_words()
    try:
        yield
    finally:
        connections["default"].close()
        address.update(before)
        columns.forget()
        forget_words()


def adopt(*arguments: str) -> str:
    """Runs the command on Django's database; returns what it printed."""
    told = StringIO()
    call_command("adopt", *arguments, stdout=told)
    return told.getvalue()
