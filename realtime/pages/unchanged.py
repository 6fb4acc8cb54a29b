"""An unchanged page isn't painted again: a browser that has it is answered 304.

A page is made of what it reads from the database, of who asks, of the address and of the deploy, and of nothing else;
so two paintings with the same of all these are the same page. Painting it keeps each query with a hash of its answer.
When the browser asks again, these queries are sent once more, all at once. Only if every answer is the same does it get
a 304, so nothing is taken on trust: neither the change log, which somebody may have written past, nor a clock, nor a
count. What is saved is everything but the queries: the rows as objects, the templates, the transfer.

Each process keeps what it has painted itself. Of a page that another one has painted, it paints, finds the same tag,
and saves the transfer alone.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from threading import Lock
from typing import Any

import psycopg
from django.conf import settings
from django.contrib.messages import get_messages
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags

from realtime.build import build_id
from realtime.database.words import signature
from realtime.live.zones import current_zone, in_zone, today
from realtime.pages.said import MESSAGES_COOKIE
from realtime.pages.unsent import wants_sentence

View = Callable[..., HttpResponse]

# The text of the queries that are kept, of all pages together; and of one page, beyond which it is painted each time.
LIMIT_BYTES = 16 * 2**20
PAGE_BYTES = 200_000
# A browser has one copy of a page; nobody needs more tags than this looked at.
TAGS_AT_MOST = 4
# static/js/prefetch.js sends it.
PREFETCH = "Livedesk-Prefetch"
READS = ("select", "with")
# Of the session, not of the data.
LIMITS = ("select set_config(", "select current_setting(")
# They only bracket the reads.
BRACKETS = ("savepoint", "release savepoint")


@dataclass(slots=True)
class Reads:
    """Django's wrapper around queries: notes each one and what it answers."""

    statements: list[bytes] = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)
    # False where something was written, or can't be read a second time.
    repeatable: bool = True
    size: int = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        try:
            answer = execute(sql, params, many, context)
        except Exception:
            self.repeatable = False
            raise
        told = sql.lstrip()[:30].lower()
        if told.startswith((*LIMITS, *BRACKETS)):
            return answer
        cursor = context["cursor"].cursor
        # The server keeps what a cursor of its own answers.
        is_whole = not isinstance(cursor, psycopg.ServerCursor) and cursor.pgresult is not None
        if many or not told.startswith(READS) or not is_whole:
            self.repeatable = False
            return answer
        statement = _text(sql, params, context["connection"]).encode()
        self.size += len(statement)
        self.statements.append(statement)
        _add(self.digest, cursor.pgresult)
        return answer


@dataclass(frozen=True, slots=True)
class Painted:
    """A page as it was painted: for whom and where, what it had read, and what that was."""

    identity: bytes
    statements: tuple[bytes, ...]
    answers: bytes

    def is_unchanged(self) -> bool:
        """Whether each query still answers the same; one round trip to the database."""
        connection.ensure_connection()
        found = hashlib.sha256()
        try:
            with psycopg.ClientCursor(connection.connection) as cursor:
                cursor.execute(b";\n".join(self.statements))
                while True:
                    assert cursor.pgresult is not None
                    _add(found, cursor.pgresult)
                    if not cursor.nextset():
                        break
        except psycopg.Error:
            # The page itself is asked then, and says what is wrong.
            return False
        return found.digest() == self.answers


class PaintedPages:
    """What this process has painted, by tag, up to a number of bytes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._bytes = 0
        self._pages: OrderedDict[str, Painted] = OrderedDict()

    def get(self, tag: str) -> Painted | None:
        with self._lock:
            if tag in self._pages:
                self._pages.move_to_end(tag)
            return self._pages.get(tag)

    def keep(self, tag: str, page: Painted) -> None:
        with self._lock:
            self._bytes += _size(page) - (_size(self._pages.pop(tag)) if tag in self._pages else 0)
            self._pages[tag] = page
            while self._bytes > LIMIT_BYTES:
                self._bytes -= _size(self._pages.popitem(last=False)[1])

    def forget(self) -> None:
        with self._lock:
            self._pages.clear()
            self._bytes = 0


pages = PaintedPages()


def unless_unchanged(view: View) -> View:
    """View decorator, inside the check of rights: answers 304 to a browser that has the page as it is."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if PREFETCH in request.headers and _is_told_something(request):
            # What waits to be said is for the page that somebody opens.
            return HttpResponse(status=204, headers={"Cache-Control": "no-store"})
        identity = _identity(request) if settings.PAGES_UNCHANGED and request.method == "GET" else None
        if identity is None:
            return view(request, *args, **kwargs)
        asked = parse_etags(request.headers.get("If-None-Match", ""))[:TAGS_AT_MOST]
        for tag in asked:
            known = pages.get(tag)
            if known is not None and known.identity == identity and known.is_unchanged():
                return _not_modified(tag)
        with connection.execute_wrapper(reads := Reads()):
            response = view(request, *args, **kwargs)
        if not _is_kept(request, response, reads):
            return response
        page = Painted(identity, tuple(reads.statements), reads.digest.digest())
        tag = f'W/"{hashlib.sha256(page.identity + page.answers).hexdigest()[:40]}"'
        pages.keep(tag, page)
        if tag in asked:
            return _not_modified(tag)
        response.headers["ETag"] = tag
        return response

    return answer


def _identity(request: HttpRequest) -> bytes | None:
    """All that a page is made of besides the database; None when it isn't the same a second time."""
    secret, user = request.META.get("CSRF_COOKIE"), request.user
    # A sentence is said once. Without a secret, the page brings one.
    if secret is None or wants_sentence(request) or _is_told_something(request):
        return None
    person: Any = user
    with in_zone(request.GET.get("tz", "")):
        asked_day = today(timezone.now())
    told = (
        build_id(),
        signature(),
        request.build_absolute_uri(),
        [(one.attname, str(getattr(person, one.attname))) for one in person._meta.concrete_fields],
        # Of a superuser, nobody asks.
        [] if person.is_superuser else sorted(person.get_all_permissions()),
        str(request.sight()),  # type: ignore[attr-defined]
        request.session.session_key,
        sorted((str(name), str(value)) for name, value in request.session.items()),
        secret,
        current_zone(),
        # What is overdue, or of today, turns with the day.
        str(today(timezone.now())),
        str(asked_day),
    )
    return hashlib.sha256(repr(told).encode()).digest()


def _is_told_something(request: HttpRequest) -> bool:
    return bool(request.COOKIES.get(MESSAGES_COOKIE)) or "_messages" in request.session


def _is_kept(request: HttpRequest, response: HttpResponse, reads: Reads) -> bool:
    storage: Any = get_messages(request)
    is_page = response.status_code == 200 and not response.streaming and not response.cookies
    is_repeatable = reads.repeatable and bool(reads.statements)
    return is_page and is_repeatable and reads.size <= PAGE_BYTES and not storage.used and not storage.added_new


def _not_modified(tag: str) -> HttpResponse:
    response = HttpResponseNotModified()
    response.headers["ETag"] = tag
    patch_vary_headers(response, ("Cookie",))
    return response


def _text(sql: str, params: Any, database: BaseDatabaseWrapper) -> str:
    """A statement with its values in it, as the database has got it."""
    told: str = database.ops.compose_sql(sql, params)  # type: ignore[attr-defined]
    return told


def _add(digest: Any, result: "psycopg.pq.abc.PGresult") -> None:
    columns = range(result.nfields)
    digest.update(b"%d %d;" % (result.ntuples, result.nfields))
    for row in range(result.ntuples):
        for column in columns:
            value = result.get_value(row, column)
            digest.update(b"-" if value is None else b"%d:" % len(value))
            if value:
                digest.update(value)


def _size(page: Painted) -> int:
    return sum(map(len, page.statements))
