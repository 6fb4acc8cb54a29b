"""Nobody receives a frame they may not see: a marker in every table, every view requested, every frame recorded."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from realtime.live.definition import _definitions
from realtime.live.tokens import sign
from tests.integration.hub.test_socket import Invite, Person, Socket, invite, sql
from tests.live_site import LiveSite

__all__ = ["invite", "sql"]

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

    def tokens(self) -> dict[str, str]:
        keys = self.keys
        singular = {table.removesuffix("s"): key for table, key in keys.items()}
        tokens = {}
        for name, definition in _definitions.items():
            raw: dict[str, Any] = {"id": singular.get(name.split("-")[0], ""), "revision": 0, "status": "open"}
            raw |= {"ticket": keys["tickets"]} if name in ("comments", "attachments") else {}
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


def attach_everything(socket: Socket, tokens: dict[str, str]) -> set[str]:
    """Attaches every view; returns the names of those that were granted."""
    return {
        name
        for identifier, (name, token) in enumerate(tokens.items())
        if socket.attach(token, identifier=identifier)["type"] == "attached"
    }


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


def test_everything_is_shown_to_a_manager(manager: Person, world: World) -> None:
    """Without this the tests below would prove nothing."""
    socket = manager.open()
    assert attach_everything(socket, world.tokens()) == set(_definitions)
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
    watching, insider = outsider.open(), manager.open()
    granted = attach_everything(watching, world.tokens())
    attach_everything(insider, world.tokens())
    for name in granted:
        assert _definitions[name].permission.split(".")[0] == "crm", name
    before = len(insider.raw)
    markers = world.mark()
    until_all_shown(insider, markers, before)
    # Once the pong is here, everything sent to the outsider before the insider's last frame has arrived.
    assert watching.is_undisturbed()
    told = "".join(watching.raw)
    assert {table for table, marker in markers.items() if marker in told} <= visible


def test_rights_taken_away_in_mid_connection_end_every_view(invite: Invite, manager: Person, world: World) -> None:
    leaver = invite()
    join(leaver, "Support agents")
    watching, insider = leaver.open(), manager.open()
    granted = attach_everything(watching, world.tokens())
    attach_everything(insider, world.tokens())
    assert {"tickets", "customers", "comments"} <= granted
    world.sql.execute("delete from accounts_user_groups where user_id = %s", [leaver.key])
    views = {frame["view"] for frame in watching.frames if frame["type"] == "attached"}
    revoked: set[str] = set()
    while revoked != views:
        revoked.add(watching.until_type("revoked")["view"])
    before = len(insider.raw)
    markers = world.mark()
    until_all_shown(insider, markers, before)
    assert watching.is_undisturbed()
    told = "".join(watching.raw)
    assert not [table for table, marker in markers.items() if marker in told]
    assert not attach_everything(watching, world.tokens())


def test_an_outsider_signed_out_gets_nothing(live_site: LiveSite, invite: Invite, world: World) -> None:
    stranger = invite()
    socket = stranger.open(cookie=False)
    world.mark()
    assert socket.closed_with() == 4401
    assert socket.raw == []
