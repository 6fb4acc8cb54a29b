"""Whatever is done to the database, in whatever way: within a minute every page, and every reload of it, is right.

Random DDL, foreign triggers and writes that bypass the log, beside ordinary ones (rules 26, 38, 39). The truth is a
render without any cache. Once the probe has gone round and five seconds have passed, no page that differs from it is
green.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from project.chaos.crowd import Follower, how_it_differs, sign_in
from project.chaos.shown import Shown, read_page
from realtime.database.triggers import LIVE_TRIGGERS
from realtime.live.rendering import rows
from realtime.live.tokens import read_token
from realtime.local.stack import LocalStack
from realtime.upstream.channel_manager import PROBE_SECONDS
from tests.conftest import QUICK
from tests.integration.databases import Connection
from tests.live_site import LiveSite, make_live_site
from tests.plugin import SessionServices

WITHIN_SECONDS = 60.0
GREEN_LIE_SECONDS = PROBE_SECONDS + 5.0
ENABLED = "; ".join(f'alter table {{t}} enable always trigger "{name}"' for name in LIVE_TRIGGERS)
PATHS = ("/crm/products/", "/crm/products/?price=small", "/crm/acquisitions/", "/ticketing/tickets/", "/")

# Each that ends by undoing itself is one transaction, so that nobody can catch it in the act.
ODDITIES = {
    "an unlogged update": "alter table products disable trigger user; {update};" + ENABLED.format(t="products"),
    "an unlogged delete": "alter table tickets disable trigger all; delete from tickets where id in"
    " (select id from tickets order by random() limit 2); alter table tickets enable trigger all;"
    + ENABLED.format(t="tickets"),
    "an unlogged insert": "alter table products disable trigger user; insert into products (name) values ('{word}');"
    + ENABLED.format(t="products"),
    "triggers left off": "alter table products disable trigger user; {update}",
    "replica mode on origin triggers": "alter table products enable trigger all;"
    " set session_replication_role = replica; {update}; set session_replication_role = origin",
    "values rewritten": "alter table products alter column price type numeric(12, {places})",
    "values rewritten back": "alter table products alter column price type numeric(12, 2)",
    "a foreign trigger": "create or replace function t_tidy() returns trigger language plpgsql as"
    " $$ begin new.updated_at := now(); new.name := new.name || '.'; return new; end $$;"
    " create or replace trigger {trigger} before insert or update on products for each row execute function t_tidy()",
    "a generated column": "alter table products add column if not exists t_search tsvector"
    " generated always as (to_tsvector('simple', name)) stored",
    "an unlogged truncate": "alter table attachments disable trigger all; truncate attachments;"
    + ENABLED.format(t="attachments"),
    "people in replica mode": "set session_replication_role = replica; update accounts_user set last_name = '{word}'"
    " where username = 'demo'; set session_replication_role = origin",
    "a column renamed and back": "alter table products rename column description to t_words; {update};"
    " alter table products rename column t_words to description",
}
UNDONE = (
    'drop trigger if exists set_updated_at on products; drop trigger if exists "~~late" on products;'
    " drop function if exists t_tidy(); alter table products drop column if exists t_search;"
    " alter table products alter column price type numeric(12, 2);" + ENABLED.format(t="products")
)


class TwoWebs:
    """The portal with two web processes; on each of them, one socket follows each page."""

    def __init__(self, site: LiveSite, other: LiveSite) -> None:
        self.addresses = (site.url, other.url)
        self.followers: list[Follower] = []
        self._counts: Counter[str] = Counter()

    async def follow(self) -> None:
        self.cookies = await sign_in(self.addresses[0], "demo", "demo")
        for address in self.addresses:
            for path in PATHS:
                page = await self.load(address, path)
                follower = Follower(path, address, path, self.cookies, self._counts)
                follower.show(page, range(len(page)))
                self.followers.append(follower)
        self._tasks = [asyncio.create_task(follower.run()) for follower in self.followers]

    async def load(self, address: str, path: str) -> list[Shown]:
        async with httpx.AsyncClient(base_url=address, cookies=self.cookies, trust_env=False, timeout=30) as client:
            answer = await client.get(path)
        assert answer.status_code == 200, f"{path} answers {answer.status_code}"
        return read_page(answer.text)

    async def wrong(self) -> list[tuple[str, bool]]:
        """What differs from a render without caches, and whether each is green."""
        found = []
        for path in PATHS:
            pages = [await self.load(address, path) for address in self.addresses]
            truth = await asyncio.to_thread(uncached, pages[0])
            for address, page in zip(self.addresses, pages, strict=True):
                for index, (loaded, true) in enumerate(zip(page, truth, strict=True)):
                    if told := how_it_differs(loaded, true):
                        found.append((f"a fresh load of {path} at {address}: element {index} {told}", True))
            found += [
                (f"{path} at {follower._origin}: {told}", follower.green)
                for follower in self.followers
                if follower.path == path and (told := follower.difference(truth))
            ]
        return found

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def uncached(page: list[Shown]) -> list[Shown]:
    """What the page's elements should show, rendered here and now from the database alone."""
    rows.forget()
    shown = []
    for element in page:
        definition, params = read_token(element.token)
        now = definition.snapshot(params).shown
        shown.append(Shown(element.token, element.is_list, dict(now.rows), now.count, dict(now.parts)))
    connections["default"].close()
    return shown


@pytest.fixture
def two_webs(
    services: SessionServices, postgres_url: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[TwoWebs, LiveSite]]:
    directory = services.directory / "two-webs"
    stack = LocalStack(directory, database="two_webs", postgres=services.postgres, realtime=QUICK)
    site = make_live_site(stack, directory / "logs", extra={})
    other = make_live_site(stack, directory / "other", extra={})
    other.web.env["STATIC_ROOT"] = site.environment["STATIC_ROOT"]
    address = connections["default"].settings_dict
    before = address["NAME"]
    with django_db_blocker.unblock():
        try:
            site.start()
            other.web.start()
            address["NAME"] = "two_webs"
            yield TwoWebs(site, other), site
        finally:
            connections["default"].close()
            address["NAME"] = before
            other.web.stop()
            site.stop()


def ordinary(sql: Connection, chance: random.Random) -> None:
    for _ in range(chance.randint(0, 4)):
        sql.execute(
            chance.choice(
                (
                    "update products set price = %(price)s where id = (select id from products limit 1)",
                    "insert into products (name, price) values (%(word)s, %(price)s)",
                    "update tickets set title = %(word)s where id = (select id from tickets limit 1)",
                    "insert into comments (ticket_id, content) select id, %(word)s from tickets limit 1",
                )
            ),
            {"word": uuid4().hex[:8], "price": chance.randint(0, 200)},
        )


def test_every_page_and_every_reload_is_right_within_a_minute(two_webs: tuple[TwoWebs, LiveSite]) -> None:
    seed = random.randrange(1_000_000)
    pages, site = two_webs
    chance = random.Random(seed)
    oddities = chance.sample(list(ODDITIES), k=len(ODDITIES))

    async def scenario() -> None:
        await pages.follow()
        try:
            await settle("the beginning")
            for name in oddities:
                with site.connect() as sql:
                    ordinary(sql, chance)
                    sql.execute(statement(name))  # type: ignore[call-overload]
                    ordinary(sql, chance)
                await settle(name)
            with site.connect() as sql:
                sql.execute(UNDONE)  # type: ignore[call-overload]
            await settle("the end")
        finally:
            await pages.stop()

    def statement(name: str) -> str:
        return (
            ODDITIES[name]
            .replace("{places}", str(chance.choice((0, 1))))
            .replace("{trigger}", chance.choice(("set_updated_at", '"~~late"')))
            .replace("{word}", uuid4().hex[:8])
            .replace(
                "{update}",
                "update products set price = price + 1, description = 'changed' where price < 150"
                if "rename" not in ODDITIES[name]
                else "update products set price = price + 1 where price < 150",
            )
        )

    async def settle(after: str) -> None:
        since = time.monotonic()
        while wrong := await pages.wrong():
            waited = time.monotonic() - since
            lies = [what for what, green in wrong if green]
            assert waited < GREEN_LIE_SECONDS or not lies, (
                f"seed {seed}: {waited:.0f} s after {after}, green: {lies[:3]}"
            )
            assert waited < WITHIN_SECONDS, f"seed {seed}: {waited:.0f} s after {after}: {wrong[:3]}"
            await asyncio.sleep(0.3)

    asyncio.run(scenario())
