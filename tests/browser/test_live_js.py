"""The browser's half of a live page, in a real Chromium against a hub whose faults are called by name.

With ``THROUGH_NGINX`` it is the same: that hub serves pages and sockets itself, and nginx would only be in its way.
"""

import random
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, Page, expect

from tests.browser.fake_hub import FakeHub, Frame, Shown, part_html, row_html, without_row

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
SECOND = 1_000
ROWS = "[data-live-rows] > [data-live-row]"
# Chromium itself reports a WebSocket that cannot be opened; no page can prevent that.
NETWORK_NOISE = re.compile(r"WebSocket connection to|Failed to load resource: net::ERR_INTERNET_DISCONNECTED")
# Headless pages are always visible; what the page hears of it is the same.
HIDE = "(document.looks = 'hidden', document.dispatchEvent(new Event('visibilitychange')))"
SHOW = "(document.looks = 'visible', document.dispatchEvent(new Event('visibilitychange')))"
START = Shown((("a", "1"), ("b", "1"), ("c", "1")), "3", {"pager": "1", "empty": "1"})


def component(name: str) -> str:
    """The real markup of a component; these templates hold nothing but an icon and an address."""
    markup = (TEMPLATES / "realtime" / name).read_text()
    return re.sub(r"{%[^%]*%}", "", markup.replace("{% url 'account_login' %}", "/sign-in/"))


def document(body: str, *, attributes: str = "") -> str:
    return f"""<!doctype html>
<html lang="en" data-realtime-status="connecting" {attributes}>
<head><title>Test</title><script src="/static/js/theme.js"></script><link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/css/app.css"><script type="module" src="/static/js/app.js"></script></head>
<body>{component("_status_indicator.html")}{component("_connection_banner.html")}
{body}
{component("_live_notice.html")}<p role="status" data-live-announcer></p></body></html>"""


def list_html(shown: Shown, *, token: str = "list") -> str:
    rows = "\n".join(row_html(key, version) for key, version in shown.rows)
    parts = "".join(
        f'<div data-live-part="{name}" data-version="{version}">{part_html(name, version)}</div>'
        for name, version in shown.parts.items()
    )
    return (
        f'<section data-live-list="{token}" data-live-state="connecting"><b data-live-count>{shown.count}</b>'
        f"<table><tbody data-live-rows>{rows}</tbody></table>{parts}</section>"
    )


def region_html(body: str, *, version: str = "1", token: str = "region") -> str:
    return f'<div data-live-region="{token}" data-version="{version}" data-live-state="connecting">{body}</div>'


def body_op(html: str, version: str) -> Frame:
    return {"op": "part", "name": "body", "version": version, "html": html}


@pytest.fixture
def js_hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        hub.views = {"list": START, "region": Shown(count="", parts={"body": "1"})}
        hub.seqs = {"list": 7, "region": 3}
        hub.pages["/"] = document(list_html(START))
        yield hub


@pytest.fixture
def js_page(browser: Browser) -> Iterator[Page]:
    """A page that must end without a policy violation, an uncaught error or a console message."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(10 * SECOND)
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if not NETWORK_NOISE.search(message.text):
            complaints.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.add_init_script(
        "Object.defineProperty(document, 'visibilityState', {get: () => document.looks ?? 'visible'});"
        "window.violations = [];"
        "document.addEventListener('securitypolicyviolation', (e) => violations.push(e.violatedDirective));"
    )
    yield page
    violations = page.evaluate("window.violations ?? []")
    context.close()
    assert complaints == []
    assert violations == []


@pytest.fixture
def js_list(js_hub: FakeHub, js_page: Page) -> Locator:
    """The start page, attached."""
    js_page.goto(js_hub.url)
    section = js_page.locator("[data-live-list]")
    expect(section).to_have_attribute("data-live-state", "connected")
    return section


@pytest.fixture
def js_clocked(js_hub: FakeHub, js_page: Page) -> Page:
    """The start page, attached, with time standing still until the test moves it."""
    return clocked(js_hub, js_page)


def shown_in(page: Page) -> Shown:
    rows, count, parts = page.evaluate(
        """[
            [...document.querySelectorAll('[data-live-row]')].map((row) => [row.dataset.id, row.dataset.version]),
            document.querySelector('[data-live-count]').textContent,
            [...document.querySelectorAll('[data-live-part]')].map(({dataset}) => [dataset.livePart, dataset.version]),
        ]"""
    )
    return Shown(tuple((key, version) for key, version in rows), count, dict(parts))


def expect_shown(page: Page, shown: Shown) -> None:
    """What the page shows equals what a reload would show: order, versions, the HTML itself."""
    if shown.rows:
        expect(page.locator(ROWS)).to_have_text([f"{key} at {version}" for key, version in shown.rows])
    else:
        expect(page.locator(ROWS)).to_have_count(0)
    expect(page.locator("[data-live-count]")).to_have_text(shown.count)
    for name, version in shown.parts.items():
        expect(page.locator(f"[data-live-part={name}]")).to_have_attribute("data-version", version)
    assert shown_in(page) == shown
    rows = page.evaluate("[...document.querySelectorAll('[data-live-row]')].map((row) => row.outerHTML)")
    assert rows == [row_html(key, version) for key, version in shown.rows]
    for name, version in shown.parts.items():
        assert page.locator(f"[data-live-part={name}]").inner_html() == part_html(name, version)


def expect_status(page: Page, status: str) -> None:
    expect(page.locator("html")).to_have_attribute("data-realtime-status", status)
    expect(page.locator("realtime-status-indicator")).to_have_attribute("data-status", status)
    expect(page.locator("realtime-status-indicator")).to_have_text(status.capitalize())


def indicator(page: Page) -> Locator:
    return page.locator("realtime-status-indicator")


def banner(page: Page) -> Locator:
    return page.locator("realtime-connection-banner")


def random_state(rng: random.Random, old: Shown | None = None) -> Shown:
    keys = [f"r{number}" for number in range(12)]
    rng.shuffle(keys)
    versions = dict(old.rows) if old else {}
    if old and rng.random() < 0.6:
        # As in life, the order mostly stays while a few rows come, go or move.
        stay = [key for key, _ in old.rows if rng.random() < 0.8]
        for key in keys[:2]:
            if key not in stay:
                stay.insert(rng.randint(0, len(stay)), key)
        keys = stay
    else:
        keys = keys[: rng.randint(0, 12)]
    rows = tuple(
        (key, versions[key] if key in versions and rng.random() < 0.6 else str(rng.randint(1, 10**6))) for key in keys
    )
    parts = {name: str(rng.randint(1, 4)) for name in ("pager", "empty")}
    return Shown(rows, f"{len(rows):,}", parts)


# Applying what the hub says


def test_patches_make_the_page_equal_to_a_reload(js_hub: FakeHub, js_page: Page, js_list: Locator) -> None:
    rng = random.Random(20260726)
    state = START
    for _ in range(60):
        state = random_state(rng, state)
        js_hub.change("list", state, rng=rng)
        expect_shown(js_page, state)
    assert js_hub.frames("attach") == [js_hub.frames("attach")[0]], "no patch may have needed a second attach"


def test_patches_faster_than_ten_a_second_are_put_together_and_the_first_is_shown_at_once(
    js_hub: FakeHub, js_clocked: Page
) -> None:
    rng = random.Random(20261128)
    js_clocked.evaluate("(window.patched = 0, addEventListener('live:patched', () => (patched += 1)))")
    for round_ in range(10):
        first = state = random_state(rng, START)
        js_hub.change("list", first, rng=rng)
        expect_shown(js_clocked, first)
        for _ in range(15):
            state = random_state(rng, state)
            js_hub.change("list", state, rng=rng)
        js_hub.say_status(reason=f"Behind all patches of round {round_}.")
        expect(indicator(js_clocked)).to_have_attribute("title", re.compile(f"of round {round_}"))
        assert shown_in(js_clocked) == first
        js_clocked.clock.run_for(100)
        expect_shown(js_clocked, state)
        assert js_clocked.evaluate("patched") == 2 * (round_ + 1)
        js_clocked.clock.run_for(100)
    assert len(js_hub.frames("attach")) == 1


@pytest.mark.parametrize("doubt", ["resync", "hole"])
def test_patches_that_wait_are_part_of_the_difference_after_a_doubt(
    js_hub: FakeHub, js_clocked: Page, doubt: str
) -> None:
    first, waiting, last = without_row(START, "a"), without_row(START, "b"), without_row(START, "c")
    js_hub.change("list", first)
    expect_shown(js_clocked, first)
    js_hub.change("list", waiting)
    js_hub.change_silently("list", last)
    if doubt == "resync":
        js_hub.send({"type": "resync", "view": "list"})
    else:
        js_hub.change("list", last)
    expect_shown(js_clocked, last)
    assert js_hub.frames("attach")[-1]["rows"] == [list(row) for row in first.rows]
    js_clocked.clock.run_for(200)
    assert shown_in(js_clocked) == last
    assert len(js_hub.frames("attach")) == 2


def test_rows_that_did_not_change_keep_their_nodes(js_hub: FakeHub, js_page: Page, js_list: Locator) -> None:
    js_page.evaluate(
        "window.nodes = Object.fromEntries([...document.querySelectorAll('tr')].map((r) => [r.dataset.id, r]))"
    )
    new = Shown((("c", "1"), ("x", "1"), ("a", "2"), ("b", "1")), "4", START.parts)
    js_hub.change("list", new)
    expect_shown(js_page, new)
    same = (
        "[...document.querySelectorAll('tr')].filter((r) => window.nodes[r.dataset.id] === r).map((r) => r.dataset.id)"
    )
    assert js_page.evaluate(same) == ["c", "a", "b"]


def test_attaching_says_what_is_shown_and_applies_the_difference(js_hub: FakeHub, js_page: Page) -> None:
    current = Shown((("d", "1"), ("b", "2")), "2", {"pager": "2", "empty": "1"})
    js_hub.views["list"] = current
    js_page.goto(js_hub.url)
    expect_shown(js_page, current)
    attach = js_hub.frames("attach")[0]
    assert attach == {
        "type": "attach",
        "id": attach["id"],
        "token": "list",
        "rows": [["a", "1"], ["b", "1"], ["c", "1"]],
        "count": "3",
        "parts": {"pager": "1", "empty": "1"},
    }


def test_region_body_is_patched(js_hub: FakeHub, js_page: Page) -> None:
    js_hub.pages["/"] = document(region_html("<h1>Old</h1>"))
    js_page.goto(js_hub.url)
    region = js_page.locator("[data-live-region]")
    expect(region).to_have_attribute("data-live-state", "connected")
    assert js_hub.frames("attach")[0]["parts"] == {"body": "1"}
    # Exact down to the white space: the body is a template's output, and a reload would show exactly that.
    js_hub.patch("region", [body_op("\n<h1>New</h1>\n<p>More</p>\n", "2")])
    expect(region).to_have_attribute("data-version", "2")
    assert region.inner_html() == "\n<h1>New</h1>\n<p>More</p>\n"


def test_live_elements_that_a_patch_brings_or_takes_away_are_followed(js_hub: FakeHub, js_page: Page) -> None:
    js_hub.pages["/"] = document(region_html("<p>nothing yet</p>"))
    js_page.goto(js_hub.url)
    expect(js_page.locator("[data-live-region]")).to_have_attribute("data-live-state", "connected")
    js_hub.patch("region", [body_op(list_html(START), "2")])
    expect(js_page.locator("[data-live-list]")).to_have_attribute("data-live-state", "connected")
    js_hub.change("list", without_row(START, "a"))
    expect_shown(js_page, without_row(START, "a"))
    js_hub.patch("region", [body_op("<p>nothing any more</p>", "3")])
    attached = js_hub.frames("attach")[1]["id"]
    js_hub.wait_for(lambda: js_hub.frames("detach") == [{"type": "detach", "id": attached}])


def test_two_elements_of_one_view_both_follow_it(js_hub: FakeHub, js_page: Page) -> None:
    js_hub.pages["/"] = document(region_html("one") + region_html("one"))
    js_page.goto(js_hub.url)
    expect(js_page.locator("[data-live-state=connected]")).to_have_count(2)
    js_hub.patch("region", [body_op("two", "2")])
    expect(js_page.locator("[data-live-region]")).to_have_text(["two", "two"])


def test_html_in_a_text_is_not_executed(js_hub: FakeHub, js_page: Page, js_list: Locator) -> None:
    cell = "&lt;img src=x onerror=window.hit=1&gt;<script>window.hit = 1</script>"
    html = row_html("a", "2", cell)
    js_hub.patch("list", [{"op": "put", "id": "a", "version": "2", "html": html}, {"op": "count", "text": "<b>3</b>"}])
    expect(js_page.locator("[data-live-count]")).to_have_text("<b>3</b>")
    expect(js_page.locator("[data-id=a]")).to_contain_text("<img src=x onerror=window.hit=1>")
    assert js_page.evaluate("window.hit") is None


# Doubts: holes, late frames, ops that make no sense


def test_a_hole_in_the_numbering_attaches_again(js_hub: FakeHub, js_page: Page, js_list: Locator) -> None:
    js_hub.change_silently("list", without_row(START, "a"))
    new = Shown((("c", "2"),), "1", START.parts)
    js_hub.change("list", new)
    expect_shown(js_page, new)
    assert [frame["rows"] for frame in js_hub.frames("attach")][1:] == [[["a", "1"], ["b", "1"], ["c", "1"]]]
    js_hub.change("list", START)
    expect_shown(js_page, START)
    assert len(js_hub.frames("attach")) == 2


def test_resync_attaches_again_with_what_is_shown(js_hub: FakeHub, js_page: Page, js_list: Locator) -> None:
    new = without_row(START, "b")
    js_hub.change_silently("list", new)
    js_hub.send({"type": "resync", "view": "list"})
    expect_shown(js_page, new)
    expect(js_list).to_have_attribute("data-live-state", "connected")


def test_only_one_attach_is_under_way_at_a_time(js_hub: FakeHub, js_page: Page, js_list: Locator) -> None:
    js_hub.answers_attach = False
    js_hub.send({"type": "resync", "view": "list"})
    js_hub.wait_for(lambda: len(js_hub.frames("attach")) == 2)
    expect(js_list).to_have_attribute("data-live-state", "stale")
    js_hub.send({"type": "resync", "view": "list"})
    js_hub.say_status(reason="A frame behind the second resync.")
    expect(js_page.locator("realtime-status-indicator")).to_have_attribute("title", re.compile("behind the second"))
    assert len(js_hub.frames("attach")) == 2
    js_hub.answers_attach = True
    answer = {"type": "attached", "id": js_hub.frames("attach")[0]["id"], "view": "list", "seq": 7, "ops": []}
    js_hub.send(answer)
    js_hub.wait_for(lambda: len(js_hub.frames("attach")) == 3)
    expect(js_list).to_have_attribute("data-live-state", "connected")


def test_late_and_repeated_patches_change_nothing(js_hub: FakeHub, js_page: Page, js_list: Locator) -> None:
    ops = js_hub.change("list", without_row(START, "a"))
    for seq in (1, js_hub.seqs["list"], js_hub.seqs["list"]):
        js_hub.send({"type": "patch", "view": "list", "seq": seq, "ops": [*ops, {"op": "count", "text": "wrong"}]})
    new = without_row(START, "c")
    js_hub.change("list", new)
    expect_shown(js_page, new)
    assert len(js_hub.frames("attach")) == 1


def test_ops_for_rows_that_are_not_there_attach_again(js_hub: FakeHub, js_page: Page, js_list: Locator) -> None:
    js_hub.patch("list", [{"op": "remove", "id": "a"}, {"op": "move", "id": "nobody", "after": None}])
    js_hub.wait_for(lambda: len(js_hub.frames("attach")) == 2)
    expect_shown(js_page, START)
    expect(js_list).to_have_attribute("data-live-state", "connected")


def test_a_difference_that_never_fits_ends_in_an_offer_to_reload(js_hub: FakeHub, js_page: Page) -> None:
    js_hub.row = lambda key, version: row_html(f"not-{key}", version)
    js_hub.views["list"] = Shown((("x", "1"),), "1", START.parts)
    js_page.goto(js_hub.url)
    expect(js_page.get_by_role("button", name="Reload", exact=True)).to_be_visible()
    expect(js_page.locator("[data-live-list]")).to_have_attribute("data-live-state", "stale")
    assert len(js_hub.frames("attach")) == 3


def test_reconnecting_catches_up_with_what_was_missed(js_hub: FakeHub, js_page: Page, js_list: Locator) -> None:
    js_hub.accepts = False
    js_hub.drop()
    expect(js_list).to_have_attribute("data-live-state", "stale")
    new = Shown((("c", "3"), ("d", "1")), "2", {"pager": "9", "empty": "1"})
    js_hub.change_silently("list", new)
    js_hub.accepts = True
    expect_shown(js_page, new)
    expect(js_list).to_have_attribute("data-live-state", "connected")


def test_what_may_not_be_seen_any_more_leaves_the_screen_and_a_failed_view_stays(
    js_hub: FakeHub, js_page: Page, js_list: Locator
) -> None:
    rows = js_list.locator("[data-live-row]")
    expect(rows.first).to_be_visible()
    js_hub.send({"type": "failed", "view": "list", "reason": "This list can't be shown right now."})
    expect(js_list).to_have_attribute("data-live-state", "stale")
    expect(rows.first).to_be_visible()
    js_page.reload()
    expect(js_list).to_have_attribute("data-live-state", "connected")
    js_hub.send({"type": "revoked", "view": "list", "reason": "You may no longer see products."})
    expect(rows).to_have_count(0)


def test_refused_and_revoked_views_say_so(js_hub: FakeHub, js_page: Page, js_list: Locator) -> None:
    js_hub.send({"type": "revoked", "view": "list", "reason": "You may no longer see products."})
    expect(js_page.locator("[data-notice-text]")).to_have_text("You may no longer see products.")
    expect(js_list).to_have_attribute("data-live-state", "stale")
    js_hub.refuses = {"reason": "This list is unknown.", "reload": True}
    js_page.reload()
    expect(js_page.locator("[data-notice-text]")).to_have_text("This list is unknown.")
    expect(js_page.get_by_role("button", name="Reload", exact=True)).to_be_visible()


# What belongs to the user


FORM = """<form><input id="dirty" value="old"><input id="focused" value="old"><input id="clean" value="old">
<textarea id="text">old</textarea><select id="choice"><option selected>old</option><option>mine</option></select>
<input id="box" type="checkbox"><input id="hidden" type="hidden" value="old">
<p id="kept" data-live-keep>old</p></form>"""


def test_dirty_controls_are_never_written_to_and_clean_ones_are(js_hub: FakeHub, js_page: Page) -> None:
    js_hub.pages["/"] = document(region_html(FORM))
    js_page.goto(js_hub.url)
    expect(js_page.locator("[data-live-region]")).to_have_attribute("data-live-state", "connected")
    js_page.fill("#dirty", "mine")
    js_page.fill("#text", "mine")
    js_page.select_option("#choice", "mine")
    js_page.check("#box")
    js_page.fill("#focused", "mine, half done")
    js_page.evaluate("document.querySelector('#focused').setSelectionRange(2, 5)")
    new = FORM.replace("old", "new").replace("<option>mine", "<option>other")
    js_hub.patch("region", [body_op(new, "2")])
    expect(js_page.locator("[data-live-region]")).to_have_attribute("data-version", "2")
    values = """Object.fromEntries(
        [...document.querySelectorAll('input:not(#box), textarea, select')].map(({id, value}) => [id, value])
    )"""
    assert js_page.evaluate(values) == {
        "dirty": "mine",
        "focused": "mine, half done",
        "clean": "new",
        "text": "mine",
        "choice": "mine",
        "hidden": "new",
    }
    assert js_page.is_checked("#box")
    expect(js_page.locator("#kept")).to_have_text("old")
    focus = "[document.activeElement.id, document.activeElement.selectionStart, document.activeElement.selectionEnd]"
    assert js_page.evaluate(focus) == ["focused", 2, 5]


def test_a_body_that_goes_leaves_unsaved_text_on_the_page(js_hub: FakeHub, js_page: Page) -> None:
    js_hub.pages["/"] = document(region_html('<p>old</p><form><textarea id="text"></textarea></form>'))
    js_page.goto(js_hub.url)
    expect(js_page.locator("[data-live-region]")).to_have_attribute("data-live-state", "connected")
    js_page.fill("#text", "an hour of work")
    js_hub.patch("region", [body_op("<h1>It was deleted</h1>", "2")])
    expect(js_page.get_by_role("heading")).to_have_text("It was deleted")
    expect(js_page.locator("#text")).to_have_value("an hour of work")


def test_a_row_with_unsaved_text_leaves_the_list_but_not_the_page(
    js_hub: FakeHub, js_page: Page, js_list: Locator
) -> None:
    js_hub.row = lambda key, version: row_html(key, version, f'<input id="in-{key}" value="{version}">')
    js_hub.change("list", Shown((("a", "2"), ("b", "2")), "2", START.parts))
    js_page.fill("#in-a", "mine")
    js_hub.change("list", Shown((("b", "2"),), "1", START.parts))
    expect(js_page.locator(ROWS)).to_have_count(1)
    expect(js_page.locator("#in-a")).to_have_value("mine")
    js_hub.change("list", Shown((("a", "3"), ("b", "2")), "2", START.parts))
    expect(js_page.locator(ROWS)).to_have_count(2)
    expect(js_page.locator("#in-a")).to_have_count(1)
    expect(js_page.locator("#in-a")).to_have_value("mine")


@pytest.mark.parametrize("browser_moves_nodes", [True, False])
def test_focus_and_selected_text_survive_moves(js_hub: FakeHub, js_page: Page, browser_moves_nodes: bool) -> None:
    if not browser_moves_nodes:
        js_page.add_init_script("delete Element.prototype.moveBefore;")
    js_page.goto(js_hub.url)
    expect(js_page.locator("[data-live-list]")).to_have_attribute("data-live-state", "connected")
    js_hub.row = lambda key, version: row_html(key, version, f'<a href="#">{key} {version}</a><i>{key}</i>')
    js_hub.change("list", Shown((("a", "2"), ("b", "2"), ("c", "2")), "3", START.parts))
    expect(js_page.locator("[data-id=a] i")).to_be_visible()
    js_page.focus("[data-id=c] a")
    js_page.evaluate("getSelection().selectAllChildren(document.querySelector('[data-id=b] i'))")
    js_hub.change("list", Shown((("c", "3"), ("a", "2"), ("b", "2")), "3", START.parts))
    expect(js_page.locator("[data-id=c] a")).to_have_text("c 3")
    expect(js_page.locator("[data-id=c] a")).to_be_focused()
    assert js_page.evaluate("getSelection().toString()") == "b"


def test_a_focused_clean_control_is_updated_below_a_caret_that_stays(js_hub: FakeHub, js_page: Page) -> None:
    js_hub.pages["/"] = document(region_html('<input id="name" value="old value">'))
    js_page.goto(js_hub.url)
    expect(js_page.locator("[data-live-region]")).to_have_attribute("data-live-state", "connected")
    js_page.focus("#name")
    js_page.evaluate("document.querySelector('#name').setSelectionRange(2, 2)")
    js_hub.patch("region", [body_op('<input id="name" value="new value">', "2")])
    expect(js_page.locator("#name")).to_have_value("new value")
    expect(js_page.locator("#name")).to_be_focused()
    assert js_page.evaluate("document.querySelector('#name').selectionStart") == 2


def test_the_page_stands_still_when_rows_come_and_go_above(js_hub: FakeHub, js_page: Page) -> None:
    many = Shown(tuple((f"r{number}", "1") for number in range(200)), "200", START.parts)
    js_hub.views["list"] = many
    js_hub.pages["/"] = document(list_html(many))
    js_page.goto(js_hub.url)
    expect(js_page.locator("[data-live-list]")).to_have_attribute("data-live-state", "connected")
    js_page.evaluate("scrollBy(0, document.querySelector('[data-id=r120]').getBoundingClientRect().top)")
    where = "document.querySelector('[data-id=r121]').getBoundingClientRect().top"
    before = js_page.evaluate(where)
    # The row at the top of the screen itself jumps to the head of the list: it must not carry the page along.
    rows = [("r120", "2"), *((f"new{number}", "1") for number in range(30)), *many.rows[5:120], *many.rows[121:]]
    js_hub.change("list", Shown(tuple(rows), "225", START.parts))
    expect(js_page.locator("[data-live-count]")).to_have_text("225")
    assert abs(js_page.evaluate(where) - before) < 1


# The dot and the banner


def test_the_tooltip_tells_the_whole_way_with_this_connection_measured_here(js_hub: FakeHub, js_page: Page) -> None:
    js_hub.status |= {"round_trip_ms": 84, "layer_ms": 3, "doorbell": "Changes are noticed at once."}
    page = clocked(js_hub, js_page)
    expect(indicator(page)).to_have_attribute(
        "title", "Measured so far, there and back: Supabase 84 ms, Redis 3 ms. Changes are noticed at once."
    )
    js_hub.answers_pings = False
    page.clock.run_for(10 * SECOND)
    js_hub.wait_for(lambda: len(js_hub.frames("ping")) == 1)
    page.clock.run_for(250)
    js_hub.send({"type": "pong", "n": 1})
    expect(indicator(page)).to_have_attribute("title", re.compile("through every hop"))
    title = indicator(page).get_attribute("title") or ""
    total, supabase, redis, here = map(int, re.findall(r"(\d+) ms", title))
    assert (supabase, redis, total) == (84, 3, 84 + 3 + here)
    # The ping left during those ten seconds; the pong came 250 ms after them.
    assert 250 <= here < 1_000
    js_hub.drop()
    expect_status(page, "reconnecting")
    expect(indicator(page)).to_have_attribute("title", "The live connection was lost. Connecting again.")


@pytest.mark.parametrize("status", ["connected", "connecting", "reconnecting", "disconnected", "error"])
def test_the_dot_says_what_the_server_says(js_hub: FakeHub, js_page: Page, js_list: Locator, status: str) -> None:
    js_hub.say_status(status=status, reason="Because.")
    expect_status(js_page, status)
    if status == "connected":
        expect(banner(js_page)).to_be_hidden()
    else:
        expect(banner(js_page)).to_contain_text(f"{status.capitalize()} Because.")
        expect(banner(js_page).get_by_role("button")).to_be_hidden()


def test_lists_are_stale_while_the_way_behind_the_server_is_not_live(
    js_hub: FakeHub, js_page: Page, js_list: Locator
) -> None:
    js_hub.say_status(status="reconnecting", live=True, reason="Live through the change log.")
    expect(banner(js_page)).to_contain_text("Live through the change log.")
    expect(js_list).to_have_attribute("data-live-state", "connected")
    js_hub.say_status(status="error", live=False, reason="Nothing comes.", fresh_at="2026-07-26T10:00:00Z")
    expect(js_list).to_have_attribute("data-live-state", "stale")
    expect(banner(js_page)).to_contain_text("Data as of")
    js_hub.say_status(status="connected", live=True, reason="")
    expect(js_list).to_have_attribute("data-live-state", "connected")
    expect(banner(js_page)).to_be_hidden()


def test_the_banner_waits_half_a_second_and_a_blink_never_shows_it(js_hub: FakeHub, js_clocked: Page) -> None:
    js_hub.say_status(status="reconnecting", reason="A blink.")
    expect_status(js_clocked, "reconnecting")
    js_clocked.clock.run_for(300)
    js_hub.say_status(status="connected", reason="")
    expect_status(js_clocked, "connected")
    js_clocked.clock.run_for(2 * SECOND)
    expect(banner(js_clocked)).to_be_hidden()
    js_hub.say_status(status="reconnecting", reason="An outage.")
    expect_status(js_clocked, "reconnecting")
    js_clocked.clock.run_for(490)
    assert banner(js_clocked).is_hidden()
    js_clocked.clock.run_for(20)
    expect(banner(js_clocked)).to_contain_text("An outage.")


@pytest.mark.parametrize(("away", "seen"), [(300, False), (700, True)])
def test_a_lost_socket_is_told_after_half_a_second_and_a_blip_never_flashes_the_banner(
    js_hub: FakeHub, js_page: Page, away: int, seen: bool
) -> None:
    js_page.add_init_script(f"Math.random = () => {away / SECOND};")
    page = clocked(js_hub, js_page)
    page.evaluate(
        "window.seen = []; const banner = document.querySelector('realtime-connection-banner');"
        "new MutationObserver(() => banner.hidden || seen.push(banner.querySelector('p').textContent))"
        ".observe(banner, {attributes: true, subtree: true, childList: true})"
    )
    js_hub.drop()
    expect_status(page, "reconnecting")
    page.clock.run_for(away - 1)
    assert js_hub.connections == 1
    if seen:
        expect(banner(page)).to_have_text(re.compile("Reconnecting The live connection was lost. Connecting again."))
        expect(banner(page).get_by_role("button", name="Reconnect now")).to_be_visible()
    page.clock.run_for(1)
    expect_status(page, "connected")
    expect(banner(page)).to_be_hidden()
    page.clock.run_for(5 * SECOND)
    assert bool(page.evaluate("window.seen.length")) is seen


def test_the_ladder_climbs_to_half_a_minute_and_never_ends(js_hub: FakeHub, js_page: Page) -> None:
    count_closes(js_page)
    js_page.add_init_script("Math.random = () => 1;")
    page = clocked(js_hub, js_page)
    js_hub.accepts = False
    js_hub.drop()
    expect_status(page, "reconnecting")
    for attempt, seconds in enumerate([1, 2, 4, 8, 16, 30, 30, 30], start=1):
        wait_for_closes(page, attempt)
        page.clock.run_for(seconds * SECOND - 1)
        assert js_hub.connections == attempt
        page.clock.run_for(1)
        js_hub.wait_for(lambda attempt=attempt: js_hub.connections == attempt + 1)
        wait_for_closes(page, attempt + 1)
        expect_status(page, "error" if attempt >= 5 else "reconnecting")
    expect(banner(page)).to_contain_text("The server cannot be reached. This page keeps trying.")
    js_hub.accepts = True
    page.clock.run_for(30 * SECOND)
    expect_status(page, "connected")
    expect(banner(page)).to_be_hidden()
    js_hub.drop()
    expect_status(page, "reconnecting")


def test_the_button_reconnects_at_once(js_hub: FakeHub, js_page: Page) -> None:
    js_page.add_init_script("Math.random = () => 1;")
    page = clocked(js_hub, js_page)
    js_hub.accepts = False
    js_hub.drop()
    expect_status(page, "reconnecting")
    page.clock.run_for(600)
    js_hub.accepts = True
    page.get_by_role("button", name="Reconnect now").click()
    expect_status(page, "connected")
    assert js_hub.connections == 2


def test_a_frozen_server_is_noticed_within_16_seconds(js_hub: FakeHub, js_clocked: Page) -> None:
    js_clocked.clock.run_for(10 * SECOND)
    js_hub.wait_for(lambda: js_hub.frames("ping") == [{"type": "ping", "n": 1}])
    expect(indicator(js_clocked)).to_have_attribute("title", re.compile("this connection"))
    js_hub.say_status(reason="The last word.")
    expect(indicator(js_clocked)).to_have_attribute("title", re.compile("The last word"))
    # It freezes just after an answer but still takes new connections, as a kernel does for a frozen process.
    js_hub.answers_pings = False
    js_hub.says_status = False
    js_clocked.clock.run_for(10 * SECOND)
    js_hub.wait_for(lambda: len(js_hub.frames("ping")) == 2)
    # The clock also goes on by itself, on a busy machine by more than a second.
    js_clocked.clock.run_for(3 * SECOND)
    expect_status(js_clocked, "connected")
    js_clocked.clock.run_for(3 * SECOND)
    expect_status(js_clocked, "reconnecting")
    js_clocked.clock.run_for(600)
    expect(banner(js_clocked)).to_contain_text("The live connection was lost. Connecting again.")


def test_a_pong_that_waits_behind_other_frames_is_waited_for(js_hub: FakeHub, js_clocked: Page) -> None:
    js_hub.answers_pings = False
    js_clocked.clock.run_for(10 * SECOND)
    js_hub.wait_for(lambda: len(js_hub.frames("ping")) == 1)
    js_clocked.clock.run_for(5 * SECOND)
    js_hub.say_status(reason="Slow, but there.")
    expect(indicator(js_clocked)).to_have_attribute("title", re.compile("Slow, but there"))
    js_clocked.clock.run_for(5 * SECOND)
    js_hub.wait_for(lambda: len(js_hub.frames("ping")) == 2)
    expect_status(js_clocked, "connected")
    # Asking again doesn't prolong the silence.
    js_hub.accepts = False
    js_clocked.clock.run_for(1 * SECOND + 100)
    expect_status(js_clocked, "reconnecting")


def test_a_server_that_answers_pings_but_says_no_status_is_lost_within_18_seconds(
    js_hub: FakeHub, js_clocked: Page
) -> None:
    js_clocked.clock.run_for(10 * SECOND)
    js_hub.wait_for(lambda: len(js_hub.frames("ping")) == 1)
    expect(indicator(js_clocked)).to_have_attribute("title", re.compile("this connection"))
    js_clocked.clock.run_for(7 * SECOND)
    expect_status(js_clocked, "connected")
    js_hub.accepts = False
    js_clocked.clock.run_for(1 * SECOND)
    expect_status(js_clocked, "reconnecting")


@pytest.mark.parametrize("looked_at", [SHOW, "window.dispatchEvent(new Event('focus'))"], ids=["visible", "focus"])
def test_a_page_that_is_looked_at_asks_at_once_whether_the_server_is_there(
    js_hub: FakeHub, js_clocked: Page, looked_at: str
) -> None:
    js_hub.answers_pings = False
    js_clocked.clock.run_for(2 * SECOND)
    js_clocked.evaluate(looked_at)
    js_hub.wait_for(lambda: len(js_hub.frames("ping")) == 1)
    # Turning to a tab fires two events; one question is enough.
    js_clocked.evaluate("window.dispatchEvent(new Event('focus'))")
    js_clocked.clock.run_for(5 * SECOND)
    expect_status(js_clocked, "connected")
    assert len(js_hub.frames("ping")) == 1
    js_hub.accepts = False
    js_clocked.clock.run_for(1 * SECOND)
    expect_status(js_clocked, "reconnecting")


def test_a_laptop_that_slept_connects_at_once_when_it_is_opened(js_hub: FakeHub, js_clocked: Page) -> None:
    # An hour passes and no timer runs.
    js_clocked.clock.set_system_time(js_clocked.evaluate("Date.now() / 1000 + 3600"))
    js_clocked.evaluate(SHOW)
    js_hub.wait_for(lambda: js_hub.connections == 2)
    expect_status(js_clocked, "connected")
    assert js_hub.frames("ping") == []


def test_a_page_from_the_back_button_connects_at_once(js_hub: FakeHub, js_clocked: Page) -> None:
    js_clocked.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    expect_status(js_clocked, "reconnecting")
    js_clocked.clock.run_for(60 * SECOND)
    assert js_hub.connections == 1
    js_clocked.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect_status(js_clocked, "connected")
    assert js_hub.connections == 2


def test_a_hidden_page_is_in_no_hurry(js_hub: FakeHub, js_page: Page) -> None:
    js_page.add_init_script("Math.random = () => 0;")
    page = clocked(js_hub, js_page)
    page.evaluate(HIDE)
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    js_hub.drop()
    expect_status(page, "reconnecting")
    page.clock.run_for(15 * SECOND - 1)
    assert js_hub.connections == 1
    page.clock.run_for(1)
    expect_status(page, "connected")
    assert js_hub.frames("ping") == []
    js_hub.drop()
    expect_status(page, "reconnecting")
    page.evaluate(SHOW)
    expect_status(page, "connected")


def test_the_page_says_how_much_it_has_read_by_count_and_for_each_socket(
    js_hub: FakeHub, js_page: Page, js_list: Locator
) -> None:
    # hello, status and attached came already.
    for _ in range(28):
        js_hub.say_status()
    js_hub.change("list", without_row(START, "a"))
    js_hub.wait_for(lambda: js_hub.acks == [32])
    for _ in range(64):
        js_hub.send({"type": "a word this page doesn't know"})
    js_hub.wait_for(lambda: js_hub.acks == [32, 64, 96])
    for _ in range(31):
        js_hub.say_status()
    js_hub.drop()
    js_hub.wait_for(lambda: len(js_hub.frames("attach")) == 2)
    for _ in range(29):
        js_hub.say_status()
    js_hub.wait_for(lambda: js_hub.acks == [32, 64, 96, 32])


def test_an_ended_session_offers_to_sign_in_and_is_not_hammered(js_hub: FakeHub, js_clocked: Page) -> None:
    js_hub.close_at_once = 4401
    js_hub.drop(4401)
    expect_status(js_clocked, "disconnected")
    js_clocked.clock.run_for(1 * SECOND)
    expect(banner(js_clocked)).to_contain_text("Your session has ended.")
    expect(banner(js_clocked).get_by_role("link", name="Sign in")).to_have_attribute("href", "/sign-in/")
    js_clocked.clock.run_for(58 * SECOND)
    assert js_hub.connections == 1
    js_clocked.clock.run_for(3 * SECOND)
    js_hub.wait_for(lambda: js_hub.connections == 2)
    expect_status(js_clocked, "disconnected")


def test_a_sign_in_in_another_tab_that_came_before_the_end_of_the_session_counts(
    js_hub: FakeHub, js_clocked: Page
) -> None:
    """The server notices an ended session seconds later; by then somebody may be signed in again."""
    other = js_clocked.context.new_page()
    other.goto(js_hub.url)
    js_hub.wait_for(lambda: js_hub.connections == 2)
    other.close()
    js_hub.drop(4401)
    expect_status(js_clocked, "disconnected")
    js_clocked.clock.run_for(2 * SECOND)
    js_hub.wait_for(lambda: js_hub.connections == 3)
    expect_status(js_clocked, "connected")


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        (4400, "error", "do not understand each other"),
        (4403, "error", "refused"),
        (4013, "reconnecting", "busy"),
    ],
)
def test_close_codes_become_sentences(js_hub: FakeHub, js_clocked: Page, code: int, status: str, words: str) -> None:
    js_hub.drop(code)
    expect_status(js_clocked, status)
    js_clocked.clock.run_for(600)
    expect(banner(js_clocked)).to_contain_text(words)


def test_offline_is_grey_and_online_reconnects_at_once(js_hub: FakeHub, js_page: Page) -> None:
    js_page.add_init_script("Math.random = () => 1;")
    page = clocked(js_hub, js_page)
    page.context.set_offline(True)
    expect_status(page, "disconnected")
    page.clock.run_for(600)
    expect(banner(page)).to_contain_text("Your browser is offline.")
    page.context.set_offline(False)
    expect_status(page, "connected")


def test_a_page_that_is_looked_at_again_reconnects_at_once(js_hub: FakeHub, js_page: Page) -> None:
    js_page.add_init_script("Math.random = () => 1;")
    page = clocked(js_hub, js_page)
    js_hub.close_at_once = 4401
    js_hub.drop(4401)
    expect_status(page, "disconnected")
    js_hub.close_at_once = None
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect_status(page, "connected")


def test_a_first_connection_that_fails_is_told_as_it_is(js_hub: FakeHub, js_page: Page) -> None:
    count_closes(js_page)
    js_hub.accepts = False
    js_page.clock.install()
    js_page.goto(js_hub.url)
    wait_for_closes(js_page, 1)
    expect_status(js_page, "reconnecting")
    expect(banner(js_page)).to_contain_text("could not be opened")


def test_garbage_on_the_wire_starts_a_new_connection(js_hub: FakeHub, js_page: Page, js_list: Locator) -> None:
    js_hub.send("{not json")
    js_hub.wait_for(lambda: len(js_hub.frames("attach")) == 2)
    expect_status(js_page, "connected")


# After a deploy


@pytest.fixture
def js_deployed(js_hub: FakeHub, js_page: Page) -> Page:
    """A page of build 1 with its clock stopped, whose server has just become build 2."""
    js_hub.pages["/"] = document(DEPLOY_PAGE, attributes='data-build="build-1"')
    page = clocked(js_hub, js_page)
    page.evaluate("window.same = true")
    deploy(js_hub, page, "build-2")
    js_hub.pages["/"] = document(DEPLOY_PAGE, attributes='data-build="build-2"')
    return page


DEPLOY_PAGE = list_html(START) + (
    '<input id="name" value="old"><details data-menu><summary>Menu</summary></details><dialog>Sure?</dialog>'
    "<background-form><form></form></background-form>"
)


def deploy(hub: FakeHub, page: Page, build: str) -> None:
    """The server comes back as another build, and the page learns of it."""
    attached = len(hub.frames("attach"))
    hub.build = build
    hub.drop()
    expect_status(page, "reconnecting")
    page.evaluate("dispatchEvent(new Event('live:reconnect'))")
    hub.wait_for(lambda: len(hub.frames("attach")) == attached + 1)
    expect_status(page, "connected")


def run_for(hub: FakeHub, page: Page, milliseconds: int) -> None:
    """Lets time pass for the page until it reloads, while its server keeps saying that it is there."""
    for _ in range(0, milliseconds, 5 * SECOND):
        try:
            page.clock.run_for(5 * SECOND)
            hub.say_status(round_trip_ms=hub.status["round_trip_ms"] + 1)
            words = f"Supabase {hub.status['round_trip_ms']} ms"
            page.wait_for_function(
                "(words) => !window.same || document.querySelector('realtime-status-indicator').title.includes(words)",
                arg=words,
            )
            if not page.evaluate("window.same ?? false"):
                return
        except Error as error:
            if "navigation" in str(error):
                return
            raise


def is_reloaded(page: Page) -> None:
    page.wait_for_function("() => window.same === undefined")
    expect_status(page, "connected")


def is_only_offered(page: Page) -> None:
    assert page.evaluate("window.same") is True
    expect(page.locator("live-notice")).to_contain_text("A new version is available.")
    expect(page.get_by_role("button", name="Reload", exact=True)).to_be_visible()


def test_a_page_with_other_words_than_it_was_painted_with_offers_a_reload(js_hub: FakeHub, js_page: Page) -> None:
    js_hub.pages["/"] = document(list_html(START), attributes='data-words="painted"')
    js_page.goto(js_hub.url)
    expect_status(js_page, "connected")
    js_hub.send({"type": "words", "words": "painted"})
    js_hub.send({"type": "pong", "n": 0})
    expect(js_page.locator("live-notice")).to_be_hidden()
    js_hub.send({"type": "words", "words": "others"})
    expect(js_page.locator("live-notice")).to_contain_text("The choices for status, priority or type have changed.")
    expect(js_page.get_by_role("button", name="Reload", exact=True)).to_be_visible()


def test_a_page_in_use_only_offers_the_new_version(js_hub: FakeHub, js_deployed: Page) -> None:
    for _ in range(4):
        run_for(js_hub, js_deployed, 50 * SECOND)
        js_deployed.mouse.move(10, 10)
        js_deployed.mouse.move(20, 20)
        is_only_offered(js_deployed)
    js_deployed.get_by_role("button", name="Reload", exact=True).click()
    is_reloaded(js_deployed)
    expect(js_deployed.locator("live-notice")).to_be_hidden()


def test_a_page_nobody_touches_for_a_minute_takes_the_new_version(js_hub: FakeHub, js_deployed: Page) -> None:
    run_for(js_hub, js_deployed, 55 * SECOND)
    is_only_offered(js_deployed)
    run_for(js_hub, js_deployed, 30 * SECOND)
    is_reloaded(js_deployed)
    assert js_hub.loads == 2
    expect(js_deployed.locator("live-notice")).to_be_hidden()


def test_a_hidden_page_takes_the_new_version_within_20_seconds(js_hub: FakeHub, js_deployed: Page) -> None:
    js_deployed.evaluate(HIDE)
    run_for(js_hub, js_deployed, 20 * SECOND)
    is_reloaded(js_deployed)


def test_a_page_that_is_shown_again_in_time_is_left_alone(js_hub: FakeHub, js_page: Page) -> None:
    js_page.add_init_script("Math.random = () => 0.5;")
    js_hub.pages["/"] = document(DEPLOY_PAGE, attributes='data-build="build-1"')
    page = clocked(js_hub, js_page)
    page.evaluate("window.same = true")
    deploy(js_hub, page, "build-2")
    run_for(js_hub, page, 40 * SECOND)
    page.evaluate(HIDE)
    run_for(js_hub, page, 5 * SECOND)
    # Looking at it counts as using it: the minute starts again.
    page.evaluate(SHOW)
    run_for(js_hub, page, 50 * SECOND)
    is_only_offered(page)


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ("document.querySelector('#name').value = 'mine'", "document.querySelector('#name').value = 'old'"),
        ("document.querySelector('#name').focus()", "document.activeElement.blur()"),
        ("document.querySelector('b').dataset.liveKeep = ''", "delete document.querySelector('b').dataset.liveKeep"),
        ("document.querySelector('details').open = true", "document.querySelector('details').open = false"),
        ("document.querySelector('dialog').showModal()", "document.querySelector('dialog').close()"),
        (
            "document.querySelector('background-form').toggleAttribute('data-sending', true)",
            "document.querySelector('background-form').removeAttribute('data-sending')",
        ),
        ("document.querySelector('b').dataset.gone = ''", "delete document.querySelector('b').dataset.gone"),
        ("document.documentElement.dataset.posted = ''", "delete document.documentElement.dataset.posted"),
    ],
    ids=["typed", "focus", "kept", "menu", "dialog", "upload", "gone", "posted"],
)
def test_a_page_that_would_lose_something_only_offers_until_it_would_not(
    js_hub: FakeHub, js_deployed: Page, begins: str, ends: str
) -> None:
    js_deployed.evaluate(f"{{{begins}}}")
    js_deployed.evaluate(HIDE)
    run_for(js_hub, js_deployed, 100 * SECOND)
    is_only_offered(js_deployed)
    js_deployed.evaluate(f"{{{ends}}}")
    run_for(js_hub, js_deployed, 85 * SECOND)
    is_reloaded(js_deployed)


def test_a_page_on_its_way_elsewhere_is_not_called_back(js_hub: FakeHub, js_deployed: Page) -> None:
    js_deployed.evaluate("dispatchEvent(new Event('beforeunload'))")
    js_deployed.evaluate(HIDE)
    run_for(js_hub, js_deployed, 55 * SECOND)
    is_only_offered(js_deployed)
    # It was a download: the page is still there.
    run_for(js_hub, js_deployed, 85 * SECOND)
    is_reloaded(js_deployed)


def test_a_page_without_a_connection_does_not_reload_into_an_error(js_hub: FakeHub, js_deployed: Page) -> None:
    js_deployed.evaluate(HIDE)
    js_hub.accepts = False
    js_hub.drop()
    expect_status(js_deployed, "reconnecting")
    js_deployed.clock.run_for(100 * SECOND)
    is_only_offered(js_deployed)


def test_two_builds_that_answer_in_turn_make_one_reload_and_no_loop(js_hub: FakeHub, js_deployed: Page) -> None:
    # The page comes from the old web process again, its socket from the new one; then the other way round.
    js_hub.pages["/"] = document(DEPLOY_PAGE, attributes='data-build="build-1"')
    js_deployed.evaluate(HIDE)
    run_for(js_hub, js_deployed, 20 * SECOND)
    is_reloaded(js_deployed)
    for page_build, build in (("build-1", "build-2"), ("build-2", "build-1")):
        js_hub.pages["/"] = document(DEPLOY_PAGE, attributes=f'data-build="{page_build}"')
        js_hub.build = build
        js_deployed.reload()
        loads = js_hub.loads
        expect_status(js_deployed, "connected")
        js_deployed.evaluate(f"window.same = true, {HIDE}")
        run_for(js_hub, js_deployed, 100 * SECOND)
        is_only_offered(js_deployed)
        assert js_hub.loads == loads
    # The next deploy is another matter.
    deploy(js_hub, js_deployed, "build-3")
    run_for(js_hub, js_deployed, 20 * SECOND)
    is_reloaded(js_deployed)


def test_a_deploy_that_is_taken_back_takes_the_reload_back(js_hub: FakeHub, js_deployed: Page) -> None:
    deploy(js_hub, js_deployed, "build-1")
    js_deployed.evaluate(HIDE)
    run_for(js_hub, js_deployed, 100 * SECOND)
    is_only_offered(js_deployed)


def test_where_nothing_can_be_remembered_a_reload_is_only_offered(js_hub: FakeHub, js_page: Page) -> None:
    js_page.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', {get() { throw new DOMException('no', 'SecurityError'); }});"
    )
    js_hub.pages["/"] = document(DEPLOY_PAGE, attributes='data-build="build-1"')
    page = clocked(js_hub, js_page)
    page.evaluate("window.same = true")
    deploy(js_hub, page, "build-2")
    page.evaluate(HIDE)
    run_for(js_hub, page, 100 * SECOND)
    is_only_offered(page)


def test_a_page_that_speaks_another_language_is_only_offered_a_reload(js_hub: FakeHub, js_clocked: Page) -> None:
    js_clocked.evaluate("window.same = true")
    js_hub.drop(4400)
    expect_status(js_clocked, "error")
    js_clocked.evaluate(f"{HIDE}, dispatchEvent(new Event('live:reconnect'))")
    expect_status(js_clocked, "connected")
    run_for(js_hub, js_clocked, 100 * SECOND)
    assert js_clocked.evaluate("window.same") is True
    expect(js_clocked.get_by_role("button", name="Reload", exact=True)).to_be_visible()


def test_pages_do_not_reload_in_step(js_hub: FakeHub, js_clocked: Page) -> None:
    js_clocked.evaluate(
        """async () => {
            const { DeployReload } = await import("/static/js/live/deploy-reload.js");
            window.reloads = [];
            [0, 0.25, 1].forEach((point, index) => {
                const storage = () => ({ getItem: () => null, setItem() {} });
                const reload = () => window.reloads.push(index);
                const answers = async () => true;
                const timing = { random: () => point, idle: 1000, spread: 400 };
                const deploy = new DeployReload({ storage, reload, answers, ...timing });
                deploy.start();
                deploy.offer({ build: "new", own: "old" });
            });
        }"""
    )
    reloads = []
    for milliseconds in (999, 1, 99, 1, 299, 1):
        js_clocked.clock.run_for(milliseconds)
        reloads.append(js_clocked.evaluate("window.reloads"))
    assert reloads == [[], [0], [0], [0, 1], [0, 1], [0, 1, 2]]


# Badges, times, announcements, theme


def test_just_updated_is_shown_for_a_patch_only_and_goes_by_itself(js_hub: FakeHub, js_page: Page) -> None:
    badge_html = component("_live_update_indicator.html").strip()
    js_hub.row = lambda key, version: row_html(key, version, version + badge_html)
    js_hub.views["list"] = Shown((("a", "2"), ("b", "2"), ("c", "2")), "3", START.parts)
    page = clocked(js_hub, js_page)
    badges = page.locator("live-update-indicator:not([hidden])")
    expect(page.locator("live-update-indicator")).to_have_count(3)
    expect(badges).to_have_count(0)
    js_hub.change("list", Shown((("b", "2"), ("a", "3"), ("c", "2"), ("d", "1")), "4", START.parts))
    expect(badges).to_have_text(["Just updated"])
    expect(page.locator("[data-id=a] live-update-indicator")).to_have_text("Just updated")
    page.clock.run_for(5_900)
    expect(badges).to_have_count(1)
    page.clock.run_for(200)
    expect(badges).to_have_count(0)
    rest = page.locator("[data-id=a]").evaluate("(row) => row.outerHTML")
    assert rest == js_hub.row("a", "3").replace(" hidden>", ' hidden="">')


def test_local_times_do_not_fight_with_patches(js_hub: FakeHub, js_page: Page) -> None:
    def body(minute: int) -> str:
        return f'<local-time><time datetime="2026-07-26T10:{minute}:00Z">2026-07-26 10:{minute} UTC</time></local-time>'

    def html(minute: int, word: str) -> str:
        return body(minute) + f"<p>{word}</p>"

    js_hub.pages["/"] = document(region_html(html(11, "one")))
    js_page.goto(js_hub.url)
    region = js_page.locator("[data-live-region]")
    expect(region).to_have_attribute("data-live-state", "connected")
    js_page.evaluate(
        "window.text = document.querySelector('time').firstChild; window.writes = 0;"
        "new MutationObserver((all) => (writes += all.length))"
        ".observe(document.querySelector('local-time'),"
        " {subtree: true, childList: true, characterData: true, attributes: true})"
    )
    js_hub.patch("region", [body_op(html(11, "two"), "2")])
    expect(region).to_contain_text("two")
    assert js_page.evaluate("[window.writes, document.querySelector('time').firstChild === window.text]") == [0, True]
    js_hub.patch("region", [body_op(html(22, "three"), "3")])
    expect(region).to_contain_text("three")
    patched = region.inner_html()
    assert "UTC" not in js_page.locator("time").inner_text()
    js_hub.pages["/"] = document(region_html(html(22, "three"), version="3"))
    js_hub.views["region"] = Shown(count="", parts={"body": "3"})
    js_page.reload()
    expect(region).to_have_attribute("data-live-state", "connected")
    assert region.inner_html() == patched


def test_announcements_are_batched_to_one_in_ten_seconds(js_hub: FakeHub, js_clocked: Page) -> None:
    line = js_clocked.locator("[data-live-announcer]")
    assert line.text_content() == ""
    js_hub.change("list", Shown((("a", "2"), ("b", "2"), ("c", "1")), "3", START.parts))
    expect(js_clocked.locator("[data-id=a][data-version='2']")).to_be_visible()
    js_clocked.clock.run_for(100)
    expect(line).to_have_text("2 rows updated")
    js_hub.change("list", Shown((("a", "3"), ("b", "2"), ("c", "1")), "3", START.parts))
    expect(js_clocked.locator("[data-id=a][data-version='3']")).to_be_visible()
    js_clocked.clock.run_for(9 * SECOND)
    assert line.text_content() == "2 rows updated"
    js_clocked.clock.run_for(1 * SECOND)
    expect(line).to_have_text("1 row updated")


def test_being_connected_again_is_announced_even_when_it_is_told_twice(js_hub: FakeHub, js_clocked: Page) -> None:
    line = js_clocked.locator("[data-live-announcer]")
    js_hub.say_status(status="reconnecting", reason="An outage.")
    expect_status(js_clocked, "reconnecting")
    js_clocked.clock.run_for(600)
    expect(line).to_have_text("An outage")
    for milliseconds in (12, 13):
        js_hub.say_status(status="connected", reason="", round_trip_ms=milliseconds)
        expect(indicator(js_clocked)).to_have_attribute("title", re.compile(f"{milliseconds} ms"))
    js_clocked.clock.run_for(10 * SECOND)
    expect(line).to_have_text("Connected again")


def test_the_theme_is_set_before_the_first_paint_and_remembered(js_hub: FakeHub, js_page: Page) -> None:
    switch = re.sub(r"{%[^%]*%}", "", (TEMPLATES / "_theme_switch.html").read_text())
    js_hub.pages["/"] = document(switch)
    js_page.goto(js_hub.url)
    expect(js_page.get_by_role("button", name="System")).to_have_attribute("aria-pressed", "true")
    js_page.get_by_role("button", name="Dark").click()
    expect(js_page.locator("html")).to_have_attribute("data-theme", "dark")
    js_page.reload(wait_until="commit")
    expect(js_page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(js_page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")


# The modules by themselves


def test_backoff_is_full_jitter_below_a_cap(js_hub: FakeHub, js_page: Page, js_list: Locator) -> None:
    delays = js_page.evaluate(
        """async () => {
            const { backoffDelay } = await import("/static/js/live/backoff.js");
            const attempts = [0, 1, 2, 3, 4, 5, 99];
            const ladder = (point) => attempts.map((attempt) => backoffDelay(attempt, { random: () => point }));
            return [ladder(1), ladder(0.5), ladder(0)];
        }"""
    )
    assert delays == [
        [1000, 2000, 4000, 8000, 16000, 30000, 30000],
        [500, 1000, 2000, 4000, 8000, 15000, 15000],
        [0, 0, 0, 0, 0, 0, 0],
    ]


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (
            {"roundTripMs": 84, "layerMs": 3, "socketMs": 6},
            "Database to this page and back through every hop: 93 ms"
            " (Supabase 84 ms, Redis 3 ms, this connection 6 ms).",
        ),
        (
            {"roundTripMs": 84, "layerMs": 2.6, "socketMs": 0},
            "Database to this page and back through every hop: 87 ms"
            " (Supabase 84 ms, Redis 3 ms, this connection 0 ms).",
        ),
        (
            {"roundTripMs": 84, "layerMs": None, "socketMs": 6},
            "Measured so far, there and back: Supabase 84 ms, this connection 6 ms.",
        ),
        (
            {"reason": "Redis is away.", "doorbell": "Changes are noticed every 2 s.", "socketMs": 6},
            "Redis is away. Measured so far, there and back: this connection 6 ms. Changes are noticed every 2 s.",
        ),
        ({"reason": "", "roundTripMs": None, "layerMs": None, "socketMs": None, "doorbell": None}, ""),
        ({}, ""),
    ],
)
def test_the_tooltip_says_only_what_is_known(js_hub: FakeHub, js_page: Page, known: Frame, words: str) -> None:
    js_page.goto(js_hub.url)
    call = "async (known) => (await import('/static/js/live/freshness.js')).freshness(known)"
    assert js_page.evaluate(call, known) == words


def clocked(hub: FakeHub, page: Page) -> Page:
    page.clock.install()
    page.goto(hub.url)
    expect_status(page, "connected")
    expect(page.locator("[data-live-list]")).to_have_attribute("data-live-state", "connected")
    for ahead in (200, 1000, 5000):
        # On a busy machine that moment may have passed before the clock hears of it.
        with suppress(Error):
            page.clock.pause_at(page.evaluate(f"(Date.now() + {ahead}) / 1000"))
            break
    return page


def count_closes(page: Page) -> None:
    """Counts closed sockets just before the page's own listener hears of them."""
    page.add_init_script(
        "window.closes = 0; const Real = WebSocket;"
        "window.WebSocket = class extends Real { constructor(...all) { super(...all);"
        " this.addEventListener('close', () => (window.closes += 1)); } };"
    )


def wait_for_closes(page: Page, number: int) -> None:
    page.wait_for_function("(number) => window.closes >= number", arg=number)
