"""What operators and other clients do to the database itself: switch triggers off, lock tables, rename columns."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import redis

from project.chaos.fault import Fault
from project.chaos.site import Site
from project.chaos.writers import TABLES
from realtime.database.triggers import LIVE_TRIGGERS

# A writer's long transaction can keep a table locked for longer than this.
LOCK_TIMEOUT = "2s"
MEND_WITHIN_SECONDS = 60.0
POSTGRES = frozenset(["postgres"])

# One trigger as other Supabase clients have it, and one that tidies.
FOREIGN_TRIGGERS = """
create or replace function chaos_touch() returns trigger language plpgsql as $$
begin new.updated_at := now(); return new; end $$;
create or replace function chaos_tidy() returns trigger language plpgsql as $$
begin new.description := upper(new.description); return new; end $$;
create or replace trigger set_updated_at before update on {table} for each row execute function chaos_touch();
create or replace trigger zzz_tidy before insert or update on products for each row execute function chaos_tidy();
"""
NO_FOREIGN_TRIGGERS = """
drop trigger if exists set_updated_at on {table}; drop trigger if exists zzz_tidy on products;
"""
RENAMED = {"products": "description", "customers": "phone", "tickets": "description", "interactions": "notes"}


def schema_faults(site: Site) -> list[Fault]:
    return [
        _switched(site, "triggers off", TABLES, "alter table {table} disable trigger user", _always),
        _switched(
            site,
            "a column renamed and back",
            tuple(RENAMED),
            "alter table {table} rename column {column} to chaos_was_here",
            "alter table {table} rename column chaos_was_here to {column}",
        ),
        _switched(site, "a foreign trigger", TABLES, FOREIGN_TRIGGERS, NO_FOREIGN_TRIGGERS),
        # As during an operator's ALTER TABLE or VACUUM FULL: nobody can read or write the table.
        _locked(site, "change log locked", ("realtime_change",)),
        _locked(site, "a table locked", TABLES),
        _read_only(site),
        _full_redis(site),
    ]


_always = ";".join(f'alter table {{table}} enable always trigger "{name}"' for name in LIVE_TRIGGERS)


def _switched(site: Site, name: str, tables: tuple[str, ...], there: str, back: str) -> Fault:
    """Runs one statement on a random table, and another one to take it back."""
    switched: list[str] = []

    def inject(chance: random.Random, seconds: float) -> None:
        table = chance.choice(tables)
        switched.append(table)
        with _operator(site) as sql:
            sql.execute(_filled(there, table))

    def mend() -> None:
        while switched:
            _until_it_works(site, _filled(back, switched[-1]))
            switched.pop()

    return Fault(name, POSTGRES, (2, 12), inject, mend)


def _filled(statement: str, table: str) -> bytes:
    return statement.replace("{table}", table).replace("{column}", RENAMED.get(table, "")).encode()


def _locked(site: Site, name: str, tables: tuple[str, ...]) -> Fault:
    holders: list[psycopg.Connection[Any]] = []

    def inject(chance: random.Random, seconds: float) -> None:
        holder = site.connect()
        holders.append(holder)
        holder.autocommit = False
        holder.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'".encode())
        holder.execute(f"lock table {chance.choice(tables)}".encode())

    def mend() -> None:
        while holders:
            holders.pop().close()

    return Fault(name, POSTGRES, (2, 12), inject, mend)


def _read_only(site: Site) -> Fault:
    """What Supabase does to a project whose disk is full."""

    def inject(chance: random.Random, seconds: float) -> None:
        with _operator(site) as sql:
            sql.execute("alter system set default_transaction_read_only = on")
            sql.execute("select pg_reload_conf()")

    def mend() -> None:
        _until_it_works(site, b"alter system reset default_transaction_read_only", b"select pg_reload_conf()")

    return Fault("the database read-only", POSTGRES, (3, 15), inject, mend)


def _full_redis(site: Site) -> Fault:
    def limit(size: int) -> None:
        with redis.Redis.from_url(site.stack.redis_url, socket_timeout=2, socket_connect_timeout=2) as client:
            client.config_set("maxmemory", size)

    def inject(chance: random.Random, seconds: float) -> None:
        try:
            limit(1)
        except redis.RedisError as error:
            raise OSError(str(error)) from None

    def mend() -> None:
        # A Redis that was restarted meanwhile has no limit any more.
        with suppress(redis.RedisError):
            limit(0)

    return Fault("Redis full", frozenset(["redis"]), (3, 15), inject, mend)


@contextmanager
def _operator(site: Site) -> Iterator[psycopg.Connection[Any]]:
    with site.connect() as sql:
        sql.execute("set default_transaction_read_only = off")
        sql.execute(f"set lock_timeout = '{LOCK_TIMEOUT}'".encode())
        yield sql


def _until_it_works(site: Site, *statements: bytes) -> None:
    """Retries: a writer's long transaction may be in the way."""
    deadline = time.monotonic() + MEND_WITHIN_SECONDS
    while True:
        try:
            with _operator(site) as sql:
                for statement in statements:
                    sql.execute(statement)
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
