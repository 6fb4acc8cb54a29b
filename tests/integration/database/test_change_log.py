"""The sweep's position: complete and exactly once, whoever commits when (rule 6)."""

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection as django_connection

from realtime.database import change_log
from realtime.database.change_log import Watermark
from tests.integration.databases import Connection, fresh_database, migrated_template

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def connect() -> Iterator[list[Connection]]:
    """Two other writers on the test database."""
    names = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER", "password": "PASSWORD"}
    address = {name: django_connection.settings_dict[setting] for name, setting in names.items()}
    writers = [psycopg.connect(**address) for _ in range(2)]
    yield writers
    for writer in writers:
        writer.close()


def write(writer: Connection, name: str) -> None:
    writer.execute("insert into products (name) values (%s)", [name])


def swept(since: Watermark) -> tuple[Watermark, list[str]]:
    with change_log.sweep(since) as (following, pages):
        names = [(change.new or {})["name"] for page in pages for change in page]
    return following, names


def test_late_committers_are_neither_lost_nor_waited_for(connect: list[Connection]) -> None:
    slow, quick = connect
    position = change_log.current_watermark()
    write(slow, "slow")
    write(quick, "quick")
    quick.commit()
    position, names = swept(position)
    assert names == ["quick"], "the open transaction holds nothing up"
    position, names = swept(position)
    assert names == []
    slow.commit()
    position, names = swept(position)
    assert names == ["slow"], "though its revision lies before the last one swept"
    assert swept(position)[1] == []


def test_what_was_rolled_back_never_comes(connect: list[Connection]) -> None:
    writer, other = connect
    position = change_log.current_watermark()
    write(writer, "never")
    write(other, "committed")
    other.commit()
    writer.rollback()
    assert swept(position)[1] == ["committed"]


def test_savepoints_belong_to_their_transaction(connect: list[Connection]) -> None:
    writer, _ = connect
    position = change_log.current_watermark()
    with writer.transaction():
        write(writer, "outer")
        with writer.transaction(force_rollback=True):
            write(writer, "undone")
        with writer.transaction():
            write(writer, "inner")
        position, names = swept(position)
        assert names == []
    assert swept(position)[1] == ["outer", "inner"]


def test_more_than_a_page_comes_in_order_and_once(connect: list[Connection], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_log, "PAGE", 7)
    writer, _ = connect
    position = change_log.current_watermark()
    for number in range(40):
        write(writer, str(number))
    writer.commit()
    assert swept(position)[1] == [str(number) for number in range(40)]


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        (Watermark("10:20:", "other", "00000001"), "another one"),
        (Watermark("10:20:", "1", "00000002"), "restored or failed over"),
        (Watermark("10:99:", "1", "00000001"), "future"),
        (Watermark("10:20:", "1", "00000001"), None),
    ],
)
def test_a_position_of_another_database_is_recognised(stored: Watermark, said: str | None) -> None:
    current = Watermark("30:40:", "1", "00000001")
    problem = change_log.invalid_because(stored, current)
    assert (problem is None) if said is None else (problem is not None and said in problem)


@pytest.mark.parametrize(("position", "unusable"), [("10:20:15", True), ("12:20:", False), ("11:20:11", False)])
def test_a_position_below_what_was_pruned_is_recognised(position: str, unusable: bool) -> None:
    current, pruned = Watermark("30:40:", "1", "00000001"), Watermark("11:11:", "1", "00000001")
    problem = change_log.invalid_because(Watermark(position, "1", "00000001"), current, pruned)
    assert (problem is not None and "pruned" in problem) if unusable else problem is None


def test_a_log_that_was_made_anew_in_the_same_cluster_is_another_one(postgres_url: str) -> None:
    """A dump restored into a new database of the same server, where transaction ids simply continue."""
    template, identities = migrated_template(postgres_url), set()
    for _ in range(2):
        with fresh_database(postgres_url, template) as url, psycopg.connect(url) as sql:
            # As `pg_restore --clean` does: it drops the table and creates it again.
            sql.execute("create table aside (like realtime_change including all)")
            sql.execute("drop table realtime_change cascade")
            sql.execute("alter table aside rename to realtime_change")
            identities.add(sql.execute(change_log.CURRENT).fetchone()[1])  # type: ignore[index]
    assert len(identities) == 2


def test_the_position_survives_being_stored() -> None:
    position = change_log.current_watermark()
    change_log.store_watermark("test", position)
    assert change_log.stored_watermark("test") == position
    assert change_log.invalid_because(position, change_log.current_watermark()) is None


def test_one_long_transaction_makes_no_sweep_read_what_came_since_it_began(postgres_url: str) -> None:
    """Rule 6, on the plan: with 30,000 commits behind an open transaction, a sweep still touches only a few pages."""
    with fresh_database(postgres_url, migrated_template(postgres_url)) as url:
        with psycopg.connect(url) as long, psycopg.connect(url, autocommit=True) as sql:
            write(long, "still open")
            sql.execute(
                "create procedure commit_many(n int) language plpgsql as $$ begin"
                " for i in 1..n loop insert into products (name) values ('x'); commit; end loop; end $$"
            )
            sql.execute("call commit_many(30000)")
            sql.execute("vacuum analyze realtime_change")
            position = sql.execute("select pg_current_snapshot()::text").fetchone()
            assert position is not None
            sql.execute("insert into products (name) values ('the only news')")
            for statement in (change_log.REVISIONS_SINCE, change_log.NEWS_SINCE):
                parameters = {"position": position[0], "limit": change_log.PAGE}
                news = sql.execute(statement, parameters).fetchall()  # type: ignore[call-overload]
                assert len(news) == 1
                plan = sql.execute(
                    f"explain (analyze, buffers, format json) {statement}",  # type: ignore[call-overload]
                    parameters,
                ).fetchone()
                assert plan is not None
                root = plan[0][0]["Plan"]
                assert root["Shared Hit Blocks"] + root["Shared Read Blocks"] < 50
