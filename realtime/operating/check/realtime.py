"""Realtime's part of ``supabase_check``: the key, the connection, each table's subscription, a probe's round trip."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from realtime.database.probe import write_probe
from realtime.database.refusals import first_line
from realtime.database.tables import live_tables
from realtime.database.thread import DatabaseThread
from realtime.events import Gap
from realtime.operating.check.key import NEEDS_SERVICE_KEY, check_key
from realtime.operating.check.report import Section
from realtime.upstream import frame_tap
from realtime.upstream.channel_manager import PROBE_TABLE
from realtime.upstream.channel_session import TOKEN_WORDS, Binding, RealtimeSession, SessionError
from realtime.upstream.worker_token import worker_token

# A cold server says that it listens before it does, so the probe is written again.
PROBE_SECONDS = 20.0
PROBE_AGAIN_SECONDS = 2.0


async def check_realtime() -> AsyncIterator[Section]:
    """Each section of Realtime's part; stops when the rest can't be checked."""
    yield check_key()
    check = _LiveCheck()
    try:
        yield (connecting := await check.connect())
        if all(finding.ok for finding in connecting.findings):
            yield await check.join()
            yield await check.probe()
    finally:
        await check.close()


class _LiveCheck:
    """One session, opened as the worker does, for a single check."""

    def __init__(self) -> None:
        self._unreadable = ""
        self._session = RealtimeSession(
            settings.SUPABASE_URL, settings.SUPABASE_KEY, 1, worker_token(), on_gap=self._note_gap
        )
        self._database = DatabaseThread("supabase-check")
        self._written: set[str] = set()
        self._echoed = asyncio.Event()
        # Otherwise the client's complaint about a frame, which quotes it, would go to the terminal.
        frame_tap.install(lambda line: self._note_gap(Gap.UNREADABLE))

    async def connect(self) -> Section:
        section = Section("Realtime")
        try:
            await self._session.connect()
        except SessionError as error:
            remedy = NEEDS_SERVICE_KEY if "the key" in str(error) else "check SUPABASE_URL, and that the project runs"
            section.wrong(str(error), remedy)
        else:
            section.require(True, f"{settings.SUPABASE_URL} answers and accepts the key", "", "")
        return section

    async def join(self) -> Section:
        section = Section("Subscriptions")
        tables = [*live_tables(), PROBE_TABLE]
        bindings = {PROBE_TABLE: (Binding(self._take_echo, None),)}
        nothing = (Binding(lambda payload: None, None),)
        joins = (self._session.join(table, bindings.get(table, nothing)) for table in tables)
        for table, joined in zip(tables, await asyncio.gather(*joins, return_exceptions=True), strict=True):
            problem = str(joined) if isinstance(joined, BaseException) else self._session.problem(table)
            section.require(
                joined is True, f"'{table}' is confirmed", f"'{table}' is refused: {problem}", _remedy(table, problem)
            )
        return section

    async def probe(self) -> Section:
        """Writes the probe's row and waits for it to come back: the only proof that changes flow."""
        section = Section("Probe")
        if not self._session.is_confirmed(PROBE_TABLE):
            section.wrong(f"not tried, for '{PROBE_TABLE}' isn't subscribed", "mend what is wrong above")
            return section
        started = time.monotonic()
        while not self._echoed.is_set() and time.monotonic() - started < PROBE_SECONDS:
            nonce = uuid.uuid4().hex
            self._written.add(nonce)
            try:
                await self._database.run(write_probe, nonce)
            except DatabaseError as error:
                section.wrong(
                    f"a row of '{PROBE_TABLE}' can't be written: {first_line(error)}", "mend the database's part first"
                )
                return section
            with suppress(TimeoutError):
                await asyncio.wait_for(self._echoed.wait(), PROBE_AGAIN_SECONDS)
        section.require(
            self._echoed.is_set(),
            f"a written row came back after {time.monotonic() - started:.1f} s",
            f"a written row didn't come back in {PROBE_SECONDS:g} s{self._unreadable}",
            "mend what is wrong above; is SUPABASE_URL the project whose database DATABASE_URL names?",
        )
        return section

    async def close(self) -> None:
        await self._session.close(politely=True)
        frame_tap.remove()
        self._database.close()

    def _note_gap(self, gap: Gap) -> None:
        self._unreadable = f": the client met an {gap}"

    def _take_echo(self, payload: Mapping[str, Any]) -> None:
        if payload["data"].get("record", {}).get("nonce") in self._written:
            self._echoed.set()


def _remedy(table: str, problem: str) -> str:
    if any(word in problem for word in TOKEN_WORDS):
        if settings.SUPABASE_JWT_SECRET:
            return "set SUPABASE_JWT_SECRET to this project's JWT secret, or unset it to read as the key's role"
        return NEEDS_SERVICE_KEY
    if "Realtime is enabled" in problem:
        return f"alter publication {settings.SUPABASE_PUBLICATION} add table {table};"
    if "does not exist" in problem:
        return "make the role as the section on roles says"
    return "mend what is wrong above, then see Realtime's own log"
