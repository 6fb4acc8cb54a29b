"""Saved views and columns over HTTP: who sees and changes which, what an address opens, and what bad input is told."""

import re
import threading
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from crm.models import Customer
from project.accounts.models import User
from realtime.live.tokens import read_token
from realtime.models import ListPreference, PinnedView, SavedView
from realtime.pages.saved_views import NAME_MISSING, PINNED_LIMIT, TOO_MANY, TOO_MANY_PINNED, VIEWS_LIMIT
from tests.integration.ticketing.test_ticketing import make_ticket, member, signed_in, text
from ticketing.models import Ticket

pytestmark = [pytest.mark.usefixtures("quick_pages"), pytest.mark.django_db]

TICKETS = "/ticketing/tickets/"
ROLES = ("Support agents", "Managers", "Read-only", "CRM staff")


def save(client: Client, name: str, query: str = "status=open", base: str = TICKETS, **more: Any) -> SavedView:
    answer = client.post(f"{base}views/", {"name": name, "query": query, **more})
    assert answer.status_code == 302, text(answer)
    return SavedView.objects.get(pk=parse_qs(urlsplit(answer.url).query)["view"][0])  # type: ignore[attr-defined]


def listed(client: Client, query: str = "") -> dict[str, Any]:
    """What the list's page asks the hub for."""
    page = text(client.get(f"{TICKETS}{query}", follow=True))
    token = re.search(r'data-live-list="([^"]+)"', page)
    assert token is not None
    return read_token(token[1])[1]


def heading(client: Client, address: str) -> str:
    page = text(client.get(address, follow=True))
    found = re.search(r'<h1[^>]*id="title">(.*?)</h1>', page, re.DOTALL)
    assert found is not None
    return re.sub(r"<[^>]+>", "", found[1]).strip()


def side_bar(client: Client) -> dict[str, str]:
    """The pinned views of a page that has nothing to do with them, each with its count."""
    page = text(client.get("/crm/products/new/" if client.get("/crm/products/new/").status_code == 200 else "/"))
    found = re.findall(r'app-nav__name" dir="auto">(.*?)</span>.*?data-live-state="connecting">(.*?)</span>', page)
    return dict(found)


def test_a_view_keeps_the_address_without_its_page_and_opens_it_again() -> None:
    client = signed_in(member("Support agents"))
    make_ticket(title="Lamp")
    place = "eyJub3BlIjoxfQ"
    view = save(
        client, "  Open \t lamps  ", f"?q=lamp&status=open&status=bogus&sort=title&size=25&after={place}&tz=Asia/Tokyo"
    )
    assert (view.name, view.query) == ("Open lamps", "q=lamp&status=open&sort=title&size=25")
    told = listed(client, f"?view={view.pk}")
    assert told == {"q": "lamp", "status": ["open"], "sort": "title", "size": 25, "view": str(view.pk)}
    assert heading(client, f"{TICKETS}?view={view.pk}").startswith("Open lamps")
    page = text(client.get(f"{TICKETS}?view={view.pk}"))
    assert "<title>lamp · Open lamps · Tickets" in page
    assert "Save changes" not in page
    # Every link of the list carries the view on, and other filters change it.
    assert f'name="view" value="{view.pk}"' in page
    changed = text(client.get(f"{TICKETS}?view={view.pk}&q=lamp"))
    assert "Save changes" in changed
    assert "Save as new view" in changed
    client.post(f"{TICKETS}views/{view.pk}/filters/", {"query": f"view={view.pk}&priority=high"})
    view.refresh_from_db()
    assert view.query == "priority=high"
    # A form that says nothing takes nothing away.
    client.post(f"{TICKETS}views/{view.pk}/filters/", {})
    view.refresh_from_db()
    assert view.query == "priority=high"


def test_the_last_filter_taken_away_leaves_the_view_changed_and_not_as_it_was() -> None:
    client = signed_in(member("Support agents"))
    view = save(client, "Open")
    page = text(client.get(f"{TICKETS}?view={view.pk}"))
    without = re.search(r'class="chip__remove" href="([^"]+)"', page)
    assert without is not None
    told = listed(client, without[1].replace("&amp;", "&"))
    assert told == {"q": "", "view": str(view.pk)}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("shared", [False, True])
def test_who_may_do_what_with_anothers_view(role: str, shared: bool) -> None:
    owner, other = member("Support agents"), member(role)
    view = save(signed_in(owner), "Hot ones", "priority=urgent", **({"shared": "on"} if shared else {}))
    client = signed_in(other)
    sees, manages = shared and role != "CRM staff", shared and role == "Managers"
    page = client.get(f"{TICKETS}?view={view.pk}")
    assert page.status_code == (403 if role == "CRM staff" else 200)
    assert ("Hot ones</span>" in text(page)) is sees
    if role != "CRM staff":
        assert ("This view isn’t there any more" in text(page)) is not sees
        assert (listed(client, f"?view={view.pk}") == {"q": "", "priority": ["urgent"], "view": str(view.pk)}) is sees
    missing = 403 if role == "CRM staff" else 404
    denied = 403 if sees else missing
    for page_, told in (("", {"name": "Theirs", "shared": "on"}), ("filters/", {"query": "status=closed"})):
        assert client.post(f"{TICKETS}views/{view.pk}/{page_}", told).status_code == (302 if manages else denied)
    for page_, told in (("pin/", {"pinned": "yes"}), ("default/", {"default": "yes"})):
        assert client.post(f"{TICKETS}views/{view.pk}/{page_}", told).status_code == (302 if sees else missing)
    assert PinnedView.objects.filter(user=other).count() == sees
    assert client.get(f"{TICKETS}views/{view.pk}/delete/").status_code == (200 if manages else denied)
    assert client.post(f"{TICKETS}views/{view.pk}/delete/").status_code == (302 if manages else denied)
    assert SavedView.objects.filter(pk=view.pk).exists() is not manages
    # A view of one list is no view of another.
    assert signed_in(owner).get(f"/crm/customers/views/{view.pk}/").status_code in (403, 404)


@pytest.mark.parametrize("role", ROLES)
def test_who_may_share(role: str) -> None:
    client = signed_in(member(role))
    view = save(client, "Everybody’s", "q=a", "/crm/customers/", shared="on")
    assert view.shared is (role != "Read-only")
    offered = "Share with everybody" in text(client.get("/crm/customers/?all=1"))
    assert offered is view.shared


def test_me_is_whoever_reads_and_a_foreign_id_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    anna, ben = member("Support agents"), member("Support agents")
    for person, title in ((anna, "of Anna"), (ben, "of Ben")):
        make_ticket(title=title, assigned_to=person.pk)
    client = signed_in(anna)
    asked = f"assigned=me&assigned={ben.pk}"
    for query in (asked, asked.replace("me", str(anna.pk), 1)):
        SavedView.objects.all().delete()
        view = save(client, "Ours", query, shared="on", pinned="on")
        assert set(parse_qs(view.query)["assigned"]) == {"me", str(ben.pk)}
    assert set(listed(client, f"?view={view.pk}")["assigned"]) == {str(anna.pk), str(ben.pk)}
    assert listed(signed_in(ben), f"?view={view.pk}")["assigned"] == [str(ben.pk)]
    assert "Save changes" not in text(client.get(f"{TICKETS}?view={view.pk}"))
    PinnedView.objects.create(user=ben, view=view)
    assert (side_bar(client), side_bar(signed_in(ben))) == ({"Ours": "2"}, {"Ours": "1"})
    # The form offers it by its word, and an export means the same.
    assert re.search(r'name="assigned" value="me" checked', text(client.get(f"{TICKETS}?assigned=me")))
    exported: list[Any] = []
    monkeypatch.setattr("realtime.pages.live_pages.as_csv", lambda request, _: exported.append(request.GET))
    with suppress(ValueError):
        client.get(f"{TICKETS}export.csv?assigned=me")
    assert exported[0]["assigned"] == str(anna.pk)


def test_a_default_opens_a_bare_address_and_overrides_no_other() -> None:
    client = signed_in(member("Support agents"))
    view = save(client, "Mine", "assigned=me")
    client.post(f"{TICKETS}views/{view.pk}/default/", {"default": "yes", "back": f"view={view.pk}"})
    for bare in (TICKETS, f"{TICKETS}?"):
        answer = client.get(bare)
        assert (answer.status_code, answer.url) == (302, f"{TICKETS}?view={view.pk}")  # type: ignore[attr-defined]
    assert 'href="?all=1"' in text(client.get(TICKETS, follow=True))
    for query in ("?all=1", "?q=", "?status=open", "?sort=title", "?size=25"):
        assert "view" not in listed(client, query)
    # Links that lead to all rows say so, on pages that everybody shares too.
    page = text(client.get(f"{TICKETS}?q=nothing-has-this"))
    assert 'href="?all=1">Clear search and filters' in page
    client.post(f"{TICKETS}views/{view.pk}/default/", {"default": "no"})
    assert client.get(TICKETS).status_code == 200
    # Somebody else’s view that isn't shared any more opens nothing.
    other = save(signed_in(member("Managers")), "Shared", shared="on")
    client.post(f"{TICKETS}views/{other.pk}/default/", {"default": "yes"})
    assert client.get(TICKETS).status_code == 302
    SavedView.objects.filter(pk=other.pk).update(shared=False)
    assert client.get(TICKETS).status_code == 200
    SavedView.objects.filter(pk=other.pk).delete()
    assert client.get(TICKETS).status_code == 200


def test_the_side_bar_shows_only_what_its_reader_may_still_see() -> None:
    agent = member("Support agents")
    client = signed_in(agent)
    make_ticket(), make_ticket(status=Ticket.Status.CLOSED)
    Customer.objects.create(name="Anna")
    mine = save(client, "Open ones", pinned="on")
    save(client, "Customers", "", "/crm/customers/", pinned="on")
    shared = save(signed_in(member("Managers")), "All there are", "", shared="on")
    client.post(f"{TICKETS}views/{shared.pk}/pin/", {"pinned": "yes"})
    client.post(f"{TICKETS}views/{shared.pk}/pin/", {"pinned": "yes"})
    assert side_bar(client) == {"Open ones": "1", "Customers": "1", "All there are": "2"}
    page = text(client.get(f"{TICKETS}?view={mine.pk}"))
    assert re.search(rf'href="{re.escape(TICKETS)}\?view={mine.pk}"[^>]* aria-current="page"', page)
    SavedView.objects.filter(pk=shared.pk).update(shared=False)
    assert side_bar(client) == {"Open ones": "1", "Customers": "1"}
    # A list of another version of the portal.
    SavedView.objects.filter(pk=mine.pk).update(listing="gone")
    assert side_bar(client) == {"Customers": "1"}
    SavedView.objects.filter(pk=mine.pk).update(listing="tickets")
    agent.groups.set([Group.objects.get(name="CRM staff")])
    assert side_bar(client) == {"Customers": "1"}


def test_a_side_bar_that_waits_for_its_table_holds_up_no_page(transactional_db: None) -> None:
    client = signed_in(User.objects.create_superuser(f"s-{uuid4().hex[:8]}"))
    save(client, "Locked", pinned="on")
    address = connection.get_connection_params()
    with psycopg.connect(
        **{k: address[k] for k in ("host", "port", "user", "dbname", "password") if k in address}
    ) as other:
        other.execute("lock table tickets in access exclusive mode")
        answers: list[Any] = []
        thread = threading.Thread(target=lambda: answers.append(client.get("/crm/products/new/")))
        thread.start()
        thread.join(30)
        assert answers, "the page waits for the table"
        assert answers[0].status_code == 200
        assert 'data-version="" data-live-state="connecting"></span>' in text(answers[0])
    assert side_bar(client) == {"Locked": "0"}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", NAME_MISSING),
        (" \t\x07 ", NAME_MISSING),
        ("n" * 81, "A name has at most 80 characters; this one has 81."),
        ("oPEN ones", "You have a view called “oPEN ones” already. Choose another name."),
    ],
)
def test_a_bad_name_is_told_at_its_field_and_nothing_typed_is_lost(name: str, sentence: str) -> None:
    client = signed_in(member("Support agents"))
    save(client, "Open ones", "status=open")
    answer = client.post(f"{TICKETS}views/", {"name": name, "query": "status=closed", "pinned": "on"})
    page = text(answer)
    assert sentence in page.replace("&#x27;", "’")
    assert 'name="query" value="status=closed"' in page
    assert re.search(r'name="pinned"[^>]*checked', page)
    assert SavedView.objects.count() == 1
    # In another list, and for another person, the name is free.
    save(client, "Open ones", "", "/crm/customers/")
    save(signed_in(member("Managers")), "Open ones")


def test_eighty_characters_of_any_script_and_markup_are_a_name() -> None:
    client = signed_in(member("Support agents"))
    for name in ("ש" * 80, "<img src=x onerror=alert(1)>", "{{ 7 }}'\"&"):
        view = save(client, name, pinned="on", shared="on")
        assert view.name == name
        for address in (f"{TICKETS}?view={view.pk}", f"{TICKETS}views/{view.pk}/", f"{TICKETS}views/{view.pk}/delete/"):
            page = client.get(address).content.decode()
            assert "<img src=x" not in page


def test_there_are_limits_and_they_are_told() -> None:
    user = member("Support agents")
    client = signed_in(user)
    views = [SavedView(owner=user, listing="customers", name=f"View {n}") for n in range(VIEWS_LIMIT)]
    SavedView.objects.bulk_create(views)
    refused = text(client.post(f"{TICKETS}views/", {"name": "One more", "query": ""}))
    assert TOO_MANY in refused
    PinnedView.objects.bulk_create(PinnedView(user=user, view=view) for view in views[:PINNED_LIMIT])
    address = f"/crm/customers/views/{views[-1].pk}/pin/"
    assert TOO_MANY_PINNED in text(client.post(address, {"pinned": "yes"}, follow=True))
    assert PinnedView.objects.filter(user=user).count() == PINNED_LIMIT
    views[0].delete()
    refused = text(client.post(f"{TICKETS}views/", {"name": "One more", "query": "", "pinned": "on"}))
    assert TOO_MANY_PINNED not in refused
    PinnedView.objects.get_or_create(user=user, view=SavedView.objects.get(name="View 50"))
    SavedView.objects.filter(name="View 99").delete()
    refused = text(client.post(f"{TICKETS}views/", {"name": "Another", "query": "", "pinned": "on"}))
    assert TOO_MANY_PINNED in refused
    assert not SavedView.objects.filter(name="Another").exists()


@pytest.mark.parametrize(
    "query", ["view=nonsense", "view=0b5c6f6e-6d0f-4a3e-9d39-3d1d8e3f6a11", "view=", "view=a&view=b"]
)
def test_a_view_that_is_not_there_is_told_and_all_rows_are_shown(query: str) -> None:
    client = signed_in(member("Support agents"))
    page = client.get(f"{TICKETS}?{query}")
    assert page.status_code == 200
    assert "This view isn’t there any more" in text(page)
    assert listed(client, f"?{query}") == {"q": ""}


def test_a_value_that_does_not_exist_any_more_is_named() -> None:
    user = member("Support agents")
    view = SavedView.objects.create(owner=user, listing="tickets", name="Old", query="status=frozen&status=open")
    page = text(signed_in(user).get(f"{TICKETS}?view={view.pk}"))
    assert "“frozen”" in page
    assert listed(signed_in(user), f"?view={view.pk}")["status"] == ["open"]


def test_what_an_account_shared_outlives_it_and_the_rest_goes_along() -> None:
    owner, manager = member("Support agents"), signed_in(member("Managers"))
    client = signed_in(owner)
    private, shared = save(client, "Private", pinned="on"), save(client, "Shared", shared="on", pinned="on")
    client.post(f"{TICKETS}views/{private.pk}/default/", {"default": "yes"})
    owner.delete()
    assert list(SavedView.objects.all()) == [shared]
    assert not PinnedView.objects.exists()
    assert not ListPreference.objects.exists()
    # It can't be made private: nobody would see it.
    manager.post(f"{TICKETS}views/{shared.pk}/", {"name": "Still here"})
    shared.refresh_from_db()
    assert (shared.name, shared.shared) == ("Still here", True)
    assert "no owner" in text(manager.get(f"{TICKETS}?all=1"))


def test_the_new_tables_are_closed_to_the_api() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select relname, relrowsecurity,"
            " has_table_privilege(rolname, pg_class.oid, 'select, insert, update, delete')"
            " from pg_class, pg_roles where rolname in ('anon', 'authenticated')"
            " and relname in ('realtime_saved_view', 'realtime_pinned_view', 'realtime_list_preference')"
        )
        rows = cursor.fetchall()
    assert len(rows) == 6
    assert all(secured and not granted for _, secured, granted in rows)


# Columns


def chosen(client: Client) -> tuple[str, ...]:
    preference = ListPreference.objects.get()
    return (",".join(preference.columns), ",".join(preference.hidden))


def test_columns_are_chosen_without_a_script_and_only_the_chooser_sees_them_so() -> None:
    client, other = signed_in(member("Support agents")), signed_in(member("Support agents"))
    keys = ["ticket", "status", "priority", "assigned-to", "comments", "last-activity"]
    form = {"order": keys, **{f"show-{key}": "on" for key in keys if key != "comments"}, "back": "status=open&q=a b"}
    answer = client.post(f"{TICKETS}columns/", form)
    assert answer.url == f"{TICKETS}?status=open&q=a+b"  # type: ignore[attr-defined]
    assert chosen(client) == (",".join(keys), "comments")
    page = text(client.get(f"{TICKETS}?all=1"))
    sheet = re.search(r'<link rel="stylesheet" href="([^"]*columns\.css[^"]*)"', page)
    assert sheet is not None
    assert sheet[1] == f"{TICKETS}columns.css?hide=comments"
    css = client.get(sheet[1])
    assert css.headers["Content-Type"] == "text/css"
    assert '[data-column="comments"] { display: none; }' in text(css)
    assert "grid" not in text(css)
    assert "columns.css" not in text(other.get(f"{TICKETS}?all=1"))
    # One step, which stays on the form’s own page and keeps what was unticked meanwhile.
    del form["show-status"]
    step = client.post(f"{TICKETS}columns/", form | {"up": "last-activity"}, follow=True)
    assert chosen(client) == ("ticket,status,priority,assigned-to,last-activity,comments", "status,comments")
    assert 'name="back" value="status=open&amp;q=a+b"' in step.content.decode()
    client.post(f"{TICKETS}columns/", {"reset": "yes"})
    assert "columns.css" not in text(client.get(f"{TICKETS}?all=1"))


def test_the_first_column_stays_first_and_shown_and_an_unknown_one_is_named() -> None:
    client = signed_in(member("Support agents"))
    client.post("/crm/customers/columns/", {"order": ["updated", "email", "customer"]})
    assert chosen(client) == ("customer,updated,email,phone", "updated,email,phone")
    refused = client.post("/crm/customers/columns/", {"order": ["email", "fax"], "show-fax": "on"})
    assert refused.status_code == 400
    assert "“fax” is no column of customers. The columns are Customer, Email, Phone, Updated." in text(refused)
    assert chosen(client) == ("customer,updated,email,phone", "updated,email,phone")
    assert signed_in(member("CRM staff")).post(f"{TICKETS}columns/", {"order": ["ticket"]}).status_code == 403
    assert Client().get(f"{TICKETS}columns.css").status_code == 302


def test_pins_cost_a_page_one_query_and_one_for_each_count(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    user = member("Support agents")
    client = signed_in(user)
    for number in range(PINNED_LIMIT):
        view = SavedView.objects.create(owner=user, listing="tickets", name=str(number), query=f"q=w{number}")
        PinnedView.objects.create(user=user, view=view)
    client.get("/crm/products/?all=1")
    with django_assert_max_num_queries(PINNED_LIMIT + 33):
        client.get("/crm/products/?all=1")
