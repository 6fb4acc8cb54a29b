"""Switches the faults of the weak layer, from outside the processes that use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHARE = 0.4


class Weakness:
    """``environment`` is for a process whose layer is weak while ``on()``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.environment = {"DJANGO_SETTINGS_MODULE": "tests.weak_layer.settings", "WEAK_LAYER": str(path)}
        path.write_text("0")

    @contextmanager
    def on(self) -> Iterator[None]:
        self._path.write_text(str(SHARE))
        yield
        self._path.write_text("0")
