"""What the workers' handlers heard in each life: their record files, read as they grow."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Records:
    directory: Path
    # Every revision heard, and how often by each path since the last ``begin()``.
    heard: set[int] = field(default_factory=set)
    by_path: Counter[str] = field(default_factory=Counter)
    # Each revision that came twice within one life, and in which.
    twice: list[str] = field(default_factory=list)
    _by_life: dict[str, set[int]] = field(default_factory=dict)
    _offsets: dict[Path, int] = field(default_factory=dict)

    def begin(self) -> None:
        """Starts a new round: resets the counts, but remembers what was heard."""
        self.read()
        self.by_path.clear()
        self.twice.clear()

    def read(self) -> None:
        for path in sorted(self.directory.glob("*.record")):
            self._read(path)

    def _read(self, path: Path) -> None:
        with path.open("rb") as file:
            file.seek(self._offsets.get(path, 0))
            data = file.read()
        # A life that was killed while writing leaves half a line and never finishes it.
        complete = data[: data.rfind(b"\n") + 1]
        self._offsets[path] = self._offsets.get(path, 0) + len(complete)
        for line in complete.decode().splitlines():
            life, revision, table, key, kind, how = line.split(" ")
            self._take(life, int(revision), f"{kind} of {table} {key}", how)

    def _take(self, life: str, revision: int, what: str, how: str) -> None:
        known = self._by_life.setdefault(life, set())
        if revision in known:
            self.twice.append(f"{revision} ({what}, {how}) in {life}")
        known.add(revision)
        self.heard.add(revision)
        self.by_path[how] += 1
