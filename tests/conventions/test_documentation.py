"""What the documents say is true."""

import re
from pathlib import Path

import pytest

from project.web_server import WebServer, command

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_and_command_named_exists(document: Path) -> None:
    text = document.read_text()
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"
    for path in re.findall(
        r"`((?:bin|realtime|crm|ticketing|project|tests|static|templates|docs|deploy)/[\w./-]*[\w/])`", text
    ):
        assert (ROOT / path).exists(), f"{document.name} names {path}"
    for name in re.findall(r"manage\.py ([a-z_]+)", text):
        ours = [*ROOT.glob(f"*/management/commands/{name}.py")]
        assert ours or name in {"migrate", "createsuperuser", "collectstatic", "check", "shell", "clearsessions"}, name


def test_every_requirement_says_why_it_is_there() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text().splitlines():
            if line and not line.startswith(("-", "#")):
                assert re.search(r"==.*# \S", line), f"{name}: {line}"


def test_every_setting_is_explained() -> None:
    settings = (ROOT / "project/settings.py").read_text()
    example = (ROOT / ".env.example").read_text()
    for name in re.findall(r"""env\.\w+\(\s*"([A-Z_]+)\"""", settings):
        assert name in example, f"{name} isn't in .env.example"


def test_nothing_is_left_undone_in_the_code() -> None:
    for package in ("project", "crm", "ticketing", "realtime", "static/js", "static/css", "templates"):
        for path in (ROOT / package).rglob("*"):
            if path.suffix in {".py", ".js", ".css", ".html"}:
                assert not re.search(r"\b(TODO|FIXME|XXX)\b|console\.log", path.read_text()), path


@pytest.mark.parametrize("server", WebServer)
def test_web_processes_are_started_as_the_documents_say(server: WebServer) -> None:
    told = " ".join(command(server, "127.0.0.1", 8000)[1:])
    assert told in (ROOT / "docs/SUPABASE.md").read_text()
    assert told in (ROOT / "README.md").read_text() or server is WebServer.UVICORN
