"""Customers and products from files: what is wrong with which row, all or nothing, and only for whom it is."""

import asyncio
import csv
import re
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DataError
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.forms import CustomerForm, ProductForm
from crm.importing import reading, rows, running
from crm.importing.reading import Row
from crm.importing.rows import ROWS, Outcome, Problem
from crm.models import Customer, FileImport, Product
from project.accounts.models import User
from realtime.models import RealtimeChange
from realtime.pages.workbook import CUT
from tests.integration.conftest import Project
from tests.integration.crm.test_crm import every_right, make_customer, make_user
from tests.integration.pages.test_export_xlsx import body
from tests.integration.pages.test_portal import HOSTILE, signed_in, text

pytestmark = pytest.mark.usefixtures("quick_pages")

State = FileImport.State
TAKE = rows.Rows._take
FAST = settings(
    deadline=None, database=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def outcome_of(
    table: str, headings: list[str], *cells: list[str], writing: bool = False, may_change: bool = True
) -> Outcome:
    """What becomes of rows whose headings are the fields' names."""
    outcome = Outcome()
    columns = {name: number for number, name in enumerate(headings) if name in ("id", *ROWS[table].importable.fields)}
    found = ROWS[table](headings, columns, may_change)
    list(found.through([Row(number, list(row)) for number, row in enumerate(cells, start=2)], outcome, writing))
    return outcome


# What each row becomes


def test_each_problem_names_its_row_column_and_value_and_says_what_is_valid(db: None) -> None:
    outcome = outcome_of(
        "customers",
        ["name", "email", "phone"],
        ["Anna", "anna@example.com", "0301234"],
        ["", "not an address", "1" * 51],
        ["Bert", "#N/A", "1", "surplus"],
        [f"Long{CUT}", "", ""],
    )
    assert outcome.problems == [
        Problem(3, "name", "", "This field is required."),
        Problem(3, "email", "not an address", rows._EMAIL),
        Problem(3, "phone", "1" * 51, "Ensure this value has at most 50 characters (it has 51)."),
        Problem(4, "", "", rows._SURPLUS),
        Problem(4, "email", "#N/A", rows._FAILED_FORMULA),
        Problem(5, "name", f"Long{CUT}", rows._CUT_TEXT),
    ]
    assert (outcome.new, outcome.problem_count) == (1, 6)
    amounts = outcome_of("products", ["name", "price"], *([f"Lamp {n}", p] for n, p in enumerate(PRICES)))
    assert {(problem.value, problem.sentence) for problem in amounts.problems} == {
        ("1,234", "This may mean 1234 or 1.234. Write it like one of these."),
        ("€ 5", "Enter a number, such as 1234.50."),
        ("", "This field is required."),
        ("-1", "Ensure this value is greater than or equal to 0."),
        ("1.234", "Ensure that there are no more than 2 decimal places."),
        ("NaN", "Enter a number, such as 1234.50."),
    }


PRICES = ("1.234,50", "12,5", "1,234", "€ 5", "", "-1", "1.234", "NaN")
NASTY = st.text(st.sampled_from("aB@. 0\n\x00\u200b=-,1"), max_size=8) | st.sampled_from(["a@b.de", "x" * 501, "12.50"])


@FAST
@given(NASTY, NASTY, NASTY)
def test_a_row_is_right_exactly_when_the_form_takes_it(db: None, first: str, second: str, third: str) -> None:
    for table, form in (("customers", CustomerForm), ("products", ProductForm)):
        names = list(form._meta.fields or ())
        told = dict(zip(names, (first, second, third), strict=True))
        if table == "products" and re.search(r"[,\s]", third.strip()):
            # A file may have thousands in groups.
            continue
        found = form(told | {"price": third.strip()} if table == "products" else told)
        outcome = outcome_of(table, names, [first, second, third])
        assert bool(outcome.problems) == (not found.is_valid()), (outcome.problems, found.errors)
        assert {problem.column for problem in outcome.problems} == set(found.errors)


def test_a_known_key_changes_its_row_and_others_are_new(db: None) -> None:
    known, same = make_customer("Old name"), make_customer("Same")
    fresh = str(uuid4())
    cells = (
        [str(known.pk), "New name", "new@example.com"],
        [str(same.pk).upper(), same.name, same.email],
        [fresh, "Came with its key", ""],
        ["", "New", ""],
    )
    before = Customer.objects.count()
    for writing in (False, True):
        outcome = outcome_of("customers", ["id", "name", "email"], *cells, writing=writing)
        assert (outcome.new, outcome.changed, outcome.same, outcome.problem_count) == (2, 1, 1, 0)
        assert Customer.objects.count() == before + 2 * writing
    revision = same.revision
    known.refresh_from_db()
    same.refresh_from_db()
    assert (known.name, known.email, known.phone) == ("New name", "new@example.com", "+48 22 123 45 67")
    assert same.revision == revision
    assert Customer.objects.get(pk=fresh).name == "Came with its key"


def test_a_key_that_is_none_or_comes_twice_or_may_not_be_changed_is_said(db: None) -> None:
    known = make_customer()
    cells = (["", "New"], ["K-17", "a"], [str(known.pk), "b"], [str(known.pk), "c"])
    told = outcome_of("customers", ["id", "name"], *cells).problems
    assert [(problem.row, problem.sentence.partition(".")[0]) for problem in told] == [
        (3, "This is no key"),
        (5, "Row 4 has the same key"),
    ]
    told = outcome_of("customers", ["id", "name"], *cells[2:3], may_change=False).problems
    assert "your account may not change it" in told[0].sentence
    # Without a column for the name, a row that isn't known has none.
    told = outcome_of("customers", ["id", "phone"], [str(known.pk), "1"], [str(uuid4()), "2"]).problems
    assert [(problem.row, problem.sentence) for problem in told] == [
        (3, "A new customer needs a name, and no column holds it.")
    ]


def test_portions_count_together_and_a_product_without_a_price_column_costs_nothing(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "PORTION", 3)
    monkeypatch.setattr(rows, "PROBLEMS", 4)
    key = str(uuid4())
    cells = [["", f"Lamp {number}"] for number in range(7)] + [[key, "x"], [key, "y"]]
    assert outcome_of("products", ["id", "name"], *cells).problems[0].sentence.startswith("Row 9 has the same key")
    outcome_of("products", ["id", "name"], *cells[:7], writing=True)
    assert Product.objects.filter(name__startswith="Lamp ", price=0).count() == 7
    outcome = outcome_of("products", ["id", "name"], *([["", ""]] * 9))
    assert (outcome.problem_count, len(outcome.problems)) == (9, 4)


# The whole way


@pytest.fixture
def word() -> str:
    return f"w{uuid4().hex[:10]}"


@pytest.fixture
def user(project: Project) -> User:
    return make_user(*every_right())


@pytest.fixture
def staff(user: User) -> Client:
    return signed_in(user)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test has no event loop that goes on after its requests, so the work is done before they answer."""
    monkeypatch.setattr(running, "start", lambda *told: asyncio.run(running.work(*told)))


def table(*lines: list[str], encoding: str = "utf-8", separator: str = ",") -> bytes:
    told = StringIO()
    csv.writer(told, delimiter=separator).writerows(lines)
    return told.getvalue().encode(encoding)


def upload(client: Client, content: bytes, name: str = "people.csv", plural: str = "customers") -> Any:
    file = SimpleUploadedFile(name, content)
    return client.post(f"/crm/{plural}/import/", {"file": file}, follow=True)


def matched(client: Client, content: bytes, plural: str = "customers", **columns: str) -> str:
    """Uploads and checks; returns the address of the import."""
    page = upload(client, content, plural=plural)
    address = str(page.redirect_chain[-1][0])
    names = ["id", *ROWS[plural].importable.fields]
    initial = {name: str(page.context["form"].initial.get(name, "-")) for name in names}
    reading = {name: page.context["form"].initial[name] for name in ("encoding", "separator")}
    assert client.post(address, initial | reading | columns).status_code == 302
    return address


def the_import(address: str) -> FileImport:
    return FileImport.objects.get(pk=UUID(address.rstrip("/").rpartition("/")[2]))


def test_the_whole_way_of_a_file_from_a_german_excel(staff: Client, user: User, word: str) -> None:
    content = table(
        ["Kunde", "E-Mail", "Telefon"],
        [f"{word} Müller & Söhne", "info@example.com", "0301234"],
        [f"{word} zwei\nZeilen; mit Semikolon", "", "'+49 30"],
        encoding="cp1252",
        separator=";",
    )
    page = upload(staff, content)
    assert "2 rows below the headings, read as Western European (Windows-1252), cells separated by semicolons" in text(
        page
    )
    assert page.context["form"].initial["email"] == 1
    address = str(page.redirect_chain[-1][0])
    told = {"id": "-", "name": "-", "email": "1", "phone": "1", "encoding": "cp1252", "separator": ";"}
    page = staff.post(address, told)
    assert "A new customer needs it: choose the column that holds the name." in text(page)
    assert "This column is “Email” already" in text(page)
    page = staff.post(address, told | {"name": "0", "phone": "2"}, follow=True)
    assert "All 2 rows are fine" in text(page)
    assert not Customer.objects.filter(name__contains=word).exists()
    page = staff.post(f"{address}run/", follow=True)
    assert "people.csv</span>: 2 new customers." in text(page)
    found = Customer.objects.filter(name__contains=word).order_by("name")
    assert [(row.name, row.phone) for row in found] == [
        (f"{word} Müller & Söhne", "0301234"),
        (f"{word} zwei\nZeilen; mit Semikolon", "+49 30"),
    ]
    actors = RealtimeChange.objects.filter(row_key__in=[row.pk for row in found]).values_list("actor", flat=True)
    assert set(actors) == {str(user.pk)}
    assert bytes(the_import(address).content) == b""
    assert the_import(address).preview == []
    # Once more is no more.
    staff.post(f"{address}run/")
    assert found.count() == 2


@pytest.mark.parametrize("extension", ["csv", "xlsx"])
def test_a_list_that_is_exported_and_imported_changes_nothing(staff: Client, word: str, extension: str) -> None:
    names = ["=1+1", "-x", "\t=1", "0301234", "'quoted'", HOSTILE, "two\nlines", "a;=b", "Łódź 🙂"]
    for number, name in enumerate(names):
        Product.objects.create(name=f"{name} {word}", description=f"{word}\n- {name}", price=f"{number}.50")
    content = body(staff.get(f"/crm/products/export.{extension}?q={word}"))
    page = upload(staff, content, f"p.{extension}", "products")
    address = str(page.redirect_chain[-1][0])
    initial = {name: str(value) for name, value in page.context["form"].initial.items() if value != ""}
    assert {initial[name] for name in ("id", "name", "description", "price")} == {"5", "0", "1", "2"}
    staff.post(address, initial)
    outcome = Outcome.from_json(the_import(address).outcome)
    assert (outcome.new, outcome.changed, outcome.same, outcome.problem_count) == (0, 0, len(names), 0)


def test_one_wrong_row_stops_all_and_is_shown(staff: Client, word: str) -> None:
    lines = [[f"{word} {number}", "a@example.com"] for number in range(600)]
    lines[590][1] = f"<b>{word}"
    address = matched(staff, table(["Name", "Email"], *lines))
    page = text(staff.get(address))
    assert "1 problem to solve; nothing is imported yet" in page
    assert "599 of 600 rows are fine" in page
    assert f"&lt;b&gt;{word}" in page
    assert "592" in page
    # The button isn't there; sent all the same, it does nothing.
    assert "Import 600 rows" not in page
    staff.post(f"{address}run/")
    assert not Customer.objects.filter(name__contains=word).exists()
    assert the_import(address).state == State.CHECKED
    staff.post(f"{address}columns/")
    assert the_import(address).state == State.MATCHING


@pytest.fixture
def good(staff: Client, word: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An import that has been checked and only needs to be begun."""
    monkeypatch.setattr(rows, "PORTION", 10)
    monkeypatch.setattr(running, "TELL_SECONDS", 0)
    return matched(staff, table(["Name"], *([f"{word} {number}"] for number in range(40))))


def after_two_portions(monkeypatch: pytest.MonkeyPatch, what: Any) -> None:
    taken: list[object] = []

    def spoilt(self: Any, portion: Any, outcome: Any) -> None:
        TAKE(self, portion, outcome)
        taken.append(portion)
        if len(taken) == 2:
            what()

    monkeypatch.setattr(rows.Rows, "_take", spoilt)


@pytest.mark.parametrize("fault", ["broken", "cut", "dropped"])
def test_whatever_breaks_an_import_nothing_of_it_is_there(
    staff: Client, word: str, good: str, project: Project, monkeypatch: pytest.MonkeyPatch, caplog: Any, fault: str
) -> None:
    def broken() -> None:
        raise DataError("secret contents")

    def cut() -> None:
        with project.connect() as sql:
            open_ones = "state = 'idle in transaction' and datname = current_database()"
            sql.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where {open_ones}")

    def dropped() -> None:
        with project.connect() as sql:
            sql.execute("delete from file_imports where id = %s", [the_import(good).pk])

    after_two_portions(monkeypatch, {"broken": broken, "cut": cut, "dropped": dropped}[fault])
    page = staff.post(f"{good}run/", follow=True)
    assert not Customer.objects.filter(name__contains=word).exists()
    assert "secret contents" not in caplog.text
    if fault == "dropped":
        assert page.status_code == 404
        return
    assert "nothing was imported" in text(page).lower()
    assert the_import(good).state == State.CHECKED
    monkeypatch.setattr(rows.Rows, "_take", TAKE)
    staff.post(f"{good}run/")
    assert Customer.objects.filter(name__contains=word).count() == 40


def test_a_row_that_has_changed_since_its_check_is_said_and_nothing_is_imported(
    staff: Client, user: User, word: str
) -> None:
    known = make_customer(word)
    address = matched(staff, table(["Key", "Name"], ["", f"{word} new"], [str(known.pk), f"{word} changed"]))
    user.user_permissions.remove(*user.user_permissions.filter(codename="change_customer"))
    page = text(staff.post(f"{address}run/", follow=True))
    assert "your account may not change it" in page
    assert list(Customer.objects.filter(name__contains=word).values_list("name", flat=True)) == [word]
    user.user_permissions.remove(*user.user_permissions.filter(codename="add_customer"))
    FileImport.objects.update(outcome={"problem_count": 0}, state=State.CHECKED)
    job = the_import(address)
    assert running.begin(job.pk, State.IMPORTING)
    job.refresh_from_db()
    assert job.failure == "Your account may no longer add customers. Nothing was imported."


def test_work_that_went_with_its_process_is_given_up_and_cannot_finish_later(
    staff: Client, word: str, good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    monkeypatch.setattr(running, "start", lambda *told: begun.append(told))
    staff.post(f"{good}run/")
    assert staff.get(f"{good}progress/").json() == {"state": "importing", "done": 0, "words": "0 of 40 rows imported"}
    page = text(staff.get(good))
    assert 'http-equiv="refresh"' in page
    assert "Stop; import nothing" in page
    assert not running.begin(the_import(good).pk, State.IMPORTING)
    FileImport.objects.filter(pk=the_import(good).pk).update(touched_at=timezone.now() - timedelta(minutes=5))
    assert running.INTERRUPTED in text(staff.get(good))
    asyncio.run(running.work(*begun[0]))
    assert not Customer.objects.filter(name__contains=word).exists()
    staff.post(f"{good}run/")
    asyncio.run(running.work(*begun[1]))
    assert Customer.objects.filter(name__contains=word).count() == 40


def test_files_that_cannot_be_imported_are_refused_in_a_sentence(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Choose a file first." in text(staff.post("/crm/customers/import/"))
    assert "“people.csv” can’t be imported. It is a PDF." in text(upload(staff, b"%PDF-1.7"))
    monkeypatch.setattr(reading, "ROWS", 2)
    assert "It has more than 2 rows below its headings." in text(upload(staff, b"Name\na\nb\nc\n"))
    monkeypatch.setattr("crm.importing.pages.BYTES", 3)
    assert "“people.csv” is too large" in text(upload(staff, b"Name\na\n"))
    page = upload(staff, b"Name\na\n")
    assert FileImport.objects.filter(person__pk=page.wsgi_request.user.pk).count() == 0


def test_a_file_can_be_read_again_otherwise(staff: Client) -> None:
    page = upload(staff, "Name;Phone\nŁódź;1\n".encode("cp1250"))
    address = str(page.redirect_chain[-1][0])
    told = {"id": "-", "name": "0", "email": "-", "phone": "1", "separator": ";", "again": "1"}
    page = staff.post(address, told | {"encoding": "utf-8"})
    assert "It isn’t Unicode (UTF-8): line 2" in text(page)
    page = staff.post(address, told | {"encoding": "cp1250"}, follow=True)
    assert "Łódź" in text(page)


def test_only_who_may_add_imports_and_only_their_own(staff: Client, good: str) -> None:
    looker, other = signed_in(make_user("view_customer", "change_customer")), signed_in(make_user(*every_right()))
    verbs = ("run/", "columns/", "drop/")
    for client, status in ((looker, 403), (other, 404)):
        assert client.get(good).status_code == status
        assert client.get(f"{good}progress/").status_code == status
        assert client.post(f"{good}run/").status_code == status
    for verb in verbs[1:]:
        other.post(good + verb)
    assert the_import(good).state == State.CHECKED
    assert looker.get("/crm/customers/import/").status_code == 403
    assert Client().get("/crm/customers/import/").status_code == 302
    # Through another kind's address it isn't there either.
    assert staff.get(good.replace("customers", "products")).status_code == 404
    for client, shown in ((looker, False), (staff, True)):
        assert ('href="/crm/customers/import/"' in text(client.get("/crm/customers/"))) == shown
    assert "/import/" not in text(staff.get("/crm/interactions/"))
    assert "people.csv" in text(staff.get("/crm/customers/import/"))
    assert "people.csv" not in text(other.get("/crm/customers/import/"))
    staff.post(f"{good}drop/")
    assert staff.get(good).status_code == 404


def test_a_file_goes_after_a_day(staff: Client, good: str) -> None:
    job = the_import(good)
    FileImport.throw_away_old()
    assert FileImport.objects.filter(pk=job.pk).exists()
    FileImport.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(days=1, minutes=1))
    FileImport.throw_away_old()
    assert not FileImport.objects.filter(pk=job.pk).exists()
