"""The one promise, in Chromium: a live page equals its reload."""

import random

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.portal import assert_equals_reload, insert_product, open_live, open_next, row, shown_ids
from tests.live_site import LiveSite


def test_insert_update_and_delete_by_sql_patch_the_list(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    page = open_live(context, live_site, f"/crm/products/?q={word}")
    with live_site.connect() as sql:
        key = insert_product(sql, f"{word} lamp", "12.50")
        expect(row(page, key)).to_be_visible()
        assert_equals_reload(page, live_site)

        sql.execute("update products set price = 99.95 where id = %s", [key])
        expect(row(page, key)).to_contain_text("99.95")
        assert_equals_reload(page, live_site)

        sql.execute("delete from products where id = %s", [key])
        expect(row(page, key)).to_have_count(0)
        assert_equals_reload(page, live_site)


def test_a_row_enters_and_leaves_a_search(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    page = open_live(context, live_site, f"/crm/products/?q={word}")
    with live_site.connect() as sql:
        key = insert_product(sql, "something else")
        sql.execute("update products set name = %s where id = %s", [f"now {word}", key])
        expect(row(page, key)).to_be_visible()
        assert_equals_reload(page, live_site)
        sql.execute("update products set name = 'something else again' where id = %s", [key])
        expect(row(page, key)).to_have_count(0)
        assert_equals_reload(page, live_site)


def test_other_rows_stay_the_same_nodes(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    with live_site.connect() as sql:
        keys = [insert_product(sql, f"{word} {number}") for number in range(5)]
        page = open_live(context, live_site, f"/crm/products/?q={word}")
        page.evaluate("window.before = [...document.querySelectorAll('[data-live-row]')]")
        sql.execute("update products set price = 7 where id = %s", [keys[2]])
        expect(row(page, keys[2])).to_contain_text("7.00")
        same = "[...document.querySelectorAll('[data-live-row]')].every((row, i) => row === window.before[i])"
        assert page.evaluate(same)


def test_pages_of_fifty_stay_right_on_both_sides_of_a_boundary(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        keys = [insert_product(sql, f"{word} {number}") for number in range(60)]
        first = open_live(context, live_site, f"/crm/products/?q={word}")
        second = open_next(first, live_site)
        assert shown_ids(first) + shown_ids(second) == keys[::-1]
        newest = insert_product(sql, f"{word} newest")
        expect(row(first, newest)).to_be_visible()
        expect(row(first, keys[10])).to_have_count(0)
        # Page two stays where it began: nobody who leafs through a growing list reads a row twice.
        assert shown_ids(second) == keys[9::-1]
        assert shown_ids(open_next(first, live_site)) == keys[10::-1]
        for page in (first, second):
            assert_equals_reload(page, live_site)
        sql.execute("delete from products where id = any(%s)", [keys[:30]])
        # A later page shows it when it is asked to.
        second.locator("[data-live-apply]").click()
        expect(second.get_by_text("Nothing is left on this page")).to_be_visible()
        for page in (first, second):
            assert_equals_reload(page, live_site)


def test_a_detail_page_follows_its_row_to_the_end(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    with live_site.connect() as sql:
        key = insert_product(sql, f"{word} chair", "5")
        page = open_live(context, live_site, f"/crm/products/{key}/")
        sql.execute("update products set description = 'with arms' where id = %s", [key])
        expect(page.get_by_text("with arms")).to_be_visible()
        assert_equals_reload(page, live_site)
        sql.execute("delete from products where id = %s", [key])
        expect(page.locator("[data-gone]")).to_be_visible()
        assert_equals_reload(page, live_site)


def test_the_dashboard_follows(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    page = open_live(context, live_site, "/")
    with live_site.connect() as sql:
        key = insert_product(sql, f"{word} on the dashboard")
        shown = page.get_by_role("link", name=f"{word} on the dashboard")
        # Among the products, and in the recent activity.
        expect(shown).to_have_count(2)
        assert_equals_reload(page, live_site)
        sql.execute("delete from products where id = %s", [key])
        expect(shown).to_have_count(0)
        assert_equals_reload(page, live_site)


def test_two_browsers_see_each_others_work(
    context: BrowserContext, other_context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    watching = open_live(context, live_site, f"/crm/products/?q={word}")
    writing = other_context.new_page()
    writing.goto(f"{live_site.url}/crm/products/new/")
    writing.fill("[name=name]", f"{word} <b>bold</b>")
    writing.fill("[name=price]", "3.20")
    writing.click("main form button[type=submit]")
    expect(watching.locator("[data-live-row]")).to_contain_text(f"{word} <b>bold</b>")
    assert_equals_reload(watching, live_site)


@pytest.mark.parametrize("seed", [1, 2])
def test_random_writes_end_in_what_a_reload_shows(
    context: BrowserContext, live_site: LiveSite, word: str, seed: int
) -> None:
    chance = random.Random(seed)
    with live_site.connect() as sql:
        keys = [insert_product(sql, f"{word} {chance.choice('ab')}", chance.randint(0, 999)) for _ in range(52)]
        paths = (f"?q={word}+a", f"?q={word}&sort=price&size=25", f"?q={word}&price_min=500&sort=name")
        pages = [open_live(context, live_site, path) for path in (*(f"/crm/products/{path}" for path in paths), "/")]
        pages.append(open_next(pages[1], live_site))
        for _ in range(80):
            _write_something(sql, chance, keys, word)
        for page in pages:
            assert_equals_reload(page, live_site)


def _write_something(sql, chance: random.Random, keys: list[str], word: str) -> None:  # type: ignore[no-untyped-def]
    key = chance.choice(keys)
    action = chance.choice(("insert", "rename", "price", "delete", "reinsert", "rollback", "bulk", "nothing"))
    if action == "insert":
        keys.append(insert_product(sql, f"{word} {chance.choice('ab')}", chance.randint(0, 999)))
    elif action == "rename":
        sql.execute("update products set name = %s where id = %s", [f"{chance.choice((word, 'gone'))} a", key])
    elif action == "price":
        sql.execute("update products set price = %s where id = %s", [chance.randint(0, 999), key])
    elif action == "delete":
        sql.execute("delete from products where id = %s", [key])
    elif action == "reinsert":
        with sql.transaction():
            sql.execute("delete from products where id = %s", [key])
            sql.execute("insert into products (id, name) values (%s, %s)", [key, f"{word} again"])
    elif action == "rollback":
        with sql.transaction(force_rollback=True):
            sql.execute("update products set name = 'never' where name like %s", [f"{word}%"])
    elif action == "bulk":
        sql.execute("update products set price = price + 1 where name like %s", [f"{word} b%"])
    else:
        sql.execute("update products set updated_at = now() where id = %s", [key])
