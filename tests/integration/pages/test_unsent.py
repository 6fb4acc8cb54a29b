"""A form that can't be saved stays on the screen with its text; nobody else is shown anything of it."""

import html
import logging
import re
from typing import Any
from uuid import uuid4

import psycopg
import psycopg_pool
import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, ProgrammingError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from psycopg import errors

from crm.forms import ProductForm
from crm.models import Product
from project.accounts.models import User
from realtime.database.pool import PooledConnection
from realtime.database.refusals import words_for
from realtime.live.person import person_hash, signed
from realtime.pages import unsent
from tests.integration.pages.test_portal import (
    EVERY_RIGHT,
    HOSTILE,
    HOSTILE_PIECES,
    make_product,
    make_user,
    signed_in,
    text,
)
from tests.integration.pages.test_portal import typed as posted
from ticketing.models import Comment, Ticket

pytestmark = pytest.mark.usefixtures("quick_pages")

WORK = "An hour of work\nand its second line"


@pytest.fixture
def author(db: None) -> User:
    return make_user("author", *EVERY_RIGHT)


@pytest.fixture
def product(db: None) -> Product:
    return make_product()


def sent(product: Product, user: User | None, **more: object) -> dict[str, object]:
    """What an edit form that was painted for ``user`` posts."""
    mark = signed(person_hash(user.pk)) if user else ""
    told = {"description": WORK, "typed": "name description* price", "person": mark} | more
    return posted(product) | told


def again(answer: HttpResponse) -> dict[str, str]:
    """What the page's own form would send."""
    page = text(answer)
    inputs = {
        name: html.unescape(value)
        for name, value in re.findall(r'<input(?=[^>]*name="([^"]+)")(?=[^>]*value="([^"]*)")', page)
    }
    areas = re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    return inputs | {name: html.unescape(value) for name, value in areas}


def edit(product: Product) -> str:
    return f"/crm/products/{product.pk}/edit/"


def test_after_the_session_has_ended_what_was_typed_is_there_to_be_sent_again(product: Product, author: User) -> None:
    answer = Client().post(edit(product), sent(product, author))
    assert answer.status_code == 401
    assert "Sign in in another tab" in text(answer)
    assert "Description" in text(answer)
    told = again(answer)
    assert told["description"] == WORK
    assert told["revision"] == str(product.revision)
    assert signed_in(author).post(edit(product), told).status_code == 302
    assert Product.objects.get().description == WORK


def test_the_token_of_an_earlier_sign_in_costs_one_more_click(product: Product, author: User) -> None:
    client = signed_in(author, enforce_csrf_checks=True)
    answer = client.post(edit(product), sent(product, author, csrfmiddlewaretoken="x" * 64))
    assert answer.status_code == 403
    assert again(answer)["description"] == WORK
    assert client.post(edit(product), again(answer)).status_code == 302
    assert Product.objects.get().description == WORK


@pytest.mark.parametrize("forged", ["", "nobody", "00000000000000000000000000000000:x"])
def test_what_no_page_of_ours_was_filled_in_with_is_not_shown(product: Product, author: User, forged: str) -> None:
    for client in (Client(), Client(enforce_csrf_checks=True)):
        answer = client.post(edit(product), sent(product, author, person=forged))
        assert answer.status_code in (302, 403)
        assert "An hour of work" not in text(answer)


@pytest.mark.parametrize("enforced", [False, True])
def test_a_form_of_somebody_else_is_neither_saved_nor_shown(product: Product, author: User, enforced: bool) -> None:
    other = signed_in(make_user("other", *EVERY_RIGHT), enforce_csrf_checks=enforced)
    answer = other.post(edit(product), sent(product, author))
    assert answer.status_code == 409
    assert "somebody else" in text(answer)
    assert "An hour of work" not in text(answer)
    assert Product.objects.get().description == "Warm light"
    told = other.post(edit(product), sent(product, author), headers={"accept": "application/json"})
    assert (told.status_code, list(told.json())) == (409, ["said", "another"])


def test_a_form_that_carries_a_damaged_mark_is_nobodys(product: Product, author: User) -> None:
    answer = signed_in(author).post(edit(product), sent(product, author, person="damaged"))
    assert answer.status_code == 409
    assert Product.objects.get().description == "Warm light"


def test_passwords_are_never_shown_again(author: User) -> None:
    told = {"person": signed(person_hash(author.pk)), "typed": "password new_password1 name", "name": "kept"}
    secrets = {"password": "open sesame", "new_password1": "open sesame"}
    answer = Client().post("/crm/products/new/", told | secrets)
    assert answer.status_code == 401
    assert "kept" in text(answer)
    assert "sesame" not in text(answer)


def test_nothing_typed_gets_out_of_its_control(author: User) -> None:
    told = {"person": signed(person_hash(author.pk)), "typed": "name description*"}
    answer = Client().post("/crm/products/new/", told | {"name": HOSTILE, "description": HOSTILE, HOSTILE: HOSTILE})
    assert answer.status_code == 401
    for piece in HOSTILE_PIECES:
        assert piece not in text(answer)
    assert again(answer)["description"] == HOSTILE


def test_the_page_asks_the_database_nothing(rf: RequestFactory) -> None:
    # Deliberately without the database mark: a query would raise.
    request = rf.post("/somewhere/", {"person": signed(person_hash(1)), "typed": "note", "note": "still here"})
    answer = unsent.kept(request, unsent.SESSION_ENDED)
    assert answer is not None
    assert "still here" in text(answer)


def test_an_unexpected_error_loses_nothing(product: Product, author: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(form: ProductForm) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(ProductForm, "save", fail)
    client = signed_in(author, raise_request_exception=False)
    answer = client.post(edit(product), sent(product, author))
    assert answer.status_code == 500
    assert again(answer)["description"] == WORK
    assert "Something broke" in text(client.post(edit(product), posted(product)))


def failing(monkeypatch: pytest.MonkeyPatch, cause: psycopg.Error) -> None:
    def fail(form: ProductForm) -> None:
        raise DatabaseError("as Django words it: Desk lamp") from cause

    monkeypatch.setattr(ProductForm, "save", fail)


def test_a_refusal_of_the_database_is_named_and_logged_in_one_line(
    product: Product, author: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failing(monkeypatch, errors.ReadOnlySqlTransaction("cannot execute UPDATE of Desk lamp"))
    client = signed_in(author, raise_request_exception=False)
    with caplog.at_level(logging.DEBUG):
        answer = client.post(edit(product), sent(product, author))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert "takes no changes at the moment" in text(answer)
    assert "Nothing was saved." in text(answer)
    assert again(answer)["description"] == WORK
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in told] == [
        f"POST {edit(product)}: the database failed (ReadOnlySqlTransaction)"
    ]
    assert not told[0].exc_info


def test_a_lost_answer_is_not_called_a_refusal(product: Product, author: User, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, psycopg.OperationalError("server closed the connection unexpectedly"))
    answer = signed_in(author, raise_request_exception=False).post(edit(product), sent(product, author))
    assert answer.status_code == 503
    assert "Nothing was saved" not in text(answer)
    assert "check before you send it again" in text(answer)


def test_a_form_sent_in_the_background_is_told_in_a_sentence(
    product: Product, author: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, errors.DiskFull("could not extend file"))
    background = {"accept": "application/json"}
    client = signed_in(author, raise_request_exception=False)
    answer = client.post(edit(product), sent(product, author), headers=background)
    assert answer.status_code == 503
    assert "disk is full" in answer.json()["said"]
    ended = Client().post(edit(product), sent(product, author), headers=background)
    assert ended.status_code == 401
    assert "session has ended" in ended.json()["said"].lower()
    assert ended.json()["sign_in"] == "/sign-in/"


def test_what_belonged_to_something_that_is_gone_can_still_be_copied(admin: Client) -> None:
    ticket = Ticket.objects.create(title="Broken lamp")
    comment = Comment.objects.create(ticket=ticket, author_id=uuid4(), content="first")
    told = {
        "person": signed(person_hash(admin.session["_auth_user_id"])),
        "typed": "content*",
        "content": WORK,
        "revision": "1",
    }
    Ticket.objects.all().delete()
    for address in (f"/ticketing/tickets/{ticket.pk}/comments/", f"/ticketing/comments/{comment.pk}/edit/"):
        answer = admin.post(address, told)
        assert answer.status_code == 404
        assert again(answer)["content"] == WORK
        assert "Send it again" not in text(answer)


@pytest.fixture
def admin(db: None) -> Client:
    return signed_in(make_user("admin", is_staff=True, is_superuser=True))


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (errors.ReadOnlySqlTransaction(), "takes no changes"),
        (errors.DiskFull(), "disk is full"),
        (errors.OutOfMemory(), "more to do than it can"),
        (errors.TooManyConnections(), "no connection left"),
        (errors.LockNotAvailable(), "Something else is working"),
        (errors.QueryCanceled(), "too long"),
        (errors.DeadlockDetected(), "at the same moment"),
        (errors.SerializationFailure(), "at the same moment"),
        (errors.AdminShutdown(), "broke before it answered"),
        (errors.CannotConnectNow(), "can’t be reached"),
        (psycopg.OperationalError("connection failed: FATAL: sorry, too many clients already"), "no connection left"),
        (psycopg.OperationalError("connection failed: Connection refused"), "can’t be reached"),
        (psycopg.OperationalError("consuming input failed"), "broke before it answered"),
        (psycopg.InterfaceError("the connection is closed"), "broke before it answered"),
        (psycopg_pool.PoolTimeout(), "in use"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_every_failure_of_the_database_has_its_sentence(cause: Exception, words: str) -> None:
    wrapped = OperationalError("as Django words it")
    wrapped.__cause__ = cause
    for error in (cause, wrapped):
        assert words in (words_for(error) or "")


def test_an_empty_pool_of_a_database_that_refuses_is_told_as_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, words in (
        ("Connection refused", "can’t be reached"),
        ("remaining connection slots are", "no connection"),
    ):
        refusal = psycopg.OperationalError(f"connection failed: {said}")
        monkeypatch.setattr(PooledConnection, "refusal", refusal)
        assert words in (words_for(psycopg_pool.PoolTimeout()) or "")


@pytest.mark.parametrize(
    "cause", [errors.UniqueViolation(), errors.UndefinedColumn(), errors.InsufficientPrivilege(), ValueError(), None]
)
def test_a_fault_of_ours_is_none_of_the_databases(cause: Exception | None) -> None:
    for kind in (IntegrityError, ProgrammingError, InterfaceError, ValueError):
        error = kind("?")
        error.__cause__ = cause
        assert words_for(error) is None


@pytest.mark.parametrize("leaving", [False, True])
def test_signing_in_and_out_say_why_they_are_not_possible(author: User, leaving: bool) -> None:
    client = signed_in(author, raise_request_exception=False) if leaving else Client(raise_request_exception=False)
    address = "/sign-out/" if leaving else "/sign-in/"

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "django_session" in sql and not sql.startswith("SELECT"):
            raise OperationalError from errors.ReadOnlySqlTransaction()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        answer = client.post(address, {"username": author.username, "password": "right"})
    assert answer.status_code == 503
    assert "takes no changes" in text(answer)
    assert ("Nothing was saved" in text(answer)) is leaving


def test_the_cause_behind_a_session_that_cannot_be_saved_is_found() -> None:
    with pytest.raises(SessionInterrupted) as raised:
        try:
            try:
                raise OperationalError from errors.ReadOnlySqlTransaction()
            except OperationalError:
                raise UpdateError  # noqa: B904 - as Django does
        except UpdateError:
            raise SessionInterrupted  # noqa: B904 - as Django does
    assert "takes no changes" in (words_for(raised.value) or "")
