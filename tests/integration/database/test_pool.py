"""How many of PostgreSQL's connections a real web process takes, and what it says when it has none left."""

import http.cookiejar
import os
import re
import signal
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import psycopg.conninfo
import pytest

from tests.live_site import LiveSite, make_web

POOL_SIZE = 4
NAME = "pooled-web"


class Visitor:
    """A signed-in reader with a cookie jar and no browser."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> tuple[int, str]:
        return self._open(path, None)

    def post(self, path: str, told: dict[str, str]) -> tuple[int, str]:
        token = next((cookie.value or "" for cookie in self.cookies if cookie.name == "csrftoken"), "")
        return self._open(path, urllib.parse.urlencode(told | {"csrfmiddlewaretoken": token}).encode())

    def sign_in(self, username: str, password: str) -> "Visitor":
        self.get("/sign-in/")
        assert self.post("/sign-in/", {"username": username, "password": password})[0] == 200
        return self

    def _open(self, path: str, body: bytes | None) -> tuple[int, str]:
        try:
            with self._opener.open(self.url + path, body, timeout=40) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()


@pytest.fixture
def web(live_site: LiveSite) -> Iterator[str]:
    """Another web process of the same site, with few connections, which PostgreSQL knows by a name."""
    service = make_web(
        live_site.environment | {"PGAPPNAME": NAME, "DATABASE_POOL_SIZE": str(POOL_SIZE)}, live_site.logs / "pooled.log"
    )
    service.start()
    try:
        yield f"http://{service.address}"
    finally:
        service.stop()


@pytest.fixture
def observer(live_site: LiveSite) -> "Iterator[psycopg.Connection[Any]]":
    with live_site.connect() as connection:
        yield connection


def backends(observer: "psycopg.Connection[Any]") -> list[int]:
    rows = observer.execute("select pid from pg_stat_activity where application_name = %s", [NAME])
    return [pid for (pid,) in rows]


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_many_requests_at_once_share_few_connections(
    live_site: LiveSite, web: str, observer: "psycopg.Connection[Any]"
) -> None:
    visitor = Visitor(web).sign_in(live_site.username, live_site.password)
    paths = ["/", "/crm/products/", "/ticketing/tickets/", "/ticketing/board/"] * POOL_SIZE
    most = 0
    with ThreadPoolExecutor(len(paths)) as crowd:
        answers = [crowd.submit(visitor.get, path) for path in paths]
        while not all(answer.done() for answer in answers):
            most = max(most, len(backends(observer)))
            time.sleep(0.02)
    assert {answer.result()[0] for answer in answers} == {200}
    assert 0 < most <= POOL_SIZE
    assert len(backends(observer)) <= POOL_SIZE


def test_a_request_that_finds_all_connections_in_use_is_told_so(
    live_site: LiveSite, web: str, observer: "psycopg.Connection[Any]"
) -> None:
    visitor = Visitor(web).sign_in(live_site.username, live_site.password)
    with ThreadPoolExecutor(POOL_SIZE) as crowd:
        list(crowd.map(visitor.get, ["/ticketing/tickets/"] * POOL_SIZE * 3))
        held = backends(observer)
        with frozen(held):
            waiting = [crowd.submit(visitor.get, "/crm/products/") for _ in held]
            time.sleep(1)
            told = [visitor.get("/crm/products/") for _ in range(1 + POOL_SIZE - len(held))]
        assert [answer.result()[0] for answer in waiting] == [200] * len(held)
    assert told[-1][0] == 503
    assert "in use" in told[-1][1]
    assert visitor.get("/crm/products/")[0] == 200


def test_a_command_has_no_pool(live_site: LiveSite) -> None:
    live_site.manage(
        "shell",
        "-c",
        "from django.db import connection; assert connection.pool is None; connection.ensure_connection()",
    )


@pytest.fixture
def altered(live_site: LiveSite, observer: "psycopg.Connection[Any]") -> Iterator[Callable[[str], None]]:
    """Changes a setting for the site's whole database, as its host does; older sessions have to go."""
    name = psycopg.conninfo.conninfo_to_dict(live_site.database_url)["dbname"]
    changed = []

    def alter(setting: str) -> None:
        changed.append(setting.split(" = ")[0])
        observer.execute(f"alter database {name} set {setting}".encode())
        end()

    def end() -> None:
        observer.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s", [NAME])

    yield alter
    observer.execute("set default_transaction_read_only = off")
    for setting in changed:
        observer.execute(f"alter database {name} reset {setting}".encode())
    end()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("default_transaction_read_only = on", "takes no changes at the moment"),
        ("statement_timeout = '300ms'", "took too long to answer"),
    ],
)
def test_what_the_database_refuses_is_named_wherever_it_is_asked(
    live_site: LiveSite,
    web: str,
    observer: "psycopg.Connection[Any]",
    altered: Callable[[str], None],
    setting: str,
    words: str,
) -> None:
    visitor = Visitor(web).sign_in(live_site.username, live_site.password)
    new, told = visitor.get("/crm/products/new/")[1], {"name": f"refused {uuid4().hex}", "price": "1"}
    told["person"] = re.findall('name="person" value="([^"]+)"', new)[-1]
    told["typed"] = "name price"
    altered(setting)
    stranger = Visitor(web)
    stranger.get("/sign-in/")
    with held(observer, "accounts_user", setting):
        status, page = stranger.post("/sign-in/", {"username": live_site.username, "password": live_site.password})
    assert (status, words in page) == (503, True)
    with held(observer, "products", setting):
        status, page = visitor.post("/crm/products/new/", told)
        assert (status, words in page, told["name"] in page) == (503, True, True)
        if "read_only" not in setting:
            status, page = visitor.get("/crm/products/?q=refused")
            assert (status, words in page) == (503, True)


@contextmanager
def held(observer: "psycopg.Connection[Any]", table: str, setting: str) -> Iterator[None]:
    """Where a timeout is to strike, nothing about the table is answered before it does."""
    with ExitStack() as stack:
        if "timeout" in setting:
            stack.enter_context(observer.transaction())
            observer.execute(f"lock table {table} in access exclusive mode".encode())
        yield


def test_a_locked_table_holds_a_page_up_for_seconds_only(
    live_site: LiveSite, web: str, observer: "psycopg.Connection[Any]"
) -> None:
    visitor = Visitor(web).sign_in(live_site.username, live_site.password)
    with observer.transaction():
        observer.execute("lock table products in access exclusive mode")
        began = time.monotonic()
        status, page = visitor.get("/crm/products/")
        took = time.monotonic() - began
    assert (status, "Something else is working" in page) == (503, True)
    assert 4 < took < 15
    assert visitor.get("/crm/products/")[0] == 200


def test_a_database_that_lets_nobody_in_is_told_as_such_and_found_again(
    live_site: LiveSite, web: str, postgres_url: str
) -> None:
    visitor = Visitor(web).sign_in(live_site.username, live_site.password)
    name = psycopg.conninfo.conninfo_to_dict(live_site.database_url)["dbname"]
    with psycopg.connect(postgres_url, autocommit=True) as elsewhere:
        elsewhere.execute(f"alter database {name} allow_connections false".encode())
        try:
            elsewhere.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s", [NAME]
            )
            status, page = visitor.get("/crm/products/")
        finally:
            elsewhere.execute(f"alter database {name} allow_connections true".encode())
    assert (status, "can’t be reached" in page) == (503, True)
    assert visitor.get("/crm/products/")[0] == 200
