"""The dashboard: every figure follows every change and the clock, counts what it says, and shows nobody too much."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.utils import timezone

from project import views
from project.accounts.models import User
from project.chaos.shown import read_page
from realtime.hub.live_view import LiveView
from realtime.live.definition import definition_named
from realtime.live.first_paint import Patience
from realtime.live.lists import LiveList
from realtime.live.regions import LiveRegion
from realtime.live.tokens import read_token
from realtime.live.zones import in_zone
from realtime.models import RealtimeChange
from tests.integration.hub.test_reach import Office, office, run, sql
from tests.integration.pages.test_portal import signed_in, text
from ticketing.live.figures import TicketFlow
from ticketing.models import Ticket

__all__ = ["office"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_pages")]

STEPS = 40
# One with summer time, and one whose days begin at a quarter past an hour of UTC.
ZONES = ("Asia/Kathmandu",)
STATUSES = ("open", "pending", "resolved", "closed")
PRIORITIES = ("low", "normal", "high", "urgent")


class Clock:
    """What Python takes for the time; PostgreSQL's own goes on as it does."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def people(db: None) -> list[str]:
    return [str(User.objects.create_user(f"agent-{n}", first_name=f"Agent {n}").pk) for n in range(3)] + [str(uuid4())]


def one_of(chance: random.Random, table: str) -> str:
    """The key of a row that is there, or of one that this makes; of none where that needs a relative."""
    keys = [str(key) for (key,) in run(f"select id from {table} order by created_at, id", [])]
    if keys:
        return chance.choice(keys)
    if table in ("comments", "attachments", "acquisitions", "interactions"):
        return str(uuid4())
    column = "title" if table == "tickets" else "name"
    return str(sql(f"insert into {table} ({column}) values ('first') returning id"))


def write(chance: random.Random, people: list[str]) -> None:
    """One random change of something that the dashboard counts or names."""
    ago = timedelta(seconds=chance.choice((10**4, 10**5, 10**6, 10**7)) * chance.random())
    ticket: dict[str, Callable[[], Any]] = {
        "status": lambda: chance.choice(STATUSES),
        "priority": lambda: chance.choice(PRIORITIES),
        "assigned_to": lambda: chance.choice((None, *people)),
        "title": lambda: f"ticket {chance.randint(0, 9)}",
    }
    sale = {
        "total_amount": lambda: Decimal(chance.randint(0, 9999)) / 100,
        "product_id": lambda: one_of(chance, "products"),
        "customer_id": lambda: one_of(chance, "customers"),
    }
    named = {"name": lambda: f"name {chance.randint(0, 9)}"}
    talk = {
        "customer_id": lambda: one_of(chance, "customers"),
        "interaction_at": lambda: datetime.now(UTC) - ago,
    }
    comment = {"ticket_id": lambda: one_of(chance, "tickets"), "content": lambda: f"words {chance.random()}"}
    columns = {
        "tickets": ticket,
        "acquisitions": sale,
        "products": named,
        "customers": named,
        "interactions": talk,
        "comments": comment,
    }
    table = chance.choice((*columns, "tickets", "tickets", "acquisitions"))
    action = chance.choice(("insert", "insert", "update", "update", "update", "delete"))
    if action == "insert":
        row = {name: value() for name, value in columns[table].items()} | {"created_at": datetime.now(UTC) - ago}
        sql(f"insert into {table} ({', '.join(row)}) values ({', '.join(['%s'] * len(row))})", *row.values())
    elif action == "update":
        column, value = chance.choice(list(columns[table].items()))
        sql(f"update {table} set {column} = %s where id = %s", value(), one_of(chance, table))
    elif table not in ("products", "customers"):
        key = one_of(chance, table)
        sql("delete from comments where ticket_id = %s", key)
        sql(f"delete from {table} where id = %s", key)


def open_everything(office: Office, zone: str) -> list[LiveView]:
    names = [*views.TILES, *(chart.region for chart in (views.FLOW, views.QUEUE, views.PEOPLE)), "activity"]
    names += [region for _, _, region in views.BLOCKS]
    opened = [office.open(name, {"tz": zone}) for name in names]
    opened += [office.open("activity", {"kinds": [kind]}) for kind in ("acquisition", "comment")]
    return opened + [
        office.open(chart.region, {"tz": zone, "by": by})
        for chart in (views.SALES, views.PRODUCTS)
        for by in views.SALES_BY
    ]


@pytest.mark.parametrize("zone", ZONES)
def test_a_figure_that_differs_from_a_reload_is_read_again(
    office: Office, clock: Clock, people: list[str], zone: str
) -> None:
    chance = random.Random(zone)
    for _ in range(60):
        write(chance, people)
    office.hear()
    opened = open_everything(office, zone)
    told: Counter[str] = Counter()
    for step in range(STEPS):
        if chance.random() < 0.2:
            clock.now += timedelta(hours=chance.choice((1, 5, 9, 40, 200)))
        else:
            for _ in range(chance.choice((1, 1, 4))):
                write(chance, people)
        marked = office.hear()
        for view in opened:
            assert view.snapshot is not None
            turned = view.snapshot.turns_at is not None and view.snapshot.turns_at <= clock.now
            before = view.snapshot.shown
            office.read(view)
            differs = view.snapshot.shown != before
            if differs and not turned and view not in marked:
                pytest.fail(f"step {step}: {view.definition.name} {view.params} missed one of {office.changes}")
            told["turned" if turned else "marked" if view in marked else "left alone"] += differs
            told[view.definition.name] += differs
    assert told["turned"] > 10, told
    assert all(told[view.definition.name] for view in opened), told


def test_a_persons_name_is_in_the_figures_and_follows(office: Office, people: list[str]) -> None:
    sql("insert into tickets (title, assigned_to) values ('t', %s)", people[0])
    [view] = [office.open("ticket-people", {})]
    assert "Agent 0" in view.snapshot.parts["body"].html  # type: ignore[union-attr]
    # The people's table isn't live: its changes come as a reset of the table.
    assert User._meta.db_table in view.definition.tables
    assert User._meta.db_table in definition_named("activity").tables


# What is counted


def context(name: str, zone: str = "UTC", **raw: Any) -> dict[str, Any]:
    definition = definition_named(name)
    assert isinstance(definition, LiveRegion)
    with in_zone(zone):
        return definition.context(definition.normalise(raw | {"tz": zone}))


def figures(name: str, zone: str, **raw: Any) -> list[tuple[Any, ...]]:
    """The lines, without what each is called."""
    return [line.values for line in context(name, zone, **raw)["figures"].lines]


@pytest.mark.parametrize("zone", ZONES)
def test_the_figures_are_what_counting_by_hand_gives(clock: Clock, people: list[str], zone: str) -> None:
    chance = random.Random(zone)
    for _ in range(250):
        write(chance, people)
    # The log's own time can't be chosen by writers.
    for revision in RealtimeChange.objects.values_list("revision", flat=True):
        back = timedelta(days=chance.choice((0, 1, 8, 40)) * chance.random())
        sql("update realtime_change set at = at - %s where revision = %s", back, revision)
    here = ZoneInfo(zone)
    today = clock.now.astimezone(here).date()

    def day(at: datetime) -> date:
        return at.astimezone(here).date()

    ages: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    created: Counter[date] = Counter()
    for ticket in Ticket.objects.all():
        created[day(ticket.created_at)] += 1
        age = (today - day(ticket.created_at)).days
        if ticket.status == "open":
            ages[ticket.get_priority_display()][sum(age > limit for limit in (0, 6, 29))] += 1
    assert figures("ticket-queue", zone) == [tuple(ages[each]) for each in ("Urgent", "High", "Normal", "Low")]

    solved: defaultdict[date, set[Any]] = defaultdict(set)
    by_person: defaultdict[str, set[Any]] = defaultdict(set)
    for change in RealtimeChange.objects.filter(table_name="tickets", op="UPDATE"):
        was, now = change.old["status"], change.new["status"]  # type: ignore[index]
        if was in ("open", "pending") and now in ("resolved", "closed"):
            solved[day(change.at)].add(change.row_key)
            if day(change.at) > today - timedelta(days=7):
                by_person[change.new["assigned_to"]].add(change.row_key)  # type: ignore[index]
    days = [today - timedelta(days=back) for back in range(29, -1, -1)]
    assert figures("ticket-flow", zone) == [(created[each], len(solved[each])) for each in days]
    assert any(solved.values())

    load = Counter((str(t.assigned_to), t.status) for t in Ticket.objects.exclude(assigned_to=None))
    rows = sorted(
        (load[key, "open"], load[key, "pending"], len(by_person[key]))
        for key in {key for key, _ in load} | (by_person.keys() - {None})
        if load[key, "open"] or load[key, "pending"] or by_person[key]
    )
    assert sorted(figures("ticket-people", zone)) == rows

    sales: defaultdict[str, defaultdict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    with connection.cursor() as cursor:
        cursor.execute("select created_at, total_amount from acquisitions")
        for at, amount in cursor.fetchall():
            sales["weeks"][day(at) - timedelta(days=day(at).weekday())] += amount
            sales["months"][day(at).replace(day=1)] += amount
    weeks = [today - timedelta(days=today.weekday() + 7 * back) for back in range(11, -1, -1)]
    assert figures("sales-over-time", zone, by="weeks") == [(sales["weeks"][week],) for week in weeks]
    monthly = figures("sales-over-time", zone, by="months")
    assert monthly[-1] == (sales["months"][today.replace(day=1)],)
    assert sum(amount for (amount,) in monthly) == sum(
        amount for (amount,) in figures("sales-by-product", zone, by="months")
    )


def test_days_that_the_log_may_have_forgotten_are_left_out(settings: Any) -> None:
    for kept, shown in ((0, 30), (90, 30), (31, 30), (8, 7), (1, 1)):
        settings.REALTIME_RETENTION_DAYS = kept
        assert len(figures("ticket-flow", "UTC")) == shown


def test_each_key_figure_is_the_count_of_the_list_behind_it(people: list[str]) -> None:
    chance = random.Random(5)
    for _ in range(120):
        write(chance, people)
    client = signed_in(User.objects.create_superuser("boss", password="right"))
    for name in ("ticket-tiles", "customer-tiles", "interaction-tiles"):
        for tile in context(name)["tiles"]:
            listed = client.get(tile.url).context["live"]
            assert listed.count == LiveList.count_text(int(tile.value)), tile


# Rights


def reader(*rights: str) -> Client:
    user = User.objects.create_user(f"reader-{uuid4().hex[:8]}", password="right")
    user.user_permissions.set(Permission.objects.filter(codename__in=[f"view_{right}" for right in rights]))
    return signed_in(user)


def test_each_person_gets_the_blocks_they_may_see_and_no_others(people: list[str]) -> None:
    chance = random.Random(1)
    kinds = ("product", "customer", "acquisition", "interaction", "ticket", "comment", "attachment")
    for rights in ((), ("product",), ("ticket",), ("comment",), kinds[:4], kinds, *(chance.sample(kinds, 3),) * 3):
        page = reader(*rights).get("/")
        assert page.status_code == 200
        held = {f"{'ticketing' if r in kinds[4:] else 'crm'}.view_{r}" for r in rights}
        shown = set()
        for part in read_page(page.content.decode()):
            definition, params = read_token(part.token)
            assert definition.permissions(params) <= held, (definition.name, params, rights)
            shown.add(definition.name)
        assert ("ticket-flow" in shown) is ("ticket" in rights)
        assert ("sales-over-time" in shown) is ("acquisition" in rights)
        # A comment is shown at its ticket, so it takes the right to see that one as well.
        assert ("activity" in shown) is bool(set(rights) - {"comment", "attachment"})
        assert ("There is nothing your account may see here." in page.content.decode()) is (not shown)


def test_recent_activity_names_who_did_what_to_what(people: list[str]) -> None:
    lamp = sql("insert into products (name) values ('Secret lamp') returning id")
    client = reader("ticket", "comment")
    author = User.objects.get(pk=people[0])
    sql("select set_config('livedesk.actor', %s, false)", str(author.pk))
    key = sql("insert into tickets (title) values ('Broken <b>desk</b>') returning id")
    sql("update tickets set status = 'pending', description = 'private words' where id = %s", key)
    sql("insert into comments (ticket_id, content) values (%s, 'private words')", key)
    sql("update products set name = 'Hidden lamp' where id = %s", lamp)
    body = text(client.get("/")).partition('data-block="activity"')[2].partition("</section>")[0]
    assert "Agent 0" in body
    assert "Status: Open → Pending, Description" in body
    assert "added a comment on" in body
    assert f'href="/ticketing/tickets/{key}/"' in body
    assert "Broken &lt;b&gt;desk&lt;/b&gt;" in body
    assert "private words" not in body
    assert "lamp" not in body
    sql("delete from comments")
    sql("delete from tickets where id = %s", key)
    body = text(client.get("/")).partition('data-block="activity"')[2].partition("</section>")[0]
    assert "deleted the ticket" in body
    assert f'href="/ticketing/tickets/{key}/"' not in body
    sql("select set_config('livedesk.actor', '', false)")


def test_a_hundred_changes_of_one_sort_are_one_entry(people: list[str]) -> None:
    sql("insert into tickets (title) select 'many' from generate_series(1, 30)")
    sql("insert into products (name) values ('one')")
    entries = context("activity", kinds=["product", "ticket"])["entries"]
    assert [(entry.did, entry.words, entry.others) for entry in entries] == [
        ("added", "the product", 0),
        ("added", "the ticket", 29),
    ]


# Time


def test_news_that_grows_old_leaves_by_itself(office: Office, clock: Clock) -> None:
    sql("insert into products (name) values ('first')")
    view = office.open("activity", {})
    assert view.snapshot is not None
    assert view.snapshot.turns_at is not None
    clock.now = view.snapshot.turns_at - timedelta(microseconds=1)
    assert view.definition.snapshot(view.params) == view.snapshot
    clock.now = view.snapshot.turns_at
    assert "first" not in view.definition.snapshot(view.params).parts["body"].html


def test_a_block_that_takes_long_is_shown_later_and_the_page_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(self: Any, params: Any) -> dict[str, Any]:
        sql("select pg_sleep(60)::text")
        return {}

    monkeypatch.setattr(TicketFlow, "context", slowly)
    monkeypatch.setattr(views, "PAINT_SECONDS", 0.5)
    before = sql("select current_setting('statement_timeout')")
    page = text(signed_in(User.objects.create_superuser("boss", password="right")).get("/"))
    assert "This takes a moment. It appears here by itself." in page
    assert sql("select current_setting('statement_timeout')") == before
    # The hub's version can't be the placeholder's, so the page gets the block as soon as it is read.
    late = Patience(0).live_view("ticket-queue", {})
    assert late.version != Patience(60).live_view("ticket-queue", {}).version
