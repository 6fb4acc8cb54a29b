"""Rights by row: no page, file, answer or line of the log has anything of a row that its reader may not see."""

import asyncio
import io
import logging
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver
from django.utils import timezone

from crm.importing.reading import Row
from crm.importing.rows import CustomerRows, Outcome
from crm.models import Acquisition, Customer, Interaction, Product
from project.accounts.models import User
from project.accounts.seen import what_is_seen_by
from realtime.database.actor import Origin, acting_user
from realtime.live.figures import midnights
from realtime.live.zones import today
from realtime.models import Draft, RowLimit
from realtime.sight import Sight, seeing, sight_of
from tests.integration.conftest import Project
from ticketing.files import kept
from ticketing.live.figures import solved_by_person, solved_by_stretch
from ticketing.models import Attachment, Comment, Notification, Ticket, TicketLink

pytestmark = pytest.mark.usefixtures("quick_pages")

MINE = ("tickets/mine", "customers/mine")
AMOUNT = "8765432.10"


def group(*limits: str, rights: str = "") -> Group:
    """A group with every right, or with those that begin so."""
    made = Group.objects.create(name=f"g{uuid4().hex}")
    made.permissions.set(
        Permission.objects.filter(
            content_type__app_label__in=("crm", "ticketing", "realtime", "admin"), codename__startswith=rights
        )
    )
    for limit in limits:
        RowLimit.objects.create(group=made, scope=limit)
    return made


def person(*groups: Group, **more: Any) -> User:
    made = User.objects.create_user(username=f"u{uuid4().hex[:12]}", is_staff=True, **more)
    made.groups.set(groups)
    return made


@dataclass
class Hidden:
    """A customer with everything that hangs on it, each with the marker, and tickets of others that lead there."""

    word: str
    # By the name of their model.
    rows: dict[str, list[str]]
    ticket: Ticket
    customer: Customer
    actions: list[str]

    def keys(self, route: str) -> list[str]:
        """Those that may come into an address: of what it names, or all."""
        return [
            key
            for name, keys in self.rows.items()
            if f"/{name}" in f"/{route}" or not any(f"/{other}" in f"/{route}" for other in self.rows)
            for key in keys
        ]


def make_hidden(reader: User) -> Hidden:
    """Another colleague's work, of which the reader was told once, and which they have begun to write about."""
    word, other = f"m{uuid4().hex[:12]}", person(group())
    actions = []

    def acting() -> Any:
        return acting_user(str(other.pk), Origin.PORTAL)

    with acting() as action, transaction.atomic():
        actions.append(action.name)
        product = Product.objects.create(name=f"p{uuid4().hex[:8]}")
        customer = Customer.objects.create(name=f"{word} Ltd", email=f"{word}@a.example", phone=word)
        sold = Acquisition.objects.create(customer=customer, product=product, total_amount=AMOUNT)
        call = Interaction.objects.create(customer=customer, notes=word)
        ticket = Ticket.objects.create(title=f"{word} title", description=word, customer=customer, assigned_to=other.pk)
        comment = Comment.objects.create(ticket=ticket, content=f"{word} for @{reader.username}", author_id=other.pk)
    with kept([SimpleUploadedFile(f"{word}.txt", word.encode())]) as [stored]:
        file = Attachment.objects.create(ticket=ticket, file_name=stored.name, file_url=stored.url, file_size=9)
        assert default_storage.exists(stored.stored_name)
    # Of the reader's own: linked with it, merged into it, come from it, once the other's.
    own = Ticket.objects.create(title="own", assigned_to=reader.pk)
    merged = Ticket.objects.create(title="merged", assigned_to=reader.pk, status="closed", merged_into=ticket)
    with acting() as action, transaction.atomic():
        actions.append(action.name)
        link = TicketLink.objects.create(ticket=own, other=ticket)
        Comment.objects.create(ticket=own, content="came along", merged_from=ticket)
        Attachment.objects.create(ticket=own, file_name="f", file_url="https://a.example/f", merged_from=ticket)
        ticket.priority = "urgent"
        ticket.save()
        own.customer = customer
        own.save()
    own.customer = None
    own.save()
    with acting() as action, transaction.atomic():
        actions.append(action.name)
        gone = Ticket.objects.create(title=f"{word} gone", assigned_to=other.pk)
        gone_key = str(gone.pk)
        gone.delete()
    told = {"kind": "mention", "actor": str(other.pk), "ticket": ticket, "comment": comment, "at": ticket.created_at}
    Notification.objects.create(person=reader, cause=uuid4().int % 2**60, **told)
    Draft.objects.create(
        owner=reader,
        address=f"/ticketing/tickets/{ticket.pk}/",
        form="f",
        title=f"{word} title",
        kept='{"values": {"content 0": "typed"}}',
        writing=uuid4(),
    )
    rows: dict[str, list[str]] = {}
    for row in (customer, sold, call, ticket, comment, file, link, own, merged):
        rows.setdefault(str(row._meta.model_name), []).append(str(row.pk))
    rows["ticket"].append(gone_key)
    return Hidden(word, rows, ticket, customer, actions)


@pytest.fixture
def limited(project: Project) -> Iterator[User]:
    # Other tests have other databases, with other keys.
    ContentType.objects.clear_cache()
    yield person(group(*MINE))
    ContentType.objects.clear_cache()


def addresses(hidden: Hidden) -> Iterator[str]:
    """Every address of the portal and the administration, about every hidden row."""
    for route in _routes(get_resolver(), ""):
        for key in hidden.keys(route) if "<" in route else [""]:
            address = re.sub(r"<int:[^>]+>", "1", re.sub(r"<(uuid|key|path|str|slug):[^>]+>|<(\w+)>", key, route))
            yield f"/{address}"
            if not key:
                yield f"/{address}?q={hidden.word}"
    for kind, keys in hidden.rows.items():
        for key in keys:
            yield f"/history/?record={kind.removeprefix('ticketlink') or 'link'}/{key}"
    for action in hidden.actions:
        yield f"/history/?doing={action}"
        yield f"/history/undo/?doing={action}"
    for name in ("customer", "ticket"):
        for key in hidden.rows[name]:
            yield f"/ticketing/tickets/?{name}={key}"
            yield f"/crm/acquisitions/?{name}={key}"
            yield f"/ticketing/tickets/new/?{name}={key}"
            yield f"/ticketing/tickets/{key}/merge/?into={hidden.ticket.pk}"
    for model in ("crm.customer", "ticketing.ticket", "ticketing.comment"):
        app, name = model.split(".")
        field = {"customer": "customer", "ticket": "ticket"}.get(name, "ticket")
        source = "ticket" if name == "customer" else "comment"
        yield (f"/admin/autocomplete/?term={hidden.word}&app_label=ticketing&model_name={source}&field_name={field}")
        yield f"/admin/{app}/{name}/?q={hidden.word}"


def _routes(resolver: URLResolver, before: str) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern, route)
        elif isinstance(pattern, URLPattern) and not re.search(r"[\^$\\]", route):
            yield route


def body(response: Any) -> str:
    if not response.streaming:
        return str(response.content.decode(errors="replace"))

    async def collected() -> bytes:
        return b"".join([piece async for piece in response.streaming_content])

    told = asyncio.run(collected())
    if told[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(told)) as book:
            told = b"".join(book.read(name) for name in book.namelist())
    return told.decode(errors="replace")


def says(client: Client, hidden: Hidden, address: str) -> bool:
    """Whether the answer has something of what is hidden, apart from what the address itself asks for."""
    response: Any = client.get(address, headers={"X-Person": "nobody"})
    assert response.status_code < 500, (address, response.status_code)
    text, word = body(response), hidden.word
    marks = [f"{word} title", f"{word} gone", f"{word} Ltd", f"{word} for", f"{word}@", f"{word}.txt", "8,765,432.1"]
    return any(mark in text for mark in marks) or (word not in address and word in text)


# Ways out that the walk must lead past; each says something to somebody without limits.
WAYS = (
    *("/crm/customers/", "/crm/acquisitions/", "/crm/interactions/", "/ticketing/tickets/", "/ticketing/comments/"),
    *("/ticketing/board/", "/notifications/", "/search/", "/drafts/", "/history/?record", "/history/?doing"),
    *("/admin/crm/", "/admin/ticketing/", "/admin/autocomplete/"),
    *("export.csv", "export.xlsx", "choices/", "/merge/", "/edit/", "/delete/", "/attachments/"),
)


def test_no_way_out_has_what_a_group_may_not_see(limited: User, caplog: pytest.LogCaptureFixture) -> None:
    hidden = make_hidden(limited)
    client = Client()
    client.force_login(limited)
    asked = list(dict.fromkeys(addresses(hidden)))
    with caplog.at_level(logging.DEBUG):
        assert [address for address in asked if says(client, hidden, address)] == []
    assert hidden.word not in caplog.text
    RowLimit.objects.filter(group__user=limited).delete()
    for way in WAYS:
        assert any(says(client, hidden, address) for address in asked if way in address), way


def test_nothing_hidden_can_be_written_to(limited: User) -> None:
    hidden = make_hidden(limited)
    client = Client()
    client.force_login(limited)
    before = _all_rows(hidden)
    answers: list[Any] = []
    for route in _routes(get_resolver(), ""):
        if "<" in route and (not route.startswith("admin") or re.search("(change|delete)/$", route)):
            for key in hidden.keys(route):
                address = "/" + re.sub(r"<int:[^>]+>", "1", re.sub(r"<(\w+:)?[^>]+>", key, route))
                data = {"to": "me", "status": "closed", "priority": "low", "content": "new", "revision": "1"}
                data |= {"title": "new", "name": "new", "into": str(hidden.ticket.pk), "post": "yes"}
                answers.append(client.post(address, data))
    for action in hidden.actions:
        answers.append(client.post("/history/undo/", {"doing": action, "rest": "1"}))
    assert not [answer.status_code for answer in answers if answer.status_code >= 500]
    assert not [answer for answer in answers if not answer.streaming and hidden.word in answer.content.decode()]
    assert _all_rows(hidden) == before


def _all_rows(hidden: Hidden) -> list[Any]:
    ticket, customer = hidden.ticket.pk, hidden.customer.pk
    return [
        list(Customer._base_manager.filter(pk=customer).values()),
        list(Acquisition._base_manager.filter(customer=customer).values()),
        list(Interaction._base_manager.filter(customer=customer).values()),
        list(Ticket._base_manager.filter(pk=ticket).values()),
        list(Comment._base_manager.filter(ticket=ticket).values()),
        list(Attachment._base_manager.filter(ticket=ticket).values()),
    ]


def test_menus_imports_and_figures_from_the_log_keep_to_what_is_seen(limited: User) -> None:
    hidden, blind, seeing_all = make_hidden(limited), person(group(*MINE)), person(group())
    own = Ticket.objects.get(title="own", assigned_to=limited.pk)
    client = Client()
    client.force_login(limited)
    for ticket, colleague, offered in ((own, blind, False), (own, seeing_all, True), (hidden.ticket, seeing_all, None)):
        menu = client.get(reverse("ticketing:people", args=[ticket.pk]), {"q": colleague.username})
        told = None if menu.status_code == 404 else colleague.username in menu.content.decode()
        assert told is offered
    # A key that names a row of somebody else's names no row.
    row = [str(hidden.customer.pk), "Taken over"]
    with seeing(sight_of(limited)):
        for writing in (False, True):
            outcome = Outcome()
            with suppress(IntegrityError), transaction.atomic():
                rows = CustomerRows(["Key", "Name"], {"id": 0, "name": 1}, may_change=True)
                list(rows.through([Row(2, row)], outcome, writing))
            assert (outcome.changed, outcome.same) == (0, 0)
            assert hidden.word not in str(outcome)
    assert Customer.objects.get(pk=hidden.customer.pk).name == f"{hidden.word} Ltd"
    day = today(timezone.now())
    stretch = midnights((day - timedelta(days=1), day + timedelta(days=2)))
    # Other tests leave what they have committed in the change log.
    before = sum(solved_by_stretch(stretch))
    for ticket in (own, hidden.ticket):
        ticket.status = "closed"
        ticket.save()
    assert sum(solved_by_stretch(stretch)) == before + 2
    with seeing(sight_of(limited)):
        assert sum(solved_by_stretch(stretch)) == 1
        assert solved_by_person(stretch[0]) == {str(limited.pk): 1}


def test_what_groups_give_adds_up(project: Project) -> None:
    def sees(*groups: Group, **more: Any) -> tuple[str, ...] | None:
        sight = sight_of(person(*groups, **more))
        return None if sight is None else tuple(scope for _, scopes in sight.limits for scope in scopes)

    mine, unassigned = group("tickets/mine"), group("tickets/unassigned-and-mine")
    assert sees() is None
    assert sees(group()) is None
    assert sees(mine) == ("tickets/mine",)
    assert sees(mine, unassigned) == ("tickets/mine", "tickets/unassigned-and-mine")
    # A group that shows all of them is the stronger; one that shows none of them takes no limit away.
    assert sees(mine, group()) is None
    assert sees(mine, group(rights="nothing")) == ("tickets/mine",)
    assert sees(mine, is_superuser=True) is None
    # A scope that this version doesn't know shows nothing.
    unknown = sight_of(person(group("tickets/of-old")))
    assert unknown is not None
    Ticket.objects.create(title="t")
    seen = {each.kind: each for each in what_is_seen_by(person(group("tickets/of-old")))}
    assert (seen["Tickets"].which, seen["Tickets"].count) == ("Some", 0)


@pytest.mark.parametrize(
    ("limits", "seen"),
    [
        (("tickets/mine",), {"mine", "also mine"}),
        (("tickets/unassigned-and-mine",), {"mine", "also mine", "nobody's"}),
        (("tickets/of-my-customers",), {"mine", "also mine", "a colleague's, of my customer"}),
        (("tickets/mine", "tickets/unassigned-and-mine"), {"mine", "also mine", "nobody's"}),
        # A ticket is hidden with its customer.
        (("customers/mine",), {"mine", "also mine", "nobody's", "a colleague's, of my customer"}),
    ],
)
def test_each_scope_shows_what_its_words_say(project: Project, limits: tuple[str, ...], seen: set[str]) -> None:
    reader, colleague = person(group(*limits)), uuid4()
    word = f"w{uuid4().hex[:8]}"
    ours, theirs = (Customer.objects.create(name=f"{word} {name}") for name in ("ours", "theirs"))
    made: dict[str, Callable[[], Ticket]] = {
        title: lambda title=title, more=more: Ticket.objects.create(title=f"{word} {title}", **more)  # type: ignore[misc]
        for title, more in {
            "mine": {"customer": ours, "assigned_to": reader.pk},
            "also mine": {"assigned_to": reader.pk},
            "nobody's": {},
            "a colleague's, of my customer": {"customer": ours, "assigned_to": colleague},
            "a colleague's": {"customer": theirs, "assigned_to": colleague},
        }.items()
    }
    for make in made.values():
        make()
    client = Client()
    client.force_login(reader)
    page = client.get(f"/ticketing/tickets/?q={word}").content.decode()
    shown = {title for title in made if re.search(rf">{word} {title.replace(chr(39), '&#x27;')}<", page)}
    assert shown == seen
    customers = client.get(f"/crm/customers/?q={word}").content.decode()
    assert f"{word} ours" in customers
    assert (f"{word} theirs" in customers) is (limits != ("customers/mine",))


def test_an_administrator_reads_what_a_person_sees_and_why(limited: User) -> None:
    make_hidden(limited)
    client = Client()
    client.force_login(person(is_superuser=True))
    page = client.get(f"/admin/accounts/user/{limited.pk}/sees/").content.decode()
    name = limited.groups.get().name
    assert f"The group {name} shows only their own." in page
    assert "They follow their customers." in page
    assert (
        f"/admin/accounts/user/{limited.pk}/sees/"
        in client.get(f"/admin/accounts/user/{limited.pk}/change/").content.decode()
    )
    assert "row_limits-0-scope" in client.get(f"/admin/auth/group/{limited.groups.get().pk}/change/").content.decode()
    client.force_login(limited)
    assert client.get(f"/admin/accounts/user/{limited.pk}/sees/").status_code == 403


def test_a_sight_is_the_same_for_the_same_limits() -> None:
    one = Sight("a", (("tickets", ("tickets/mine",)),))
    assert one == Sight("a", (("tickets", ("tickets/mine",)),))
    assert str(one) != str(Sight("b", one.limits))
