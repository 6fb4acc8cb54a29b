"""Nothing goes past URL_PREFIX: every address of the portal is below its root, wherever that is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("crm", "ticketing", "realtime", "project")
# They call a portal that they have started themselves, at the root.
THEIR_OWN_PORTAL = tuple(ROOT / name for name in ("project/bench", "project/chaos", "project/demo", "realtime/local"))
# A path of the portal's, right behind a quote: "/crm/…", '/sw.js', `/ws/${…}`.
PARTS = r"(?:crm|ticketing|admin|static|ws|history|drafts|bulk|writes|notifications|profile|account|search|sign-)"
ABSOLUTE = re.compile(
    rf"""(?<!`)["'`(]/(?:{PARTS}\b[^"'`]*/|(?:sw\.js|healthz|readyz|metrics|offline/|favicon)[^"'`]*)["'`$)](?!`)"""
)
ROOT_ALONE = re.compile(r"""(?:href|src|action)="/[^/]|(?:assign|open|fetch|redirect)\(["'`]/""")
COOKIE = re.compile(r"set_cookie\(((?:[^()]|\([^()]*\))*)\)")
KEPT = re.compile(r"""(\w*)\(?["'`]livedesk[-. ]""")


def without_docstrings(text: str) -> str:
    return re.sub(r'"""(?:.|\n)*?"""', "", text)


def sources(suffix: str, *folders: str) -> list[Path]:
    found = (path for folder in folders for path in (ROOT / folder).rglob(f"*{suffix}"))
    return [path for path in found if "vendor" not in path.parts and not set(path.parents) & set(THEIR_OWN_PORTAL)]


PYTHON = [path for path in sources(".py", *FOLDERS) if "migrations" not in path.parts]
TEMPLATES = sources(".html", "templates", *FOLDERS)
SCRIPTS = sources(".js", "static/js")


@pytest.mark.parametrize(
    "line", ['fetch("/crm/products/")', "const A = `/ws/live/`", 'path = "/healthz"', '<a href="/admin">']
)
def test_an_address_past_the_prefix_is_found(line: str) -> None:
    assert ABSOLUTE.search(line) or ROOT_ALONE.search(line)


def test_no_address_goes_past_the_prefix() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in (*PYTHON, *TEMPLATES, *SCRIPTS)
        for line in without_docstrings(path.read_text()).splitlines()
        if ABSOLUTE.search(line) or ROOT_ALONE.search(line)
    ]
    assert not found, "use reverse(), {% url %}, or at() of static/js/root.js"


def test_what_a_browser_keeps_for_the_whole_host_has_a_name_of_its_own() -> None:
    """Two portals on one host share storage, caches and locks."""
    found = [
        f"{path.name}: {match[0]}"
        for path in SCRIPTS
        if path.name not in ("service-worker.js", "root.js")
        for match in KEPT.finditer(path.read_text())
        if match[1] != "own"
    ]
    assert not found, "put the name into own() of static/js/root.js"


def test_every_cookie_says_its_path() -> None:
    for path in PYTHON:
        for match in COOKIE.finditer(path.read_text()):
            assert "path=settings.URL_PREFIX" in match[1], f"{path.relative_to(ROOT)}: {match[0]}"
