"""Vendored files are what they say they are."""

import hashlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "static/vendor", ROOT / "tests/browser/vendor")


def test_checksums_versions_and_licences() -> None:
    done = subprocess.run([sys.executable, ROOT / "bin/vendor", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_every_vendored_file_is_in_the_manifest(folder: Path) -> None:
    text = (folder / "manifest.toml").read_text()
    tomllib.loads(text)
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "manifest.toml":
            assert hashlib.sha256(path.read_bytes()).hexdigest() in text, path
