"""Somebody who writes through the portal all through a storm, as the browser's outbox does: each write is done once.

Comments, and changes to many tickets at once. What gets no answer of the portal's own is sent again with its key, to
any web process (design rules 36 and 37).
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import uuid4

import httpx
import psycopg

from realtime.keys import Key

# As in realtime/pages/writes.py, which can't be read without Django's settings; the tests send through it.
KEY_HEADER = "Livedesk-Write"
ACCEPT = {"Accept": "application/json"}
WITHIN_SECONDS = 10.0
PAUSE_SECONDS = (0.2, 1.5)
BULK_EVERY = 12
BULK_ROWS = 120

# A writer that takes a comment back, and puts it there again, does so by SQL. What is written while a fault has the
# triggers off isn't logged: it is there, or was there when somebody took it back.
COMMENTS = """
select greatest(
    (select count(*) from realtime_change
        where op = 'INSERT' and action like 'portal:%%' and new->>'content' = %(text)s),
    (select count(*) from comments where content = %(text)s),
    (select least(1, count(*)) from realtime_change where op = 'DELETE' and old->>'content' = %(text)s))
"""
BULKS = "select id, state from realtime_bulk where sent->'description'->>0 = %s"
REPORTED = "select row_key from realtime_bulk_row where bulk_id = %s and outcome = 'changed'"
LOGGED = "select row_key from realtime_change where table_name = 'tickets' and op = 'UPDATE' and action like %s"
# Of tickets that were changed while the triggers were off.
CHANGED = """
select id::text from tickets where description = %(text)s
union select row_key from realtime_change where table_name = 'tickets' and old->>'description' = %(text)s
"""

Connection: TypeAlias = "psycopg.Connection[Any]"
Connect: TypeAlias = Callable[[], Connection]


@dataclass
class Write:
    """One write, with a text that no other has."""

    address: str
    sent: dict[str, Any]
    text: str
    key: str = field(default_factory=lambda: str(uuid4()))
    tries: int = 0
    answer: str = ""

    @property
    def is_bulk(self) -> bool:
        return "do" in self.sent


class Sender:
    """It lives on the crowd's loop. ``ticket`` is one that stays."""

    def __init__(
        self, addresses: Sequence[str], cookies: dict[str, str], connect: Connect, ticket: Key, seed: int
    ) -> None:
        self.writes: list[Write] = []
        self._addresses, self._cookies, self._connect, self._ticket = addresses, cookies, connect, ticket
        self._chance = random.Random(seed)
        self._task: asyncio.Task[None] | None = None
        self._over = False

    async def start(self) -> None:
        self._task = asyncio.create_task(self._write_for_ever())

    async def finish(self) -> None:
        """Begins nothing new, and ends when everything is answered. The portal has to be whole."""
        self._over = True
        assert self._task is not None
        await self._task

    async def _write_for_ever(self) -> None:
        while not self._over:
            # The proxies are on this loop, too: it waits for no database.
            due = len(self.writes) % BULK_EVERY == BULK_EVERY - 1
            write = await asyncio.to_thread(self._bulk) if due else self._comment()
            if write is not None:
                self.writes.append(write)
                await self._send(write)

    def _comment(self) -> Write:
        text = f"sent {uuid4().hex}"
        return Write(f"/ticketing/tickets/{self._ticket}/comments/", {"content": text}, text)

    def _bulk(self) -> Write | None:
        text = f"described {uuid4().hex}"
        try:
            with self._connect() as sql:
                found = sql.execute("select id from tickets order by random() limit %s", [BULK_ROWS]).fetchall()
        except psycopg.Error:
            return None
        rows = " ".join(str(row[0]) for row in found)
        return Write(
            "/ticketing/tickets/bulk/", {"do": "change", "set": "description", "description": text, "rows": rows}, text
        )

    async def _send(self, write: Write) -> None:
        """Until the portal has answered. A try that was cut off may go on beside the next one, as from a browser."""
        while not write.answer:
            write.tries += 1
            address = self._chance.choice(self._addresses)
            headers = ACCEPT | {KEY_HEADER: write.key, "X-CSRFToken": self._cookies["csrftoken"]}
            try:
                # A new connection for each: one that was cut is found out too late.
                async with httpx.AsyncClient(
                    base_url=address, cookies=self._cookies, trust_env=False, timeout=WITHIN_SECONDS
                ) as client:
                    answer = await client.post(write.address, data=write.sent, headers=headers)
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.headers.get(KEY_HEADER) == write.key and answer.status_code != 503:
                write.answer = f"{answer.status_code} {answer.text[:200]}"
            await asyncio.sleep(self._chance.uniform(*PAUSE_SECONDS))

    def running(self) -> int:
        """How many of its changes to many rows a worker still has to carry out."""
        with self._connect() as sql:
            row = sql.execute("select count(*) from realtime_bulk where state = 'running'").fetchone()
        return int(row[0]) if row else 0

    def problems(self) -> list[str]:
        """Whatever wasn't done exactly once; empty when all was."""
        with self._connect() as sql:
            return [problem for write in self.writes for problem in self._problems_of(sql, write)]

    def _problems_of(self, sql: Connection, write: Write) -> Iterator[str]:
        what = f"what was sent {write.tries} times with the key {write.key}"
        if not write.answer.startswith("200"):
            yield f"{what} was answered with {write.answer}"
        elif write.is_bulk:
            yield from (f"{what} {problem}" for problem in _problems_of_bulk(sql, write.text))
        elif (times := sql.execute(COMMENTS, {"text": write.text}).fetchall()[0][0]) != 1:
            yield f"{what} was done {times} times"

    @property
    def done(self) -> Counter[str]:
        """What it wrote, for the report."""
        kinds = Counter("changes of many rows" if write.is_bulk else "comments" for write in self.writes)
        return kinds + Counter({"sent again": sum(write.tries - 1 for write in self.writes)})


def _problems_of_bulk(sql: Connection, text: str) -> Iterator[str]:
    bulks = sql.execute(BULKS, [text]).fetchall()
    if [state for _, state in bulks] != ["done"]:
        yield f"is there as {len(bulks)} changes of many rows: {[state for _, state in bulks]}"
        return
    key = bulks[0][0]
    reported, logged = sql.execute(REPORTED, [key]).fetchall(), sql.execute(LOGGED, [f"%:{key.hex}"]).fetchall()
    unlogged = set(reported).difference(logged, sql.execute(CHANGED, {"text": text}).fetchall())
    if len(set(logged)) < len(logged) or not set(logged) <= set(reported) or unlogged:
        yield (
            f"reports {len(reported)} rows as changed; the change log has {len(logged)} changes by it, and of"
            f" {len(unlogged)} rows there is no trace"
        )
