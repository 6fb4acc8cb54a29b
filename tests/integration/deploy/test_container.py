"""The image and the compose file name only what is there. No registry is asked: they are read, not built."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from project.web_server import WebServer, command
from realtime.local.process import REPOSITORY

FOLDER = REPOSITORY / "deploy/container"
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PORTALS = [name for name, service in SERVICES.items() if service["image"].startswith("livedesk:")]
SETTINGS = set(re.findall(r"^([A-Z_0-9]+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE))
IGNORED = (FOLDER / "Dockerfile.dockerignore").read_text().split()


def instructions(name: str) -> list[str]:
    whole = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{name} (.*)$", whole, re.MULTILINE)


def test_what_the_image_copies_is_there() -> None:
    sources = []
    for copied in instructions("COPY"):
        words = [word for word in shlex.split(copied) if not word.startswith("--")]
        if "--from" not in copied:
            sources += words[:-1]
    assert sources
    for source in sources:
        assert (REPOSITORY / source).exists(), source
        assert source not in IGNORED
    packages = {path.parent.name for path in REPOSITORY.glob("*/__init__.py")} - {"tests"}
    assert packages <= set(sources)


def test_the_image_runs_as_somebody_who_owns_nothing_else() -> None:
    (user,) = instructions("USER")
    assert user not in ("root", "0")
    assert re.search(rf"useradd .*\b{user}\b", DOCKERFILE.replace("\\\n", " "))
    assert DOCKERFILE.index("\nUSER") > DOCKERFILE.index("\nRUN useradd")


def test_the_image_says_whether_it_is_well_and_starts_as_the_tests_do() -> None:
    assert len(instructions("HEALTHCHECK")) == 1
    (port,) = instructions("EXPOSE")
    (start,) = instructions("CMD")
    assert ["-m", *json.loads(start)] == command(WebServer.UVICORN, "0.0.0.0", int(port))
    assert f"127.0.0.1:{port}'" in instructions("HEALTHCHECK")[0]


@pytest.mark.parametrize("name", PORTALS)
def test_a_process_of_the_portal_may_do_little_and_has_settings_that_exist(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["env_file"] == "environment"
    assert set(service["environment"]) <= SETTINGS
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")


def test_there_are_two_of_each_and_they_wait_for_what_they_need() -> None:
    assert sorted(PORTALS) == ["migrate", "web-1", "web-2", "worker-1", "worker-2"]
    for name, service in SERVICES.items():
        for needed in service.get("depends_on", {}):
            assert needed in SERVICES, f"{name} needs {needed}"
        if name not in ("migrate", "nginx"):
            assert "healthcheck" in service or name.startswith("web-"), name


def test_nginx_has_the_shipped_files_and_finds_the_web_processes() -> None:
    mounted = dict(volume.split(":")[:2] for volume in SERVICES["nginx"]["volumes"])
    for source in mounted:
        if source.startswith(".") and source != "./certificates":
            assert (FOLDER / source).resolve().is_file(), source
    shipped = {path.name for path in (REPOSITORY / "deploy/nginx").glob("*.conf")}
    assert {Path(source).name for source in mounted if source.endswith(".conf")} == shipped
    named = set(re.findall(r"server ([\w-]+):8000 ", (FOLDER / "upstream.conf").read_text()))
    assert named == {name for name in SERVICES if name.startswith("web-")}


def test_volumes_are_declared() -> None:
    named = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert {name for name in named if not name.startswith(".")} == set(COMPOSE["volumes"])
