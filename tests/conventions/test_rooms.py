"""The rooms of the engine: who may import whom, and that each says what is in it."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

import realtime

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "realtime"
# Besides itself and what lies beside the rooms, a room may import only these.
ALLOWED = {
    "database": set(),
    "upstream": set(),
    "status": set(),
    "live": {"database"},
    "hub": {"live", "database", "status"},
    "pages": {"live", "database", "webhooks"},
    "worker": {"upstream", "database", "status", "webhooks"},
    "webhooks": {"database"},
    "operating": {"upstream", "database", "status"},
    "adopting": {"database"},
    "local": set(),
}
# Django's own places; they bring rooms together.
WIRING = {"apps", "admin", "urls", "routing", "management", "migrations", "templatetags"}
# Those that run a stack of services on one machine.
LOCAL_USERS = ("project/demo", "project/bench", "project/chaos", "tests")


def imported_modules(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from realtime.hub import wire` names a module too.
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def rooms_imported(path: Path) -> set[str]:
    parts = (name.split(".") for name in imported_modules(path) if name.startswith("realtime."))
    return {part[1] for part in parts} & ALLOWED.keys()


def test_every_folder_of_the_engine_is_a_room_or_wiring() -> None:
    folders = {path.name for path in ENGINE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders - WIRING == ALLOWED.keys()


@pytest.mark.parametrize("room", ALLOWED)
def test_imports_between_rooms_go_one_way(room: str) -> None:
    for path in sorted((ENGINE / room).rglob("*.py")):
        wrong = rooms_imported(path) - ALLOWED[room] - {room}
        assert not wrong, f"{path.relative_to(ROOT)} imports {', '.join(sorted(wrong))}; {room} may not"


def test_what_rooms_share_imports_no_room() -> None:
    for path in sorted(ENGINE.glob("*.py")):
        if path.stem not in WIRING:
            assert not rooms_imported(path), f"{path.relative_to(ROOT)} imports {rooms_imported(path)}"


def test_only_those_who_run_services_import_the_local_ones() -> None:
    for package in ("realtime", "crm", "ticketing", "project"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if not name.startswith(("realtime/local/", *LOCAL_USERS)):
                assert "local" not in rooms_imported(path), f"{name} imports realtime.local"


def named_in(text: str | None) -> set[str]:
    return set(re.findall(r"``([a-z_]+\.py)``", text or ""))


def test_the_journey_names_every_room_and_every_file_beside_them() -> None:
    journey = realtime.__doc__ or ""
    assert set(re.findall(r"``([a-z]+)/``", journey)) == ALLOWED.keys()
    assert named_in(journey) == {path.name for path in ENGINE.glob("*.py")}
    for script in re.findall(r"``((?:static/js/live/)?[a-z-]+\.js)``", journey):
        assert list((ROOT / "static/js/live").glob(Path(script).name)), script


@pytest.mark.parametrize("room", [*ALLOWED, "operating/check"])
def test_a_room_names_every_file_in_it_and_no_other(room: str) -> None:
    files = {path.name for path in (ENGINE / room).glob("*.py")} - {"__init__.py"}
    assert named_in(import_module(f"realtime.{room.replace('/', '.')}").__doc__) == files
