"""Whatever doesn't mind which keys live rows have (``any_keys``) is true of numbers, too.

The kind of keys is a process's for as long as it runs, so each of these is one of its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Each is a run with a PostgreSQL and migrations of its own: few, and about as long as each other.
RUNS = {
    "adopting": ("tests/integration/adopting",),
    "hub": ("tests/integration/hub/test_reach.py", "tests/integration/hub/test_any_view.py"),
    "pages": ("tests/integration/pages", "tests/integration/ticketing/test_merging.py"),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", RUNS)
def test_it_holds_for_numbers(name: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "any_keys", "-p", "no:cacheprovider", *RUNS[name]],
        cwd=ROOT,
        # Shorter walks: they have been long with the other kind of keys.
        env=environment | {"LIVE_KEYS": "bigint", "STEPS": "40"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-8_000:] + run.stderr[-2_000:]
    assert " passed" in run.stdout
    assert "skipped" not in run.stdout
