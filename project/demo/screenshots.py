"""`bin/screenshots`: takes the README's pictures from the running demo."""

import os
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from project.chromium import ARGUMENTS, find_chromium

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 780}
THEMES = ("light", "dark")
FIRST = ".table__name"
# Name, address, window, and what is done there: a link to follow, then keys to press.
SHOTS: tuple[tuple[str, str, dict[str, int], str, tuple[str, ...]], ...] = (
    ("dashboard", "/", WIDE, "", ()),
    ("list", "/ticketing/tickets/?status=open&status=pending&sort=-priority", WIDE, "", ("j", "s")),
    ("board", "/ticketing/board/", WIDE, "", ()),
    ("ticket", "/ticketing/tickets/?q=invoice", WIDE, FIRST, ()),
    ("customer", "/crm/customers/?q=anneliese+von+der+heide", WIDE, FIRST, ()),
    ("palette", "/ticketing/tickets/", WIDE, "", ("Control+k", *"lamp")),
    ("narrow", "/ticketing/tickets/", NARROW, "", ()),
)


def main() -> None:
    missing = [name for name in ("PORTAL_URL", "DEMO_USER", "DEMO_PASSWORD") if name not in os.environ]
    if missing:
        sys.exit(f"{', '.join(missing)} not set: start bin/demo, then `. .local/demo.env`.")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        for theme in THEMES:
            for shot in SHOTS:
                take(browser, theme, *shot)
        browser.close()


def take(
    browser: Browser, theme: str, name: str, address: str, window: dict[str, int], link: str, keys: tuple[str, ...]
) -> None:
    portal = os.environ["PORTAL_URL"]
    context = browser.new_context(viewport=window, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{portal}/sign-in/")
    page.fill("[name=username]", os.environ["DEMO_USER"])
    page.fill("[name=password]", os.environ["DEMO_PASSWORD"])
    page.click("main button[type=submit]")
    page.goto(portal + address)
    if link:
        page.locator(link).first.click()
    page.wait_for_selector("html[data-realtime-status=connected] [data-live-state=connected]")
    for key in keys:
        page.keyboard.press(key)
    if "Control+k" in keys:
        page.wait_for_selector("[role=option] .palette__hint:not(:empty)")
    page.wait_for_load_state("networkidle")
    page.screenshot(path=PICTURES / f"{name}-{theme}.png")
    print(PICTURES / f"{name}-{theme}.png")
    context.close()


if __name__ == "__main__":
    main()
