"""`bin/screenshots`: takes the README's pictures from the running demo."""

import os
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from project.chromium import ARGUMENTS, find_chromium

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
# Name, address (if it ends in "first", the list's first row is opened), theme, window.
SHOTS = (
    ("dashboard", "/", "light", WIDE),
    ("ticket", "/ticketing/tickets/first", "light", WIDE),
    ("customer", "/crm/customers/?q=anneliese+von+der+heide+first", "dark", WIDE),
    ("products-narrow", "/crm/products/", "dark", NARROW),
)


def main() -> None:
    missing = [name for name in ("PORTAL_URL", "DEMO_USER", "DEMO_PASSWORD") if name not in os.environ]
    if missing:
        sys.exit(f"{', '.join(missing)} not set: start bin/demo, then `. .local/demo.env`.")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        for shot in SHOTS:
            take(browser, *shot)
        browser.close()


def take(browser: Browser, name: str, address: str, theme: str, window: dict[str, int]) -> None:
    portal = os.environ["PORTAL_URL"]
    context = browser.new_context(viewport=window, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{portal}/sign-in/")
    page.fill("[name=username]", os.environ["DEMO_USER"])
    page.fill("[name=password]", os.environ["DEMO_PASSWORD"])
    page.click("main button[type=submit]")
    page.goto(portal + address.removesuffix("first"))
    if address.endswith("first"):
        page.locator("[data-live-row] a").first.click()
    page.wait_for_selector("html[data-realtime-status=connected] [data-live-state=connected]")
    page.screenshot(path=PICTURES / f"{name}.png")
    print(PICTURES / f"{name}.png")
    context.close()


if __name__ == "__main__":
    main()
