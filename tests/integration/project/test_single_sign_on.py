"""Signing in through a provider of OpenID Connect, over real sockets."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django import Settings

from project.accounts.models import GroupRule, User
from project.environment import Environment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_pages")]


class Provider(ThreadingHTTPServer):
    """Knows one person, by ``claims``."""

    claims: dict[str, Any]
    asked: list[dict[str, list[str]]]


class Answers(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        base = f"http://{self.headers['Host']}"
        if self.path == "/.well-known/openid-configuration":
            self.tell({"issuer": base} | {f"{name}_endpoint": f"{base}/{name}" for name in ENDPOINTS})
        else:
            assert self.headers["Authorization"] == "Bearer the-token"
            self.tell(self.server.claims)

    def do_POST(self) -> None:
        self.server.asked.append(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        self.tell({"access_token": "the-token", "token_type": "bearer"})

    def tell(self, told: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_message(self, *arguments: Any) -> None:
        """Nothing: the tests say what went wrong."""


ENDPOINTS = ("authorization", "token", "userinfo")


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    server = Provider(("127.0.0.1", 0), Answers)
    server.claims, server.asked = {}, []
    Thread(target=server.serve_forever, daemon=True).start()
    variables = {
        "OIDC_SERVER_URL": f"http://127.0.0.1:{server.server_address[1]}",
        "OIDC_CLIENT_ID": "livedesk",
        "OIDC_CLIENT_SECRET": "secret",
        "OIDC_NAME": "Example",
    }
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [Environment(variables).openid()]}}
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def anna() -> User:
    name = f"anna-{uuid4().hex[:8]}"
    return User.objects.create_user(name, f"{name}@example.org", "right-4711")


def come_back(client: Client, provider: Provider, **claims: Any) -> str:
    """Goes there and comes back as whom the provider knows; returns where that leads, or the page."""
    provider.claims = claims
    page = client.get("/sign-in/?next=/crm/products/").content.decode()
    assert "Sign in with Example" in page
    there = client.get("/account/oidc/login/?next=/crm/products/").headers["Location"]
    asked = parse_qs(urlsplit(there).query)
    assert asked["code_challenge_method"] == ["S256"]
    answer = client.get("/account/oidc/login/callback/", {"code": "x", "state": asked["state"][0]})
    return answer.headers.get("Location") or answer.content.decode()


def test_a_verified_address_opens_the_account_that_has_it_and_is_linked(provider: Provider, anna: User) -> None:
    client = Client()
    assert come_back(client, provider, sub="1", email=anna.email.upper(), email_verified=True) == "/crm/products/"
    assert client.session["_auth_user_id"] == str(anna.pk)
    assert "code_verifier" in provider.asked[-1]
    # The link counts from now on, whatever address they have over there; and the password is as it was.
    again = Client()
    assert come_back(again, provider, sub="1", email="new@example.org", email_verified=True) == "/crm/products/"
    assert again.session["_auth_user_id"] == str(anna.pk)
    anna.refresh_from_db()
    assert anna.check_password("right-4711")


def test_nobody_else_gets_in(provider: Provider, anna: User) -> None:
    User.objects.create_user(f"twin-{uuid4().hex[:8]}", "twin@example.org")
    User.objects.create_user(f"twin-{uuid4().hex[:8]}", "Twin@example.org")
    closed = User.objects.create_user(f"closed-{uuid4().hex[:8]}", "closed@example.org", is_active=False)
    people = User.objects.count()
    for email, is_verified in (
        (anna.email, False),
        (anna.email, "false"),
        ("stranger@example.org", True),
        ("twin@example.org", True),
        (closed.email, True),
        ("", True),
    ):
        client = Client()
        told = come_back(client, provider, sub=f"sub {email}", email=email, email_verified=is_verified)
        assert "No account here" in told, email
        assert "_auth_user_id" not in client.session
    assert (User.objects.count(), SocialAccount.objects.count()) == (people, 0)


def test_accounts_are_made_without_rights_when_the_setting_says_so(provider: Provider, settings: Settings) -> None:
    settings.OIDC_MAKES_ACCOUNTS = True
    claims = {"email": "fresh@example.org", "preferred_username": "fresh", "given_name": "Fresh"}
    assert "No account here" in come_back(Client(), provider, sub="2", email_verified=False, **claims)
    assert come_back(Client(), provider, sub="2", email_verified=True, **claims) == "/crm/products/"
    made = User.objects.get(email="fresh@example.org")
    assert (made.first_name, made.has_usable_password(), made.is_staff, made.get_all_permissions()) == (
        "Fresh",
        False,
        False,
        set(),
    )


def test_the_rule_of_a_group_holds_for_whoever_comes_from_there(provider: Provider, anna: User) -> None:
    group = Group.objects.create(name=f"strict-{uuid4().hex[:8]}")
    GroupRule.objects.create(group=group, second_factor=True)
    anna.groups.add(group)
    client = Client()
    come_back(client, provider, sub="1", email=anna.email, email_verified=True)
    assert client.get("/crm/products/").headers["Location"] == "/account/second-factor/"


def test_whoever_turns_back_over_there_is_told(provider: Provider) -> None:
    client = Client()
    there = client.get("/account/oidc/login/").headers["Location"]
    told = {"error": "access_denied", "state": parse_qs(urlsplit(there).query)["state"][0]}
    answer = client.get("/account/oidc/login/callback/", told, follow=True)
    assert "You turned back" in answer.content.decode()
    forged = client.get("/account/oidc/login/callback/", {"code": "x", "state": "made up"})
    assert "That didn’t work" in forged.content.decode()


def test_a_provider_that_is_away_is_no_error_of_ours(provider: Provider) -> None:
    provider.shutdown()
    provider.server_close()
    answer = Client().get("/account/oidc/login/")
    assert (answer.status_code, "That didn’t work" in answer.content.decode()) == (502, True)


def test_half_a_provider_is_refused_at_the_start() -> None:
    with pytest.raises(ImproperlyConfigured, match="OIDC_CLIENT_ID and OIDC_CLIENT_SECRET"):
        Environment({"OIDC_SERVER_URL": "https://id.example.org"}).openid()
    assert Environment({}).openid() is None


def test_without_a_provider_nothing_is_offered() -> None:
    assert "Sign in with Example" not in Client().get("/sign-in/").content.decode()
    assert Client().get("/account/oidc/login/").status_code == 404
