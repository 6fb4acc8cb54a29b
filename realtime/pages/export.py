"""A list as a file, CSV or XLSX: the rows that its address names, all pages of them, in constant memory.

One transaction sees all rows as they were at one moment, and PostgreSQL hands them over in portions. A CSV leaves as it
is written. An XLSX is a ZIP, which is only whole at its end: it is written to the disk first, and sent from there.
"""

import asyncio
import csv
import re
from asyncio import Semaphore
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from io import StringIO
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.db.models import TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone

from realtime.database.thread import DatabaseThread
from realtime.live.definition import Params
from realtime.live.lists import LiveList
from realtime.live.zones import in_zone
from realtime.pages.workbook import SHEET_ROWS, Workbook
from realtime.sight import Sight, current_sight, seeing

PORTION = 2000
# Each holds a thread and a connection of its own while it runs.
AT_ONCE = 2

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# Where a spreadsheet may see the beginning of a formula: in a cell, and after whatever it may take for a cell's end.
_FORMULA = re.compile(r"^(?=[-\t\r\n])|(^\s*|[;\t\r\n]\s*)(?=[=+@]|-(?! ))")
_MARKED = re.compile(r"^'(?=[-\t\r\n])|(^\s*|[;\t\r\n]\s*)'(?=[=+@]|-(?! ))")

_BUSY = {"heading": "Too many exports at once", "sentence": "Other lists are being exported just now."}

Values = tuple[Any, ...]
Headings = tuple[str, ...]
Portions = AsyncIterator[list[Values]]
Writer = Callable[[LiveList, Headings, Portions], AsyncGenerator[bytes, None]]

# Of the rows that are wanted; None for all that match.
Keys = Collection[Any] | None

_running = Semaphore(AT_ONCE)


def as_csv(request: HttpRequest, listing: LiveList, keys: Keys = None) -> HttpResponse | StreamingHttpResponse:
    """UTF-8 with a mark that spreadsheets need to see that it is; 503 while too many exports run.

    With ``keys``, only these rows, wherever they are by now.
    """
    return _busy(request) or _streamed(listing, listing.normalise(request.GET), keys, "csv", CSV_TYPE, _csv)


def as_xlsx(request: HttpRequest, listing: LiveList, keys: Keys = None) -> HttpResponse | StreamingHttpResponse:
    """A sheet, if it can hold all rows; 422 with a way to the CSV if it can't, 503 while too many exports run."""
    params = listing.normalise(request.GET)
    if busy := _busy(request):
        return busy
    with in_zone(params.get("tz", "")):
        too_many = keys is None and listing.members(params).order_by()[:SHEET_ROWS].count() == SHEET_ROWS
    if too_many:
        told = {"kind": listing.kind, "query": listing.start(params, size=None), "most": SHEET_ROWS - 1}
        return render(request, "live/too_many_rows.html", told, status=422)
    return _streamed(listing, params, keys, "xlsx", XLSX_TYPE, _xlsx)


def _busy(request: HttpRequest) -> HttpResponse | None:
    return render(request, "503.html", {"why": _BUSY, "passes": True}, status=503) if _running.locked() else None


def _streamed(
    listing: LiveList,
    params: Params,
    keys: Keys,
    extension: str,
    content_type: str,
    write: Writer,
) -> StreamingHttpResponse:
    name = f"{listing.name}-{timezone.now():%Y-%m-%d-%H%M}.{extension}"
    return StreamingHttpResponse(
        _written(listing, params, keys, write, current_sight()),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
    )


async def _written(
    listing: LiveList, params: Params, keys: Keys, write: Writer, sight: Sight | None
) -> AsyncIterator[bytes]:
    async with _running:
        with seeing(sight):
            headings, paths = zip(*listing.seen_exported.items(), strict=True)
        database = DatabaseThread("export")
        try:
            async with (
                aclosing(database.pages(lambda: _portions(listing, params, keys, paths, sight))) as portions,
                aclosing(write(listing, headings, portions)) as pieces,
            ):
                async for piece in pieces:
                    yield piece
        finally:
            database.close()


def _portions(
    listing: LiveList, params: Params, keys: Keys, paths: tuple[str, ...], sight: Sight | None
) -> Iterator[list[Values]]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read read only")
        # The request has ended: rows and columns are still those that its person may see.
        with in_zone(params.get("tz", "")), seeing(sight):
            found = listing.queryset(params if keys is None else _in_its_order(listing, params))
            found = found if keys is None else found.filter(pk__in=keys)
            rows = found.values_list(*map(_told, paths)).iterator(chunk_size=PORTION)
            # The query is written when its first row is asked for.
            portion = list(islice(rows, PORTION))
        yield portion
        while len(portion) == PORTION:
            portion = list(islice(rows, PORTION))
            yield portion


def _told(path: str) -> str | Cast:
    # A spreadsheet would round a long number.
    return Cast("pk", TextField()) if path == "id" else path


def _in_its_order(listing: LiveList, params: Params) -> Params:
    """The parameters of the whole list in the same order."""
    return listing.normalise({name: value for name, value in params.items() if name == "sort"})


async def _csv(listing: LiveList, headings: Headings, portions: Portions) -> AsyncGenerator[bytes, None]:
    buffer = StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow(headings)
    async for portion in portions:
        await asyncio.to_thread(writer.writerows, ([cell(value) for value in row] for row in portion))
        yield _taken(buffer)


async def _xlsx(listing: LiveList, headings: Headings, portions: Portions) -> AsyncGenerator[bytes, None]:
    with Workbook(listing.kind.plural.capitalize(), headings) as book:
        async for portion in portions:
            await asyncio.to_thread(book.write, portion)
        await asyncio.to_thread(book.finish)
        while piece := await asyncio.to_thread(book.read):
            yield piece


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


def read_back(text: str) -> str:
    """The value behind a ``cell`` of a file that was exported here; any other text is returned as it is."""
    if "'" not in text:
        return text
    for bare in (_MARKED.sub(lambda found: found[0][:-1], text), text[1:]):
        if bare != text and cell(bare) == text:
            return bare
    return text
