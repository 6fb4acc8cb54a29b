"""The CRM in Chromium: every list, detail and block equals its reload, whichever row of whichever table changed."""

import random
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.portal import assert_equals_reload, insert_product, open_live, row
from tests.live_site import LiveSite

Sql = psycopg.Connection[Any]


def insert(sql: Sql, table: str, **columns: object) -> str:
    names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
    made = sql.execute(f"insert into {table} ({names}) values ({places}) returning id", list(columns.values()))  # type: ignore[arg-type]
    return str(made.fetchone()[0])  # type: ignore[index]


def insert_customer(sql: Sql, name: str, **more: object) -> str:
    return insert(sql, "customers", name=name, **more)


def insert_acquisition(sql: Sql, customer: str, product: str, total: object = "10.00", quantity: int = 1) -> str:
    return insert(sql, "acquisitions", customer_id=customer, product_id=product, total_amount=total, quantity=quantity)


def insert_interaction(sql: Sql, customer: str, **more: object) -> str:
    return insert(sql, "interactions", customer_id=customer, **more)


def block(page: Page, title: str) -> Any:
    return page.locator("section.block").filter(has=page.get_by_role("heading", name=title, exact=True))


# Lists


def test_the_customers_list_follows(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    page = open_live(context, live_site, f"/crm/customers/?q={word}")
    with live_site.connect() as sql:
        key = insert_customer(sql, f"{word} Ann", email="ann@example.com")
        expect(row(page, key).get_by_role("link", name="ann@example.com")).to_be_visible()
        assert_equals_reload(page, live_site)
        sql.execute("update customers set phone = '+48 22 1234567', email = 'no address' where id = %s", [key])
        expect(row(page, key).locator("a[href='tel:+48221234567']")).to_be_visible()
        expect(row(page, key).locator("a[href^=mailto]")).to_have_count(0)
        assert_equals_reload(page, live_site)
        sql.execute("delete from customers where id = %s", [key])
        expect(row(page, key)).to_have_count(0)
        assert_equals_reload(page, live_site)


def test_the_acquisitions_list_follows_its_rows_and_both_names(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    page = open_live(context, live_site, f"/crm/acquisitions/?q={word}")
    with live_site.connect() as sql:
        customer, product = insert_customer(sql, f"{word} Ann"), insert_product(sql, "lamp")
        key = insert_acquisition(sql, customer, product, "1234.50")
        expect(row(page, key)).to_contain_text("1,234.50")
        assert_equals_reload(page, live_site)
        sql.execute("update acquisitions set quantity = 77 where id = %s", [key])
        expect(row(page, key)).to_contain_text("77")
        assert_equals_reload(page, live_site)
        sql.execute("update products set name = 'renamed lamp' where id = %s", [product])
        expect(row(page, key)).to_contain_text("renamed lamp")
        assert_equals_reload(page, live_site)
        sql.execute("update customers set name = %s where id = %s", [f"{word} Bob", customer])
        expect(row(page, key)).to_contain_text(f"{word} Bob")
        assert_equals_reload(page, live_site)
        # The name is also why this search found the row.
        sql.execute("update customers set name = 'nobody' where id = %s", [customer])
        expect(row(page, key)).to_have_count(0)
        sql.execute("update products set name = %s where id = %s", [f"{word} lamp", product])
        expect(row(page, key)).to_be_visible()
        assert_equals_reload(page, live_site)
        sql.execute("delete from acquisitions where id = %s", [key])
        expect(row(page, key)).to_have_count(0)
        assert_equals_reload(page, live_site)


def test_the_interactions_list_follows_its_rows_its_customers_name_and_its_filter(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    everything = open_live(context, live_site, f"/crm/interactions/?q={word}")
    calls = open_live(context, live_site, f"/crm/interactions/?q={word}&type=call")
    with live_site.connect() as sql:
        customer = insert_customer(sql, f"{word} Ann")
        key = insert_interaction(sql, customer, notes="first words", type="call")
        for page in (everything, calls):
            expect(row(page, key)).to_contain_text("first words")
            assert_equals_reload(page, live_site)
        sql.execute("update interactions set type = 'email' where id = %s", [key])
        expect(row(calls, key)).to_have_count(0)
        expect(row(everything, key)).to_contain_text("Email")
        sql.execute("update customers set name = %s where id = %s", [f"{word} Bob", customer])
        expect(row(everything, key)).to_contain_text(f"{word} Bob")
        older = insert_interaction(sql, customer, interaction_at="2020-01-01")
        expect(row(everything, older)).to_be_visible()
        for page in (everything, calls):
            assert_equals_reload(page, live_site)
        # This list is ordered by that time.
        sql.execute("update interactions set interaction_at = '2030-01-01' where id = %s", [older])
        expect(everything.locator("[data-live-row]").first).to_have_attribute("data-id", older)
        assert_equals_reload(everything, live_site)
        sql.execute("delete from interactions where customer_id = %s", [customer])
        expect(everything.locator("[data-live-row]")).to_have_count(0)
        for page in (everything, calls):
            assert_equals_reload(page, live_site)


def test_a_list_of_one_customers_rows_follows_them_and_the_customers_name(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        customer, other = insert_customer(sql, f"{word} Ann"), insert_customer(sql, f"{word} Bob")
        page = open_live(context, live_site, f"/crm/interactions/?customer={customer}")
        theirs = insert_interaction(sql, other)
        key = insert_interaction(sql, customer)
        expect(row(page, key)).to_be_visible()
        sql.execute("update interactions set customer_id = %s where id = %s", [customer, theirs])
        expect(row(page, theirs)).to_be_visible()
        assert_equals_reload(page, live_site)
        sql.execute("update interactions set customer_id = %s where id = %s", [other, theirs])
        sql.execute("update customers set name = %s where id = %s", [f"{word} renamed", customer])
        expect(page.locator(".chip__value[data-live-region]")).to_contain_text(f"{word} renamed")
        expect(row(page, theirs)).to_have_count(0)
        assert_equals_reload(page, live_site)


# Details


def test_the_page_of_an_acquisition_follows_it_and_its_relatives_to_the_end(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        customer, product = insert_customer(sql, f"{word} Ann"), insert_product(sql, f"{word} lamp")
        key = insert_acquisition(sql, customer, product)
        page = open_live(context, live_site, f"/crm/acquisitions/{key}/")
        for change, said in (
            (("update acquisitions set quantity = 4321 where id = %s", [key]), "4,321"),
            (("update customers set name = 'Renamed Ann' where id = %s", [customer]), "Renamed Ann"),
            (("update products set name = 'Renamed lamp' where id = %s", [product]), "Renamed lamp"),
        ):
            sql.execute(*change)
            expect(page.locator("article")).to_contain_text(said)
            assert_equals_reload(page, live_site)
        sql.execute("delete from acquisitions where id = %s", [key])
        expect(page.locator("[data-gone]")).to_be_visible()
        assert_equals_reload(page, live_site)


def test_the_page_of_an_interaction_follows_it_and_its_customer_to_the_end(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        customer = insert_customer(sql, f"{word} Ann")
        key = insert_interaction(sql, customer)
        page = open_live(context, live_site, f"/crm/interactions/{key}/")
        for change, said in (
            (("update interactions set notes = 'New notes', type = 'meeting' where id = %s", [key]), "New notes"),
            (("update customers set name = 'Renamed Ann' where id = %s", [customer]), "Meeting with Renamed Ann"),
        ):
            sql.execute(*change)
            expect(page.locator("article")).to_contain_text(said)
            assert_equals_reload(page, live_site)
        sql.execute("delete from interactions where id = %s", [key])
        expect(page.locator("[data-gone]")).to_be_visible()
        assert_equals_reload(page, live_site)


def test_a_customers_page_and_all_its_blocks_follow_to_the_end(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        customer, product = insert_customer(sql, f"{word} Ann"), insert_product(sql, f"{word} lamp")
        page = open_live(context, live_site, f"/crm/customers/{customer}/")
        acquisitions, interactions = block(page, "Acquisitions"), block(page, "Interactions")
        expect(acquisitions).to_contain_text("No acquisitions yet.")

        sold = insert_acquisition(sql, customer, product, "1000.50")
        expect(acquisitions).to_contain_text("1,000.50 in total")
        assert_equals_reload(page, live_site)
        insert_acquisition(sql, customer, product, "500.25")
        expect(acquisitions).to_contain_text("2 acquisitions")
        expect(acquisitions).to_contain_text("1,500.75 in total")
        sql.execute("update acquisitions set total_amount = 0.25 where id = %s", [sold])
        expect(acquisitions).to_contain_text("500.50 in total")
        assert_equals_reload(page, live_site)
        sql.execute("update products set name = 'Renamed lamp' where id = %s", [product])
        expect(acquisitions.get_by_text("Renamed lamp")).to_have_count(2)
        assert_equals_reload(page, live_site)

        for number in range(6):
            insert_interaction(sql, customer, notes=f"Talk {number}.")
        expect(interactions).to_contain_text("Show all 6")
        expect(interactions.locator("li")).to_have_count(5)
        sql.execute("update interactions set notes = 'Told otherwise' where notes = 'Talk 5.'")
        expect(interactions).to_contain_text("Told otherwise")
        assert_equals_reload(page, live_site)

        sql.execute("update customers set name = %s where id = %s", [f"{word} renamed", customer])
        expect(page.get_by_role("heading", level=1)).to_have_text(f"{word} renamed")
        assert_equals_reload(page, live_site)

        sql.execute("delete from acquisitions where customer_id = %s", [customer])
        expect(acquisitions).to_contain_text("No acquisitions yet.")
        sql.execute("delete from interactions where customer_id = %s", [customer])
        expect(interactions).to_contain_text("No interactions yet.")
        assert_equals_reload(page, live_site)
        sql.execute("delete from customers where id = %s", [customer])
        expect(page.locator("[data-gone]")).to_be_visible()
        expect(acquisitions).to_be_hidden()
        assert_equals_reload(page, live_site)


def test_an_acquisition_that_changes_hands_changes_both_customers_pages(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    with live_site.connect() as sql:
        giver, taker = insert_customer(sql, f"{word} Ann"), insert_customer(sql, f"{word} Bob")
        key = insert_acquisition(sql, giver, insert_product(sql, word), "12.34")
        pages = [open_live(context, live_site, f"/crm/customers/{customer}/") for customer in (giver, taker)]
        sql.execute("update acquisitions set customer_id = %s where id = %s", [taker, key])
        expect(block(pages[0], "Acquisitions")).to_contain_text("No acquisitions yet.")
        expect(block(pages[1], "Acquisitions")).to_contain_text("12.34 in total")
        for page in pages:
            assert_equals_reload(page, live_site)


def test_a_products_page_follows_what_is_sold_of_it(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    with live_site.connect() as sql:
        customer, product = insert_customer(sql, f"{word} Ann"), insert_product(sql, f"{word} lamp")
        page = open_live(context, live_site, f"/crm/products/{product}/")
        sold = insert_acquisition(sql, customer, product, "1000.50", quantity=7)
        expect(block(page, "Acquisitions")).to_contain_text("7 sold")
        assert_equals_reload(page, live_site)
        sql.execute("update customers set name = 'Renamed Ann' where id = %s", [customer])
        expect(block(page, "Acquisitions")).to_contain_text("Renamed Ann")
        assert_equals_reload(page, live_site)
        sql.execute("delete from acquisitions where id = %s", [sold])
        expect(block(page, "Acquisitions")).to_contain_text("0 acquisitions")
        sql.execute("delete from products where id = %s", [product])
        expect(page.locator("[data-gone]")).to_be_visible()
        assert_equals_reload(page, live_site)


@pytest.mark.parametrize("kind", ["customers", "acquisitions", "interactions"])
def test_an_open_form_says_what_a_colleague_changes_and_keeps_what_was_typed(
    context: BrowserContext, live_site: LiveSite, word: str, kind: str
) -> None:
    with live_site.connect() as sql:
        customer = insert_customer(sql, f"{word} Ann")
        key, field, change = {
            "customers": lambda: (customer, "phone", "name = 'Theirs'"),
            "acquisitions": lambda: (
                insert_acquisition(sql, customer, insert_product(sql, word)),
                "quantity",
                "total_amount = 55",
            ),
            "interactions": lambda: (insert_interaction(sql, customer), "notes", "type = 'meeting'"),
        }[kind]()
        page = open_live(context, live_site, f"/crm/{kind}/{key}/edit/")
        page.fill(f"[name={field}]", "987")
        sql.execute(f"update {kind} set {change} where id = %s", [key])
        expect(page.get_by_text("Changed by someone else while you edit")).to_be_visible()
        expect(page.locator(f"[name={field}]")).to_have_value("987")


# The dashboard


def test_every_block_of_the_dashboard_follows_its_rows_and_their_relatives(
    context: BrowserContext, live_site: LiveSite, word: str
) -> None:
    page = open_live(context, live_site, "/")
    with live_site.connect() as sql:
        customer, product = insert_customer(sql, f"{word} Ann"), insert_product(sql, f"{word} lamp")
        sold = insert_acquisition(sql, customer, product, quantity=3)
        # Far in the future, so that the demo's own newest rows don't push it off the block.
        talk = insert_interaction(sql, customer, type="call", interaction_at="2999-01-01")
        expect(block(page, "Customers")).to_contain_text(f"{word} Ann")
        expect(block(page, "Acquisitions")).to_contain_text(f"3 × {word} lamp for {word} Ann")
        expect(block(page, "Interactions")).to_contain_text(f"Call with {word} Ann")
        assert_equals_reload(page, live_site)
        sql.execute("update customers set name = %s where id = %s", [f"{word} Bob", customer])
        sql.execute("update products set name = %s where id = %s", [f"{word} desk", product])
        expect(block(page, "Acquisitions")).to_contain_text(f"3 × {word} desk for {word} Bob")
        expect(block(page, "Interactions")).to_contain_text(f"Call with {word} Bob")
        assert_equals_reload(page, live_site)
        sql.execute("delete from interactions where id = %s", [talk])
        sql.execute("delete from acquisitions where id = %s", [sold])
        sql.execute("delete from customers where id = %s", [customer])
        # Recent activity names the customer who was deleted.
        expect(page.locator(".block").get_by_text(f"{word} Bob")).to_have_count(0)
        assert_equals_reload(page, live_site)


# People


def test_a_day_at_the_counter_by_plain_forms(context: BrowserContext, live_site: LiveSite, word: str) -> None:
    """A customer is created, chosen in a form, sold something and can't be deleted; a colleague's page follows."""
    watching = open_live(context, live_site, f"/crm/acquisitions/?q={word}")
    page = context.new_page()
    page.goto(f"{live_site.url}/crm/customers/new/")
    page.fill("[name=name]", f"{word} <i>Ann</i>")
    page.click("main form button[type=submit]")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{word} <i>Ann</i>")
    customer_page = page.url

    with live_site.connect() as sql:
        product = insert_product(sql, f"{word} lamp", Decimal("12.50"))
    page.goto(f"{live_site.url}/crm/acquisitions/new/")
    page.get_by_role("combobox", name="Customer").fill(f"ann {word}")
    page.locator(":popover-open [role=option]").click()
    expect(page.get_by_role("combobox", name="Customer")).to_have_value(f"{word} <i>Ann</i>")
    page.get_by_role("combobox", name="Product").fill(f"{word} lamp")
    page.fill("[name=quantity]", "3")
    page.get_by_role("button", name="Create acquisition").click()
    expect(page.get_by_text("37.50").first).to_be_visible()
    expect(watching.locator("[data-live-row]")).to_contain_text(f"{word} <i>Ann</i>")
    assert_equals_reload(watching, live_site)

    page.goto(customer_page)
    with context.expect_page() as opened:
        page.locator("[data-add=interaction]").first.click(modifiers=["Control"])
    opened.value.wait_for_load_state()
    expect(opened.value.locator("select[name=customer] option:checked")).to_contain_text(f"{word} <i>Ann</i>")
    opened.value.fill("[name=notes]", "Very happy")
    opened.value.get_by_role("button", name="Create interaction").click()
    opened.value.wait_for_url("**/crm/interactions/*-*/")
    page.goto(f"{customer_page}delete/")
    expect(page.get_by_text("This customer has 1 acquisition and 1 interaction.")).to_be_visible()
    expect(page.get_by_role("button", name="Delete customer")).to_have_count(0)
    page.goto(f"{live_site.url}/crm/products/{product}/delete/")
    expect(page.get_by_text("This product has 1 acquisition.")).to_be_visible()


@pytest.mark.parametrize("seed", [1])
def test_random_writes_to_all_tables_end_in_what_a_reload_shows(
    context: BrowserContext, live_site: LiveSite, word: str, seed: int
) -> None:
    chance = random.Random(seed)
    with live_site.connect() as sql:
        customers = [insert_customer(sql, f"{word} {number}") for number in range(3)]
        products = [insert_product(sql, f"{word} {number}") for number in range(3)]
        pages = [
            open_live(context, live_site, path)
            for path in (
                "/",
                f"/crm/customers/?q={word}",
                f"/crm/acquisitions/?q={word}&total=small",
                f"/crm/interactions/?q={word}&type=note",
                f"/crm/interactions/?customer={customers[1]}",
                f"/crm/customers/{customers[0]}/",
                f"/crm/products/{products[0]}/",
            )
        ]
        for _ in range(120):
            _write_something(sql, chance, customers, products, word)
        for page in pages:
            assert_equals_reload(page, live_site)


def _write_something(sql: Sql, chance: random.Random, customers: list[str], products: list[str], word: str) -> None:
    customer, product, other = chance.choice(customers), chance.choice(products), chance.choice(customers)
    action = chance.choice(
        ("sell", "sell", "talk", "talk", "rename", "retitle", "give", "undo", "total", "type", "swap")
    )
    if action == "sell":
        insert_acquisition(sql, customer, product, chance.randint(0, 200))
    elif action == "talk":
        insert_interaction(sql, customer, type=chance.choice(("call", "note")), notes=word)
    elif action == "rename":
        sql.execute("update customers set name = %s where id = %s", [chance.choice((word, "off the list")), customer])
    elif action == "retitle":
        sql.execute("update products set name = %s where id = %s", [chance.choice((word, "off the list")), product])
    elif action == "give":
        sql.execute("update acquisitions set customer_id = %s where customer_id = %s", [other, customer])
    elif action == "undo":
        sql.execute("delete from acquisitions where customer_id = %s and product_id = %s", [customer, product])
    elif action == "total":
        sql.execute("update acquisitions set total_amount = total_amount * 2 where product_id = %s", [product])
    elif action == "type":
        sql.execute("update interactions set type = 'note' where customer_id = %s", [customer])
    else:
        # Deleted and put back under its key in one transaction, as restoring a backup would.
        with sql.transaction():
            sql.execute("delete from interactions where customer_id = %s", [customer])
            sql.execute("update acquisitions set customer_id = %s where customer_id = %s", [other, customer])
            insert_interaction(sql, other, notes=word)
