"""Nobody receives a frame they may not see: a marker in every table, every view requested, every frame recorded."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from realtime.hub.wire import VIEWS_A_SOCKET
from realtime.live.definition import _definitions
from realtime.live.tokens import sign
from realtime.live.tracked import tracked_named
from tests.integration.hub.test_socket import Invite, Person, Socket, invite, sql
from tests.live_site import LiveSite

__all__ = ["invite", "sql"]

# Which words there are is asked of a database.
pytestmark = pytest.mark.django_db

Connection = psycopg.Connection[Any]

# Where each table's text goes; the marker is in every column that takes any text.
TEXTS = {
    "products": ("name", "description"),
    "customers": ("name", "email", "phone"),
    "interactions": ("notes",),
    "tickets": ("title", "description"),
    "comments": ("content",),
    "attachments": ("file_name", "file_url", "file_type"),
}
# An acquisition has no text: its amount is the marker.
AMOUNT = "acquisitions"


PERSONAL = {"bell", "bulk", "newest-notifications", "notifications"}


@dataclass
class World:
    """One row of each table, all related, and the tokens of every view that can show one of them."""

    sql: Connection
    keys: dict[str, str]

    def mark(self) -> dict[str, str]:
        """Writes a new marker into every column of every table; returns it by table."""
        markers = {}
        for table, columns in TEXTS.items():
            marker = markers[table] = f"m{uuid4().hex[:12]}"
            assignments = ", ".join(f"{column} = %s" for column in columns)
            self.sql.execute(
                f"update {table} set {assignments} where id = %s",  # type: ignore[call-overload]
                [*[marker] * len(columns), self.keys[table]],
            )
        amount = uuid4().int % 10**6
        markers[AMOUNT] = f"{7_000_000 + amount:,}.77"
        self.sql.execute(
            "update acquisitions set total_amount = %s where id = %s",
            [markers[AMOUNT].replace(",", ""), self.keys[AMOUNT]],
        )
        return markers

    def tokens(self, reader: Person) -> dict[str, str]:
        """Of every view; those that are one person's alone are this one's."""
        keys = self.keys
        singular = {table.removesuffix("s"): key for table, key in keys.items()}
        tokens = {}
        for name, definition in _definitions.items():
            raw: dict[str, Any] = {"id": singular.get(name.split("-")[0], ""), "revision": 0, "status": "open"}
            # Whose history it is to be: of everything there is.
            raw |= {"seen": [kind for kind in singular if tracked_named(kind)]} if name == "history" else {}
            raw |= {"ticket": keys["tickets"]} if name.removesuffix("-count") in ("comments", "attachments") else {}
            raw |= {"person": reader.key, "comments": True} if name in PERSONAL else {}
            raw |= {"listing": "tickets"} if name in ("bulk", "bulks") else {}
            raw |= {"id": str(uuid4())} if name == "bulk" else {}
            if not raw["id"]:
                del raw["id"]
            raw = raw if name != "tickets" else {}
            tokens[name] = sign(name, definition.normalise(raw))
        return tokens


@pytest.fixture
def world(sql: Connection) -> World:
    def insert(statement: str, *values: object) -> str:
        row = sql.execute(f"{statement} returning id", values).fetchone()  # type: ignore[call-overload]
        assert row is not None
        return str(row[0])

    keys = {
        "products": insert("insert into products (name) values ('p')"),
        "customers": insert("insert into customers (name) values ('c')"),
        "tickets": insert("insert into tickets (title) values ('t')"),
    }
    keys["acquisitions"] = insert(
        "insert into acquisitions (customer_id, product_id) values (%s, %s)", keys["customers"], keys["products"]
    )
    keys["interactions"] = insert("insert into interactions (customer_id) values (%s)", keys["customers"])
    sql.execute("update tickets set customer_id = %s where id = %s", [keys["customers"], keys["tickets"]])
    keys["comments"] = insert("insert into comments (ticket_id, content) values (%s, 'c')", keys["tickets"])
    keys["attachments"] = insert(
        "insert into attachments (ticket_id, file_name, file_url) values (%s, 'f', 'https://files.example/f')",
        keys["tickets"],
    )
    return World(sql, keys)


def join(person: Person, group: str) -> None:
    with person.site.connect() as sql:
        sql.execute(
            "insert into accounts_user_groups (user_id, group_id) select %s, id from auth_group where name = %s",
            [person.key, group],
        )


class Eyes:
    """One person who follows every view, on as many sockets as that takes."""

    def __init__(self, person: Person, tokens: dict[str, str]) -> None:
        self.sockets: list[Socket] = []
        # The names of the views that were granted.
        self.granted: set[str] = set()
        for names in batched(tokens, VIEWS_A_SOCKET):
            socket = person.open()
            self.sockets.append(socket)
            attached = [socket.attach(tokens[name], identifier=at)["type"] for at, name in enumerate(names)]
            self.granted |= {name for name, told in zip(names, attached, strict=True) if told == "attached"}

    @property
    def told(self) -> str:
        return "".join(raw for socket in self.sockets for raw in socket.raw)

    @property
    def are_undisturbed(self) -> bool:
        return all(socket.is_undisturbed() for socket in self.sockets)


def batched(names: Iterable[str], size: int) -> Iterator[tuple[str, ...]]:
    left = iter(names)
    while batch := tuple(islice(left, size)):
        yield batch


def open_lists(person: Person, tokens: dict[str, str]) -> Socket:
    """A socket of somebody who may see everything, which hears of every table."""
    socket = person.open()
    for identifier, table in enumerate((*TEXTS, AMOUNT)):
        assert socket.attach(tokens[table], identifier=identifier)["type"] == "attached"
    return socket


def until_all_shown(socket: Socket, markers: dict[str, str], seen_before: int) -> None:
    """Reads until this socket, which may see everything, has heard every table's marker."""
    told = "".join(socket.raw[seen_before:])
    missing = {marker for marker in markers.values() if marker not in told}
    while missing:
        socket.next()
        missing = {marker for marker in missing if marker not in socket.raw[-1]}


@pytest.fixture
def manager(invite: Invite) -> Person:
    person = invite()
    join(person, "Managers")
    return person


def test_everything_is_shown_to_a_manager(invite: Invite, manager: Person, world: World) -> None:
    """Without this the tests below would prove nothing."""
    assert Eyes(manager, world.tokens(manager)).granted == set(_definitions)
    # What is another person's alone isn't shown to anybody else, whatever rights they have.
    assert Eyes(manager, world.tokens(invite())).granted == set(_definitions) - PERSONAL
    socket = open_lists(manager, world.tokens(manager))
    before = len(socket.raw)
    until_all_shown(socket, world.mark(), before)


@pytest.mark.parametrize(
    ("group", "visible"),
    [
        ("", set()),
        ("CRM staff", {"products", "customers", "acquisitions", "interactions"}),
    ],
)
def test_an_outsider_gets_no_frame_of_what_he_may_not_see(
    invite: Invite, manager: Person, world: World, group: str, visible: set[str]
) -> None:
    outsider = invite()
    if group:
        join(outsider, group)
    watching, insider = Eyes(outsider, world.tokens(outsider)), open_lists(manager, world.tokens(manager))
    for name in watching.granted:
        assert _definitions[name].permission.split(".")[0] == "crm", name
    before = len(insider.raw)
    markers = world.mark()
    until_all_shown(insider, markers, before)
    # Once the pong is here, everything sent to the outsider before the insider's last frame has arrived.
    assert watching.are_undisturbed
    told = watching.told
    assert {table for table, marker in markers.items() if marker in told} <= visible


def test_rights_taken_away_in_mid_connection_end_every_view(invite: Invite, manager: Person, world: World) -> None:
    leaver = invite()
    join(leaver, "Support agents")
    watching, insider = Eyes(leaver, world.tokens(leaver)), open_lists(manager, world.tokens(manager))
    assert {"tickets", "customers", "comments", "activity", *PERSONAL} <= watching.granted
    world.sql.execute("delete from accounts_user_groups where user_id = %s", [leaver.key])
    for socket in watching.sockets:
        views = {frame["view"] for frame in socket.frames if frame["type"] == "attached"}
        revoked: set[str] = set()
        while revoked != views:
            revoked.add(socket.until_type("revoked")["view"])
    before = len(insider.raw)
    markers = world.mark()
    until_all_shown(insider, markers, before)
    assert watching.are_undisturbed
    assert not [table for table, marker in markers.items() if marker in watching.told]
    assert not Eyes(leaver, world.tokens(leaver)).granted


def limited(world: World, person: Person, *scopes: str) -> None:
    """In a group of their own, with every right and these limits."""
    name = f"g{uuid4().hex}"
    world.sql.execute("insert into auth_group (name) values (%s)", [name])
    world.sql.execute(
        "insert into auth_group_permissions (group_id, permission_id) select g.id, p.permission_id from auth_group g,"
        " auth_group_permissions p join auth_group m on m.id = p.group_id where g.name = %s and m.name = 'Managers'",
        [name],
    )
    for scope in scopes:
        world.sql.execute(
            "insert into realtime_row_limit (group_id, scope) select id, %s from auth_group where name = %s",
            [scope, name],
        )
    join(person, name)


def test_a_limit_hides_rows_in_every_view_and_follows_what_decides_it(
    invite: Invite, manager: Person, world: World
) -> None:
    agent = invite()
    limited(world, agent, "tickets/mine", "customers/mine")
    tokens = world.tokens(agent)
    assert Eyes(agent, tokens).granted == set(_definitions)
    watching, insider = Eyes(agent, tokens), open_lists(manager, world.tokens(manager))
    record = f"tickets/{world.keys['tickets']}"
    # Who is at a hidden record isn't there, and is told of nobody.
    here = agent.open()
    here.attach(tokens["ticket"])
    here.say({"type": "here", "id": 1, "doing": "viewing"})
    at_ticket = manager.open()
    at_ticket.attach(world.tokens(manager)["ticket"])
    at_ticket.say({"type": "here", "id": 1, "doing": "viewing"})
    at_ticket.until(lambda frame: record in frame.get("at", {}))

    def mark() -> dict[str, str]:
        before, told = len(insider.raw), world.mark()
        until_all_shown(insider, told, before)
        return told

    def seen(told: dict[str, str]) -> set[str]:
        assert watching.are_undisturbed
        return {table for table, marker in told.items() if marker in watching.told}

    assert seen(mark()) == {"products"}
    assert here.is_undisturbed()
    assert record not in "".join(here.raw)
    assert agent.username not in "".join(at_ticket.raw)
    # It becomes theirs: with it come its customer and all that hangs on both. And with it they go again.
    for assignee, op in ((agent.key, "put"), (None, "remove")):
        world.sql.execute("update tickets set assigned_to = %s where id = %s", [assignee, world.keys["tickets"]])
        for table in ("tickets", "customers", "interactions", "comments"):
            until_told(watching.sockets, op, world.keys[table])
    before = len(watching.told)
    assert [table for table, marker in mark().items() if marker in watching.told[before:]] in ([], ["products"])


def until_told(sockets: list[Socket], op: str, key: str) -> None:
    """Reads until a list of one of these sockets was told to do this with a row."""

    def is_told() -> bool:
        told = [each for socket in sockets for frame in socket.frames for each in frame.get("ops", [])]
        return any(each["op"] == op and each.get("id", "") == key for each in told)

    for _ in range(100):
        for socket in sockets:
            if is_told():
                return
            with suppress(TimeoutError):
                socket.raw.append(str(socket.connection.recv(timeout=0.1)))
    raise AssertionError(f"no list was told to {op} {key}")


def test_a_limit_that_is_set_in_mid_connection_has_the_page_follow_what_is_left(
    invite: Invite, manager: Person, world: World
) -> None:
    agent = invite()
    limited(world, agent)
    tokens, socket = world.tokens(agent), agent.open()
    for at, name in enumerate(names := ("tickets", "ticket", "customers", "comments", "history"), start=1):
        assert socket.attach(tokens[name], identifier=at)["type"] == "attached"
    views = {frame["view"] for frame in socket.frames if frame["type"] == "attached"}
    told = world.mark()
    socket.until_says(told["tickets"])
    world.sql.execute(
        "insert into realtime_row_limit (group_id, scope) select group_id, scope from accounts_user_groups,"
        " unnest(array['tickets/mine', 'customers/mine']) scope where user_id = %s",
        [agent.key],
    )
    asked: set[str] = set()
    while asked != views:
        asked.add(socket.until_type("resync")["view"])
    before = len(socket.raw)
    insider = open_lists(manager, world.tokens(manager))
    told = world.mark()
    # The page attaches again with what it shows, and the rows leave it.
    shown = {"rows": [[world.keys["tickets"], "old"]]}
    frame = socket.attach(tokens["tickets"], 10, **shown)
    assert {"op": "remove", "id": world.keys["tickets"]} in frame["ops"]
    for at, name in enumerate(names[1:], start=11):
        assert socket.attach(tokens[name], at)["type"] == "attached"
    assert insider.is_undisturbed()
    assert socket.is_undisturbed()
    assert {table for table, marker in told.items() if marker in "".join(socket.raw[before:])} <= {"products"}


# Where every list or page shows them.
HIDEABLE = {
    "products": ("description", "price"),
    "customers": ("email", "phone"),
    "acquisitions": ("total_amount",),
    "interactions": ("notes",),
    "tickets": ("description",),
}


def mark_hideable(world: World) -> dict[str, str]:
    """Writes a new marker into every column that can be hidden; returns them by ``table/column``."""
    markers = {}
    for table, columns in HIDEABLE.items():
        for column in columns:
            is_amount = column in ("price", "total_amount")
            marker = f"{7_000_000 + uuid4().int % 10**6:,}.77" if is_amount else f"m{uuid4().hex[:12]}"
            markers[f"{table}/{column}"] = marker
            world.sql.execute(
                f"update {table} set {column} = %s where id = %s",  # type: ignore[call-overload]
                [marker.replace(",", ""), world.keys[table]],
            )
    return markers


def test_a_column_that_is_hidden_in_mid_connection_is_in_no_frame_from_then_on(
    invite: Invite, manager: Person, world: World
) -> None:
    agent, insider = invite(), manager.open()
    limited(world, agent)
    tokens, all_seen = world.tokens(agent), world.tokens(manager)
    for at, name in enumerate(("products", "customers", "acquisitions", "interactions", "ticket", "customer")):
        insider.attach(all_seen[name], at)
    watching = Eyes(agent, tokens)

    def mark() -> dict[str, str]:
        before, told = len(insider.raw), mark_hideable(world)
        until_all_shown(insider, told, before)
        for socket in (*watching.sockets, insider):
            read_on(socket)
        return told

    markers = mark()
    assert {column for column, marker in markers.items() if marker in watching.told} == markers.keys()
    world.sql.execute(
        'insert into realtime_column_limit (group_id, "column") select group_id, hidden from accounts_user_groups,'
        " unnest(%s::text[]) hidden where user_id = %s",
        [list(markers), agent.key],
    )
    for socket in watching.sockets:
        views = {frame["view"] for frame in socket.frames if frame["type"] == "attached"}
        # Headings and forms are as they were painted: the page is told to load itself again.
        socket.until_type("rights")
        asked: set[str] = set()
        while asked != views:
            asked.add(socket.until_type("resync")["view"])
    before = [len(socket.raw) for socket in watching.sockets]
    for socket, names in zip(watching.sockets, batched(tokens, VIEWS_A_SOCKET), strict=True):
        for at, name in enumerate(names, start=100):
            assert socket.attach(tokens[name], at)["type"] == "attached"
    # Which field a colleague edits is not told, either.
    insider.say({"type": "here", "id": 5, "doing": "editing", "field": "the phone"})
    record = f"customers/{world.keys['customers']}"
    here = agent.open()
    here.attach(tokens["customer"])
    told = here.until(lambda frame: any(one["doing"] == "editing" for one in _at(frame, record)))
    assert {one["field"] for one in _at(told, record)} == {""}
    markers |= {f"new {column}": marker for column, marker in mark().items()}
    frames = "".join(raw for socket, old in zip(watching.sockets, before, strict=True) for raw in socket.raw[old:])
    assert world.keys["tickets"] in frames
    assert [column for column, marker in markers.items() if marker in frames or marker.replace(",", "") in frames] == []


def read_on(socket: Socket) -> None:
    """Reads what was sent by now: it is much."""
    socket.say({"type": "ping", "n": 77})
    while (frame := socket.next()) != {"type": "pong", "n": 77}:
        assert frame["type"] != "error", frame


def _at(frame: dict[str, Any], record: str) -> list[dict[str, Any]]:
    people: list[dict[str, Any]] = frame.get("at", {}).get(record, {}).get("people", [])
    return people


def test_an_outsider_signed_out_gets_nothing(live_site: LiveSite, invite: Invite, world: World) -> None:
    stranger = invite()
    socket = stranger.open(cookie=False)
    world.mark()
    assert socket.closed_with() == 4401
    assert socket.raw == []
