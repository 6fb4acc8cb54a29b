"""Signing in: what is asked, what is refused, and that nobody is kept out of their own account."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from itertools import cycle
from uuid import uuid4

import httpx
import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client

from project.accounts.known_browsers import COOKIE
from project.accounts.models import GroupRule, User
from project.shared_cache import SharedCache
from realtime.hub.rights import read_arrivals
from tests.live_site import LiveSite, make_web
from tests.plugin import SessionServices

PASSWORD = "right-4711"
REFUSED = "Too many wrong passwords"
WRONG = "isn’t right"

GUESSES, ADDRESSES, LIMIT = 100, 10, 5


@pytest.fixture(autouse=True)
def uncounted() -> None:
    """The limit per address would count other tests' guesses, too."""
    cache.clear()


@pytest.fixture
def anna(db: None, quick_pages: None) -> User:
    name = f"anna-{uuid4().hex[:8]}"
    return User.objects.create_user(name, f"{name}@example.org", PASSWORD)


def sign_in(client: Client, login: str, password: str, address: str = "127.0.0.1", to: str = "") -> str:
    """Where it leads, or the page that says no."""
    answer = client.post("/sign-in/", {"username": login, "password": password, "next": to}, REMOTE_ADDR=address)
    return answer.headers.get("Location") or answer.content.decode()


@pytest.mark.parametrize("naming", [lambda user: user.username, lambda user: user.email.upper()])
def test_people_sign_in_by_user_name_or_email(anna: User, naming: Callable[[User], str]) -> None:
    client = Client()
    assert WRONG in sign_in(client, naming(anna), "wrong")
    assert sign_in(client, naming(anna), PASSWORD, to="/crm/products/") == "/crm/products/"
    assert client.get("/").status_code == 200
    client.post("/sign-out/")
    assert client.get("/").status_code == 302


def test_an_account_has_one_limit_by_whatever_name(anna: User) -> None:
    names = cycle((anna.username, anna.email, anna.username.upper()))
    said = [sign_in(Client(), next(names), "wrong", f"10.0.0.{turn}") for turn in range(LIMIT + 2)]
    assert [REFUSED in told for told in said] == [False] * LIMIT + [True] * 2
    assert REFUSED in sign_in(Client(), anna.username, PASSWORD)


def test_an_address_has_a_limit_over_all_accounts(anna: User) -> None:
    said = [sign_in(Client(), f"nobody-{turn}", "wrong", "10.0.0.1") for turn in range(21)]
    assert [REFUSED in told for told in said] == [False] * 20 + [True]
    assert sign_in(Client(), anna.username, PASSWORD, "10.0.0.2") == "/"


def test_a_known_browser_counts_by_itself_and_only_for_whom_it_knows(anna: User) -> None:
    known, forged = Client(), Client()
    sign_in(known, anna.username, PASSWORD)
    known.post("/sign-out/")
    forged.cookies = SimpleCookie({COOKIE: known.cookies[COOKIE].value[:-1] + "_"})
    for turn in range(LIMIT):
        sign_in(Client(), anna.username, "wrong", f"10.0.0.{turn}")
    assert REFUSED in sign_in(forged, anna.username, PASSWORD)
    assert [WRONG in sign_in(known, anna.username, "wrong") for _ in range(LIMIT - 1)] == [True] * (LIMIT - 1)
    assert sign_in(known, anna.username, PASSWORD) == "/"
    known.post("/sign-out/")
    assert [REFUSED in sign_in(known, anna.username, "wrong") for _ in range(2)] == [False, True]
    other = User.objects.create_user(f"ben-{uuid4().hex[:8]}", password=PASSWORD)
    for turn in range(LIMIT):
        sign_in(Client(), other.username, "wrong", f"10.0.1.{turn}")
    assert REFUSED in sign_in(known, other.username, PASSWORD)


def test_the_administration_has_no_sign_in_of_its_own(anna: User) -> None:
    answer = Client().get("/admin/crm/product/")
    assert answer.headers["Location"] == "/admin/login/?next=/admin/crm/product/"
    onward = Client().get(answer.headers["Location"])
    assert onward.headers["Location"] == "/sign-in/?next=%2Fadmin%2Fcrm%2Fproduct%2F"
    refused = Client().post("/admin/login/", {"username": anna.username, "password": PASSWORD})
    assert refused.headers["Location"].startswith("/sign-in/")


def test_the_first_start_says_how_to_make_an_account(db: None, quick_pages: None) -> None:
    assert "manage.py createsuperuser" in Client().get("/sign-in/").content.decode()
    User.objects.create_user("somebody")
    assert "manage.py createsuperuser" not in Client().get("/sign-in/").content.decode()


def test_without_redis_each_process_counts_by_itself(anna: User, services: SessionServices) -> None:
    services.redis.stop()
    try:
        said = [sign_in(Client(), anna.username, "wrong", f"10.0.0.{turn}") for turn in range(LIMIT + 1)]
    finally:
        services.redis.start()
        SharedCache._away_until = 0.0
    assert [REFUSED in told for told in said] == [False] * LIMIT + [True]
    assert sign_in(Client(), anna.username, PASSWORD) == "/"


def test_people_see_where_they_are_signed_in_and_end_only_their_own_sessions(anna: User) -> None:
    here, there, further, stranger = (Client(HTTP_USER_AGENT=f"Mozilla (X11; Linux) Firefox/{n}") for n in range(4))
    for client in (here, there, further):
        sign_in(client, anna.username, PASSWORD)
    ben = User.objects.create_user(f"ben-{uuid4().hex[:8]}", password=PASSWORD)
    sign_in(stranger, ben.username, PASSWORD, "10.9.9.9")
    page = here.get("/account/sessions/").content.decode()
    assert page.count("Firefox on Linux") == 5
    assert "10.9.9.9" not in page
    key = UserSession.objects.get(session_key=there.session.session_key).pk
    for foreign in (key, "others", "all", ""):
        stranger.post("/account/sessions/end/", {"session": foreign})
    assert [client.get("/").status_code for client in (here, there, further)] == [200] * 3
    here.post("/account/sessions/end/", {"session": key})
    assert [client.get("/").status_code for client in (here, there, further)] == [200, 302, 200]
    here.post("/account/sessions/end/", {"session": "others"})
    assert [client.get("/").status_code for client in (here, there, further, stranger)] == [200, 302, 302, 200]


@pytest.fixture
def strict(db: None) -> Group:
    """A group whose members must have a second factor."""
    group = Group.objects.create(name=f"strict-{uuid4().hex[:8]}")
    GroupRule.objects.create(group=group, second_factor=True)
    return group


def set_up_app(client: Client) -> str:
    """Sets up an authenticator app; returns its secret."""
    secret: str = client.get("/account/second-factor/totp/activate/").context["form"].secret
    # Either step of the clock will do while it turns.
    answer = client.post("/account/second-factor/totp/activate/", {"code": code_of(secret)})
    assert answer.status_code == 302
    return secret


def code_of(secret: str, steps: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def test_a_second_factor_is_asked_for_and_a_code_works_once(anna: User) -> None:
    client = Client()
    sign_in(client, anna.username, PASSWORD)
    secret = set_up_app(client)
    codes = client.get("/account/second-factor/recovery-codes/").context["unused_codes"]
    assert len(codes) == 10
    other = Client()
    assert sign_in(other, anna.email, PASSWORD, to="/crm/products/") == "/account/second-factor/authenticate/"
    assert other.get("/").status_code == 302
    # The window of a code is three steps wide; this one lies outside.
    assert other.post("/account/second-factor/authenticate/", {"code": code_of(secret, -9)}).status_code == 200
    code = code_of(secret, 1)
    assert other.post("/account/second-factor/authenticate/", {"code": code}).headers["Location"] == "/crm/products/"
    assert other.get("/").status_code == 200
    # What somebody has read over a shoulder is worth nothing.
    for used, further in ((code, codes[0]), (codes[0], codes[1])):
        third = Client()
        sign_in(third, anna.username, PASSWORD)
        assert third.post("/account/second-factor/authenticate/", {"code": used}).status_code == 200
        assert third.post("/account/second-factor/authenticate/", {"code": further}).status_code == 302


def test_codes_have_a_limit_of_their_own(anna: User) -> None:
    client = Client()
    sign_in(client, anna.username, PASSWORD)
    secret = set_up_app(client)
    other = Client()
    sign_in(other, anna.username, PASSWORD)
    for _ in range(LIMIT):
        other.post("/account/second-factor/authenticate/", {"code": "000000"})
    answer = other.post("/account/second-factor/authenticate/", {"code": code_of(secret, 1)})
    assert REFUSED in answer.content.decode()
    assert other.get("/").status_code == 302


def test_whoever_must_have_a_second_factor_can_do_nothing_before(anna: User, strict: Group) -> None:
    anna.is_superuser = anna.is_staff = True
    anna.save()
    client = Client()
    sign_in(client, anna.username, PASSWORD)
    open_before = client.session.session_key
    assert client.get("/").status_code == 200
    assert read_arrivals([open_before])[0]
    # The rule comes while pages are open: their session ends, and the new one is good for nothing else.
    anna.groups.add(strict)
    for address in (
        "/",
        "/crm/products/",
        "/admin/",
        "/search/?q=x",
        "/account/sessions/",
        "/admin/mfa/authenticator/",
    ):
        answer = client.get(address)
        assert (answer.status_code, answer.headers.get("Location")) == (302, "/account/second-factor/"), address
    assert client.post("/crm/products/new/", {"name": "x"}).status_code == 403
    confined = client.session.session_key
    assert open_before != confined
    assert read_arrivals([open_before, confined])[0] == {}
    page = client.get("/account/second-factor/").content.decode()
    assert "must have a second factor" in page
    assert "app-nav" not in page
    set_up_app(client)
    assert client.get("/crm/products/").status_code == 200
    assert read_arrivals([client.session.session_key])[0]
    # Signing in anew asks for it at once; without it there is no session that could be confined.
    other = Client()
    assert sign_in(other, anna.username, PASSWORD) == "/account/second-factor/authenticate/"
    Authenticator.objects.filter(user=anna).delete()
    again = Client()
    sign_in(again, anna.username, PASSWORD)
    assert read_arrivals([again.session.session_key])[0] == {}


@pytest.fixture
def webs(live_site: LiveSite) -> Iterator[list[str]]:
    """Two web processes of one site, behind a proxy that names the client's address; passwords take their time."""
    behind = live_site.environment | {"TRUSTED_PROXIES": "1", "DJANGO_SETTINGS_MODULE": "project.settings"}
    services = [make_web(behind, live_site.logs / f"guessed-at-{number}.log") for number in range(2)]
    try:
        for service in services:
            service.start()
        yield [f"http://{service.address}" for service in services]
    finally:
        for service in services:
            service.stop()


def over_http(client: httpx.Client, login: str, password: str, address: str) -> httpx.Response:
    client.get("/sign-in/")
    fields = {"username": login, "password": password, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
    # What the client itself claims comes first, and counts for nothing.
    return client.post("/sign-in/", data=fields, headers={"X-Forwarded-For": f"{uuid4().fields[0]}, {address}"})


def test_a_hundred_wrong_passwords_from_ten_addresses(webs: list[str], live_site: LiveSite) -> None:
    """The figures in docs/SECURITY.md: two processes, ten attackers at once, and the owner at their own desk."""
    owner = f"owner-{uuid4().hex[:8]}"
    with live_site.connect() as sql:
        sql.execute(
            "insert into accounts_user (id, password, is_superuser, username, first_name, last_name, email,"
            " is_staff, is_active, date_joined) values (%s, %s, false, %s, '', '', '', false, true, now())",
            [str(uuid4()), make_password(PASSWORD, hasher="pbkdf2_sha256"), owner],
        )
    desk = httpx.Client(base_url=webs[0])
    assert over_http(desk, owner, PASSWORD, "10.1.0.1").status_code == 302
    desk.cookies.delete("sessionid")

    def guess(number: int) -> list[str]:
        with httpx.Client(base_url=webs[number % 2], timeout=60) as client:
            guesses = GUESSES // ADDRESSES
            return [over_http(client, owner, f"guess {turn}", f"10.2.0.{number}").text for turn in range(guesses)]

    with ThreadPoolExecutor(ADDRESSES) as attackers:
        said = [told for answers in attackers.map(guess, range(ADDRESSES)) for told in answers]
    assert (sum(WRONG in told for told in said), sum(REFUSED in told for told in said)) == (LIMIT, GUESSES - LIMIT)
    # Even the right password helps nobody who guesses.
    with httpx.Client(base_url=webs[1]) as stranger:
        assert REFUSED in over_http(stranger, owner, PASSWORD, "10.3.0.1").text
    assert over_http(desk, owner, PASSWORD, "10.2.0.1").status_code == 302
