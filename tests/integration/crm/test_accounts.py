"""What a badge says of a change: names and words, never keys, and nothing that belongs in the reader's own zone."""

import pytest

from crm.models import Acquisition, Customer, Interaction, Product
from project.accounts.models import User
from realtime.database.actor import acting_user
from realtime.live.definition import definition_named
from realtime.live.person import person_hash
from realtime.models import LiveModel

pytestmark = pytest.mark.django_db


def told(listing: str, row: LiveModel) -> dict[str, str]:
    row.refresh_from_db()
    return definition_named(listing).accounts({str(row.pk): row.revision})[str(row.pk)].told


def test_a_relative_is_named_and_whoever_did_it() -> None:
    ann, bob = (Customer.objects.create(name=name) for name in ("Ann", "Bob"))
    sale = Acquisition.objects.create(customer=ann, product=Product.objects.create(name="Lamp", price=1), quantity=1)
    user = User.objects.create_user("zoe", first_name="Zoe")
    with acting_user(str(user.pk)):
        Acquisition.objects.filter(pk=sale.pk).update(customer=bob, quantity=2)
    assert told("acquisitions", sale) == {
        "name": "Zoe",
        "person": person_hash(user.pk),
        "did": "Customer Ann → Bob, Quantity 1 → 2",
    }


def test_a_role_has_no_name_and_a_time_or_a_long_text_no_words() -> None:
    talk = Interaction.objects.create(customer=Customer.objects.create(name="Ann"), notes="a")
    Interaction.objects.filter(pk=talk.pk).update(type="call", notes="b", interaction_at="2026-01-01 10:00Z")
    account = told("interactions", talk)
    assert (account["name"], account["person"]) == ("", "")
    assert account["did"] == "Type Note → Call, Notes edited, 1 more"
