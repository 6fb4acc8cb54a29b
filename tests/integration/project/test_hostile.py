"""Every address, as the URL configuration has them, for everybody and with every verb; then random hostile requests.

Whoever may not see a table never finds its marker in an answer, and no request ends in an error of the server.

The long form: STEPS=10000 SEEDS=7 bin/test tests/integration/project/test_hostile.py
"""

import asyncio
import os
import random
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Group
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from crm.models import Acquisition, Customer, Interaction, Product
from project.accounts.models import User
from tests.anything import seed_of
from ticketing.models import Attachment, Comment, Ticket, TicketLink

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_pages")]

STEPS = int(os.environ.get("STEPS", "100"))
SEEDS = os.environ.get("SEEDS", "any").split()
READING = ("GET", "HEAD")
VERBS = (*READING, "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
GROUPS = ("CRM staff", "Support agents", "Managers", "Read-only")
EVERYBODY = ("anonymous", "no group", *GROUPS, "superuser")
# Ends the session that asks, or all of them.
LEAVING = ("sign-out", "logout")

# Whatever a program could send for a value.
NASTY = (
    *("", " ", "0", "-1", "1e999", "NaN", "99999999999999999999", "None", "null", "true", "[]", "{}", "me", "nobody"),
    *("'", '"', "';drop table products;--", "%", "%s", "%00", "\\", "../../etc/passwd", "<script>alert(1)</script>"),
    *("{{ 7 }}", "{% debug %}", "\u202e", "🙂", "é" * 300, "x" * 20_000, "\r\nSet-Cookie: a=b", "a\x00b"),
    *("9999-99-99", "2026-02-30", "0001-01-01T00:00:00Z", "Mars/Olympus", "//evil.example/", "javascript:alert(1)"),
    *("eyJhIjoxfQ==", "WyJ4IiwieSJd", "0" * 32, "deadbeef-dead-4eef-8ead-deadbeefdead", "-created", "created", "open"),
)
NAMES = (
    *("q", "sort", "size", "after", "before", "last", "view", "all", "tz", "status", "priority"),
    *("assigned", "customer", "product", "overdue", "created", "created_from", "created_to", "updated"),
    *("when", "type", "price_min", "quantity_max", "id", "revision", "seen", "typed", "person", "next"),
    *("to", "member", "title", "name", "content", "description", "show", "record", "by", "who", "on"),
    *("from", "until", "doing", "anyway", "into", "other", "kind", "file", "files", "username"),
    *("password", "login", "code", "session", "theme", "density", "columns", "hidden", "query", "shared"),
    *("csrfmiddlewaretoken", "listing", "ids", "read", "ticket", "comment", "address", "form", "writing"),
    *("kept", "o", "p"),
)


MARKED = ("products", "customers", "interactions", "tickets", "comments", "attachments")


def addresses(patterns: Any = None, before: str = "/") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every route with its converters; ``static`` and the like have none of ours."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route, dict(pattern.pattern.converters)


class World:
    """A row of each table with a marker in every text, and somebody of each group."""

    def __init__(self) -> None:
        self.markers = {
            table: f"m{uuid4().hex[:10]}"
            for table in ("products", "customers", "interactions", "tickets", "comments", "attachments")
        }
        told = self.markers
        customer = Customer.objects.create(name=told["customers"], email=f"{told['customers']}@a.example", phone="1")
        product = Product.objects.create(name=told["products"], description=told["products"], price=3)
        acquisition = Acquisition.objects.create(customer=customer, product=product, total_amount=6)
        interaction = Interaction.objects.create(customer=customer, notes=told["interactions"])
        ticket = Ticket.objects.create(title=told["tickets"], description=told["tickets"], customer=customer)
        other = Ticket.objects.create(title=told["tickets"], customer=customer)
        comment = Comment.objects.create(ticket=ticket, content=told["comments"])
        attachment = Attachment.objects.create(
            ticket=ticket, file_name=told["attachments"], file_url="https://a.example"
        )
        TicketLink.objects.create(ticket=ticket, other=other)
        self.rows = [customer, product, acquisition, interaction, ticket, other, comment, attachment]
        self.people = {name: self._somebody(name) for name in EVERYBODY if name != "anonymous"}
        self.clients = {name: Client() for name in EVERYBODY}
        self.hidden = {name: self._hidden(name) for name in EVERYBODY}

    @staticmethod
    def _somebody(name: str) -> User:
        username = f"{name.replace(' ', '-')}-{uuid4().hex[:6]}"
        user: User = User.objects.create_user(username, is_staff=True, is_superuser=name == "superuser")
        if name in GROUPS:
            user.groups.add(Group.objects.get(name=name))
        return user

    def _hidden(self, name: str) -> list[str]:
        """The markers of what somebody may not see."""
        models = {model._meta.db_table: model for model in map(type, self.rows)}
        user = self.people.get(name)
        rights = {
            table: user is not None and user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}")
            for table, model in models.items()
        }
        return [marker for table, marker in self.markers.items() if not rights[table]]

    def keys(self) -> list[UUID]:
        return [row.pk for row in self.rows]

    def key_for(self, route: str) -> UUID:
        """Of a row that a route may be about."""
        fitting = [row.pk for row in self.rows if re.search(rf"\b{row._meta.model_name}s?\b", route)]
        return (fitting or self.keys())[0]

    def ask(self, who: str, verb: str, address: str, data: dict[str, Any] | None = None) -> HttpResponse:
        client = self.clients[who]
        if who != "anonymous" and "_auth_user_id" not in client.session:
            client.force_login(self.people[who])
        response: Any = client.generic(verb, address) if data is None else getattr(client, verb.lower())(address, data)
        body = asyncio.run(_whole(response)) if response.streaming else response.content
        what = f"{verb} {address[:200]} {data} as {who}: {response.status_code}"
        assert response.status_code < 500, what
        text = body.decode(errors="replace")
        found = [marker for marker in self.hidden[who] if marker in text or marker in str(response.headers)]
        assert not found, what
        return response  # type: ignore[no-any-return]


async def _whole(response: Any) -> bytes:
    if response.is_async:
        return b"".join([piece async for piece in response.streaming_content])
    return b"".join(response.streaming_content)


def filled(route: str, converters: dict[str, Any], key: Any) -> str:
    """A route with values in its places."""
    for name, converter in converters.items():
        kind = type(converter).__name__
        value = {"UUIDConverter": str(key), "IntConverter": "1"}.get(kind, str(key))
        for place in (f"<{kind.removesuffix('Converter').lower()}:{name}>", f"<{name}>"):
            route = route.replace(place, value)
    return route


@pytest.fixture
def world() -> World:
    return World()


def test_every_address_for_everybody_with_every_verb(world: World) -> None:
    routes = [(route, converters) for route, converters in addresses() if not any(word in route for word in LEAVING)]
    assert len(routes) > 150
    for route, converters in random.sample(routes, min(len(routes), STEPS // 5)):
        address = filled(route, converters, world.key_for(route))
        for who in EVERYBODY:
            world.ask(who, "GET", address)
        # What changes something is refused to those without the right by the same code as for others.
        for verb in VERBS[1:]:
            world.ask("no group", verb, address)
            world.ask("anonymous", verb, address)


@pytest.mark.parametrize("seed", SEEDS)
def test_hostile_requests_end_in_no_error_and_tell_nothing(world: World, seed: str) -> None:
    chance = random.Random(seed_of(seed))
    routes = list(addresses())
    for _ in range(STEPS):
        route, converters = chance.choice(routes)
        address = filled(route, converters, chance.choice([world.key_for(route), uuid4(), chance.choice(NASTY)]))
        values = [*NASTY, *map(str, world.keys())]
        data = {name: chance.choice(values) for name in chance.sample(NAMES, chance.randint(0, 6))}
        world.ask(chance.choice(EVERYBODY), chance.choice(("GET", "GET", "POST")), quote(address, safe="/%<>:"), data)
