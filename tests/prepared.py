"""What takes seconds to make and is the same for every test: made once, and copied."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from realtime.local.postgres import EmbeddedPostgres
from realtime.local.process import REPOSITORY, die_with_parent
from realtime.local.supabase import provision

# Names the directory that all processes of a test run share.
SHARED = "LIVEDESK_TEST_SHARED"
MIGRATED, SEEDED = "migrated", "seeded"


def manage(environment: Mapping[str, str], *arguments: str) -> None:
    """Runs manage.py, which must succeed."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        preexec_fn=die_with_parent(),
    )
    assert done.returncode == 0, f"manage.py {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}"


# Databases


def provision_cluster(postgres: EmbeddedPostgres) -> None:
    """Has every database that is made in the running cluster from now on look like a Supabase project."""
    with psycopg.connect(postgres.url("template1"), autocommit=True) as connection:
        provision(connection)
    postgres.create_database("livedesk")


def migrated_template(admin_url: str) -> str:
    """The name of a database of this cluster with all migrations, to be copied."""
    if not has_database(admin_url, MIGRATED):
        _make(admin_url, "template1", MIGRATED, "migrate")
    return MIGRATED


def seeded_template(admin_url: str) -> str:
    """The name of a database of this cluster with all migrations and the demo's rows, to be copied."""
    if not has_database(admin_url, SEEDED):
        _make(admin_url, migrated_template(admin_url), SEEDED, "seed_demo")
    return SEEDED


def _make(admin_url: str, template: str, name: str, command: str) -> None:
    url = copy_database(admin_url, template, name)
    manage(dict(os.environ) | {"DATABASE_URL": url}, command)


def copy_database(admin_url: str, template: str, name: str) -> str:
    """Makes a database from one that nobody is connected to; returns its address."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template)))
    return urlsplit(admin_url)._replace(path=f"/{name}").geturl()


def has_database(admin_url: str, name: str) -> bool:
    with psycopg.connect(admin_url) as admin:
        return admin.execute("select from pg_database where datname = %s", [name]).fetchone() is not None


# Shared by the processes of a run


@contextmanager
def alone(shared: Path) -> Iterator[None]:
    """No other process of this run is in here."""
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def copy_cluster(source: EmbeddedPostgres, target: EmbeddedPostgres, make_template: Callable[[str], str]) -> None:
    """Makes ``target`` a copy of ``source``, a cluster with databases to be copied; it is made unless it is there.

    Other processes wait meanwhile: each would only make the same.
    """
    shared = source.directory.parent
    done = shared / f"{source.directory.name}-is-made"
    with alone(shared):
        if not done.exists():
            source.start()
            provision_cluster(source)
            make_template(source.url())
            source.stop()
            done.touch()
    subprocess.run(["cp", "-a", source.data_directory, target.data_directory], check=True)


def static_files() -> Path:
    """The directory of the collected static files, which are there when a site is made with ``manage``."""
    return Path(os.environ[SHARED]) / "static"


def collect_static_files() -> None:
    """Fills ``static_files()`` unless some process of this run has done it."""
    with alone(static_files().parent):
        if not static_files().exists():
            manage(dict(os.environ) | {"STATIC_ROOT": str(static_files())}, "collectstatic", "--noinput")
