"""Any views, changed by any writers, over a channel layer with any faults: in the end they show what a reload shows.

The views are followed over real sockets on two hubs: one finds the views that a change concerns (design rules 22 and
23), the other rereads every view. Neither rereads views by their age, so what is missed stays wrong.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.db import connections
from psycopg import sql
from pytest_django import DjangoDbBlocker

from crm.models import TYPE
from project.chaos.crowd import Follower
from project.chaos.loop_thread import LoopThread
from project.chaos.shown import Shown
from realtime.database import columns
from realtime.database.words import add_words, forget_words, guessed
from realtime.live.definition import Definition, Params, definition_named
from realtime.live.rendering import rows
from realtime.live.tokens import sign
from realtime.local.process import Service
from realtime.local.stack import LocalStack
from tests.anything import AN_APP, Anything, Writer, seed_of
from tests.conftest import QUICK
from tests.integration.databases import migrated_template
from tests.live_site import LiveSite, make_live_site, make_web
from tests.plugin import SessionServices
from tests.weak_layer.apps import SMALL_PAGES
from tests.weak_layer.weakness import Weakness
from ticketing.models import PRIORITY, STATUS

# The long form: STEPS=10000 SEEDS=7 bin/test tests/integration/hub/test_any_view.py
STEPS = int(os.environ.get("STEPS", "120"))
SEEDS = os.environ.get("SEEDS", "any").split()
SOCKETS = 4
VIEWS_A_SOCKET = 9
# How likely each writer's open transaction ends at its next step: the last one's stay open for long.
WRITERS = (0.5, 0.3, 0.3, 0.03)
# Longer than anything takes that heals.
PATIENCE = 40.0


@dataclass
class Site:
    """A portal with two web processes over one worker, and a channel layer that can be weak."""

    live: LiveSite
    webs: dict[str, Service]
    weakness: Weakness
    cookies: dict[str, str]
    people: list[str]
    is_adopted: bool

    @property
    def redis(self) -> Service:
        return self.live.stack.redis.service

    @contextmanager
    def weak_layer(self) -> Iterator[None]:
        with self.weakness.on():
            yield

    @contextmanager
    def redis_killed(self) -> Iterator[None]:
        self.redis.kill()
        yield
        self.redis.start()

    @contextmanager
    def redis_frozen(self) -> Iterator[None]:
        self.redis.freeze()
        yield
        self.redis.thaw()

    @contextmanager
    def worker_replaced(self) -> Iterator[None]:
        self.live.worker.kill()
        yield
        self.live.worker.start()

    @contextmanager
    def no_fault(self) -> Iterator[None]:
        yield


@pytest.fixture(scope="module", params=["ours", "adopted"])
def site(
    request: pytest.FixtureRequest, services: SessionServices, postgres_url: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[Site]:
    """Over a database that our migrations have made, and over one with an app's own tables."""
    is_adopted = request.param == "adopted"
    directory, name = services.directory / f"any-view-{request.param}", f"any_view_{request.param}"
    template = "template1" if is_adopted else migrated_template(postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template)))
    stack = LocalStack(directory, database=name, postgres=services.postgres, realtime=QUICK)
    directory.mkdir()
    weakness = Weakness(directory / "weakness")
    live = make_live_site(stack, directory, weakness.environment)
    everything = live.environment | {"REALTIME_READ_EVERYTHING": "1"}
    webs = {"by reach": live.web, "everything": make_web(everything, directory / "everything.log")}
    address = connections["default"].settings_dict
    before = address["NAME"]
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        for path, value in SMALL_PAGES.items():
            patch.setattr(path, value)
        connections["default"].close()
        address["NAME"] = name
        try:
            live.stack.start()
            if is_adopted:
                with live.connect() as app:
                    app.execute(AN_APP.read_bytes())
                live.manage("adopt")
                columns.forget()
            else:
                _give_it_an_apps_words(live)
            for service in (*webs.values(), live.worker):
                service.launch()
            cookies, people = _people()
            yield Site(live, webs, weakness, cookies, people, is_adopted)
        finally:
            connections["default"].close()
            address["NAME"] = before
            columns.forget()
            forget_words()
            for service in (live.worker, *webs.values()):
                service.kill()
            live.stack.stop()


# Words that no migration of ours made: in an enum, in a text, and in a text that may be anything.
HELD = {
    "status": ("new", "Waiting for\u00a0us", "won't fix", "100 % %s", "ärger {{ x }}", None),
    "priority": ("", " P3", 'Ur"gent<b>', "nobody knows it", None),
    "type": ("Besuch", "call", "\\n'' or 1=1", "?"),
}


# What an app writes.
ODDLY = {
    "status": ("Open", "in progress", "WON'T FIX", "ärger %s", "", "not known yet", None),
    "priority": ("whenever", "HIGH", "low", None),
    "type": ("Call", "walk-in", "", "not known yet", None),
}


def _give_it_an_apps_words(live: LiveSite) -> None:
    quoted = ", ".join(sql.Literal(word).as_string() for word in HELD["status"] if word)
    with live.connect() as app:
        app.execute(
            "alter table tickets drop constraint tickets_status_known, drop constraint tickets_priority_known;"
            "alter table interactions drop constraint interactions_type_known;"
            "drop index tickets_by_progress;"
            f'create type "Their status" as enum ({quoted});'
            "alter table tickets alter status drop default, alter status drop not null, alter priority drop not null,"
            ' alter priority type text, alter status type "Their status" using null;'
            "alter table interactions alter type type varchar(300);"
            # The last one of each has no word yet.
            "delete from realtime_word;".encode()
        )
    columns.forget()
    for table, column, ours in (
        ("tickets", "status", STATUS),
        ("tickets", "priority", PRIORITY),
        ("interactions", "type", TYPE),
    ):
        known = [value for value in HELD[column] if value is not None]
        add_words(table, column, guessed(known[:-1], ours))


def _people() -> tuple[dict[str, str], list[str]]:
    """Some colleagues, and the session of one who may see everything."""
    users: Any = get_user_model()._default_manager
    reader, *others = [users.create_superuser(username=name, first_name=name) for name in ("ada", "bo", "cy")]
    session = SessionStore()
    session[SESSION_KEY] = str(reader.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = reader.get_session_auth_hash()
    session.create()
    return {settings.SESSION_COOKIE_NAME: session.session_key}, [str(user.pk) for user in (reader, *others)]


@dataclass(frozen=True)
class View:
    definition: Definition
    params: Params

    def shown(self) -> Shown:
        """What a page shows that is loaded now; nothing that is kept helps."""
        rows.forget()
        forget_words()
        now, token = self.definition.snapshot(self.params).shown, sign(self.definition.name, self.params)
        return Shown(token, now.count is not None, dict(now.rows), now.count, dict(now.parts))


class Page:
    """Some views that are followed together, on a socket of each hub."""

    def __init__(self, views: list[View], followers: list[Follower]) -> None:
        self._views = views
        self._followers = followers
        self._tasks: list[asyncio.Task[None]] = []
        painted = [view.shown() for view in views]
        for follower in followers:
            follower.show(painted, range(len(views)))

    async def open(self) -> None:
        self._tasks = [asyncio.create_task(follower.run()) for follower in self._followers]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wrong(self) -> list[str]:
        """How each socket differs from a reload; a socket that ended tells why."""
        now = [view.shown() for view in self._views]
        wrong = [f"a socket ended: {task.exception()!r}" for task in self._tasks if task.done()]
        for follower in self._followers:
            if told := follower.difference(now):
                view = self._views[int(told.split()[1])]
                wrong.append(f"{follower.name}: {view.definition.name} {view.params}: {told}")
        return wrong


class Walk:
    """A random walk: pages come and go while writers write, in rounds that each end with a comparison."""

    def __init__(self, site: Site, seed: int, loop: LoopThread) -> None:
        self.chance = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self._seed, self._site, self._loop = seed, site, loop
        held = ODDLY if site.is_adopted else HELD
        self._anything = Anything(self.chance, people=site.people, held=held, adopted=site.is_adopted)
        self._pages: list[Page] = []
        self._writers = [Writer(site.live.connect(), self._anything, ends) for ends in WRITERS]

    def go(self, steps: int) -> None:
        self._writers[0].furnish(300)
        mild = [self._site.no_fault, self._site.no_fault, self._site.weak_layer, self._site.weak_layer]
        harsh = [self._site.redis_killed, self._site.redis_frozen, self._site.worker_replaced]
        self.chance.shuffle(harsh)
        done, turn = 0, 0
        while done < steps:
            turn += 1
            # After a harsh one everything is reread for a while, so these are few.
            fault = harsh[turn // 6 % 3] if turn % 6 == 0 else self.chance.choice(mild)
            number = min(self.chance.choice((1, 3, 8, 20)), steps - done)
            done += number
            turns = turn == 1 or self.chance.random() < 0.4
            with fault():
                self._write(number, self.chance.randrange(number) if turns else None)
            self._settle(f"seed {self._seed}, step {done}, after {fault.__name__}")

    def _write(self, steps: int, turns_a_page_at: int | None) -> None:
        for step in range(steps):
            if step == turns_a_page_at:
                self._turn_a_page()
            self.chance.choice(self._writers).step()
        # Not the last one's: the others are seen while that one is still open.
        for writer in self._writers[:-1]:
            writer.end()
        if self.chance.random() < 0.3:
            self._writers[-1].end()

    def _turn_a_page(self) -> None:
        """Closes a page and opens others, in the middle of it all."""
        if len(self._pages) == SOCKETS:
            self._loop.run(self._pages.pop(self.chance.randrange(SOCKETS)).close())
        while len(self._pages) < SOCKETS:
            views = [self._any_view() for _ in range(VIEWS_A_SOCKET)]
            page = Page(views, [self._follower(mode) for mode in self._site.webs])
            self._pages.append(page)
            self._loop.run(page.open())

    def _any_view(self) -> View:
        name, raw = self._anything.view()
        definition = definition_named(name)
        self.counts[name] += 1
        return View(definition, definition.normalise(raw))

    def _follower(self, mode: str) -> Follower:
        address = f"http://{self._site.webs[mode].address}"
        return Follower(mode, address, "", self._site.cookies, self.counts)

    def _settle(self, where: str) -> None:
        since = time.monotonic()
        # Once a page is right it stays so: nobody writes.
        for page in self._pages:
            while wrong := page.wrong():
                assert time.monotonic() - since < PATIENCE, f"{where}: {wrong}"
                time.sleep(0.05)

    def stop(self) -> None:
        for page in self._pages:
            self._loop.run(page.close())
        for writer in self._writers:
            writer.close()


@pytest.mark.any_keys
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_open_shows_what_a_reload_shows_on_both_hubs(site: Site, seed: str) -> None:
    loop = LoopThread()
    loop.start()
    walk = Walk(site, seed_of(seed), loop)
    try:
        walk.go(STEPS)
    finally:
        walk.stop()
        loop.stop()
    assert walk.counts["patch"] > 0
