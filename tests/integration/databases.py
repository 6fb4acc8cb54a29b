"""Databases for tests that really commit: created for one test, migrated, gone afterwards."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from django.db import connection
from psycopg import sql

from realtime.local.process import REPOSITORY
from realtime.worker.retention import prune

Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def fresh_database(admin_url: str, template: str = "template1") -> Iterator[str]:
    """The address of a new database on a cluster; from ``template0`` it comes without Supabase's parts."""
    name = f"t_{uuid4().hex[:12]}"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield urlsplit(admin_url)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(admin_url, autocommit=True) as admin:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@cache
def migrated_template(admin_url: str) -> str:
    """The name of a database on this cluster with all migrations; copying it takes a tenth of the time of migrating."""
    name = f"template_{uuid4().hex[:12]}"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    migrate(urlsplit(admin_url)._replace(path=f"/{name}").geturl())
    return name


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
