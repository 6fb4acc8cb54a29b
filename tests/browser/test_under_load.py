"""The promise under the faults that the design names: load with a black-out, invisible commits, racing re-inserts."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.portal import assert_equals_reload, insert_product, open_live, row, wait_live
from tests.live_site import LiveSite

COMMITS = 10_000


@pytest.fixture
def pages(context: BrowserContext, live_site: LiveSite, word: str) -> Iterator[list[Page]]:
    paths = ("/crm/products/", f"/crm/products/?q={word}", f"/crm/products/?q={word}&sort=-price&last=1", "/")
    yield [open_live(context, live_site, path) for path in paths]
    live_site.faults.reset()


def commit_many(connection: "psycopg.Connection[Any]", number: int, word: str) -> None:
    """Single-row commits as fast as the server makes them: a procedure that commits after each."""
    connection.execute(
        """
        create or replace procedure commit_many(n int, word text) language plpgsql as $$
        begin
            for i in 1..n loop
                if i % 10 < 6 then insert into products (name, price) values (word || ' ' || i, i);
                elsif i % 10 < 9 then
                    update products set price = price + 1
                        where id = (select id from products where name = word || ' ' || (i - 6));
                else delete from products where id = (select id from products where name = word || ' ' || (i - 5));
                end if;
                commit;
            end loop;
        end $$
        """
    )
    connection.execute("create index if not exists products_by_exact_name on products (name)")
    connection.execute("call commit_many(%s, %s)", [number, word])


def test_ten_thousand_commits_with_a_black_out_in_the_middle(pages: list[Page], live_site: LiveSite, word: str) -> None:
    before = {log: log.stat().st_size for log in live_site.logs.glob("*.log")}
    with live_site.connect() as sql:
        commit_many(sql, COMMITS // 2, word)
        live_site.faults.blackout(seconds=5)
        commit_many(sql, COMMITS // 2, f"{word} dark")
        newest = insert_product(sql, f"{word} the last")
        for page in pages[:2]:
            expect(row(page, newest)).to_be_visible(timeout=120_000)
        for page in pages:
            assert_equals_reload(page, live_site)
        sql.execute("drop index products_by_exact_name")
        sql.execute("delete from products where name like %s", [f"{word}%"])
    for page in pages:
        assert_equals_reload(page, live_site)
        wait_live(page)
    assert_logs_are_clean(before, word)


def test_commits_that_realtime_tells_before_anyone_can_see_them(
    pages: list[Page], live_site: LiveSite, word: str
) -> None:
    """Rule 2: under synchronous replication an event comes before its commit is visible, here until it is let go."""
    with live_site.connect() as sql, live_site.connect() as admin:
        key, pid = insert_product(sql, f"{word} seen"), sql.info.backend_pid
        expect(row(pages[1], key)).to_be_visible()
        admin.execute("alter system set synchronous_standby_names = 'nobody'")
        admin.execute("select pg_reload_conf()")
        try:
            until(sql, "select 1 where current_setting('synchronous_standby_names') = 'nobody'")
            waiting = threading.Thread(
                target=lambda: sql.execute("update products set name = %s where id = %s", [f"{word} late", key])
            )
            waiting.start()
            until(admin, f"select 1 from pg_stat_activity where wait_event = 'SyncRep' and pid = {pid}")
            assert_equals_reload(pages[1], live_site)
            assert "late" not in (row(pages[1], key).text_content() or "")
        finally:
            admin.execute("alter system reset synchronous_standby_names")
            admin.execute("select pg_reload_conf()")
        waiting.join()
        expect(row(pages[1], key)).to_contain_text("late")
        for page in pages:
            assert_equals_reload(page, live_site)


def until(connection: "psycopg.Connection[Any]", question: str) -> None:
    for _ in range(3_000):
        if connection.execute(question).fetchone():  # type: ignore[call-overload]
            return
        connection.execute("select pg_sleep(0.01)")
    raise AssertionError(f"never true: {question}")


def test_a_bulk_delete_racing_re_inserts_of_the_same_keys(pages: list[Page], live_site: LiveSite, word: str) -> None:
    """Rule 1: a waiting INSERT draws its revision before the DELETE it waits for; presence is what a read shows."""
    with live_site.connect() as sql:
        keys = [insert_product(sql, f"{word} {number}") for number in range(40)]
    errors: list[BaseException] = []

    def race(statement: str, batches: int) -> None:
        try:
            with live_site.connect() as connection:
                for _ in range(batches):
                    connection.execute(statement, [keys])  # type: ignore[call-overload]
        except BaseException as error:
            errors.append(error)

    delete = "delete from products where id = any(%s::uuid[])"
    insert = (
        f"insert into products (id, name) select key, '{word} again' from unnest(%s::uuid[]) key"
        " on conflict (id) do nothing"
    )
    racers = [threading.Thread(target=race, args=(statement, 30)) for statement in (delete, insert, insert)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert errors == []
    for page in pages:
        assert_equals_reload(page, live_site)


def assert_logs_are_clean(before: dict[Path, int], word: str) -> None:
    """Checks only what was written since: other tests of this session break things on purpose."""
    for log, size in before.items():
        text = log.read_bytes()[size:].decode(errors="replace")
        assert not re.search(r"\b(ERROR|CRITICAL|Traceback)\b", text), f"{log.name}: {text[-2000:]}"
        # Addresses may hold what somebody searched for, but never the contents of records.
        assert f"{word} the last" not in text, log.name


def test_a_transaction_that_stays_open_holds_nothing_up_and_is_shown_when_it_commits(
    pages: list[Page], live_site: LiveSite, word: str
) -> None:
    with psycopg.connect(live_site.database_url) as long, live_site.connect() as sql:
        late = insert_product(long, f"{word} late")
        for number in range(500):
            sql.execute("insert into products (name) values (%s)", [f"{word} x {number}"])
        newest = insert_product(sql, f"{word} newest")
        expect(row(pages[1], newest)).to_be_visible(timeout=60_000)
        assert_equals_reload(pages[1], live_site)
        long.commit()
        search = open_live(pages[0].context, live_site, f"/crm/products/?q={word}+late")
        expect(row(search, late)).to_be_visible()
    for page in pages:
        assert_equals_reload(page, live_site)
