"""The code has the shape that the design promises."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.template.loader import get_template

from project.bundle import BundleError, modules_of
from project.static_files import ENTRIES
from realtime.database.tables import live_tables
from realtime.live.definition import _definitions
from realtime.models import LiveModel

ROOT = Path(__file__).parents[2]
# Who may import whom: project → crm, ticketing → realtime; ticketing may use crm, never the other way round.
FORBIDDEN = {
    "realtime": {"project", "crm", "ticketing"},
    "crm": {"project", "ticketing"},
    "ticketing": {"project"},
}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_go_one_way(package: str) -> None:
    for path in modules(package):
        wrong = imported(path) & FORBIDDEN[package]
        assert not wrong, f"{path.relative_to(ROOT)} imports {', '.join(wrong)}"


def test_the_local_realtime_server_knows_no_django() -> None:
    for path in modules("realtime/local/realtime_server"):
        assert "django" not in imported(path), path.name


def live_models() -> list[type[LiveModel]]:
    return [model for model in apps.get_models() if issubclass(model, LiveModel)]


@pytest.mark.parametrize("model", live_models(), ids=lambda model: model.__name__)
def test_every_live_model_has_taken_each_step_of_the_guide(model: type[LiveModel]) -> None:
    table = model._meta.db_table
    app = model._meta.app_label
    assert table in live_tables(), f"{table} isn't named by the app's repository (settings.REALTIME_REPOSITORIES)"
    migrations = "".join(path.read_text() for path in (ROOT / app / "migrations").glob("0*.py"))
    assert re.search(rf"""LiveTable\(\s*["']{table}["']""", migrations), f"no migration makes {table} live (LiveTable)"
    assert any(table in definition.tables for definition in _definitions.values()), f"nothing shows {table}"
    assert model._meta.ordering, f"{table} has no order"
    assert str(model._meta.ordering[-1]).lstrip("-") in ("id", "pk"), f"the order of {table} isn't total"


STATIC = ROOT / "static"
# Loaded by a plain <script>, or by the browser as the service worker.
NO_MODULES = {"js/theme.js", "js/timezone.js", "js/service-worker.js"}


def module_scripts() -> dict[str, set[str]]:
    """The modules that pages load by themselves, and the templates that say so."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "templates").rglob("*.html"):
        for name in re.findall(r"""<script type="module" src="{% static '([^']+)' %}">""", path.read_text()):
            found.setdefault(name, set()).add(str(path.relative_to(ROOT / "templates")))
    return found


def test_every_module_can_be_bundled() -> None:
    """Each entry becomes one script with what it imports, by a bundler that knows only our style."""
    bundled: set[str] = set()
    for entry in ENTRIES:
        try:
            bundled |= set(modules_of(entry, lambda name: (STATIC / name).read_text()))
        except BundleError as error:
            pytest.fail(f"{error}. project/bundle.py says in which style modules are written.")
    written = {str(path.relative_to(STATIC)) for path in (STATIC / "js").rglob("*.js")}
    assert bundled == written - NO_MODULES, "no page has these: import them in an entry (ENTRIES), or remove them"


def test_every_script_of_a_page_is_bundled() -> None:
    assert set(module_scripts()) == set(ENTRIES), "name what pages load as a module in project/static_files.py: ENTRIES"


def test_a_module_runs_once_on_a_page() -> None:
    """What two bundles hold would run twice on a page that has both, with two states."""

    def modules(entry: str) -> set[str]:
        return set(modules_of(entry, lambda name: (STATIC / name).read_text()))

    def frames(name: str) -> Iterator[str]:
        """The template and those that it extends, whatever a view may choose."""
        yield name
        text = Path(get_template(name).origin.name).read_text()
        if extends := re.search(r"""{% extends [^"%]*"([^"]+)" %}""", text):
            yield from frames(extends[1])

    scripts = module_scripts()
    for entry, templates in scripts.items():
        on_page = {frame for template in templates for frame in frames(template)}
        for other in scripts.keys() - {entry}:
            twice = modules(entry) & modules(other)
            assert not (on_page & scripts[other] and twice), f"{entry} and {other} are on one page, both with {twice}"


def test_html_enters_the_page_in_one_file_only() -> None:
    for path in (ROOT / "static/js").rglob("*.js"):
        if path.name != "live-patch.js":
            assert not re.search(r"innerHTML|outerHTML\s*=|insertAdjacentHTML|document\.write", path.read_text()), path


def test_no_template_holds_inline_script_or_style() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:", text), path
        for script in re.findall(r"<script[^>]*>", text):
            assert "src=" in script, path
        assert "|safe" not in text, path
        assert "autoescape off" not in text, path
