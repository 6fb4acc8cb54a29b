"""A list as a file: the rows that its address names, all pages of them, in constant memory.

One transaction sees all rows as they were at one moment, and PostgreSQL hands them over in portions.
"""

import csv
import re
from asyncio import Semaphore
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone

from realtime.database.thread import DatabaseThread
from realtime.live.definition import Params
from realtime.live.lists import LiveList
from realtime.live.zones import in_zone

PORTION = 2000
# Each holds a thread and a connection of its own while it runs.
AT_ONCE = 2

# Where a spreadsheet may see the beginning of a formula: in a cell, and after whatever it may take for a cell's end.
_FORMULA = re.compile(r"^(?=[-\t\r\n])|(^\s*|[;\t\r\n]\s*)(?=[=+@]|-(?! ))")

_BUSY = {"heading": "Too many exports at once", "sentence": "Other lists are being exported just now."}

_running = Semaphore(AT_ONCE)


def as_csv(request: HttpRequest, listing: LiveList) -> HttpResponse | StreamingHttpResponse:
    """UTF-8 with a mark that spreadsheets need to see that it is; 503 while too many exports run."""
    if _running.locked():
        return render(request, "503.html", {"why": _BUSY, "passes": True}, status=503)
    params = listing.normalise(request.GET)
    name = f"{listing.name}-{timezone.now():%Y-%m-%d-%H%M}.csv"
    return StreamingHttpResponse(
        _portions(listing, params),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
    )


async def _portions(listing: LiveList, params: Params) -> AsyncIterator[bytes]:
    async with _running:
        database = DatabaseThread("export")
        try:
            async with aclosing(database.pages(lambda: _written(listing, params))) as portions:
                async for portion in portions:
                    yield portion
        finally:
            database.close()


def _written(listing: LiveList, params: Params) -> Iterator[bytes]:
    buffer = StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow(listing.exported)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read read only")
        with in_zone(params.get("tz", "")):
            rows = listing.queryset(params).values_list(*listing.exported.values())
        for number, row in enumerate(rows.iterator(chunk_size=PORTION), start=1):
            writer.writerow([cell(value) for value in row])
            if number % PORTION == 0:
                yield _taken(buffer)
        yield _taken(buffer)


def _taken(buffer: StringIO) -> bytes:
    told = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return told


def cell(value: Any) -> str:
    """A value as a spreadsheet should show it: no text becomes a formula, or loses the zeros that it begins with."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if not isinstance(value, str):
        return str(value)
    is_number = value.isdigit() and (value.startswith("0") or len(value) > 15) and value != "0"
    return f"'{value}" if is_number else _FORMULA.sub(lambda found: f"{found[0]}'", value)
