"""A draft is its owner's alone, outlives everything that isn't its sending, and is gone with that."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from crm.models import Product
from project.accounts.models import User
from realtime.live.person import person_hash, signed
from realtime.models import Draft
from realtime.pages import drafts
from tests.integration.pages.test_portal import EVERY_RIGHT, make_product, make_user, signed_in, text
from tests.integration.pages.test_portal import typed as posted

pytestmark = pytest.mark.usefixtures("quick_pages")

HERE = "/drafts/here/"
SECRET = "An hour of secret work"
TITLE = "Edit a secret lamp"


@pytest.fixture
def author(db: None) -> User:
    return make_user("author", *EVERY_RIGHT)


@pytest.fixture
def product(db: None) -> Product:
    return make_product()


def edit(product: Product) -> str:
    return f"/crm/products/{product.pk}/edit/"


def draft(product: Product, **more: Any) -> dict[str, Any]:
    told = {"address": edit(product), "form": "record-form", "writing": str(uuid4()), "title": TITLE, "at": 1, "age": 0}
    return told | {"values": {"description 0": SECRET}, "revision": "7", "seen": {}} | more


def ask(method: str, user: User, told: Any, person: str | None = None, **options: Any) -> HttpResponse:
    client, mark = signed_in(user, **options), person_hash(user.pk) if person is None else person
    told = told if isinstance(told, (str, bytes)) else json.dumps(told)
    return client.generic(method, HERE, told, "application/json", headers={"X-Person": mark})


def put(user: User, told: Any, **options: Any) -> int:
    return ask("PUT", user, told, **options).status_code


def found(user: User, address: str) -> Any:
    answer = signed_in(user).get(HERE, {"address": address}, headers={"X-Person": person_hash(user.pk)})
    return answer.json()["drafts"]


def carried(told: dict[str, Any], *before: str) -> str:
    return f"{','.join([told['writing'], *before])} {told['address']} {told['form']}"


def sent(product: Product, user: User, **more: object) -> dict[str, object]:
    mark = {"description": SECRET, "typed": "name description* price", "person": signed(person_hash(user.pk))}
    return posted(product) | mark | more


def test_only_its_owner_is_offered_it_and_told_of_it(product: Product, author: User) -> None:
    told = draft(product)
    assert put(author, told) == 204
    [kept] = found(author, edit(product))
    assert (kept["values"], kept["revision"], kept["writing"]) == (told["values"], "7", told["writing"])
    mine = text(signed_in(author).get("/drafts/"))
    assert SECRET in mine
    assert TITLE in mine
    assert "Drafts (1)" in mine
    assert f'data-drafts="{told["writing"]}"' in text(signed_in(author).get(edit(product)))

    other = make_user("other", *EVERY_RIGHT, is_staff=True, is_superuser=True)
    for page in ("/drafts/", edit(product), "/admin/"):
        shown = text(signed_in(other).get(page))
        assert SECRET not in shown
        assert TITLE not in shown
        assert told["writing"] not in shown
    assert found(other, edit(product)) == []
    signed_in(other).post(f"/drafts/{Draft.objects.get().pk}/drop/")
    assert ask("DELETE", other, told | {"writings": [told["writing"]]}).status_code == 204
    assert [one["values"] for one in found(author, edit(product))] == [told["values"]]
    # Painted for somebody else, or without a sign-in, or by another site.
    assert put(other, told, person=person_hash(author.pk)) == 403
    assert put(author, told, enforce_csrf_checks=True) == 403
    assert Client().get(HERE).status_code == 401


def test_who_may_not_open_its_page_is_neither_shown_nor_told(product: Product, author: User) -> None:
    told = draft(product)
    put(author, told)
    rights = list(author.user_permissions.all())
    author.user_permissions.clear()
    author = User.objects.get(pk=author.pk)
    shown = text(signed_in(author).get("/drafts/"))
    assert all(secret not in shown for secret in (SECRET, TITLE, edit(product), "Drafts ("))
    assert found(author, edit(product)) == []
    assert put(author, draft(product)) == 403
    drafts.throw_away_old()
    author.user_permissions.set(rights)
    assert found(User.objects.get(pk=author.pk), edit(product)) != []

    long_ago = timezone.now() - timedelta(days=drafts.CLOSED_DAYS + 1)
    Draft.objects.update(updated_at=long_ago)
    drafts.throw_away_old()
    assert Draft.objects.count() == 1
    author.user_permissions.clear()
    drafts.throw_away_old()
    assert Draft.objects.count() == 0


def test_a_form_that_is_saved_takes_its_draft_along_and_what_comes_late_is_ignored(
    product: Product, author: User
) -> None:
    told, elsewhere = draft(product), draft(product, values={"description 0": "on the phone"})
    client = signed_in(author)
    put(author, told)
    refused = client.post(edit(product), sent(product, author, price="none", draft=carried(told)))
    assert refused.status_code == 200
    Client().post(edit(product), sent(product, author, draft=carried(told)))
    assert len(found(author, edit(product))) == 1
    assert client.post(edit(product), sent(product, author, draft=carried(told))).status_code == 302
    assert found(author, edit(product)) == []
    assert put(author, told) == 409
    assert found(author, edit(product)) == []
    # What another device of theirs has begun meanwhile isn't what was sent.
    assert put(author, elsewhere) == 204
    product.refresh_from_db()
    client.post(edit(product), sent(product, author, draft=carried(told)))
    assert len(found(author, edit(product))) == 1
    # Put back from there and sent.
    product.refresh_from_db()
    client.post(edit(product), sent(product, author, draft=carried(draft(product), elsewhere["writing"])))
    assert found(author, edit(product)) == []
    for forged in ("x", "x /crm/ y", f"{uuid4()} /admin/ y", "\0 \0 \0"):
        product.refresh_from_db()
        assert client.post(edit(product), sent(product, author, draft=forged)).status_code == 302


def test_the_newest_wins_and_a_dropped_one_may_be_written_on(product: Product, author: User) -> None:
    first = draft(product, at=1000)
    put(author, first)
    put(author, first | {"at": 3000, "values": {"description 0": "newer"}})
    # Overtaken on its way; and typed longer ago on a device that was offline.
    put(author, first | {"at": 2000})
    put(author, draft(product, age=60_000))
    assert [one["values"] for one in found(author, edit(product))] == [{"description 0": "newer"}]
    put(author, draft(product, values={"description 0": "newest"}))
    assert [one["values"] for one in found(author, edit(product))] == [{"description 0": "newest"}]

    client = signed_in(author)
    assert client.get(f"/drafts/{Draft.objects.get().pk}/drop/").status_code == 405
    assert "thrown away" in text(client.post(f"/drafts/{Draft.objects.get().pk}/drop/", follow=True))
    assert found(author, edit(product)) == []
    assert put(author, first | {"at": 4000}) == 204
    assert len(found(author, edit(product))) == 1


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"address": "/admin/"}, 400),
        ({"address": "https://example.org/"}, 400),
        ({"address": "/drafts/"}, 400),
        ({"address": "\0"}, 400),
        ({"form": "with blanks"}, 400),
        ({"form": 7}, 400),
        ({"writing": "none"}, 400),
        ({"at": "NaN", "age": []}, 400),
        ({"at": float("nan")}, 400),
        ({"age": float("inf")}, 400),
        ({"values": [1]}, 400),
        ({"values": {"description 0": "x" * drafts.LARGEST}}, 413),
        ({"values": {"description 0": "\0 \ud800 <script>"}, "title": "\0\ud800 <b>"}, 204),
    ],
)
def test_what_no_page_of_ours_sends_is_refused_or_harmless(
    product: Product, author: User, more: dict[str, Any], status: int
) -> None:
    assert put(author, draft(product, **more)) == status
    assert Draft.objects.count() == (1 if status == 204 else 0)
    page = text(signed_in(author).get("/drafts/"))
    assert "<b>" not in page
    assert "<script>" not in page


@pytest.mark.parametrize("body", ["", "[]", "{", "null", b"\xff", "[" * 100_000])
def test_what_is_no_draft_is_refused_in_words(author: User, body: str | bytes) -> None:
    answer = ask("PUT", author, body)
    assert answer.status_code == 400
    assert b"A draft is JSON" in answer.content


def test_nobody_keeps_more_than_so_many_and_the_oldest_go_first(
    product: Product, author: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "LIMIT", 3)
    for number in range(5):
        put(author, draft(product, form=f"form-{number}", age=1000 * (5 - number)))
    assert {one["form"] for one in found(author, edit(product))} == {"form-2", "form-3", "form-4"}
    assert UUID(found(author, edit(product))[0]["writing"])
