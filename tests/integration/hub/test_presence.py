"""Who is at which record, over real sockets on two web processes (design rule 32)."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from websockets.sync.client import connect

from realtime.live.tokens import sign
from realtime.local.process import Service
from tests.integration.hub.test_socket import PATIENCE, Invite, Person, Socket, invite, sql
from tests.live_site import LiveSite, make_web

__all__ = ["invite", "sql"]

# What presence promises after any fault; the rest is patience with a busy machine.
TRUE_AGAIN = 30.0 + PATIENCE
AT_TICKET, AT_LIST = 1, 2


@pytest.fixture(scope="module")
def second_web(live_site: LiveSite) -> Iterator[Service]:
    """Another web process of the same site."""
    service = make_web(live_site.environment, live_site.logs / "second-web.log")
    service.start()
    yield service
    service.stop()


@pytest.fixture
def ticket(sql: "psycopg.Connection[Any]") -> str:
    row = sql.execute("insert into tickets (title) values ('presence') returning id").fetchone()
    assert row is not None
    return str(row[0])


def named(person: Person, sql: "psycopg.Connection[Any]") -> str:
    """Gives somebody a name that nobody else has, and that is nowhere but in their account."""
    name = f"n{uuid4().hex[:12]}"
    sql.execute("update accounts_user set first_name = %s where id = %s", [name, person.key])
    return name


def open_on(person: Person, web: Service) -> Socket:
    headers = {"Cookie": f"sessionid={person.client.cookies['sessionid']}"}
    socket = Socket(
        connect(
            f"ws://{web.address}/ws/live/",
            origin=f"http://{web.address}",  # type: ignore[arg-type]
            additional_headers=headers,
            max_queue=None,
            proxy=None,
        )
    )
    person.sockets.append(socket)
    return socket


def go(socket: Socket, ticket: str, **what: object) -> None:
    """Opens the page of a ticket, as static/js/live/here.js tells of it."""
    assert socket.attach(sign("ticket", {"id": ticket}), AT_TICKET)["type"] == "attached"
    say(socket, **what)


def say(socket: Socket, **what: object) -> None:
    socket.say({"type": "here", "id": AT_TICKET, "doing": "viewing"} | what)


def until_there(socket: Socket, ticket: str, wanted: Callable[[list[dict[str, Any]]], bool]) -> None:
    """Reads until the page would show these people at the ticket."""
    deadline = time.monotonic() + TRUE_AGAIN
    there: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        told = [frame["at"] for frame in socket.frames if frame["type"] == "presence"]
        there = told[-1].get(f"tickets/{ticket}", {}).get("people", []) if told else []
        if wanted(there):
            return
        socket.until_type("presence", "status")
    raise AssertionError(f"never told so; last {there}")


def are(*names: str) -> Callable[[list[dict[str, Any]]], bool]:
    return lambda there: sorted(one["name"] for one in there) == sorted(names)


def does(name: str, doing: str, idle: bool, field: str = "") -> Callable[[list[dict[str, Any]]], bool]:
    wanted = (name, doing, idle, field)
    return lambda there: any((one["name"], one["doing"], one["idle"], one["field"]) == wanted for one in there)


def test_people_are_shown_across_processes_once_each_and_go_when_their_last_tab_goes(
    invite: Invite, sql: "psycopg.Connection[Any]", second_web: Service, ticket: str
) -> None:
    anna, ben = invite("view_ticket", "change_ticket"), invite("view_ticket")
    a, b = named(anna, sql), named(ben, sql)
    list_page = open_on(ben, second_web)
    list_page.attach(sign("tickets", {"q": "presence"}), AT_LIST)
    tabs = [anna.open(), anna.open(), open_on(anna, second_web)]
    for tab in tabs:
        go(tab, ticket, idle=True)
    until_there(list_page, ticket, does(a, "viewing", True))
    say(tabs[1], doing="editing", field="title")
    until_there(list_page, ticket, does(a, "editing", False, "title"))
    until_there(list_page, ticket, are(a))
    go(list_page, ticket, doing="writing")
    until_there(tabs[0], ticket, are(a, b))
    until_there(tabs[0], ticket, does(b, "writing", False))
    # One tab after the other: the person stays until the last.
    tabs[1].connection.close()
    until_there(list_page, ticket, does(a, "viewing", True))
    tabs[0].connection.close()
    tabs[2].connection.close()
    until_there(list_page, ticket, are(b))
    assert a not in list_page.raw[-1]


def test_nobody_without_the_right_is_shown_or_told(
    invite: Invite, sql: "psycopg.Connection[Any]", second_web: Service, ticket: str
) -> None:
    anna, ben, outsider = invite("view_ticket"), invite("view_ticket"), invite("view_product")
    a, b, o = named(anna, sql), named(ben, sql), named(outsider, sql)
    at_anna, at_ben, out = anna.open(), open_on(ben, second_web), open_on(outsider, second_web)
    go(at_anna, ticket)
    go(at_ben, ticket)
    assert out.attach(sign("ticket", {"id": ticket}), AT_TICKET)["revoked"]
    say(out)
    assert "no view is attached" in out.until_type("error")["reason"]
    # What it does follow is a list, where nobody is anywhere.
    out.attach(sign("products", {"q": "nothing"}), AT_TICKET)
    say(out)
    until_there(at_anna, ticket, are(a, b))
    sql.execute("delete from accounts_user_user_permissions where user_id = %s", [ben.key])
    at_ben.until_type("revoked")
    until_there(at_anna, ticket, are(a))
    told_before = len(at_ben.raw)
    say(at_anna, doing="editing", field="description")
    until_there(at_anna, ticket, does(a, "editing", False, "description"))
    # The pong comes after whatever was sent before it.
    assert at_ben.is_undisturbed()
    assert a not in "".join(at_ben.raw[told_before:])
    assert out.is_undisturbed()
    everything_told = "".join(out.raw)
    assert a not in everything_told
    assert b not in everything_told
    assert o not in "".join(at_anna.raw)


def test_a_killed_process_and_a_killed_redis_leave_no_ghost(
    invite: Invite, sql: "psycopg.Connection[Any]", live_site: LiveSite, second_web: Service, ticket: str
) -> None:
    anna, ben = invite("view_ticket"), invite("view_ticket")
    a, b = named(anna, sql), named(ben, sql)
    at_anna = anna.open()
    go(at_anna, ticket)
    go(open_on(ben, second_web), ticket)
    until_there(at_anna, ticket, are(a, b))
    second_web.kill()
    until_there(at_anna, ticket, are(a))
    # The new process knows nothing of anybody, and hears who is there.
    second_web.start()
    at_ben = open_on(ben, second_web)
    go(at_ben, ticket)
    until_there(at_ben, ticket, are(a, b))
    live_site.stack.redis.service.kill()
    say(at_anna, doing="writing")
    live_site.stack.redis.service.start()
    until_there(at_ben, ticket, does(a, "writing", False))
    at_anna.connection.close()
    until_there(at_ben, ticket, are(b))


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"doing": "dancing"}, "'doing' is 'dancing'; valid are viewing, editing, writing"),
        ({"idle": "yes"}, "'idle' must be true or false"),
        ({"field": 7}, "'field' must be text"),
        ({"field": "x" * 64}, "'field' must be text of at most 63"),
        ({"id": True}, "'id' must be an integer"),
        ({"id": 99}, "no view is attached as 99"),
    ],
    ids=["doing", "idle", "field", "long field", "id", "other id"],
)
def test_what_makes_no_sense_is_answered_with_a_sentence(
    invite: Invite, ticket: str, message: dict[str, object], words: str
) -> None:
    socket = invite("view_ticket").open()
    go(socket, ticket)
    say(socket, **message)
    assert words in socket.until_type("error")["reason"]
    assert socket.is_undisturbed()
