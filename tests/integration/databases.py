"""Databases for tests that really commit: created for one test, migrated, gone afterwards."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
from django.db import connection
from psycopg import sql

from realtime.local.process import REPOSITORY
from realtime.worker.retention import prune
from tests.prepared import copy_database, migrated_template

__all__ = ["Connection", "forget_all_changes", "fresh_database", "manage", "migrate", "migrated_template"]

Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def fresh_database(admin_url: str, template: str = "template1") -> Iterator[str]:
    """The address of a new database on a cluster; from ``template0`` it comes without Supabase's parts."""
    name = f"t_{uuid4().hex[:12]}"
    url = copy_database(admin_url, template, name)
    try:
        yield url
    finally:
        with psycopg.connect(admin_url, autocommit=True) as admin:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def manage(url: str, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Runs manage.py against a database; returns the finished process with what it printed."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=REPOSITORY,
        env=dict(os.environ) | {"DATABASE_URL": url} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def migrate(url: str, *arguments: str) -> None:
    done = manage(url, "migrate", "--noinput", "-v", "0", *arguments)
    assert done.returncode == 0, done.stderr


def forget_all_changes() -> None:
    """What the retention does in time: it goes by age, and not past what an open transaction may still add to."""
    with connection.cursor() as cursor:
        cursor.execute("update realtime_change set at = now() - interval '9 days', xid = '3'::xid8")
    for _ in prune(days=7):
        pass
