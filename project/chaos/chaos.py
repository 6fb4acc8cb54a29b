"""A run: one portal with its observers, and rounds of storm, quiet and verdict until the time is up."""

import random
import signal
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import FrameType

import psycopg

from project.chaos.browsers import Browsers
from project.chaos.crowd import Crowd, sign_in
from project.chaos.faults import all_faults
from project.chaos.hoppers import Hoppers
from project.chaos.loop_thread import LoopThread
from project.chaos.observer import Holdings, Logs, Statuses, holdings
from project.chaos.options import Options
from project.chaos.records import Records
from project.chaos.report import say, tell_end, tell_round
from project.chaos.sender import Sender
from project.chaos.site import WEBS, WORKERS, Site
from project.chaos.storm import Storm
from project.chaos.verdict import Round
from project.chaos.writers import Writers
from realtime.keys import Key, read_key
from realtime.live.sorting import PageKey

USERNAME = PASSWORD = "demo"  # noqa: S105 (seed_demo's)
TICK_SECONDS = 0.2
LOOK_SECONDS = 1.0
HOPPERS = 8
VISITED = ("/crm/customers", "/crm/products", "/ticketing/tickets")
PATIENCE_SECONDS = 90.0
REDIS_MEMORY = 64 << 20
DATABASE_CONNECTIONS = 80


class Stopped(BaseException):
    """A signal asked the run to stop."""


class Chaos:
    def __init__(self, directory: Path, options: Options) -> None:
        self._options = options
        self._loop = LoopThread()
        self._site = Site(
            directory,
            self._loop,
            realtime=options.realtime,
            doorbell=options.doorbell,
            adopt=options.adopt,
            server=options.server,
        )
        self._records = Records(self._site.records)
        self._statuses = Statuses(self._site.stack.redis_url)
        self._logs = Logs(tuple(self._site.logs / f"{name}.log" for name in (*WORKERS, *WEBS)))
        self._baseline: dict[str, Holdings] = {}
        self._signalled = False
        self._started = time.monotonic()

    def run(self) -> bool:
        """True when every round held. Whatever happens, it leaves nothing running that it started."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        rounds: list[Round] = []
        browsers: Browsers | None = None
        try:
            self._loop.start()
            self._site.start(say)
            self._check()
            browsers = self._open_browsers()
            crowd = self._gather_crowd()
            for seed in self._seeds():
                rounds.append(self._round(seed, browsers, crowd))
                tell_round(rounds[-1])
        except Stopped:
            say("stopped")
        finally:
            if browsers is not None:
                browsers.stop()
            self._site.stop()
            self._loop.stop()
            self._statuses.close()
            if not self._options.keep:
                self._site.remove()
        if rounds:
            tell_end(rounds)
        return bool(rounds) and not any(told.reasons() for told in rounds) and not self._signalled

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # Only noted: raised while Playwright or a service waits, it would leave something half made behind.
        self._signalled = True

    def _check(self) -> None:
        if self._signalled:
            raise Stopped

    def _seeds(self) -> Iterator[int]:
        """The first seed in any case, and more while there is time for another storm."""
        begun = time.monotonic()
        seed = self._options.seed
        yield seed
        while time.monotonic() - begun + self._options.storm_seconds < self._options.minutes * 60:
            seed += 1
            yield seed

    # The observers

    def _open_browsers(self) -> Browsers:
        with self._site.connect() as sql:
            self._anchors = {table: _anchors(sql, table) for table in ("customers", "products", "tickets")}
        customer, product, ticket = (str(keys[0]) for keys in self._anchors.values())
        browsers = Browsers()
        groups = (
            ("/crm/products/", f"/ticketing/tickets/{ticket}/", "/crm/interactions/"),
            ("/ticketing/tickets/", f"/crm/customers/{customer}/", "/"),
            ("/ticketing/board/", f"/crm/products/{product}/", "/crm/acquisitions/?total=middle"),
        )
        browsers.open(self._site.addresses, groups, USERNAME, PASSWORD)
        form = f"/crm/products/{product}/edit/"
        self._typist = browsers.typist(self._site.addresses[0], form, USERNAME, PASSWORD)
        return browsers

    def _gather_crowd(self) -> Crowd:
        cookies = self._loop.run(sign_in(self._site.direct_address, USERNAME, PASSWORD))
        self._cookies = cookies
        crowd = Crowd(self._site.addresses, self._site.direct_address, cookies)
        paths = list(_paths(self._anchors))
        self._loop.run(crowd.start(self._options.sockets, paths, random.Random(0)))
        # The browsers are at the first of each; nobody stays at the second.
        visited = [f"{path}/{self._anchors[path.split('/')[-1]][1]}/" for path in VISITED]
        self._hoppers = Hoppers(self._site.addresses, cookies, self._loop.run(crowd.load(visited)))
        say(f"{self._options.sockets} sockets on {len(paths)} pages, and 9 pages in 3 browsers")
        return crowd

    # A round

    def _round(self, seed: int, browsers: Browsers, crowd: Crowd) -> Round:
        told = Round(seed, self._options.realtime)
        began, mark, connections = time.monotonic(), self._last_revision(), crowd.counts["connections"]
        self._logs.begin()
        self._records.begin()
        self._statuses.begin()
        self._site.ended.clear()
        browsers.errors.clear()
        self._storm(told, browsers)
        self._quiet(told, browsers, crowd, mark)
        told.connections = crowd.counts["connections"] - connections
        self._judge(told, browsers, crowd)
        self._loop.run(crowd.reload_ended())
        told.seconds = time.monotonic() - began
        return told

    def _storm(self, told: Round, browsers: Browsers) -> None:
        options = self._options
        writers = Writers(self._site.connect, told.seed, options.writers, options.pace, self._anchors)
        storm = Storm(
            [*all_faults(self._site), self._typist.fault(self._site)], random.Random(told.seed), options.storm_seconds
        )
        self._sender = Sender(
            self._site.addresses, self._cookies, self._site.connect, self._anchors["tickets"][0], told.seed
        )
        writers.start()
        self._loop.run(self._sender.start())
        self._loop.run(self._hoppers.start(HOPPERS))
        try:
            while not storm.over:
                self._check()
                storm.tick()
                self._site.tend()
                self._statuses.look()
                browsers.pause(TICK_SECONDS)
        finally:
            writers_stopped = time.monotonic()
            storm.end()
            writers.stop()
            self._loop.run(self._hoppers.stop())
        storm.history.append(f"writers stopped within {time.monotonic() - writers_stopped:.1f} s")
        self._site.mend()
        self._loop.run(self._sender.finish())
        told.injected, told.history = storm.injected, storm.history
        told.writes = writers.done + self._sender.done
        told.problems += writers.problems

    def _quiet(self, told: Round, browsers: Browsers, crowd: Crowd, mark: int) -> None:
        """Waits until everything is as it should be, or until it has waited long enough."""
        since = time.monotonic()
        crowd.healed.clear()
        browsers.forget_healing()
        while True:
            # Those that many rows at once still get are changes, too.
            told.committed, running = self._committed(mark), self._sender.running()
            self._check()
            self._site.tend()
            self._statuses.look()
            self._records.read()
            divergent = self._loop.run(crowd.look(since)) + browsers.look(since)
            divergent += self._hoppers.ghosts(crowd.followers)
            told.heard = {revision for revision in self._records.heard if revision > mark}
            told.divergent = [str(divergence) for divergence in divergent]
            told.history.append(
                f"{time.strftime('%H:%M:%S')} quiet for {time.monotonic() - since:.0f} s: {len(told.lost)} not heard,"
                f" {len(divergent)} divergent, {running} bulks running{f', {told.divergent[0]}' if divergent else ''}"
            )
            if (not divergent and not told.lost and not running) or time.monotonic() - since > PATIENCE_SECONDS:
                break
            browsers.pause(LOOK_SECONDS)
        told.healed = [*crowd.healed.values(), *browsers.healed]
        told.watched = len(crowd.followers) + browsers.number

    def _judge(self, told: Round, browsers: Browsers, crowd: Crowd) -> None:
        told.by_path, told.twice = self._records.by_path.copy(), list(self._records.twice)
        told.through_realtime, told.takeovers = self._statuses.through_realtime, self._statuses.takeovers
        told.unwanted_logs, told.ended = self._logs.unwanted(), list(self._site.ended)
        told.problems += [f"in the browser {error}" for error in browsers.errors]
        told.problems += [f"a socket's frame was not understood: {error}" for error in crowd.died()]
        told.problems += [
            f"{number} times {kind}" for kind, number in crowd.counts.items() if kind.startswith("error:")
        ]
        told.problems += self._typist.problems() + self._sender.problems()
        told.growth = self._growth()
        told.log_tails = self._logs.tail()

    def _growth(self) -> list[str]:
        now = holdings(self._site.services, (*WORKERS, *WEBS))
        found = [
            f"{name} holds {held}, after its first round {self._baseline[name]}"
            for name, held in now.items()
            if name in self._baseline and held.exceeds(self._baseline[name])
        ]
        self._baseline = now | self._baseline
        if (memory := self._statuses.redis_memory()) > REDIS_MEMORY:
            found.append(f"Redis holds {memory >> 20} MB")
        if queue := self._statuses.last.get("queue"):
            found.append(f"{queue} events wait in the worker")
        with self._site.connect() as sql:
            row = sql.execute("select count(*) from pg_stat_activity where backend_type = 'client backend'").fetchone()
        if row is not None and row[0] > DATABASE_CONNECTIONS:
            found.append(f"{row[0]} connections to the database")
        return found

    def _last_revision(self) -> int:
        with self._site.connect() as sql:
            row = sql.execute("select coalesce(max(revision), 0) from realtime_change").fetchone()
        return int(row[0]) if row else 0

    def _committed(self, mark: int) -> dict[int, str]:
        with self._site.connect() as sql:
            rows = sql.execute(
                "select revision, table_name, op, row_key, at from realtime_change"
                " where revision > %s and op not in ('TRUNCATE', 'RESET')",
                [mark],
            ).fetchall()
        return {row[0]: f"{row[0]} {row[2]} of {row[1]} {row[3]} at {row[4]:%H:%M:%S}" for row in rows}


def _anchors(sql: "psycopg.Connection[tuple[object, ...]]", table: str) -> list[Key]:
    """Rows that stay, because pages show them."""
    rows = sql.execute(f"select id from {table} order by created_at desc, id limit 2".encode()).fetchall()
    return [read_key(row[0]) for row in rows]


def _paths(anchors: dict[str, list[Key]]) -> Iterator[str]:
    """The pages that plain sockets follow: lists with all that addresses may ask for, and pages about one row."""
    yield from ("/", "/crm/products/", "/ticketing/tickets/", "/ticketing/board/", "/notifications/")
    yield from ("/crm/products/?last=1", "/crm/products/?q=red", "/crm/products/?price=small")
    yield from ("/crm/products/?sort=name&size=25", "/crm/products/?sort=-price&price_min=100&created=today&last=1")
    somewhere = PageKey(Decimal(1500), anchors["products"][0]).text
    yield from (f"/crm/products/?sort=-price&{place}={somewhere}" for place in ("after", "before"))
    yield from ("/crm/customers/", "/crm/customers/?contact=email", "/crm/customers/?q=green&sort=-updated")
    yield from (
        "/ticketing/tickets/?status=open&status=pending&sort=-priority&size=25",
        "/ticketing/tickets/?sort=title",
    )
    yield from ("/ticketing/tickets/?assigned=nobody&priority=urgent&q=re", "/crm/acquisitions/?sort=quantity&last=1")
    yield from ("/crm/acquisitions/", "/crm/acquisitions/?total=large", "/crm/interactions/?type=call")
    yield from ("/crm/interactions/", "/ticketing/tickets/?status=open", "/ticketing/tickets/?q=blue")
    for customer in anchors["customers"]:
        yield f"/crm/customers/{customer}/"
        yield f"/crm/acquisitions/?customer={customer}"
    yield from (f"/crm/products/{key}/" for key in anchors["products"])
    yield from (f"/ticketing/tickets/{key}/" for key in anchors["tickets"])
