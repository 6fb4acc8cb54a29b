"""A browser that has a page as it is gets a 304 without a painting; and what it then shows is what a painting shows."""

import os
import random
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction
from django.test import Client
from pytest_django import Settings

from crm.models import Product
from project.accounts.models import Preferences, User
from realtime.database.triggers import LIVE_TRIGGERS
from realtime.models import Draft, PinnedView, RowLimit, SavedView
from realtime.pages import live_pages, side_bar, unchanged
from tests.anything import LISTS, Anything
from ticketing.models import Notification, Ticket

pytestmark = pytest.mark.usefixtures("project", "quick_pages")
# The long form: STEPS=2000 SEEDS="1 2" bin/test tests/integration/pages/test_unchanged.py
STEPS = int(os.environ.get("STEPS", "14"))
SEEDS = [int(seed) for seed in os.environ.get("SEEDS", "1").split()]
PLACES = {
    "products": "/crm/products/",
    "customers": "/crm/customers/",
    "acquisitions": "/crm/acquisitions/",
    "interactions": "/crm/interactions/",
    "tickets": "/ticketing/tickets/",
}


class Browser:
    """One person's, with the copies that it keeps."""

    def __init__(self, user: User) -> None:
        self.user, self.client = user, Client()
        self.client.force_login(user)
        self.copies: dict[str, tuple[str, str]] = {}
        # It has the cookie of the forms from the first page on.
        self.client.get("/profile/")

    def open(self, address: str) -> tuple[str, int]:
        """What it shows after asking, and how it was answered."""
        tag, body = self.copies.get(address, ("", ""))
        answer = self.client.get(address, **({"HTTP_IF_NONE_MATCH": tag} if tag else {}))
        if answer.status_code != 304:
            body = told(answer)
        else:
            assert not answer.content
            assert answer.headers["Vary"] == "Cookie"
            assert answer.headers["Cache-Control"] == "private, no-cache"
        self.copies.pop(address, None)
        if new := answer.headers.get("ETag"):
            self.copies[address] = (new, body)
        return body, answer.status_code


def told(answer: Any) -> str:
    """A page without what differs by itself: the mask of the forms' secret."""
    return re.sub(r'(csrfmiddlewaretoken" value=")[^"]+', r"\1", answer.content.decode())


def run(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []


def person(**more: Any) -> User:
    return User.objects.create_user(f"u{uuid4().hex[:10]}", is_staff=True, **more)


def agent(*groups: str) -> User:
    user = person()
    user.groups.add(*Group.objects.filter(name__in=groups))
    return user


class Office:
    """People, their browsers, and whatever may change what these show."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.word = chance, f"w{uuid4().hex[:8]}"
        limited = agent("Support agents")
        group = Group.objects.create(name=uuid4().hex)
        group.permissions.add(*Permission.objects.filter(codename__in=["view_ticket", "view_customer"]))
        RowLimit.objects.create(group=group, scope="tickets/unassigned-and-mine")
        limited.groups.set([group])
        self.group, self.people = group, [person(is_superuser=True), agent("Support agents", "CRM staff"), limited]
        self.browsers = [Browser(user) for user in self.people]
        self.anything = Anything(chance, self.word, [str(user.pk) for user in self.people])
        self.anything.furnish(run, 60)
        self.addresses = [self._address() for _ in range(12)]

    def _address(self) -> str:
        chance = self.chance
        name = chance.choice(LISTS)
        if chance.random() < 0.5:
            return f"{PLACES[name]}{self.anything.one_of(name)}/"
        return f"{PLACES[name]}?{urlencode(self.anything.listing(name) | {'size': 25}, doseq=True)}"

    def change_something(self) -> None:
        chance = self.chance
        chance.choices(
            (self._write, self._write_past_the_triggers, self._choose, self._give_rights, self._rename, self._keep),
            weights=(50, 15, 10, 10, 5, 10),
        )[0]()

    def _write(self) -> None:
        for _ in range(self.chance.choice((1, 1, 3))):
            self.anything.write(run, self.anything.note)

    def _write_past_the_triggers(self) -> None:
        """The log and the revision know nothing of it."""
        table = self.chance.choice(list(PLACES))
        column = {"tickets": "title", "interactions": "notes", "acquisitions": "total_amount"}.get(table, "name")
        value: Any = self.chance.randint(1, 99) if column == "total_amount" else f"{self.word} {uuid4().hex}"
        with transaction.atomic():
            run(f"alter table {table} disable trigger user", [])
            run(f"update {table} set {column} = %s where id = %s", [value, self.anything.one_of(table)])
            for name in LIVE_TRIGGERS:
                run(f'alter table {table} enable always trigger "{name}"', [])

    def _choose(self) -> None:
        user = self.chance.choice(self.people)
        Preferences.objects.update_or_create(
            user=user, defaults={"density": self.chance.choice(Preferences.Density.values)}
        )

    def _give_rights(self) -> None:
        right = Permission.objects.get(codename=self.chance.choice(("change_ticket", "view_product", "add_customer")))
        change = self.group.permissions.add if self.chance.random() < 0.5 else self.group.permissions.remove
        change(right)
        if self.chance.random() < 0.3:
            RowLimit.objects.filter(group=self.group).update(
                scope=self.chance.choice(("tickets/mine", "tickets/unassigned-and-mine"))
            )

    def _rename(self) -> None:
        if self.chance.random() < 0.5:
            User.objects.filter(pk=self.chance.choice(self.people).pk).update(first_name=uuid4().hex)
        else:
            label = f"Label {self.chance.randint(0, 3)}"
            run("update realtime_word set label = %s where (table_name, value) = ('tickets', 'pending')", [label])

    def _keep(self) -> None:
        user = self.chance.choice(self.people)
        what = self.chance.choice(("view", "draft", "notification"))
        if what == "view":
            view = SavedView.objects.create(owner=user, listing="tickets", name=uuid4().hex, query=f"q={self.word}")
            PinnedView.objects.create(user=user, view=view)
        elif what == "draft":
            Draft.objects.create(owner=user, address="/ticketing/tickets/new/", form=uuid4().hex, kept="{}")
        elif tickets := Ticket.objects.filter(pk=self.anything.one_of("tickets")):
            Notification.objects.create(
                person=user,
                kind="assigned",
                cause=self.chance.randint(1, 2**40),
                actor="x",
                ticket=tickets[0],
                at=tickets[0].created_at,
            )


@pytest.mark.parametrize("seed", SEEDS)
def test_with_and_without_it_the_pages_are_the_same_whatever_is_written(
    seed: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine, counts would come late on some paintings.
    monkeypatch.setattr(side_bar, "COUNTS_SECONDS", 60)
    chance = random.Random(seed)
    office, answers = Office(chance), Counter[int]()
    for step in range(STEPS):
        if chance.random() < 0.8:
            office.change_something()
        for _ in range(4):
            browser, address = chance.choice(office.browsers), chance.choice(office.addresses)
            shown, status = browser.open(address)
            answers[status] += 1
            settings.PAGES_UNCHANGED = False
            painted = told(browser.client.get(address))
            settings.PAGES_UNCHANGED = True
            where = f"seed {seed}, step {step}: {address} of {office.browsers.index(browser)}, answered {status}"
            assert shown == painted, where
            if status == 200:
                assert browser.open(address)[1] == 304, f"painted again without a change: {where}"
    assert min(answers[200], answers[304]) > STEPS / 2, answers


@pytest.fixture
def browser() -> Browser:
    return Browser(person(is_superuser=True))


def test_a_page_that_is_unchanged_is_not_painted(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    key = Product.objects.create(name="Lamp").pk
    addresses = ("/crm/products/?all=1", f"/crm/products/{key}/")
    before = {address: browser.open(address) for address in addresses}

    def nothing_is_painted(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("painted")

    with monkeypatch.context() as here:
        here.setattr(live_pages, "render", nothing_is_painted)
        here.setattr(live_pages, "live_view", nothing_is_painted)
        for address in addresses:
            assert browser.open(address) == (before[address][0], 304)
    # Another process has painted it: this one paints, and sends nothing.
    unchanged.pages.forget()
    assert browser.open(addresses[0])[1] == 304


def test_a_copy_belongs_to_its_person_and_their_session(browser: Browser) -> None:
    address = "/crm/products/?all=1"
    browser.open(address)
    tag = browser.copies[address][0]
    other = Browser(person(is_superuser=True))
    assert other.client.get(address, HTTP_IF_NONE_MATCH=tag).status_code == 200
    browser.client.logout()
    assert browser.client.get(address, HTTP_IF_NONE_MATCH=tag).status_code == 302
    browser.client.force_login(browser.user)
    assert browser.open(address)[1] == 200
    browser.client.cookies["timezone"] = "Asia/Tokyo"
    assert browser.open(address)[1] == 200
    assert browser.client.get("/crm/customers/?all=1", HTTP_IF_NONE_MATCH=browser.copies[address][0]).status_code == 200


def test_a_sentence_is_said_once(browser: Browser) -> None:
    browser.open("/crm/products/?all=1")
    product = Product.objects.create(name="Lamp")
    address = f"/crm/products/{product.pk}/"
    browser.open(address)
    form = {"name": "Lamp two", "price": "1", "description": "", "revision": product.revision}
    assert browser.client.post(f"{address}edit/", form).status_code == 302
    assert browser.client.get(address, headers={"Livedesk-Prefetch": "1"}).status_code == 204
    shown, status = browser.open(address)
    assert status == 200
    assert "was saved" in shown
    shown, status = browser.open(address)
    assert "was saved" not in shown
    assert browser.open(address) == (shown, 304)


def test_what_is_kept_has_an_end(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchanged, "LIMIT_BYTES", 1)
    browser.open("/crm/products/?all=1")
    assert unchanged.pages.get(browser.copies["/crm/products/?all=1"][0]) is None
    monkeypatch.setattr(unchanged, "PAGE_BYTES", 1)
    browser.open("/crm/customers/?all=1")
    assert "/crm/customers/?all=1" not in browser.copies
