"""systemd takes the units, and what they may do is little."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from project.web_server import WebServer, command
from realtime.local.process import REPOSITORY

SHIPPED = REPOSITORY / "deploy/systemd"
UNITS = sorted(path.name for path in SHIPPED.iterdir())
SERVICES = [name for name in UNITS if name.endswith(".service")]
HOME = "/opt/livedesk/current"
# Out of 100, where 0 is an ideal that nothing with a network reaches.
MOST_EXPOSED = 20


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with commands that are there: ``systemd-analyze`` asks whether they can be run."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name in UNITS:
        text = re.sub(rf"(Exec\w+=)(?:{HOME}|/usr/bin/curl)\S*", rf"\1{program}", (SHIPPED / name).read_text())
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("name", UNITS)
def test_systemd_has_nothing_to_say(name: str, units: Path, need: Callable[[str, str], str]) -> None:
    analyze = need("systemd-analyze", "systemd")
    unit = name.replace("@.", "@1.")
    if unit != name:
        (units / unit).write_text((units / name).read_text())
    done = subprocess.run(
        [analyze, "verify", "--man=no", f"./{unit}"], cwd=units, capture_output=True, text=True, timeout=60
    )
    told = [line for line in (done.stdout + done.stderr).splitlines() if "livedesk" in line]
    assert (done.returncode, told) == (0, []), done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_little(name: str, units: Path, need: Callable[[str, str], str]) -> None:
    analyze = need("systemd-analyze", "systemd")
    command = [analyze, "security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}", f"./{name}"]
    done = subprocess.run(command, cwd=units, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_what_is_there(name: str) -> None:
    text = (SHIPPED / name).read_text()
    assert "User=livedesk\n" in text
    assert "EnvironmentFile=/etc/livedesk/environment\n" in text
    (start,) = re.findall(rf"^ExecStart={HOME}/(.*)$", text, re.MULTILINE)
    program, *arguments = start.replace("%i", "8001").split()
    if program == ".venv/bin/uvicorn":
        assert ["-m", "uvicorn", *arguments] == command(WebServer.UVICORN, "127.0.0.1", 8001)
    elif program == ".venv/bin/python":
        assert arguments[0] == "manage.py"
        ours = [*REPOSITORY.glob(f"*/management/commands/{arguments[1]}.py")]
        assert ours or arguments[1] == "clearsessions"
    else:
        assert (REPOSITORY / program).stat().st_mode & 0o100


def test_a_timer_has_its_service() -> None:
    for name in UNITS:
        if name.endswith(".timer"):
            assert name.replace(".timer", ".service") in UNITS
