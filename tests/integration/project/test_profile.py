"""The profile: what somebody chooses follows them, and is nobody else's."""

from uuid import uuid4

import pytest
from django.test import Client

from project.accounts.models import Preferences, User
from realtime.live.person import person_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_pages")]

CHOSEN = {
    "first_name": "Anna",
    "last_name": "Lindqvist",
    "time_zone": "Europe/Berlin",
    "locale": "de-DE",
    "theme": "dark",
    "density": "compact",
    "shortcuts": "off",
}


@pytest.fixture
def anna() -> User:
    return User.objects.create_user(f"anna-{uuid4().hex[:8]}", password="right")


def signed_in(user: User) -> Client:
    client = Client()
    client.post("/sign-in/", {"username": user.username, "password": "right"})
    return client


def test_what_is_chosen_follows_the_person_to_another_machine(anna: User) -> None:
    here = signed_in(anna)
    assert 'data-chosen-theme="system"' in here.get("/").content.decode()
    answer = here.post("/profile/", CHOSEN)
    assert (answer.status_code, answer.cookies["timezone"].value) == (302, "Europe/Berlin")
    there = signed_in(anna)
    assert there.cookies["timezone"].value == "Europe/Berlin"
    page = there.get("/").content.decode()
    for told in ('theme="dark"', 'density="compact"', 'shortcuts="off"', 'zone="Europe/Berlin"', 'locale="de-DE"'):
        assert f"data-{told}" in page or f"data-chosen-{told}" in page, told
    assert "Anna Lindqvist" in page
    other = User.objects.create_user(f"ben-{uuid4().hex[:8]}", password="right")
    assert "data-zone" not in signed_in(other).get("/").content.decode()


@pytest.mark.parametrize(("field", "value"), [("time_zone", "Mars/Base"), ("locale", "xx"), ("theme", "pink")])
def test_what_isnt_valid_is_named_at_its_field_and_nothing_is_saved(anna: User, field: str, value: str) -> None:
    answer = signed_in(anna).post("/profile/", CHOSEN | {field: value})
    assert answer.status_code == 422
    assert value in answer.context["form"].errors[field][0]
    assert not Preferences.objects.filter(user=anna).exists()
    anna.refresh_from_db()
    assert anna.first_name == ""


def test_a_switch_of_the_menu_saves_itself_for_whom_the_page_was_painted(anna: User) -> None:
    client = signed_in(anna)
    mine = {"X-Person": person_of(anna)}
    assert client.post("/profile/choose/", {"theme": "dark"}, headers=mine).status_code == 204
    assert client.post("/profile/choose/", {"shortcuts": "off"}, headers=mine).status_code == 204
    refused = client.post("/profile/choose/", {"theme": "pink"}, headers=mine)
    assert (refused.status_code, "system, light, dark" in refused.content.decode()) == (400, True)
    assert client.post("/profile/choose/", {"theme": "light"}, headers={"X-Person": "x"}).status_code == 409
    kept = Preferences.objects.get(user=anna)
    assert (kept.theme, kept.shortcuts) == ("dark", "off")
