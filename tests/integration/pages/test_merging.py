"""Two people save the same record, by every way to save, in either order: nobody's work is lost, nothing is saved half,
and only a field that both changed differently asks (design rule 30)."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product as pairs
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.http import HttpResponse
from django.test import Client

from crm.models import Customer, Interaction, Product
from project.accounts.models import User
from realtime.live.past import row_at
from realtime.models import LiveModel, RealtimeChange
from tests.integration.pages.test_untouched import Form
from ticketing.models import Comment, Ticket

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_pages")]

TEXT = "First paragraph.\n\nSecond paragraph.\n\nThird paragraph."
Changes = dict[str, str]


@dataclass(frozen=True)
class Person:
    client: Client
    name: str
    key: str


def person(name: str) -> Person:
    username = f"{name}-{uuid4().hex[:8]}"
    user = User.objects.create_user(username, first_name=name, is_staff=True, is_superuser=True)
    user.groups.add(Group.objects.get(name="Managers"))
    client = Client()
    client.force_login(user)
    return Person(client, name, str(user.pk))


@pytest.fixture
def anna(db: None) -> Person:
    return person("Anna")


@pytest.fixture
def ben(db: None) -> Person:
    return person("Ben")


@pytest.fixture
def ticket(db: None) -> Ticket:
    return fresh(Ticket.objects.create(title="Smoke", description=TEXT))


def fresh(row: Any) -> Any:
    row.refresh_from_db()
    return row


# A way to save is opened by somebody, and saves later what that person changed of what was shown then.
Opened = Callable[[Changes], HttpResponse]


def portal(who: Person, row: LiveModel) -> Opened:
    app, plural = row._meta.app_label, row._meta.db_table
    return form(who, f"/{app}/{plural}/{row.pk}/edit/")


def admin(who: Person, row: LiveModel) -> Opened:
    return form(who, f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/")


def form(who: Person, address: str) -> Opened:
    sent = Form(who.client.get(address).content.decode()).sent
    return lambda changes: who.client.post(address, sent | changes)


def click(who: Person, row: LiveModel) -> Opened:
    """The menu of a row, a card of the board, the buttons of the ticket's page: all send the same."""
    revision = row.revision

    def send(changes: Changes) -> HttpResponse:
        ((name, value),) = changes.items()
        resource, told = {
            "status": ("status", {"status": value}),
            "priority": ("priority", {"priority": value}),
            "assigned_to": ("assignment", {"to": "member", "member": value} if value else {"to": "nobody"}),
        }[name]
        address = f"/ticketing/tickets/{row.pk}/{resource}/"
        return who.client.post(address, told | {"revision": revision}, headers={"accept": "application/json"})

    return send


FORMS = {"form": portal, "admin": admin}
WAYS = FORMS | {"click": click}


def is_saved(answer: HttpResponse) -> bool:
    """Forms redirect to what they saved, a click is answered with a sentence."""
    is_sentence = answer.headers["Content-Type"].startswith("application/json")
    return answer.status_code == 302 or (answer.status_code == 200 and is_sentence)


def of(row: LiveModel, *names: str) -> tuple[str, ...]:
    return tuple(str(getattr(fresh(row), name) or "") for name in names)


# Field overlap, by each pair of ways, whoever was first


@pytest.mark.parametrize(("first", "second"), list(pairs(WAYS, WAYS)))
def test_changes_of_different_fields_are_both_kept(
    anna: Person, ben: Person, ticket: Ticket, first: str, second: str
) -> None:
    mine, theirs = WAYS[first](anna, ticket), WAYS[second](ben, ticket)
    assert is_saved(theirs({"status": "pending"}))
    assert is_saved(mine({"priority": "urgent"}))
    assert of(ticket, "status", "priority", "title", "description") == ("pending", "urgent", "Smoke", TEXT)


@pytest.mark.parametrize(("first", "second"), list(pairs(WAYS, WAYS)))
def test_the_same_value_from_both_is_no_conflict(
    anna: Person, ben: Person, ticket: Ticket, first: str, second: str
) -> None:
    mine, theirs = WAYS[first](anna, ticket), WAYS[second](ben, ticket)
    assert is_saved(theirs({"status": "pending"}))
    assert is_saved(mine({"status": "pending"}))
    assert of(ticket, "status", "priority") == ("pending", "normal")


@pytest.mark.parametrize(("first", "second"), list(pairs(WAYS, WAYS)))
def test_different_values_for_the_same_field_ask_and_nothing_is_saved_half(
    anna: Person, ben: Person, ticket: Ticket, first: str, second: str
) -> None:
    mine, theirs = WAYS[first](anna, ticket), WAYS[second](ben, ticket)
    assert is_saved(theirs({"status": "pending"}))
    before = fresh(ticket).revision
    answer = mine({"status": "closed"} | ({"title": "Fire"} if first in FORMS else {}))
    assert answer.status_code == (200 if first == "admin" else 409)
    assert not is_saved(answer)
    assert fresh(ticket).revision == before
    page = answer.json()["said"] if first == "click" else answer.content.decode()
    assert "Ben changed" in page
    assert "Pending" in page or "pending" in page
    if first not in FORMS:
        return
    # The form comes back with everything that was typed; it knows theirs now, so saving it again decides.
    again = Form(page).sent
    assert (again["title"], again["status"]) == ("Fire", "closed")
    address = answer.wsgi_request.path
    assert is_saved(anna.client.post(address, again))
    assert of(ticket, "title", "status") == ("Fire", "closed")


@pytest.mark.parametrize(("first", "second"), list(pairs(FORMS, FORMS)))
def test_a_field_among_others_is_the_only_one_that_asks(
    anna: Person, ben: Person, ticket: Ticket, first: str, second: str
) -> None:
    mine, theirs = FORMS[first](anna, ticket), FORMS[second](ben, ticket)
    assert is_saved(theirs({"title": "Theirs", "priority": "low", "assigned_to": ben.key}))
    answer = mine({"title": "Mine", "status": "pending"})
    page = answer.content.decode()
    again = Form(page).sent
    assert {name: again[name] for name in ("title", "status", "priority", "assigned_to")} == {
        "title": "Mine",
        "status": "pending",
        "priority": "low",
        "assigned_to": ben.key,
    }
    assert page.count("Ben changed this to “Theirs”" if first == "admin" else '<fieldset class="choose"') == 1


@pytest.mark.parametrize(("first", "second"), list(pairs(FORMS, FORMS)))
def test_a_long_text_is_merged_by_paragraphs(
    anna: Person, ben: Person, ticket: Ticket, first: str, second: str
) -> None:
    mine, theirs = FORMS[first](anna, ticket), FORMS[second](ben, ticket)
    assert is_saved(theirs({"description": TEXT.replace("Third", "Their third")}))
    assert is_saved(mine({"description": TEXT.replace("First", "My first").replace("\n", "\r\n")}))
    assert of(ticket, "description") == ("My first paragraph.\n\nSecond paragraph.\n\nTheir third paragraph.",)

    mine, theirs = FORMS[first](anna, ticket), FORMS[second](ben, ticket)
    assert is_saved(theirs({"description": "Theirs."}))
    answer = mine({"description": "Mine."})
    assert not is_saved(answer)
    assert of(ticket, "description") == ("Theirs.",)
    assert Form(answer.content.decode()).sent["description"] == "Mine."


@pytest.mark.parametrize("way", FORMS)
def test_a_comment_is_merged_too(anna: Person, ben: Person, ticket: Ticket, way: str) -> None:
    comment = fresh(Comment.objects.create(ticket=ticket, content=TEXT, author_id=anna.key))
    mine, theirs = FORMS[way](anna, comment), FORMS[way](ben, comment)
    assert is_saved(theirs({"content": TEXT.replace("Third", "Their third")}))
    assert is_saved(mine({"content": TEXT.replace("First", "My first")}))
    assert of(comment, "content") == ("My first paragraph.\n\nSecond paragraph.\n\nTheir third paragraph.",)


# The dialog


@pytest.fixture
def lamp(db: None) -> Product:
    return fresh(Product.objects.create(name="Lamp", description="Warm", price=3))


def conflict(anna: Person, lamp: Product, **theirs: Any) -> dict[str, str]:
    """Anna's form of the lamp after it was refused."""
    mine = portal(anna, lamp)
    Product.objects.filter(pk=lamp.pk).update(**theirs)
    answer = mine({"name": "My lamp", "description": "Mine"})
    assert answer.status_code == 409
    assert of(lamp, "name", "description") == (theirs["name"], theirs["description"])
    return Form(answer.content.decode()).sent


def test_each_field_is_chosen_by_itself(anna: Person, lamp: Product) -> None:
    sent = conflict(anna, lamp, name="Their lamp", description="Theirs")
    chosen = sent | {"choose-name": "theirs", "choose-description": "mine"}
    assert is_saved(anna.client.post(f"/crm/products/{lamp.pk}/edit/", chosen))
    assert of(lamp, "name", "description") == ("Their lamp", "Mine")


def test_mine_may_be_edited_before_it_is_chosen(anna: Person, lamp: Product) -> None:
    sent = conflict(anna, lamp, name="Their lamp", description="Theirs")
    edited = sent | {"choose-name": "mine", "name": "Our lamp", "choose-description": "theirs"}
    assert is_saved(anna.client.post(f"/crm/products/{lamp.pk}/edit/", edited))
    assert of(lamp, "name", "description") == ("Our lamp", "Theirs")


def test_a_third_person_in_between_asks_again_but_not_about_what_was_given_to_others(
    anna: Person, lamp: Product
) -> None:
    sent = conflict(anna, lamp, name="Their lamp", description="Theirs")
    Product.objects.filter(pk=lamp.pk).update(name="Third lamp", description="Third")
    chosen = sent | {"choose-name": "mine", "choose-description": "theirs"}
    answer = anna.client.post(f"/crm/products/{lamp.pk}/edit/", chosen)
    assert answer.status_code == 409
    told = [(item.label, item.mine, item.theirs, item.original) for item in answer.context["conflicts"]]
    assert told == [("Name", "My lamp", "Third lamp", "Their lamp")]
    assert of(lamp, "name", "description") == ("Third lamp", "Third")


def test_a_mistake_and_a_conflict_are_told_together(anna: Person, lamp: Product) -> None:
    mine = portal(anna, lamp)
    Product.objects.filter(pk=lamp.pk).update(name="Their lamp", description="Theirs")
    answer = mine({"name": "My lamp", "price": "a lot"})
    assert answer.status_code == 409
    assert set(answer.context["form"].errors) == {"price"}
    assert [item.label for item in answer.context["conflicts"]] == ["Name"]
    again = Form(answer.content.decode()).sent
    assert (again["name"], again["description"], again["price"]) == ("My lamp", "Theirs", "a lot")


def test_the_save_says_what_it_kept_of_others(anna: Person, ben: Person, lamp: Product) -> None:
    mine = portal(anna, lamp)
    assert is_saved(portal(ben, lamp)({"price": "5"}))
    mine({"name": "My lamp"})
    page = anna.client.get(f"/crm/products/{lamp.pk}/").content.decode()
    assert "What Ben has changed meanwhile was kept: Price." in page


# The original


def test_a_row_is_known_as_it_was_at_every_revision_that_it_had(lamp: Product) -> None:
    revisions = {lamp.revision: "Lamp"}
    for name in ("Lamp 2", "Lamp 3"):
        Product.objects.filter(pk=lamp.pk).update(name=name)
        revisions[fresh(lamp).revision] = name
    for revision, name in revisions.items():
        row: Any = row_at(lamp, revision)
        assert (row.name, row.price, row.revision) == (name, lamp.price, revision)
    for revision in (None, 0, -1, lamp.revision + 1, max(revisions) - 1 if max(revisions) - 1 not in revisions else 0):
        assert row_at(lamp, revision) is None


def test_without_the_entry_of_a_revision_the_next_one_tells_what_it_was(lamp: Product) -> None:
    opened = lamp.revision
    Product.objects.filter(pk=lamp.pk).update(name="Lamp 2")
    RealtimeChange.objects.filter(revision=opened).delete()
    row: Any = row_at(fresh(lamp), opened)
    assert row.name == "Lamp"


def test_when_the_original_is_pruned_every_difference_asks(anna: Person, lamp: Product) -> None:
    mine = portal(anna, lamp)
    Product.objects.filter(pk=lamp.pk).update(description="Theirs", price=9)
    RealtimeChange.objects.all().delete()
    answer = mine({"name": "My lamp"})
    assert answer.status_code == 409
    assert [item.label for item in answer.context["conflicts"]] == ["Name", "Description", "Price"]
    assert "not known any more" in answer.content.decode()
    assert of(lamp, "name", "description") == ("Lamp", "Theirs")


# What static/js/live-form.js and typed.js send


def test_a_field_is_measured_by_the_revision_it_was_seen_at(anna: Person, lamp: Product) -> None:
    mine = portal(anna, lamp)
    Product.objects.filter(pk=lamp.pk).update(name="Their lamp", description="Theirs")
    told = fresh(lamp).revision
    # Shown live, kept over it knowingly, and then another change of what nobody touched.
    Product.objects.filter(pk=lamp.pk).update(description="Theirs again")
    seen = {"seen": f"name:{told} description:{told}"}
    assert is_saved(mine({"name": "My lamp", "description": "Theirs"} | seen))
    assert of(lamp, "name", "description") == ("My lamp", "Theirs again")


@pytest.mark.parametrize("seen", ["x", ":", "name:", "name:x", f"name:{'9' * 5000}", "name:-1", "no-field:1", ":::1"])
def test_a_damaged_measure_breaks_nothing(anna: Person, lamp: Product, seen: str) -> None:
    mine = portal(anna, lamp)
    Product.objects.filter(pk=lamp.pk).update(price=9)
    assert mine({"name": "My lamp", "seen": seen}).status_code in (302, 409)
    assert of(lamp, "price") == ("9.00",)


def test_a_chooser_and_a_time_that_others_changed_are_theirs(anna: Person) -> None:
    ann, bob = Customer.objects.create(name="Ann"), Customer.objects.create(name="Bob")
    call = fresh(Interaction.objects.create(customer=ann, notes="Called"))
    mine = portal(anna, call)
    Interaction.objects.filter(pk=call.pk).update(customer=bob, interaction_at="2026-02-03T10:00:01.5Z")
    ann.delete()
    theirs = fresh(call).interaction_at
    assert is_saved(mine({"notes": "Called twice"}))
    assert (fresh(call).customer_id, call.interaction_at, call.notes) == (bob.pk, theirs, "Called twice")


def test_a_row_inside_the_admins_page_is_merged_too(anna: Person) -> None:
    customer = Customer.objects.create(name="Ann")
    call = fresh(Interaction.objects.create(customer=customer, notes="Called", type="call"))
    mine = admin(anna, customer)
    Interaction.objects.filter(pk=call.pk).update(type="meeting")
    assert is_saved(mine({"interactions-0-notes": "Called twice"}))
    assert of(call, "notes", "type") == ("Called twice", "meeting")
