"""Choosing a row in one text field: by keys, by mouse, by touch, with slow and broken answers, and without scripts."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from tests.browser.portal import insert_product, open_live, sign_in
from tests.browser.test_axe import assert_axe_finds_nothing
from tests.live_site import LiveSite

Sql = psycopg.Connection[Any]
NEW = "/crm/interactions/new/"
CHOICES = "**/choices/?q=*"


@pytest.fixture
def sql(live_site: LiveSite) -> Iterator[Sql]:
    with live_site.connect() as connection:
        yield connection


@pytest.fixture
def people(sql: Sql, word: str) -> dict[str, str]:
    """Customers of this test alone, by the last word of their name."""
    told = {}
    for number, name in enumerate(("Lefèvre", "Łukasz", "Muñoz", "Twin", "Twin")):
        row = sql.execute(
            "insert into customers (name, email) values (%s, %s) returning id",
            [f"{word} {name}", f"{number}-{word}@example.org"],
        ).fetchone()
        assert row is not None
        told[f"{name}{number}" if name == "Twin" else name] = str(row[0])
    return told


def opened(context: BrowserContext, site: LiveSite, path: str = NEW) -> Page:
    page = context.new_page()
    page.goto(site.url + path)
    expect(page.locator("combo-box[data-ready]").first).to_be_visible()
    return page


def field(page: Page, name: str = "Customer") -> Locator:
    return page.get_by_role("combobox", name=name)


def options(page: Page) -> Locator:
    return page.locator(":popover-open [role=option]")


def pick(page: Page) -> None:
    expect(options(page)).to_have_count(1)
    options(page).click()


def active(page: Page) -> str:
    """The option that the field points to."""
    text: str = page.evaluate(
        "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))?.textContent ?? ''"
    )
    return text


def note(page: Page, name: str = "customer") -> Locator:
    return page.locator(f"#id_{name}-note")


def held(page: Page, name: str = "customer") -> dict[str, str]:
    """What the form would send for a chooser."""
    sent: dict[str, str] = page.evaluate(
        """name => Object.fromEntries([...new FormData(document.querySelector(`[name="${name}"]`).form)]
            .filter(([key]) => key.startsWith(name)))""",
        name,
    )
    return sent


def test_by_keys_alone(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str, people: dict[str, str]
) -> None:
    page = opened(context, live_site)
    while not field(page).evaluate("field => field === document.activeElement"):
        page.keyboard.press("Tab")
    expect(field(page)).to_have_attribute("aria-expanded", "false")
    page.keyboard.type(word)
    expect(options(page)).to_have_count(5)
    expect(field(page)).to_have_attribute("aria-expanded", "true")
    expect(note(page)).to_have_text("5 customers")
    expect(options(page).first.locator("mark").first).to_have_text(word)
    assert active(page) == ""
    # By name: Lefèvre, Łukasz, Muñoz, Twin, Twin.
    for key, number in (
        ("ArrowDown", 0),
        ("ArrowDown", 1),
        ("End", 4),
        ("ArrowDown", 0),
        ("ArrowUp", 4),
        ("Home", 0),
        ("PageDown", 4),
        ("PageUp", 0),
    ):
        page.keyboard.press(key)
        assert active(page) == options(page).nth(number).text_content(), key
        expect(options(page).and_(page.locator("[aria-selected=true]"))).to_have_count(1)
    # The first Escape closes the list and keeps the text; Enter then would send the form, so Alt+Down opens it again.
    page.keyboard.press("Escape")
    expect(options(page)).to_have_count(0)
    expect(field(page)).to_have_value(word)
    page.keyboard.type(" munoz")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(field(page)).to_have_value(f"{word} Muñoz")
    expect(field(page)).to_have_accessible_description(f"2-{word}@example.org {word} Muñoz chosen")
    assert page.url.endswith(NEW)
    name = f"{word} Muñoz"
    assert held(page) == {"customer": people["Muñoz"], "customer-find": name, "customer-found": name}
    # Another text names nobody until it is chosen.
    page.keyboard.press("Backspace")
    assert held(page) == {"customer": "", "customer-find": name[:-1], "customer-found": ""}
    # Enter right after the last letter, before there is an answer.
    page.keyboard.type("z")
    page.keyboard.press("Enter")
    expect(note(page)).to_have_text(f"{name} chosen")
    assert page.url.endswith(NEW)
    page.keyboard.press("Enter")
    page.wait_for_url("**/crm/interactions/*-*/")
    found = sql.execute("select count(*) from interactions where customer_id = %s", [people["Muñoz"]]).fetchone()
    assert found == (1,)


def test_leaving_keeps_the_one_that_matches_or_says_that_nothing_is_chosen(
    context: BrowserContext, live_site: LiveSite, word: str, people: dict[str, str]
) -> None:
    page = opened(context, live_site)
    for text, said in (
        (f"{word} lefevre", ""),
        (f"{word} TWIN", f"Nothing is chosen: 2 customers match “{word} TWIN”."),
        (f"{word} nobody", f"No customer matches “{word} nobody”."),
        ("°°", "No customer’s name begins with “°°”. Type three letters in a row to search all."),
        ("", ""),
    ):
        field(page).fill(text)
        page.keyboard.press("Tab")
        if text.endswith("lefevre"):
            expect(field(page)).to_have_value(f"{word} Lefèvre")
            assert held(page)["customer"] == people["Lefèvre"]
            continue
        expect(note(page)).to_have_text(said)
        expect(field(page)).to_have_value(text)
        assert held(page)["customer"] == ""
    # Where the arrow keys have led is meant by who goes on from there.
    field(page).fill(f"{word} twin")
    expect(options(page)).to_have_count(2)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    told = field(page).get_attribute("aria-describedby")
    assert told is not None
    assert held(page)["customer"] in (people["Twin3"], people["Twin4"])
    email = "3" if held(page)["customer"] == people["Twin3"] else "4"
    expect(page.locator(".combo-box__which").first).to_have_text(f"{email}-{word}@example.org")


def test_by_mouse(context: BrowserContext, live_site: LiveSite, sql: Sql, word: str, people: dict[str, str]) -> None:
    key = sql.execute("insert into tickets (title) values (%s) returning id", [word]).fetchone()
    assert key is not None
    page = opened(context, live_site, f"/ticketing/tickets/{key[0]}/edit/")
    field(page).click()
    expect(page.locator(".combo-box__hint").first).to_contain_text("These are the newest")
    page.get_by_label("Title").click()
    expect(options(page)).to_have_count(0)
    field(page).click()
    field(page).fill(f"{word} luk")
    pick(page)
    expect(field(page)).to_have_value(f"{word} Łukasz")
    expect(field(page)).to_be_focused()
    clear = page.get_by_role("button", name="Clear the customer")
    clear.click()
    expect(field(page)).to_have_value("")
    expect(clear).to_be_hidden()
    assert held(page) == {"customer": "", "customer-find": "", "customer-found": ""}
    field(page).fill(f"{word} luk")
    pick(page)
    page.get_by_role("button", name="Save changes").click()
    page.wait_for_url("**/tickets/*-*/")
    found = sql.execute("select customer_id::text from tickets where id = %s", [key[0]]).fetchone()
    assert found == (people["Łukasz"],)


def test_by_touch_on_a_small_screen(browser: Browser, live_site: LiveSite, word: str, people: dict[str, str]) -> None:
    with browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 500}) as context:
        sign_in(context, live_site)
        page = opened(context, live_site, "/ticketing/tickets/new/")
        field(page).tap()
        expect(options(page).first).to_be_visible()
        field(page).fill(word)
        expect(note(page)).to_have_text("5 customers")
        for scrolled in (0, 150, 300):
            page.evaluate(f"scrollTo(0, {scrolled})")
            page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            box, own = page.locator(":popover-open").bounding_box(), field(page).bounding_box()
            assert box is not None
            assert own is not None
            # Below the field or above it, and never outside what is visible.
            view = page.evaluate("[visualViewport.width, visualViewport.height, innerWidth]")
            assert view[0] == view[2] == 390
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= view[1]
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= view[0]
            assert box["y"] >= own["y"] + own["height"] or box["y"] + box["height"] <= own["y"]
        for target in (field(page), options(page).first):
            size = target.bounding_box()
            assert size is not None
            assert size["height"] >= 40
        options(page).filter(has_text="Muñoz").tap()
        expect(field(page)).to_have_value(f"{word} Muñoz")
        clear = page.get_by_role("button", name="Clear the customer").bounding_box()
        assert clear is not None
        assert min(clear["width"], clear["height"]) >= 40
        assert held(page)["customer"] == people["Muñoz"]


# Answers that are slow, late or none


def test_the_latest_answer_counts(
    context: BrowserContext, live_site: LiveSite, word: str, people: dict[str, str]
) -> None:
    page = opened(context, live_site)
    waiting: list[Route] = []
    page.route(CHOICES, lambda route: waiting.append(route))
    field(page).fill(f"{word} twin")
    expect(page.locator(":popover-open")).to_have_text("Searching…")
    field(page).fill(f"{word} lefevre")
    while len(waiting) < 2:
        page.evaluate("0")
    first, second = waiting
    second.continue_()
    expect(options(page)).to_have_text([f"{word} Lefèvre0-{word}@example.org"])
    # What comes of the first search doesn't matter any more, however it ends.
    first.continue_()
    page.evaluate("() => new Promise((done) => requestIdleCallback(done))")
    expect(options(page)).to_have_count(1)


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("500", "The server could not search. What you typed stays here. Type on to try again."),
        ("garbage", "The server could not search. What you typed stays here. Type on to try again."),
        ("403", "Your account may not see customers."),
        ("sign-in", "Your session has ended; sign in again in another tab. What you typed stays here."),
        ("abort", "The server can’t be reached, nothing could be searched. What you typed stays here."),
        ("offline", "Your browser is offline, nothing could be searched. What you typed stays here."),
    ],
)
def test_a_search_that_fails_says_so_and_keeps_the_text(
    context: BrowserContext, live_site: LiveSite, word: str, people: dict[str, str], trouble: str, said: str
) -> None:
    page = opened(context, live_site)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def fail(route: Route) -> None:
        if trouble == "abort":
            route.abort()
        elif trouble == "sign-in":
            route.fulfill(status=302, headers={"Location": f"{live_site.prefix}sign-in/"})
        elif trouble == "garbage":
            route.fulfill(status=200, body="<html>", content_type="text/html")
        else:
            route.fulfill(status=int(trouble), body="")

    if trouble == "offline":
        context.set_offline(True)
    else:
        page.route(CHOICES, fail)
    field(page).fill(f"{word} lefevre")
    expect(note(page)).to_have_text(said)
    page.keyboard.press("Tab")
    expect(note(page)).to_have_text(said)
    expect(field(page)).to_have_value(f"{word} lefevre")
    if trouble == "offline":
        field(page).focus()
        # Back again: it is searched for without another key.
        context.set_offline(False)
        expect(options(page)).to_have_count(1)
    else:
        page.unroute(CHOICES)
    # The server looks for the text itself.
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Create interaction").click()
    page.wait_for_url("**/crm/interactions/*-*/")
    expect(page.locator("main")).to_contain_text(f"{word} Lefèvre")
    assert errors == []


# What was typed


def test_a_refusal_and_a_reload_keep_what_was_chosen_and_what_was_typed(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str, people: dict[str, str]
) -> None:
    sql.execute("insert into customers (name) select 'newer ' || n from generate_series(1, 60) n")
    page = opened(context, live_site, "/crm/acquisitions/new/")
    insert_product(sql, f"{word} lamp", "12.50"), insert_product(sql, f"{word} lamp", "99")
    field(page).fill(f"{word} mun")
    pick(page)
    field(page, "Product").fill(f"{word} lamp")
    expect(options(page)).to_have_count(2)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Create acquisition").click()
    expect(page.get_by_text(f"More than one product matches “{word} lamp”. Choose which.")).to_be_visible()
    expect(page.locator("combo-box[data-ready]")).to_have_count(2)
    expect(field(page)).to_have_value(f"{word} Muñoz")
    expect(field(page, "Product")).to_have_value(f"{word} lamp")
    # Sent again as it is, it is refused again, not taken for nothing.
    page.get_by_role("button", name="Create acquisition").click()
    expect(page.get_by_text(f"More than one product matches “{word} lamp”. Choose which.")).to_be_visible()

    page = opened(context, live_site, "/ticketing/tickets/new/")
    field(page).fill(f"{word} mun")
    pick(page)
    field(page, "Assigned to").fill("dana")
    pick(page)
    # As anybody would who takes a second before the reload.
    page.evaluate(
        """() => new Promise((done) => {
            const kept = (text) => text.includes("Muñoz") && text.includes("assigned");
            const look = () => (Object.values(sessionStorage).some(kept) ? done() : requestAnimationFrame(look));
            look();
        })"""
    )
    page.reload()
    expect(page.get_by_text("What you typed is back.")).to_be_visible()
    expect(field(page)).to_have_value(f"{word} Muñoz")
    expect(field(page, "Assigned to")).to_have_value("Me (Dana Moreau)")
    name = f"{word} Muñoz"
    assert held(page) == {"customer": people["Muñoz"], "customer-find": name, "customer-found": name}
    page.goto(f"{live_site.url}/crm/customers/")
    page.go_back()
    expect(page.get_by_text("What you typed is back.")).to_be_visible()
    expect(field(page)).to_have_value(name)
    page.get_by_role("button", name="Start over").click()
    expect(field(page)).to_have_value("")
    expect(field(page, "Assigned to")).to_have_value("")
    assert held(page) == {"customer": "", "customer-find": "", "customer-found": ""}


def test_a_form_that_goes_off_the_screen_comes_back_as_it_was(
    context: BrowserContext, live_site: LiveSite, word: str, people: dict[str, str]
) -> None:
    """Signed out for a moment: the names leave the page, what was typed stays, and then everything works again."""
    page = open_live(context, live_site, NEW)
    field(page).fill(f"{word} twin")
    expect(options(page)).to_have_count(2)
    page.evaluate(
        """async () => {
            const { conceal } = await import(document.querySelector("script[src*='js/app']").src.replace(/app[^/]*js$/,
                "live/conceal.js"));
            window.restore = conceal(document.querySelector("[data-page]"));
        }"""
    )
    expect(page.locator("main")).not_to_contain_text(f"{word} Twin")
    expect(field(page)).to_have_value(f"{word} twin")
    page.evaluate("window.restore()")
    field(page).fill(f"{word} lef")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Enter")
    expect(field(page)).to_have_value(f"{word} Lefèvre")


def test_a_patch_around_a_chooser_leaves_it_alone(
    context: BrowserContext, live_site: LiveSite, word: str, people: dict[str, str]
) -> None:
    page = opened(context, live_site)
    field(page).fill(f"{word} twin")
    expect(options(page)).to_have_count(2)
    page.evaluate(
        """async () => {
            const app = document.querySelector("script[src*='js/app']").src;
            const { patchRegion } = await import(app.replace(/app[^/]*js$/, "live/live-patch.js"));
            const page = new DOMParser().parseFromString(await (await fetch(location)).text(), "text/html");
            const html = `<p>patched</p>${page.querySelector("form.card").innerHTML}`;
            patchRegion(document.querySelector("form.card"), [{ op: "part", name: "body", html, version: "2" }]);
        }"""
    )
    expect(page.get_by_text("patched")).to_be_visible()
    expect(options(page)).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(field(page)).to_have_value(f"{word} Twin")
    assert held(page)["customer"] in people.values()


# Colleagues


def test_colleagues_are_found_in_the_page_itself(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str
) -> None:
    key = sql.execute("insert into tickets (title) values (%s) returning id", [word]).fetchone()
    assert key is not None
    page = opened(context, live_site, f"/ticketing/tickets/{key[0]}/edit/")
    context.set_offline(True)
    person = field(page, "Assigned to")
    person.click()
    assert options(page).all_text_contents()[:2] == ["Me (Dana Moreau)", "Nobody"]
    person.fill("LUCIA")
    page.keyboard.press("Enter")
    expect(person).to_have_value("Lucía Fernández Ortega")
    person.fill("nob")
    page.keyboard.press("Enter")
    expect(person).to_have_value("")
    assert held(page, "assigned_to") == {"assigned_to": ""}
    context.set_offline(False)
    # A name that is nobody's must not become "nobody".
    person.fill("Xavier")
    page.get_by_role("button", name="Save changes").click()
    expect(note(page, "assigned_to")).to_have_text("No colleague matches “Xavier”. Choose one, or empty the field.")
    expect(person).to_be_focused()
    person.fill("viktor")
    page.get_by_label("Title").press("Enter")
    page.wait_for_url("**/tickets/*-*/")
    expect(page.locator("main")).to_contain_text("Viktor Novák")

    # The ticket's own page sends it without leaving, and then the field is empty again.
    page = open_live(context, live_site, f"/ticketing/tickets/{key[0]}/")
    member = field(page, "Member of staff")
    member.fill("amina")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Assign", exact=True).click()
    expect(page.locator("main")).to_contain_text("Assigned to Amina Okafor.")
    expect(member).to_have_value("")


# Filters


def test_a_list_is_filtered_by_several_customers(
    context: BrowserContext, live_site: LiveSite, sql: Sql, word: str, people: dict[str, str]
) -> None:
    for key in people.values():
        sql.execute("insert into tickets (title, customer_id) values (%s, %s)", [word, key])
    page = open_live(context, live_site, f"/ticketing/tickets/?q={word}")
    expect(page.locator("[data-live-row]")).to_have_count(5)
    page.get_by_text("Filter", exact=True).click()
    customers = page.get_by_role("combobox", name="Find a customer")
    for name in ("lefevre", "munoz"):
        customers.fill(f"{word} {name}")
        expect(options(page)).to_have_count(1)
        page.keyboard.press("Enter")
        expect(customers).to_have_value("")
    # Who is chosen isn't offered again; Escape closes the list, not the menu.
    customers.fill(word)
    expect(options(page)).to_have_count(3)
    page.keyboard.press("Escape")
    expect(options(page)).to_have_count(0)
    customers.fill("")
    page.get_by_role("button", name=f"Remove {word} Muñoz").click()
    expect(customers).to_be_focused()
    expect(page.get_by_role("button", name=f"Remove {word} Lefèvre")).to_be_visible()
    customers.fill(f"{word} luk")
    pick(page)
    colleagues = page.get_by_role("combobox", name="Find a colleague")
    colleagues.fill("nob")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Show matches").click()
    expect(page.locator("[data-live-row]")).to_have_count(2)
    expect(page.locator(".filter-bar > .chips")).to_contain_text(f"{word} Lefèvre")
    expect(page.locator(".filter-bar > .chips")).to_contain_text("Nobody")
    # A text that was left unchosen names a row all the same.
    page.get_by_text("Filter", exact=True).click()
    page.get_by_role("combobox", name="Find a customer").fill(f"{word} munoz")
    page.get_by_role("button", name="Show matches").click()
    expect(page.locator("[data-live-row]")).to_have_count(3)
    for name in ("Lefèvre", "Łukasz", "Muñoz"):
        assert people[name] in page.url


def test_without_scripts_it_is_a_search_and_a_list(
    browser: Browser, live_site: LiveSite, sql: Sql, word: str, people: dict[str, str]
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        sign_in(context, live_site)
        page = context.new_page()
        page.goto(live_site.url + NEW)
        page.fill("[name=customer-find]", f"twin {word}")
        # Enter presses the form's first button, which is "Find", and that saves nothing.
        page.press("[name=customer-find]", "Enter")
        expect(page.get_by_text(f"More than one customer matches “twin {word}”.")).to_be_visible()
        page.get_by_label("Customer", exact=True).select_option(label=f"{word} Twin · 4-{word}@example.org")
        page.get_by_role("button", name="Create interaction").click()
        page.wait_for_url("**/crm/interactions/*-*/")
        page.goto(f"{live_site.url}/crm/interactions/")
        page.get_by_text("Filter", exact=True).click()
        page.get_by_label("Find a customer").fill(f"{word} twin")
        page.get_by_role("button", name="Show matches").click()
        page.get_by_role("listitem").filter(has_text=f"4-{word}").get_by_role("link").click()
        expect(page.locator("[data-live-row]")).to_have_count(1)
        assert people["Twin4"] in page.url


def test_axe_finds_nothing_in_an_open_list(
    browser: Browser, live_site: LiveSite, word: str, people: dict[str, str]
) -> None:
    with browser.new_context(reduced_motion="reduce") as context:
        sign_in(context, live_site)
        page = opened(context, live_site, "/ticketing/tickets/new/")
        field(page).fill(f"{word} twin")
        expect(options(page)).to_have_count(2)
        page.keyboard.press("ArrowDown")
        assert_axe_finds_nothing(page)
        field(page).fill(f"{word} nobody")
        expect(page.locator(":popover-open")).to_contain_text("No customer matches")
        assert_axe_finds_nothing(page)
        page.get_by_label("Title").focus()
        expect(note(page)).to_be_visible()
        field(page).fill(f"{word} lef")
        page.keyboard.press("Tab")
        expect(field(page)).to_have_value(f"{word} Lefèvre")
        assert_axe_finds_nothing(page)
        page.goto(f"{live_site.url}/ticketing/tickets/?customer={people['Lefèvre']}&assigned=me")
        page.get_by_text("Filter", exact=True).click()
        page.get_by_role("combobox", name="Find a customer").fill(word)
        expect(options(page)).to_have_count(4)
        assert_axe_finds_nothing(page)


def test_folded_text_is_marked_where_it_is(context: BrowserContext, live_site: LiveSite) -> None:
    page = opened(context, live_site)
    cases = {
        "Lefèvre": ("lefevre", "[Lefèvre]"),
        "Straße 5": ("strasse", "[Straße] 5"),
        "Maße": ("mas", "[Maß]e"),
        "Łukasz Łoś": ("los", "Łukasz [Łoś]"),
        "Cafe\u0301 au lait": ("cafe", "[Cafe\u0301] au lait"),
        "banana": ("ana", "b[ana]na"),
        "🙂 ok": ("ok", "🙂 [ok]"),
        "İstanbul": ("ist", "[İst]anbul"),
    }
    told = page.evaluate(
        """async (cases) => {
            const base = document.querySelector("script[src*='js/app']").src.replace(/app[^/]*js$/, "");
            const { piecesOf, wordsOf } = await import(`${base}combo-box/folded.js`);
            return Object.fromEntries(Object.entries(cases).map(([text, [query]]) => [text,
                piecesOf(text, wordsOf(query)).map(([piece, marked]) => marked ? `[${piece}]` : piece).join("")]));
        }""",
        cases,
    )
    assert told == {text: marked for text, (_, marked) in cases.items()}, json.dumps(told)
