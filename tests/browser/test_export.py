"""A list as a file: what its address names, whole, and nothing in it runs in a spreadsheet."""

import csv
from io import StringIO

from playwright.sync_api import BrowserContext, expect

from tests.browser.portal import insert_product, open_live
from tests.live_site import LiveSite


def table(context: BrowserContext, address: str) -> list[list[str]]:
    answer = context.request.get(address)
    assert answer.status == 200, answer.text()
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    text = answer.body().decode()
    assert text.startswith("\ufeff")
    return list(csv.reader(StringIO(text[1:])))


def test_it_has_every_row_of_every_page_in_the_lists_order(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        for number in range(60):
            insert_product(sql, f"{word} {number}", number)
        insert_product(sql, f"{word} dear", 5000)
        page = open_live(context, live_site, f"/crm/products/?q={word}&price_max=100&sort=-price&size=25")
        page.locator("summary", has_text="Export").click()
        address = page.get_by_role("link", name="CSV").evaluate("link => link.href")
        head, *rows = table(context, address)
        assert head[:3] == ["Product", "Description", "Price"]
        assert [row[0] for row in rows] == [f"{word} {number}" for number in reversed(range(60))]


def test_a_text_is_never_a_formula_and_keeps_its_zeros(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    names = [f"={word}", f"+{word}", f"-{word}", f"@{word}", f'{word} "quoted", and\n- broken']
    with live_site.connect() as sql:
        for name in names:
            insert_product(sql, name, description="0049301234")
        rows = table(context, f"{live_site.url}/crm/products/export.csv?q={word}")[1:]
        assert sorted(row[0] for row in rows) == sorted([*(f"'{name}" for name in names[:4]), names[4]])
        assert {row[1] for row in rows} == {"'0049301234"}


def test_only_who_may_see_the_list_gets_it(context: BrowserContext, live_site: LiveSite) -> None:
    context.clear_cookies()
    answer = context.request.get(f"{live_site.url}/crm/products/export.csv", max_redirects=0)
    assert answer.status == 302
    assert "/sign-in/" in answer.headers["location"]


def test_me_is_whoever_asks(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    with live_site.connect() as sql:
        row = sql.execute("select id from accounts_user where username = %s", [live_site.username]).fetchone()
        assert row is not None
        for name, person in ((f"{word} mine", row[0]), (f"{word} free", None)):
            sql.execute("insert into tickets (title, assigned_to) values (%s, %s)", [name, person])
        rows = table(context, f"{live_site.url}/ticketing/tickets/export.csv?q={word}&assigned=me")[1:]
        assert [row[0] for row in rows] == [f"{word} mine"]
    page = open_live(context, live_site, f"/ticketing/tickets/?q={word}&assigned=me")
    expect(page.locator("[data-live-count]").first).to_have_text("1")
