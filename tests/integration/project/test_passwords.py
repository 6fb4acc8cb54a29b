"""Changing a password, and getting a new one by mail."""

import re
from uuid import uuid4

import pytest
from allauth.usersessions.models import UserSession
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django import Settings

from project.accounts.models import User
from project.environment import Environment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_pages")]

NEW = {"password1": "entirely-new-1", "password2": "entirely-new-1"}


@pytest.fixture(autouse=True)
def uncounted() -> None:
    cache.clear()


@pytest.fixture
def anna() -> User:
    name = f"anna-{uuid4().hex[:8]}"
    return User.objects.create_user(name, f"{name}@example.org", "right-4711")


def sign_in(user: User, password: str = "right-4711") -> Client:
    client = Client()
    client.post("/sign-in/", {"username": user.username, "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def test_a_changed_password_ends_the_other_sessions(anna: User) -> None:
    here, there = sign_in(anna), sign_in(anna)
    refused = here.post("/account/password/", NEW | {"oldpassword": "wrong"})
    assert refused.status_code == 200
    assert here.post("/account/password/", NEW | {"oldpassword": "right-4711"}).headers["Location"] == "/profile/"
    assert (is_in(here), is_in(there), is_in(sign_in(anna, NEW["password1"]))) == (True, False, True)
    assert here.get("/account/sessions/").status_code == 200
    assert UserSession.objects.filter(user=anna).count() == 2


def test_the_administration_uses_the_same_form(anna: User) -> None:
    assert sign_in(anna).get("/admin/password_change/").headers["Location"] == "/account/password/"


def test_a_link_by_mail_sets_a_new_password_once(anna: User, settings: Settings) -> None:
    settings.MAIL_IS_SET_UP = True
    open_session = sign_in(anna)
    client = Client()
    for address in ("nobody@example.org", anna.email.upper()):
        answer = client.post("/account/password/reset/", {"email": address})
        assert answer.headers["Location"] == "/account/password/reset/sent/"
    (sent,) = mail.outbox
    assert sent.to == [anna.email]
    assert anna.username in sent.body
    link = re.search(r"http://testserver(\S+)", sent.body)
    assert link is not None
    form = client.get(link[1], follow=True).redirect_chain[-1][0]
    done = client.post(form, NEW, follow=True)
    assert "new password holds" in done.content.decode()
    assert (is_in(open_session), is_in(sign_in(anna)), is_in(sign_in(anna, NEW["password1"]))) == (False, False, True)
    again = Client().get(link[1], follow=True).content.decode()
    assert "password1" not in again


def test_without_mail_the_page_says_whom_to_ask(anna: User, settings: Settings) -> None:
    settings.MAIL_IS_SET_UP = False
    assert "ask your administrator" in Client().get("/account/password/reset/").content.decode()
    answer = Client().post("/account/password/reset/", {"email": anna.email})
    assert (answer.status_code, mail.outbox) == (503, [])


def test_a_mail_server_that_is_away_is_named(anna: User, settings: Settings) -> None:
    settings.MAIL_IS_SET_UP = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    answer = Client().post("/account/password/reset/", {"email": anna.email})
    assert (answer.status_code, "mail server doesn’t answer" in answer.content.decode()) == (503, True)


def test_the_mail_server_is_read_from_one_address() -> None:
    told = Environment({"EMAIL_URL": "smtp://me%40example.org:s%3Acret@mail.example.org"}).mail("EMAIL_URL")
    assert (told["EMAIL_HOST_USER"], told["EMAIL_HOST_PASSWORD"], told["EMAIL_PORT"]) == (
        "me@example.org",
        "s:cret",
        587,
    )
    assert Environment({"EMAIL_URL": "smtps://mail.example.org"}).mail("EMAIL_URL")["EMAIL_PORT"] == 465
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL is not a usable address"):
        Environment({"EMAIL_URL": "mail.example.org"}).mail("EMAIL_URL")
