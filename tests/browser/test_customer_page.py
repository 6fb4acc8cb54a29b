"""A customer's page in Chromium: everything is added in place, and its timeline equals its reload."""

import random
import re
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import make_password
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.portal import assert_equals_reload, open_live, shown_ids, sign_in
from tests.browser.test_axe import assert_axe_finds_nothing
from tests.browser.test_ticketing_live import Sql, insert, update
from tests.browser.test_ticketing_live import quiet as quiet
from tests.browser.test_ticketing_live import sql as sql
from tests.live_site import LiveSite


@pytest.fixture
def customer(sql: Sql, word: str) -> str:
    return insert(sql, "customers", name=f"{word} Ann")


def choose(page: Page, kind: str) -> Locator:
    page.get_by_role("button", name=f"New {kind}", exact=True).first.click()
    form = page.locator(f"#new-{kind}")
    expect(form).to_be_visible()
    return form


def entries(page: Page) -> Locator:
    return page.locator(".timeline [data-live-row]")


def test_each_kind_is_added_in_place_after_a_refusal_and_nothing_typed_is_lost(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str, customer: str, quiet: None
) -> None:
    insert(sql, "products", name=f"{word} lamp", price="12.50")
    insert(sql, "products", name=f"{word} desk")
    page = open_live(context, live_site, f"/crm/customers/{customer}/")
    where = page.url
    expect(page.get_by_text("No interactions, acquisitions, tickets or comments yet")).to_be_visible()

    # Half a note stays where it is while another form is refused, mended and saved.
    note = choose(page, "interaction")
    note.get_by_label("Notes").fill("Half a note")
    sale = choose(page, "acquisition")
    expect(note).to_be_hidden()
    sale.get_by_label("Quantity").fill("0")
    product = sale.get_by_role("combobox", name="Product")
    product.fill(word)
    sale.get_by_role("button", name="Create acquisition").click()
    expect(sale.locator("[data-form-note]")).to_contain_text("Nothing was saved yet: see Product and Quantity.")
    expect(sale.get_by_text(f"More than one product matches “{word}”. Choose which.")).to_be_visible()
    quantity = sale.get_by_label("Quantity")
    expect(quantity).to_have_attribute("aria-invalid", "true")
    expect(quantity).to_have_value("0")
    quantity.fill("3")
    product.fill(f"{word} lamp")
    page.locator(":popover-open [role=option]", has_text=f"{word} lamp").click()
    sale.get_by_role("button", name="Create acquisition").click()
    created = page.locator("[data-add-note]").filter(has_text=f"“3 × {word} lamp for {word} Ann” was created.")
    expect(created).to_be_visible()
    expect(entries(page)).to_contain_text([f"3 × {word} lamp"])
    expect(entries(page)).to_contain_text(["37.50"])
    expect(page.locator("[data-add=acquisition]").first).to_be_focused()
    assert_equals_reload(page, live_site)

    ticket = choose(page, "ticket")
    ticket.get_by_label("Description").fill("It smokes")
    ticket.get_by_role("button", name="Create ticket").click()
    expect(ticket.locator("[data-form-note]")).to_contain_text("see Title.")
    expect(ticket.get_by_label("Title")).to_be_focused()
    expect(ticket.get_by_label("Description")).to_have_value("It smokes")
    # What was refused outlives a reload, too.
    page.reload()
    ticket = choose(page, "ticket")
    expect(ticket.get_by_label("Description")).to_have_value("It smokes")
    ticket.get_by_label("Title").fill(f"{word} smokes")
    ticket.get_by_role("button", name="Create ticket").click()
    expect(entries(page).first).to_contain_text(f"{word} smokes")

    note = choose(page, "interaction")
    expect(note.get_by_label("Notes")).to_have_value("Half a note")
    note.get_by_label("When").fill("0999-01-01T00:00:00")
    note.get_by_role("button", name="Create interaction").click()
    expect(note.locator("[data-form-note]")).to_contain_text("see When.")
    note.get_by_label("Type").select_option("Call")
    note.get_by_label("When").fill("2036-01-01T00:00:00")
    note.get_by_role("button", name="Create interaction").click()
    expect(entries(page).first).to_contain_text("Half a note")
    expect(entries(page)).to_have_count(3)
    expect(page.locator(".block").filter(has_text="in total")).to_contain_text("37.50 in total")
    assert page.url == where
    assert_equals_reload(page, live_site)

    # Nothing of what was saved, or given up, comes back.
    given_up = choose(page, "ticket")
    given_up.get_by_label("Title").fill("Never")
    given_up.get_by_role("button", name="Cancel").click()
    page.reload()
    for kind in ("ticket", "interaction"):
        choose(page, kind)
    expect(page.get_by_text("What you typed")).to_have_count(0)


def test_axe_finds_nothing_beside_a_refused_form_and_a_full_timeline(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str, customer: str
) -> None:
    ticket = insert(sql, "tickets", customer_id=customer, title=f"{word} smokes", description="It smokes")
    insert(sql, "comments", ticket_id=ticket, content="Hm")
    insert(sql, "interactions", customer_id=customer, notes="Called")
    product = insert(sql, "products", name=f"{word} lamp")
    insert(sql, "acquisitions", customer_id=customer, product_id=product)
    page = open_live(context, live_site, f"/crm/customers/{customer}/")
    # Without motion a new theme is there at once.
    page.emulate_media(reduced_motion="reduce")
    form = choose(page, "ticket")
    form.get_by_role("button", name="Create ticket").click()
    expect(form.get_by_label("Title")).to_have_attribute("aria-invalid", "true")
    expect(entries(page)).to_have_count(4)
    assert_axe_finds_nothing(page)
    # What was begun stays on the screen when the customer goes, and can't be sent any more.
    form.get_by_label("Title").fill("Half a title")
    for table in ("tickets", "interactions", "acquisitions"):
        sql.execute(f"delete from {table} where customer_id = %s", [customer])
    sql.execute("delete from customers where id = %s", [customer])
    expect(page.locator("[data-gone]")).to_be_visible()
    expect(form.get_by_label("Title")).to_be_visible()
    expect(form.get_by_label("Title")).to_have_value("Half a title")
    expect(form.get_by_role("button", name="Create ticket")).to_be_hidden()
    expect(page.get_by_role("heading", name="Timeline")).to_be_hidden()


def test_without_a_script_the_links_lead_to_the_forms_pages_and_to_each_kind(
    browser: Browser, live_site: LiveSite, sql: Sql, word: str, customer: str
) -> None:
    insert(sql, "interactions", customer_id=customer, notes=f"{word} called")
    insert(sql, "tickets", customer_id=customer, title=f"{word} smokes")
    with browser.new_context(java_script_enabled=False) as context:
        sign_in(context, live_site)
        page = context.new_page()
        page.goto(f"{live_site.url}/crm/customers/{customer}/")
        page.get_by_role("link", name="Tickets", exact=True).last.click()
        expect(entries(page)).to_have_count(1)
        expect(entries(page)).to_contain_text(f"{word} smokes")
        page.get_by_role("link", name="Interactions", exact=True).last.click()
        expect(entries(page)).to_have_count(2)
        page.get_by_role("link", name="New interaction").first.click()
        expect(page.locator("select[name=customer]")).to_have_value(customer)


@pytest.mark.parametrize("seed", [1])
def test_the_timeline_equals_its_reload_while_others_write(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str, customer: str, seed: int, quiet: None
) -> None:
    chance = random.Random(seed)
    other = insert(sql, "customers", name=f"{word} Bob")
    product = insert(sql, "products", name=f"{word} lamp")
    author = insert_user(sql, word)
    ticket = insert(sql, "tickets", customer_id=customer, title=f"{word} first")
    for number in range(40):
        # Pairs at the same moment.
        insert(sql, "interactions", customer_id=customer, interaction_at=f"2026-01-01 {number // 2:02}:00Z")
    address = f"/crm/customers/{customer}/"
    pages = [
        open_live(context, live_site, address),
        open_live(context, live_site, f"{address}?show=tickets&show=comments"),
        open_live(context, live_site, f"{address}?show=interactions"),
    ]
    earlier = pages[0].locator(".timeline [rel=next]").get_attribute("href")
    pages.append(open_live(context, live_site, f"{address}{earlier}"))
    assert not set(shown_ids(pages[0])) & set(shown_ids(pages[3]))
    for _ in range(60):
        write(sql, chance, customer, other, product, author, ticket, word)
    for page in pages:
        assert_equals_reload(page, live_site)
    # Named people are renamed everywhere, and a comment on a ticket of the customer is news of the customer.
    insert(sql, "comments", ticket_id=ticket, content=f"{word} last", author_id=author)
    update(sql, "tickets", ticket, customer_id=customer)
    update(sql, "accounts_user", author, first_name=f"{word} Renamed")
    expect(entries(pages[1]).filter(has_text=f"{word} last")).to_contain_text(f"{word} Renamed")
    update(sql, "tickets", ticket, customer_id=other)
    expect(pages[1].get_by_text(f"{word} last")).to_have_count(0)
    for page in pages:
        assert_equals_reload(page, live_site)


def insert_user(sql: Sql, name: str, *rights: str) -> str:
    key = insert(
        sql,
        "accounts_user",
        id=str(uuid4()),
        password=make_password("not a secret"),
        username=name,
        first_name=name,
        last_name="",
        email="",
        is_superuser=False,
        is_staff=False,
        is_active=True,
        date_joined="2026-01-01",
    )
    for right in rights:
        sql.execute(
            "insert into accounts_user_user_permissions (user_id, permission_id)"
            " select %s, id from auth_permission where codename = %s",
            [key, right],
        )
    return key


def write(
    sql: Sql, chance: random.Random, customer: str, other: str, product: str, author: str, ticket: str, word: str
) -> None:
    whose = chance.choice((customer, customer, other))
    of_theirs = "(select id from {} where customer_id = %s order by random() limit 1)"
    action = chance.choice(("talk", "sell", "ticket", "say", "say", "give", "change", "reword", "rename", "delete"))
    if action == "talk":
        at = f"2026-0{chance.randint(1, 3)}-01 10:00Z"
        insert(sql, "interactions", customer_id=whose, type=chance.choice(("call", "note")), interaction_at=at)
    elif action == "sell":
        insert(sql, "acquisitions", customer_id=whose, product_id=product, total_amount=chance.randint(1, 99))
    elif action == "ticket":
        insert(sql, "tickets", customer_id=whose, title=f"{word} {chance.randint(0, 99)}")
    elif action == "say":
        sql.execute(
            "insert into comments (ticket_id, content, author_id)"
            " select id, %s, %s from tickets where customer_id = %s order by random() limit 1",
            [f"{word} says", author, whose],
        )
    elif action == "give":
        table = chance.choice(("tickets", "interactions", "acquisitions"))
        to = chance.choice((customer, other))
        sql.execute(f"update {table} set customer_id = %s where id = {of_theirs.format(table)}", [to, whose])
    elif action == "change":
        status = chance.choice(("open", "pending", "closed"))
        sql.execute(f"update tickets set status = %s where id = {of_theirs.format('tickets')}", [status, whose])
    elif action == "reword":
        sql.execute("update comments set content = content || '.' where ticket_id = %s", [ticket])
    elif action == "rename":
        update(sql, "products", product, name=f"{word} {chance.randint(0, 99)}")
    else:
        table = chance.choice(("interactions", "acquisitions"))
        sql.execute(f"delete from {table} where id = {of_theirs.format(table)}", [whose])


def test_a_right_that_is_taken_away_takes_its_records_off_the_page(
    browser: Browser, live_site: LiveSite, sql: Sql, word: str, customer: str
) -> None:
    kinds = ("customer", "interaction", "ticket", "comment")
    key = insert_user(sql, word, *(f"view_{kind}" for kind in kinds))
    insert(sql, "interactions", customer_id=customer, notes=f"{word} called")
    ticket = insert(sql, "tickets", customer_id=customer, title=f"{word} smokes")
    insert(sql, "comments", ticket_id=ticket, content=f"{word} says")
    with browser.new_context() as context:
        sign_in(context, live_site, word, "not a secret")
        page = open_live(context, live_site, f"/crm/customers/{customer}/")
        expect(entries(page)).to_have_count(3)
        sql.execute(
            "delete from accounts_user_user_permissions where user_id = %s and permission_id ="
            " (select id from auth_permission where codename = 'view_ticket')",
            [key],
        )
        expect(page.get_by_text(re.compile(f"{word} (smokes|says)"))).to_have_count(0)
        # The customer stays, and the rest comes with the next load.
        expect(page.get_by_role("heading", level=1)).to_have_text(f"{word} Ann")
        page.reload()
        expect(entries(page)).to_have_count(1)
        expect(entries(page)).to_contain_text(f"{word} called")
