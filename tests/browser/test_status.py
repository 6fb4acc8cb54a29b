"""Green means fresh: whatever fails behind a page, the page says so, and once it is back it shows what changed."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import psycopg.sql
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from realtime.local.process import Service
from tests.browser.portal import assert_equals_reload, insert_product, open_live, row, wait_live
from tests.live_site import LiveSite

SECOND = 1_000
# What the seed promises: a page that stops being live says so within this time.
SOON = 10 * SECOND
# And it says exactly what is wrong within this time.
TOLD = 20 * SECOND
# The worker's own backoff (2, 4, 8 … s) and two probes may pass before a healed page is green again.
HEALING = 60 * SECOND


@pytest.fixture
def sql(live_site: LiveSite) -> Iterator["psycopg.Connection[Any]"]:
    with live_site.connect() as connection:
        yield connection


@pytest.fixture
def pages(
    context: BrowserContext, other_context: BrowserContext, healthy_again: None, live_site: LiveSite, word: str
) -> list[Page]:
    """Two colleagues' windows on the same list."""
    return [open_live(browser, live_site, f"/crm/products/?q={word}") for browser in (context, other_context)]


@pytest.fixture
def healthy_again(live_site: LiveSite, context: BrowserContext) -> Iterator[None]:
    """Before the next test, everything that this one broke runs again, and a page has seen that."""
    yield
    services = [live_site.stack.redis.service, live_site.stack.realtime, live_site.web, live_site.worker]
    for service in services:
        if service.alive:
            service.thaw()
        else:
            service.start()
    live_site.faults.reset()
    page = context.new_page()
    page.goto(f"{live_site.url}/crm/products/")
    is_green(page)
    page.close()


def status(page: Page) -> Any:
    return expect(page.locator("html"))


def banner(page: Page) -> Any:
    return expect(page.locator("realtime-connection-banner"))


def is_green(page: Page) -> None:
    status(page).to_have_attribute("data-realtime-status", "connected", timeout=HEALING)
    expect(page.locator("[data-live-state]:not([data-live-state=connected])")).to_have_count(0, timeout=HEALING)
    banner(page).to_be_hidden()


def is_not_green(page: Page, words: str, timeout: int = SOON) -> None:
    status(page).not_to_have_attribute("data-realtime-status", "connected", timeout=timeout)
    banner(page).to_be_visible()
    banner(page).to_contain_text(re.compile(words), timeout=timeout)


def is_stale(page: Page) -> None:
    """The lists themselves say that they don't follow any more."""
    expect(page.locator("[data-live-state=connected]")).to_have_count(0)


def all_show(pages: list[Page], key: str, words: str, site: LiveSite) -> None:
    for page in pages:
        is_green(page)
        expect(row(page, key)).to_contain_text(words, timeout=15 * SECOND)
        assert_equals_reload(page, site)


def rename(sql: "psycopg.Connection[Any]", key: str, name: str) -> None:
    sql.execute("update products set name = %s where id = %s", [name, key])


Fault = Callable[[Service], None]


@pytest.mark.parametrize(
    ("breaks", "mends"),
    [(Service.freeze, Service.thaw), (Service.kill, Service.start)],
    ids=["frozen", "killed"],
)
def test_without_its_worker_no_page_stays_green_and_both_catch_up(
    pages: list[Page], live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str, breaks: Fault, mends: Fault
) -> None:
    key, gone = insert_product(sql, f"{word} before"), insert_product(sql, f"{word} gone")
    for page in pages:
        expect(row(page, gone)).to_be_visible()
    breaks(live_site.worker)
    for page in pages:
        is_not_green(page, "worker is not answering")
        is_stale(page)
        # Old data says how old it is.
        banner(page).to_contain_text("Data as of")
    rename(sql, key, f"{word} meanwhile")
    sql.execute("delete from products where id = %s", [gone])
    mends(live_site.worker)
    all_show(pages, key, "meanwhile", live_site)
    for page in pages:
        expect(row(page, gone)).to_have_count(0)


def test_a_worker_that_is_stopped_politely_leaves_no_list_that_claims_to_follow(
    pages: list[Page], live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str
) -> None:
    key = insert_product(sql, f"{word} before")
    live_site.worker.stop()
    assert live_site.worker.exit_code == 0
    for page in pages:
        is_not_green(page, "Live updates have stopped")
        is_stale(page)
    rename(sql, key, f"{word} meanwhile")
    live_site.worker.start()
    all_show(pages, key, "meanwhile", live_site)


def test_a_restarted_web_process_gets_its_pages_back(
    pages: list[Page], live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str
) -> None:
    key = insert_product(sql, f"{word} before")
    for page in pages:
        expect(row(page, key)).to_be_visible()
    live_site.web.kill()
    for page in pages:
        is_not_green(page, "connection was lost|could not be opened|cannot be reached")
    rename(sql, key, f"{word} meanwhile")
    live_site.web.start()
    all_show(pages, key, "meanwhile", live_site)


def test_a_page_opened_on_a_fresh_web_process_blames_no_worker_that_is_well(
    context: BrowserContext, healthy_again: None, live_site: LiveSite
) -> None:
    live_site.web.restart()
    page = context.new_page()
    # Keeps every word that the banner ever says.
    page.add_init_script(
        "window.said = []; window.addEventListener('live:status', ({ detail }) => window.said.push(detail.reason));"
    )
    page.goto(f"{live_site.url}/crm/products/")
    is_green(page)
    assert not [words for words in page.evaluate("window.said") if "not answering" in words]


def test_without_the_database_pages_say_just_that(
    pages: list[Page], live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str, postgres_url: str
) -> None:
    key, name = insert_product(sql, f"{word} before"), psycopg.sql.Identifier(sql.info.dbname)
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(psycopg.sql.SQL("alter database {} allow_connections false").format(name))
        try:
            server.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [sql.info.dbname]
            )
            for page in pages:
                is_not_green(page, "The database can't be reached", timeout=TOLD)
                is_stale(page)
                banner(page).to_contain_text("Data as of")
        finally:
            server.execute(psycopg.sql.SQL("alter database {} allow_connections true").format(name))
    with live_site.connect() as again:
        rename(again, key, f"{word} afterwards")
    all_show(pages, key, "afterwards", live_site)


def test_a_frozen_database_is_found_out_and_nothing_else_is_blamed(
    pages: list[Page], live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str
) -> None:
    key, postgres = insert_product(sql, f"{word} before"), live_site.stack.postgres.service
    postgres.freeze()
    try:
        for page in pages:
            is_not_green(page, "The database is not answering", timeout=TOLD)
            is_stale(page)
    finally:
        postgres.thaw()
    rename(sql, key, f"{word} afterwards")
    all_show(pages, key, "afterwards", live_site)


def test_without_its_change_log_pages_say_so_and_are_read_anew(
    pages: list[Page], live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str
) -> None:
    key = insert_product(sql, f"{word} before")
    with live_site.connect() as holder, holder.transaction(force_rollback=True):
        holder.execute("lock table realtime_change")
        for page in pages:
            is_not_green(page, "the change log can't be read", timeout=TOLD)
            is_stale(page)
        # This bypasses the log: nobody can tell anybody.
        with sql.transaction():
            sql.execute("alter table products disable trigger realtime_log")
            rename(sql, key, f"{word} meanwhile")
            sql.execute("alter table products enable always trigger realtime_log")
        for page in pages:
            expect(row(page, key)).to_contain_text("meanwhile", timeout=TOLD)
    rename(sql, key, f"{word} afterwards")
    all_show(pages, key, "afterwards", live_site)


def test_without_redis_no_page_stays_green_and_both_catch_up(
    pages: list[Page], live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str
) -> None:
    key = insert_product(sql, f"{word} before")
    for page in pages:
        expect(row(page, key)).to_be_visible()
    live_site.stack.redis.service.kill()
    for page in pages:
        is_not_green(page, "Redis", timeout=15 * SECOND)
        is_stale(page)
    rename(sql, key, f"{word} meanwhile")
    live_site.stack.redis.service.start()
    all_show(pages, key, "meanwhile", live_site)


def test_what_a_worker_told_nobody_for_want_of_redis_is_not_lost_when_it_is_replaced(
    pages: list[Page], live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str
) -> None:
    key = insert_product(sql, f"{word} before")
    for page in pages:
        expect(row(page, key)).to_be_visible()
    live_site.stack.redis.service.kill()
    rename(sql, key, f"{word} meanwhile")
    wait_until_swept(sql, pages[0], key)
    # Its successor goes on where it was in the log, and doesn't know what was sent into the void.
    live_site.worker.kill()
    live_site.stack.redis.service.start()
    live_site.worker.start()
    all_show(pages, key, "meanwhile", live_site)


def wait_until_swept(sql: "psycopg.Connection[Any]", page: Page, key: str) -> None:
    """Waits until the worker's position in the change log is past the row's last change."""
    for _ in range(300):
        found = sql.execute(
            "select pg_visible_in_snapshot(c.xid, w.snapshot::pg_snapshot) from realtime_change c, realtime_watermark w"
            " where c.row_key = %s::text and w.name = 'worker' order by c.revision desc limit 1",
            [key],
        ).fetchone()
        if found and found[0]:
            return
        page.wait_for_timeout(100)
    raise AssertionError("the worker never swept the change")


def test_without_supabase_realtime_pages_live_on_through_the_change_log_and_say_so(
    pages: list[Page], live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str
) -> None:
    key = insert_product(sql, f"{word} before")
    for page in pages:
        expect(row(page, key)).to_be_visible()
    live_site.stack.realtime.kill()
    for page in pages:
        is_not_green(page, "live through the change log", timeout=30 * SECOND)
    rename(sql, key, f"{word} meanwhile")
    for page in pages:
        expect(row(page, key)).to_contain_text("meanwhile", timeout=SOON)
        status(page).not_to_have_attribute("data-realtime-status", "connected")
        # Not green, yet correct: the list follows through the other path.
        expect(page.locator("[data-live-list]")).to_have_attribute("data-live-state", "connected")
    live_site.stack.realtime.start()
    rename(sql, key, f"{word} afterwards")
    all_show(pages, key, "afterwards", live_site)


def test_a_frozen_realtime_is_found_out_though_its_connection_stays_open(
    pages: list[Page], live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str
) -> None:
    key = insert_product(sql, f"{word} before")
    for page in pages:
        expect(row(page, key)).to_be_visible()
    live_site.stack.realtime.freeze()
    rename(sql, key, f"{word} meanwhile")
    for page in pages:
        expect(row(page, key)).to_contain_text("meanwhile", timeout=SOON)
        is_not_green(page, "live through the change log", timeout=45 * SECOND)
    live_site.stack.realtime.thaw()
    rename(sql, key, f"{word} afterwards")
    all_show(pages, key, "afterwards", live_site)


def test_changes_that_realtime_swallows_arrive_all_the_same(
    pages: list[Page], live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str
) -> None:
    keys = [insert_product(sql, f"{word} {number}") for number in range(10)]
    for page in pages:
        expect(page.locator("[data-live-row]")).to_have_count(10)
    live_site.faults.blackout(6)
    for number, key in enumerate(keys):
        rename(sql, key, f"{word} swallowed {number}")
    sql.execute("delete from products where id = any(%s)", [keys[:3]])
    late = insert_product(sql, f"{word} new")
    for page in pages:
        expect(row(page, late)).to_be_visible(timeout=15 * SECOND)
        expect(page.locator("[data-live-row]")).to_have_count(8)
        expect(row(page, keys[-1])).to_contain_text("swallowed")
        assert_equals_reload(page, live_site)


def test_a_browser_without_network_says_so_and_catches_up(
    pages: list[Page], context: BrowserContext, live_site: LiveSite, sql: "psycopg.Connection[Any]", word: str
) -> None:
    key = insert_product(sql, f"{word} before")
    expect(row(pages[0], key)).to_be_visible()
    context.set_offline(True)
    is_not_green(pages[0], "offline")
    rename(sql, key, f"{word} meanwhile")
    wait_live(pages[1])
    context.set_offline(False)
    all_show(pages, key, "meanwhile", live_site)
