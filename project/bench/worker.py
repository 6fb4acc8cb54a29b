"""`bin/bench worker`: events a second through the worker, beside the bare supabase client on the same changes."""

import asyncio
import os
import subprocess
import sys
import time
from typing import Any

import psycopg

from project.bench.bare_client import JOINED
from project.bench.report import Table, middle, spread
from project.bench.services import stack
from realtime.local.keys import make_jwt
from realtime.local.process import REPOSITORY, Service
from realtime.local.stack import LocalStack

CHANGES_A_COMMIT = 50
PATIENCE_SECONDS = 120.0


def run(changes: int, runs: int) -> list[Table]:
    with stack() as services:
        bare, ours, lost = [], [], []
        for _ in range(runs):
            count, seconds = through_the_bare_client(services, changes)
            bare.append(count / seconds)
            count, seconds = asyncio.run(through_the_worker(services, changes))
            ours.append(count / seconds)
            lost.append(changes - count)
    rows = [
        {"": "bare supabase client", "events a second": round(middle(bare)), "spread": spread(bare), "lost": None},
        {"": "worker", "events a second": round(middle(ours)), "spread": spread(ours), "lost": sum(lost)},
        {"": "ratio", "events a second": round(middle(ours) / middle(bare), 2), "spread": "", "lost": None},
    ]
    table = Table(f"{changes:,} changes, {CHANGES_A_COMMIT} a commit, {runs} runs", rows)
    print(table, flush=True)
    return [table]


def through_the_bare_client(services: LocalStack, changes: int) -> tuple[int, float]:
    """Events heard, and the seconds from the first commit to the last event."""
    key = make_jwt(services.jwt_secret, "service_role")
    client = subprocess.Popen(
        [sys.executable, "-m", "project.bench.bare_client", str(changes)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"SUPABASE_URL": services.supabase_url, "SUPABASE_KEY": key},
    )
    try:
        assert client.stdout is not None
        assert client.stdout.readline().strip() == JOINED
        began = time.monotonic()
        write(services.database_url, changes)
        heard, ended = client.stdout.readline().split()
        return int(heard), float(ended) - began
    finally:
        client.kill()
        client.wait()


async def through_the_worker(services: LocalStack, changes: int) -> tuple[int, float]:
    """Different rows that were told to the channel layer, and the seconds from the first commit to the last of them."""
    from channels.layers import get_channel_layer

    from realtime.groups import STATUS_GROUP, table_group

    layer = get_channel_layer()
    channel = await layer.new_channel()
    for group in (table_group("products"), STATUS_GROUP):
        await layer.group_add(group, channel)
    worker = Service(
        name="worker",
        argv=[sys.executable, "manage.py", "run_realtime_worker"],
        log=services.directory / "worker.log",
        env=dict(os.environ),
    )
    await asyncio.to_thread(worker.start)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not _is_connected(await layer.receive(channel)):
                pass
        began = time.monotonic()
        writing = asyncio.create_task(asyncio.to_thread(write, services.database_url, changes))
        keys: set[str] = set()
        while len(keys) < changes:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    message = await layer.receive(channel)
            except TimeoutError:
                break
            if message["type"] == "realtime.changes":
                keys.update(change[2] for change in message["changes"] if change[1] == "insert")
                ended = time.monotonic()
        await writing
        return len(keys), ended - began
    finally:
        worker.stop()
        await layer.flush()


def _is_connected(message: dict[str, Any]) -> bool:
    return bool(message["type"] == "realtime.beat" and message["status"].get("status") == "connected")


def write(url: str, changes: int) -> None:
    with psycopg.connect(url, autocommit=True) as sql:
        sql.execute("truncate products cascade")
        for _ in range(changes // CHANGES_A_COMMIT):
            sql.execute(
                "insert into products (name, price) select 'Bench ' || n, n from generate_series(1, %s) n",
                [CHANGES_A_COMMIT],
            )
