"""A page of bundled scripts runs the same modules as one that loads each module by itself."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Request, Route

from project.bundle import bundle
from tests.browser.portal import open_live, wait_live
from tests.live_site import LiveSite

ROOT = Path(__file__).parents[2]
HOST = "http://modules.example"
# One of each kind, with a module that two import, a name that two have, and one that waits.
MODULES = {
    "js/app.js": """
        import "./first.js";
        import { count, Counter, names as told } from "./deep/counter.js";
        import * as all from "./deep/counter.js";
        import { last } from "./last.js";

        const hidden = "app";
        told.push(hidden, last(), new Counter().next(), all.count(), count());
        window.told = [...told, own()];
        function own() { return new URL(import.meta.url).pathname.replace(/[^/]+$/, ""); }
    """,
    "js/first.js": """
        import { count, names } from "./deep/counter.js";
        import { wait } from "../vendor/wait.js";

        const hidden = "first";
        await wait();
        names.push(hidden, count(), own());
        function own() { return new URL("../", import.meta.url).pathname; }
    """,
    "js/deep/counter.js": """
        let hidden = 0;
        export const names = [new URL(import.meta.url).pathname];
        export function count() { return (hidden += 1); }
        export class Counter { next() { return later(); } }
        const later = () => count();
    """,
    "js/last.js": """
        import { names } from "./deep/counter.js";
        names.push((await import("../vendor/wait.js")).words);
        export const last = () => "last";
    """,
    "vendor/wait.js": """
        const words = "vendored";
        function wait() { return new Promise((resolve) => setTimeout(resolve)); }
        export { wait, words };
    """,
}


def plain(text: str) -> str:
    return re.sub(r"(?m)^ {8}", "", text)


def test_a_bundle_does_what_its_modules_do(browser: Browser) -> None:
    def told(files: dict[str, str]) -> object:
        def answer(route: Route) -> None:
            name = route.request.url.removeprefix(f"{HOST}/")
            if name == "page":
                route.fulfill(body='<script type="module" src="/js/app.js"></script>', content_type="text/html")
            else:
                route.fulfill(body=files[name], content_type="text/javascript")

        with browser.new_context() as context:
            context.route(f"{HOST}/**", answer)
            page = context.new_page()
            page.goto(f"{HOST}/page")
            return page.wait_for_function("window.told").json_value()

    files = {name: plain(text) for name, text in MODULES.items()}
    alone = told(files)
    assert alone == ["/js/deep/counter.js", "first", 1, "/", "vendored", "app", "last", 2, 3, 4, "/js/"]
    whole = {name: text for name, text in files.items() if name.startswith("vendor/")}
    assert told(whole | {"js/app.js": bundle("js/app.js", files.__getitem__)}) == alone


def test_a_page_runs_each_of_its_modules_once_and_in_order(context: BrowserContext, live_site: LiveSite) -> None:
    """What is collected, against the files as they are; both say what has run."""
    bundled = []

    def note(name: str) -> str:
        return f'(globalThis.ran ??= []).push("{name}");'

    def whole(route: Route) -> None:
        answer = route.fetch()
        bundled.append(route.request.url)
        text = re.sub(r"(?m)^// (js/\S+)\n{$", lambda match: f"{match[0]}{note(match[1])}", answer.text())
        route.fulfill(response=answer, body=text)

    def alone(route: Route) -> None:
        name = re.sub(r"^.*/static/|\.[0-9a-f]{12}(?=\.js)", "", route.request.url)
        text = (ROOT / "static" / name).read_text()
        route.fulfill(body=f"{text}\n{note(name)}" if name.startswith("js/") else text, content_type="text/javascript")

    def ran(answer: Callable[[Route], None]) -> list[str]:
        context.unroute_all()
        context.route(re.compile(r"/static/(js|vendor)/(?!theme|timezone).*\.js$"), answer)
        page = context.new_page()
        page.goto(f"{live_site.url}/ticketing/tickets/")
        wait_live(page)
        names: list[str] = page.evaluate("globalThis.ran")
        page.close()
        return names

    assert ran(alone) == ran(whole)
    assert len(bundled) == 2, "the script, and what is vendored"


@pytest.mark.parametrize("path", ["/ticketing/tickets/", "/"])
def test_a_first_visit_asks_for_few_files(context: BrowserContext, live_site: LiveSite, path: str) -> None:
    requests: list[Request] = []
    context.on("request", lambda request: requests.append(request))
    open_live(context, live_site, path)
    assert len(requests) < 10, [request.url for request in requests]
