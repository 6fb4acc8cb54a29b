"""Every page of the portal over HTTP: who may open it, what it says to bad input, and what it never lets through."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import SuspiciousOperation
from django.db import connection, connections
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoDbBlocker, Settings

from crm.models import Product
from project.accounts.models import User
from realtime.live.first_paint import live_view
from realtime.live.person import person_hash, signed
from realtime.local.process import LOOPBACK, pick_port
from realtime.models import RealtimeChange
from tests.markup import plain_numbers

pytestmark = pytest.mark.usefixtures("quick_pages")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "object-src 'none'"
)
HOSTILE = """<img src=x onerror=alert(1)><script>alert(2)</script></textarea></title></template>{{ 7 }}'"&"""
HOSTILE_PIECES = ("<img src=x", "<script>alert", "</textarea></title>", "</template>")
EVERY_RIGHT = ("view", "add", "change", "delete")


def make_user(name: str, *rights: str, **more: Any) -> User:
    user = User.objects.create_user(f"{name}-{uuid4().hex[:8]}", password="right", **more)
    codenames = [f"{right}_product" for right in rights]
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames, content_type__app_label="crm"))
    return user


def signed_in(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


@pytest.fixture
def nobody(db: None) -> Client:
    """Signed in, with no right at all."""
    return signed_in(make_user("nobody"))


@pytest.fixture
def viewer(db: None) -> Client:
    return signed_in(make_user("viewer", "view"))


@pytest.fixture
def editor(db: None) -> Client:
    return signed_in(make_user("editor", *EVERY_RIGHT))


@pytest.fixture
def admin(db: None) -> Client:
    return signed_in(make_user("admin", is_staff=True, is_superuser=True))


@pytest.fixture
def product(db: None) -> Product:
    return make_product()


def make_product(name: str = "Desk lamp", description: str = "Warm light", price: str = "12.50") -> Product:
    product = Product.objects.create(name=name, description=description, price=Decimal(price))
    product.refresh_from_db()
    return product


def pages(pk: UUID) -> dict[str, str]:
    return {
        "list": "/crm/products/",
        "detail": f"/crm/products/{pk}/",
        "create": "/crm/products/new/",
        "edit": f"/crm/products/{pk}/edit/",
        "delete": f"/crm/products/{pk}/delete/",
    }


PAGES = tuple(pages(UUID(int=0)))


def change_behind(product: Product, **columns: object) -> Product:
    """A colleague changes the row while the form is open."""
    assignments = ", ".join(f"{name} = %s" for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(f"update products set {assignments} where id = %s", [*columns.values(), product.pk])
    return Product.objects.get(pk=product.pk)


def typed(product: Product, **more: object) -> dict[str, object]:
    """What an edit form that was opened at this state of the row posts."""
    told = {"name": product.name, "description": product.description, "price": str(product.price)}
    return told | {"revision": str(product.revision)} | more


def text(response: HttpResponse) -> str:
    return response.content.decode()


# Who may open what


@pytest.mark.parametrize("page", PAGES)
def test_without_signing_in_every_page_asks_for_it_and_remembers_where_to_go(client: Client, page: str) -> None:
    address = pages(uuid4())[page]
    answer = client.get(address)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/sign-in/?next={address}")
    assert client.post(address).status_code in (302, 405)


@pytest.mark.parametrize("address", ["/", "/realtime/status/"])
def test_the_dashboard_and_the_status_ask_for_a_sign_in(client: Client, address: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/sign-in/?next={address}")


@pytest.mark.parametrize("page", PAGES)
def test_without_the_right_every_page_is_forbidden(nobody: Client, product: Product, page: str) -> None:
    address = pages(product.pk)[page]
    for answer in (nobody.get(address), nobody.post(address, typed(product))):
        # The list and the detail take no POST; saying so before checking the right gives nothing away.
        assert answer.status_code in ((403,) if page in ("create", "edit", "delete") else (403, 405))
        assert product.name not in text(answer)
    assert Product.objects.get() == product


def test_a_viewer_sees_list_and_detail_and_none_of_the_ways_to_write(viewer: Client, product: Product) -> None:
    where = pages(product.pk)
    for page in ("list", "detail"):
        answer = viewer.get(where[page])
        assert answer.status_code == 200
        assert product.name in text(answer)
        for way in ("create", "edit", "delete"):
            assert f'href="{where[way]}"' not in text(answer)
    for way in ("create", "edit", "delete"):
        assert viewer.get(where[way]).status_code == 403
        assert viewer.post(where[way], typed(product, name="Taken over")).status_code == 403
    assert Product.objects.get().name == "Desk lamp"


def test_a_viewer_of_an_empty_list_is_not_invited_to_create(viewer: Client) -> None:
    assert "/crm/products/new/" not in text(viewer.get("/crm/products/"))


def test_an_editor_opens_every_page_and_finds_every_way_to_write(editor: Client, product: Product) -> None:
    where = pages(product.pk)
    for address in where.values():
        assert editor.get(address).status_code == 200
    assert f'href="{where["create"]}"' in text(editor.get(where["list"]))
    detail = text(editor.get(where["detail"]))
    assert f'href="{where["edit"]}"' in detail
    assert f'href="{where["delete"]}"' in detail


def test_the_dashboard_shows_a_user_without_rights_no_product(nobody: Client, product: Product) -> None:
    answer = nobody.get("/")
    assert answer.status_code == 200
    assert product.name not in text(answer)


def test_a_deactivated_user_is_signed_out(product: Product) -> None:
    user = make_user("leaver", *EVERY_RIGHT)
    client = signed_in(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get("/crm/products/").status_code == 302


# Forms


def test_create_edit_and_delete_do_what_they_say(editor: Client) -> None:
    told = {"name": "Chair", "description": "With arms", "price": "49.90"}
    created = editor.post("/crm/products/new/", told)
    product = Product.objects.get()
    assert created.headers["Location"] == f"/crm/products/{product.pk}/"
    assert (product.name, product.description, product.price) == ("Chair", "With arms", Decimal("49.90"))

    edited = editor.post(f"/crm/products/{product.pk}/edit/", typed(product, name="Armchair"), follow=True)
    assert "“Armchair” was saved." in text(edited)
    product = Product.objects.get()
    assert product.name == "Armchair"

    deleted = editor.post(f"/crm/products/{product.pk}/delete/", {"revision": product.revision}, follow=True)
    assert "“Armchair” was deleted." in text(deleted)
    assert not Product.objects.exists()


BAD_INPUT = [
    ("name", ""),
    ("name", "   "),
    ("name", "\t\n\u00a0\u2003"),
    ("name", "x" * 501),
    ("name", "a\x00b"),
    ("description", "a\x00b"),
    ("price", ""),
    ("price", "-0.01"),
    ("price", "0.001"),
    ("price", "99999999999.00"),
    ("price", "NaN"),
    ("price", "Infinity"),
    ("price", "1e400"),
    ("price", "9" * 5000),
    ("price", "abc"),
]


@pytest.mark.parametrize(("field", "value"), BAD_INPUT, ids=lambda value: repr(value)[:24])
def test_bad_input_is_told_at_its_field_and_nothing_is_saved(
    editor: Client, product: Product, field: str, value: str
) -> None:
    told = {"name": "Chair", "description": "", "price": "1"} | {field: value}
    before = product.revision
    for address in ("/crm/products/new/", f"/crm/products/{product.pk}/edit/"):
        answer = editor.post(address, told | {"revision": str(before)})
        assert answer.status_code == 200
        assert set(answer.context["form"].errors) == {field}
        assert 'class="errorlist' in text(answer)
        assert answer.context["form"].errors[field][0] in answer.context["form"][field].errors
    assert Product.objects.get().revision == before


@pytest.mark.parametrize("name", ["x" * 500, "ends\u202eereh", "\u0001\u0007\u001b[31m", "👩‍👩‍👧", "می‌خواهم", "a\r\nb"])
def test_an_odd_name_is_kept_as_it_is_and_every_page_of_it_works(editor: Client, name: str) -> None:
    answer = editor.post("/crm/products/new/", {"name": name, "price": "0"})
    assert answer.status_code == 302
    product = Product.objects.get()
    assert product.name == name
    for address in ("/", *pages(product.pk).values()):
        assert editor.get(address).status_code == 200


@pytest.mark.parametrize("name", ["می‌خواهم", "👩‍👩‍👧", "tall\u00a0lamp", "soft\u00adener"])
def test_a_product_is_found_by_its_whole_name(editor: Client, name: str) -> None:
    product = make_product(name=name)
    assert f'data-id="{product.pk}"' in text(editor.get("/crm/products/", {"q": name}))


@pytest.mark.parametrize("gap", ["\t", "\n", "\u00a0", "\u3000"])
def test_words_pasted_with_other_white_space_are_still_two_words(editor: Client, gap: str) -> None:
    product = make_product(name="Desk lamp")
    assert f'data-id="{product.pk}"' in text(editor.get("/crm/products/", {"q": f"lamp{gap}desk"}))


@pytest.mark.parametrize("page", ["0", "-1", "99999999999", "9" * 5000, "abc", "", "1.5", "١", "\x00", "%"])
def test_an_absurd_page_number_still_shows_a_page_with_rows(editor: Client, product: Product, page: str) -> None:
    answer = editor.get("/crm/products/", {"page": page})
    assert answer.status_code == 200
    assert f'data-id="{product.pk}"' in text(answer)


def test_a_page_beyond_the_last_of_a_list_too_long_to_count_says_nothing_untrue(editor: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("insert into products (name) select 'bulk ' || n from generate_series(1, 10060) n")
    last = text(editor.get("/crm/products/", {"page": "202"}))
    assert "Page 202 of 200" not in last
    beyond = text(editor.get("/crm/products/", {"page": "100000"}))
    assert "No products yet" not in beyond
    assert "Page 100000 of 200" not in beyond


QUERIES = ("\x00", "a\x00b", "\x1b[0m", "%", "_", "\\", "'", '"; drop table products; --', "\ud7ff", "x" * 5000)


@pytest.mark.parametrize("query", QUERIES, ids=lambda value: repr(value)[:24])
def test_no_search_text_breaks_the_list(editor: Client, product: Product, query: str) -> None:
    assert editor.get("/crm/products/", {"q": query}).status_code == 200
    assert Product.objects.count() == 1


def test_wildcards_in_a_search_are_letters(editor: Client, product: Product) -> None:
    for letter in ("%", "_", "\\"):
        assert f'data-id="{product.pk}"' not in text(editor.get("/crm/products/", {"q": letter}))


def test_damaged_search_bytes_are_no_error(editor: Client, product: Product) -> None:
    assert editor.get("/crm/products/?q=%ff%fe%ed%a0%80&page=%ff").status_code == 200


# Nothing a user writes becomes markup


def test_hostile_texts_are_escaped_on_every_page(editor: Client) -> None:
    product = make_product(name=HOSTILE, description=HOSTILE)
    for address in ("/", *pages(product.pk).values(), f"/crm/products/?q={'%3Cimg'}"):
        told = text(editor.get(address))
        for piece in HOSTILE_PIECES:
            assert piece not in told.replace("</textarea></div>", "")
        if "new" not in address:
            assert "&lt;img src=x onerror=alert(1)&gt;" in told


def test_a_hostile_search_is_escaped(editor: Client) -> None:
    told = text(editor.get("/crm/products/", {"q": HOSTILE}))
    assert not any(piece in told for piece in HOSTILE_PIECES)
    assert "&lt;img src=x" in told


def test_hostile_texts_are_escaped_in_a_conflict_and_in_the_notice_beside_the_form(editor: Client) -> None:
    opened = make_product()
    change_behind(opened, name=HOSTILE, description=HOSTILE)
    address = f"/crm/products/{opened.pk}/edit/"
    for answer in (editor.post(address, typed(opened, name=HOSTILE + "mine")), editor.get(address)):
        assert "&lt;img src=x onerror=alert(1)&gt;" in text(answer)
        assert not any(piece in text(answer) for piece in HOSTILE_PIECES)


def test_hostile_texts_are_escaped_in_the_message_after_a_save(editor: Client) -> None:
    answer = editor.post("/crm/products/new/", {"name": HOSTILE, "price": "1"}, follow=True)
    assert "was created." in text(answer)
    assert not any(piece in text(answer) for piece in HOSTILE_PIECES)


# Stale forms


def test_a_stale_edit_saves_nothing_and_keeps_what_was_typed(editor: Client) -> None:
    opened = make_product()
    theirs = change_behind(opened, name="Floor lamp", price="20")
    address = f"/crm/products/{opened.pk}/edit/"
    mine = typed(opened, name="Ceiling lamp", description="Hangs over there")
    answer = editor.post(address, mine)
    assert answer.status_code == 409
    assert Product.objects.get().revision == theirs.revision
    form = answer.context["form"]
    assert (form["name"].value(), form["description"].value()) == ("Ceiling lamp", "Hangs over there")
    assert 'value="Ceiling lamp"' in text(answer)
    assert "Hangs over there</textarea>" in text(answer)

    told = [(item.label, item.mine, item.theirs, item.original) for item in answer.context["conflicts"]]
    assert told == [("Name", "Ceiling lamp", "Floor lamp", "Desk lamp")]
    # The price that nobody touched here is theirs, and the second save knows what it replaces.
    assert 'value="20.00"' in text(answer)
    assert f'name="revision" value="{theirs.revision}"' in text(answer)
    again = editor.post(address, mine | {"price": "20.00", "revision": str(theirs.revision)})
    assert again.status_code == 302
    saved = Product.objects.get()
    assert (saved.name, saved.description, saved.price) == ("Ceiling lamp", "Hangs over there", Decimal("20.00"))


def test_a_refused_save_names_the_row_as_it_is_and_not_as_it_was_typed(editor: Client, product: Product) -> None:
    told = typed(product, name="Typed and not saved")
    change_behind(product, name="Floor lamp")
    page = text(editor.post(pages(product.pk)["edit"], told))
    back = page[page.index('class="back-link"') :]
    assert "Floor lamp" in back[: back.index("</a>")]
    assert "<title>Edit Floor lamp" in page


def test_only_who_may_use_the_administration_finds_the_way_to_it(admin: Client, editor: Client) -> None:
    link = 'href="/admin/"'
    assert link in text(admin.get("/"))
    assert link not in text(editor.get("/"))


def test_a_row_that_changed_twice_conflicts_twice(editor: Client) -> None:
    opened = make_product()
    address = f"/crm/products/{opened.pk}/edit/"
    first = change_behind(opened, name="First")
    assert editor.post(address, typed(opened, name="Mine")).status_code == 409
    change_behind(first, name="Second")
    again = editor.post(address, typed(first, name="Mine"))
    assert again.status_code == 409
    assert "Second" in text(again)
    assert Product.objects.get().name == "Second"


@pytest.mark.parametrize("revision", [None, "", "0", "-1", "abc", "9" * 30, "9" * 5000, "1\x00", "-" + "9" * 30])
def test_a_damaged_revision_saves_nothing_and_breaks_nothing(
    editor: Client, product: Product, revision: str | None
) -> None:
    told = {name: value for name, value in typed(product, name="Mine").items() if name != "revision"}
    if revision is not None:
        told["revision"] = revision
    answer = editor.post(f"/crm/products/{product.pk}/edit/", told)
    assert answer.status_code in (200, 409)
    assert "Mine" in text(answer)
    deleting = {} if revision is None else {"revision": revision}
    assert editor.post(f"/crm/products/{product.pk}/delete/", deleting).status_code == 409
    assert Product.objects.get().name == product.name


def test_saving_without_a_change_conflicts_with_nobody_and_makes_no_change(editor: Client, product: Product) -> None:
    assert editor.post(f"/crm/products/{product.pk}/edit/", typed(product)).status_code == 302
    assert Product.objects.get().revision == product.revision


def test_line_breaks_of_a_browser_are_no_change_of_the_text(editor: Client) -> None:
    product = make_product(description="one\ntwo")
    # Browsers send what a text area shows with CR LF.
    posted = typed(product, name="Renamed", description="one\r\ntwo")
    assert editor.post(f"/crm/products/{product.pk}/edit/", posted).status_code == 302
    assert Product.objects.get().description == "one\ntwo"


def test_line_breaks_of_a_browser_are_no_conflict(editor: Client) -> None:
    product = make_product(description="one\ntwo")
    change_behind(product, name="Theirs")
    change_behind(product, description="two")
    answer = editor.post(f"/crm/products/{product.pk}/edit/", typed(product, description="one\r\ntwo"))
    assert answer.status_code == 302
    assert (Product.objects.get().name, Product.objects.get().description) == ("Theirs", "two")


def test_the_notice_beside_the_form_says_what_changed_as_the_page_would_show_it(db: None) -> None:
    product = make_product(price="12.10")
    change_behind(product, price="1000.2")
    notice = plain_numbers(live_view("product-editing", {"id": product.pk, "revision": product.revision}).html)
    assert "Changed by someone else while you edit" in notice
    assert re.findall(r"<(?:del|ins)[^>]*>\s*(.*?)\s*</", notice) == ["12.10", "1,000.20"]


def test_a_price_in_thousands_comes_back_from_its_own_form(editor: Client) -> None:
    product = make_product(price="1234567.50")
    assert 'value="1234567.50"' in text(editor.get(f"/crm/products/{product.pk}/edit/"))


def test_a_stale_delete_deletes_nothing_and_shows_the_row_as_it_is_now(editor: Client) -> None:
    opened = make_product()
    theirs = change_behind(opened, name="Precious now")
    address = f"/crm/products/{opened.pk}/delete/"
    answer = editor.post(address, {"revision": str(opened.revision)})
    assert answer.status_code == 409
    assert "Not deleted" in text(answer)
    assert "Precious now" in text(answer)
    assert f'name="revision" value="{theirs.revision}"' in text(answer)
    assert Product.objects.exists()
    assert editor.post(address, {"revision": str(theirs.revision)}).status_code == 302
    assert not Product.objects.exists()


def test_revisions_above_a_thousand_survive_the_forms(editor: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select setval('realtime_revision', 1234567)")
    product = make_product()
    for page in ("edit", "delete"):
        shown = text(editor.get(f"/crm/products/{product.pk}/{page}/"))
        assert f'name="revision" value="{product.revision}"' in shown


def test_what_was_typed_survives_that_the_row_was_deleted_by_others(editor: Client) -> None:
    opened = make_product()
    Product.objects.all().delete()
    answer = editor.post(f"/crm/products/{opened.pk}/edit/", typed(opened, description="An hour of work"))
    assert answer.status_code in (404, 409, 410)
    assert "An hour of work" in text(answer)
    assert "deleted" in text(answer)
    assert not Product.objects.exists()


def test_deleting_what_is_gone_already_is_no_broken_page(editor: Client) -> None:
    opened = make_product()
    Product.objects.all().delete()
    answer = editor.post(f"/crm/products/{opened.pk}/delete/", {"revision": str(opened.revision)})
    assert answer.status_code in (302, 404)


def test_the_detail_of_a_deleted_product_is_a_404_that_still_follows_the_row(viewer: Client) -> None:
    for pk in (uuid4(), UUID(int=0)):
        answer = viewer.get(f"/crm/products/{pk}/")
        assert answer.status_code == 404
        assert "data-live-region=" in text(answer)
        assert "data-gone" in text(answer)


def test_pages_that_only_show_take_no_post(editor: Client, product: Product) -> None:
    for page in ("list", "detail"):
        assert editor.post(pages(product.pk)[page]).status_code == 405


def test_forms_from_elsewhere_are_refused(product: Product) -> None:
    client = signed_in(make_user("victim", *EVERY_RIGHT), enforce_csrf_checks=True)
    where = pages(product.pk)
    for page in ("create", "edit", "delete"):
        answer = client.post(where[page], typed(product, name="Forged"))
        assert answer.status_code == 403
        assert "This form is out of date" in text(answer)
    assert client.post("/sign-out/").status_code == 403
    assert [row.name for row in Product.objects.all()] == ["Desk lamp"]
    token = client.get(where["create"]).context["csrf_token"]
    told = {"name": "Honest", "price": "1", "csrfmiddlewaretoken": str(token)}
    assert client.post(where["create"], told).status_code == 302


def test_signing_out_takes_a_post(editor: Client) -> None:
    assert editor.get("/sign-out/").status_code == 405
    assert editor.post("/sign-out/").status_code == 302
    assert editor.get("/").status_code == 302


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_leads_nowhere_else(db: None, elsewhere: str) -> None:
    user = make_user("traveller")
    told = {"username": user.username, "password": "right", "next": elsewhere}
    assert Client().post("/sign-in/", told).headers["Location"] == "/"


# What every answer carries


def test_every_page_carries_the_same_strict_policy(admin: Client, product: Product) -> None:
    addresses = [
        "/",
        *pages(product.pk).values(),
        "/admin/",
        "/admin/crm/product/",
        f"/admin/crm/product/{product.pk}/change/",
        "/admin/accounts/user/add/",
        "/realtime/status/",
        "/healthz",
        "/readyz",
        "/sign-in/",
        f"/crm/products/{uuid4()}/",
        "/nowhere/",
    ]
    for address in addresses:
        assert admin.get(address).headers["Content-Security-Policy"] == POLICY, address
        assert Client().get(address).headers["Content-Security-Policy"] == POLICY, address


def test_error_pages_carry_the_policy_too(nobody: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {403: nobody.get("/crm/products/"), 404: nobody.get("/nowhere/")}
    answers[400] = nobody.get("/", headers={"host": "evil.example"})
    nobody.raise_request_exception = False

    def fail(*arguments: object) -> None:
        raise RuntimeError("a secret of the database")

    user = User.objects.get(pk=nobody.session["_auth_user_id"])
    user.is_superuser = True
    user.save()
    monkeypatch.setattr("realtime.live.lists.LiveList.snapshot", fail)
    answers[500] = nobody.get("/crm/products/")
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert "<h1" in text(answer), f"{status} is no page of ours"
        assert "secret" not in text(answer)


def test_no_answer_is_kept_for_anybody_else(
    admin: Client, nobody: Client, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = admin.session["_auth_user_id"]
    addresses = ["/", *pages(product.pk).values(), "/admin/", "/sign-in/", "/realtime/status/", "/healthz", "/nowhere/"]
    answers = [client.get(address) for address in addresses for client in (admin, Client())]
    answers += [
        nobody.get("/crm/products/"),
        nobody.get("/", headers={"host": "evil.example"}),
        admin.post("/crm/products/new/", {"name": ""}),
        admin.post("/crm/products/", {}),
        Client(enforce_csrf_checks=True).post("/sign-in/", {}),
        admin.post("/crm/products/new/", {"person": "somebody else"}),
        Client().post("/crm/products/new/", {"person": signed(person_hash(user))}),
    ]
    admin.raise_request_exception = False
    monkeypatch.setattr("realtime.live.lists.LiveList.snapshot", lambda *arguments: 1 / 0)
    answers.append(admin.get("/crm/products/"))
    assert {answer.status_code for answer in answers} >= {200, 302, 400, 401, 403, 404, 405, 409, 500}
    for answer in answers:
        told = answer.headers["Cache-Control"]
        assert "private" in told or "no-store" in told, answer
        assert "no-cache" in told or "no-store" in told, answer
        if answer.headers["Content-Type"].startswith("text/html"):
            assert "Cookie" in answer.headers["Vary"], answer


def test_an_answer_that_says_itself_how_long_it_may_be_kept_does(viewer: Client) -> None:
    sheet = viewer.get(f"/ticketing/own/{viewer.session['_auth_user_id']}.css")
    assert sheet.headers["Cache-Control"] == "private, max-age=86400"
    assert viewer.get("/realtime/status/").headers["Cache-Control"] == "no-store"


def test_a_suspicious_request_is_a_400_of_ours(nobody: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def suspect(*arguments: object) -> None:
        raise SuspiciousOperation("odd")

    monkeypatch.setattr("project.views.render", suspect)
    answer = nobody.get("/")
    assert answer.status_code == 400
    assert "This request can’t be understood" in text(answer)
    assert answer.headers["Content-Security-Policy"] == POLICY


def test_no_page_holds_an_inline_script_or_style(admin: Client, product: Product) -> None:
    for address in ("/", *pages(product.pk).values(), "/sign-in/", "/nowhere/"):
        for client in (admin, Client()):
            told = text(client.get(address))
            assert " style=" not in told
            assert "<style" not in told
            assert " onclick=" not in told
            assert told.count("<script") == told.count("<script src=") + told.count('<script type="module" src=')


# Whose change it was


@pytest.fixture
def committing(transactional_db: None) -> None:
    """Real commits: inside one test transaction, a local setting would last to its end."""


def actor_of(pk: UUID) -> list[str]:
    return list(RealtimeChange.objects.filter(row_key=pk).order_by("revision").values_list("actor", flat=True))


def plain_update(pk: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("update products set price = price + 1 where id = %s", [pk])


def test_a_change_through_the_portal_names_its_user_and_the_next_on_the_connection_does_not(committing: None) -> None:
    user = make_user("writer", *EVERY_RIGHT)
    client = signed_in(user)
    login: str = connection.settings_dict["USER"]
    client.post("/crm/products/new/", {"name": "Chair", "price": "1"})
    product = Product.objects.get()
    plain_update(product.pk)
    product.refresh_from_db()
    client.post(f"/crm/products/{product.pk}/edit/", typed(product, name="Armchair"))
    plain_update(product.pk)
    product.refresh_from_db()
    client.post(f"/crm/products/{product.pk}/delete/", {"revision": product.revision})
    me = str(user.pk)
    assert actor_of(product.pk) == [me, login, me, login, me]


def test_every_page_of_the_admin_opens(admin: Client, product: Product) -> None:
    user = admin.session["_auth_user_id"]
    for table, key in (("crm/product", product.pk), ("accounts/user", user), ("auth/group", None)):
        addresses = [f"/admin/{table}/", f"/admin/{table}/add/", f"/admin/{table}/?q=lamp%00"]
        if key:
            addresses += [f"/admin/{table}/{key}/{page}/" for page in ("change", "history", "delete")]
        for address in addresses:
            assert admin.get(address).status_code == 200, address


def test_a_change_through_the_admin_names_its_user(committing: None) -> None:
    user = make_user("admin", is_staff=True, is_superuser=True)
    client = signed_in(user)
    login: str = connection.settings_dict["USER"]
    told = {"name": "Chair", "description": "", "price": "1"}
    client.post("/admin/crm/product/add/", told)
    product = Product.objects.get()
    client.post(f"/admin/crm/product/{product.pk}/change/", told | {"price": "2"})
    plain_update(product.pk)
    client.post(f"/admin/crm/product/{product.pk}/delete/", {"post": "yes"})
    me = str(user.pk)
    assert actor_of(product.pk) == [me, me, login, me]


def test_two_users_on_one_connection_are_told_apart(committing: None) -> None:
    first, second = make_user("first", *EVERY_RIGHT), make_user("second", *EVERY_RIGHT)
    product = make_product()
    for user in (first, second, first):
        product.refresh_from_db()
        signed_in(user).post(
            f"/crm/products/{product.pk}/edit/", typed(product, name=f"By {user.username} r{product.revision}")
        )
    assert actor_of(product.pk)[1:] == [str(first.pk), str(second.pk), str(first.pk)]


# For operators


def test_this_process_says_that_it_is_healthy_and_ready(client: Client, db: None) -> None:
    assert (client.get("/healthz").status_code, client.get("/healthz").content) == (200, b"ok\n")
    assert (client.get("/readyz").status_code, client.get("/readyz").content) == (200, b"ready\n")


@pytest.fixture
def database_away(postgres_url: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Nothing listens where the database was."""
    with django_db_blocker.unblock():
        told = connections["default"].settings_dict
        before = told["HOST"], told["PORT"]
        connections["default"].close()
        told["HOST"], told["PORT"] = LOOPBACK, str(pick_port())
        yield
        connections["default"].close()
        told["HOST"], told["PORT"] = before


@pytest.mark.parametrize("cookie", ["", "0123456789abcdefghij0123456789ab"], ids=["without cookie", "with cookie"])
def test_without_its_database_a_process_is_healthy_but_not_ready(database_away: None, cookie: str) -> None:
    client = Client(raise_request_exception=False)
    if cookie:
        client.cookies["sessionid"] = cookie
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, text(answer)) == (503, "the database can't be reached\n")


def test_the_status_is_a_document_of_words_and_numbers(nobody: Client) -> None:
    answer = nobody.get("/realtime/status/")
    told = answer.json()
    assert told["status"] == "disconnected"
    assert "worker is not answering" in told["reason"]
    assert {"status", "since", "tables", "worker", "lag", "live"} <= set(told)
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_status_says_when_it_is_redis_that_is_away(nobody: Client, settings: Settings) -> None:
    settings.REDIS_URL = f"redis://{LOOPBACK}:{pick_port()}/0"
    told = nobody.get("/realtime/status/").json()
    assert (told["status"], told["live"]) == ("disconnected", False)
    assert "Redis" in told["reason"]


def test_the_admin_overwrites_nobody_unseen(client: Client, db: None) -> None:
    client.force_login(User.objects.create_superuser("boss", password="right"))
    product = Product.objects.create(name="Lamp", description="plain")
    product.refresh_from_db()
    address = f"/admin/crm/product/{product.pk}/change/"
    opened = product.revision
    typed = {"name": "Desk lamp", "description": "mine", "price": "0", "opened_at": str(opened)}
    Product.objects.filter(pk=product.pk).update(description="changed meanwhile", price=5)
    answer = client.post(address, typed)
    product.refresh_from_db()
    assert product.description == "changed meanwhile"
    assert "Somebody changed this to “changed meanwhile” meanwhile" in text(answer)
    assert "Desk lamp" in text(answer), "what was typed stays"
    assert 'value="5.00"' in text(answer), "what wasn't touched is theirs"
    # Saving again is allowed: the user has been told.
    again = typed | {"price": "5.00", "opened_at": str(product.revision)}
    assert client.post(address, again).status_code == 302
    product.refresh_from_db()
    assert (product.name, product.description, product.price) == ("Desk lamp", "mine", 5)
