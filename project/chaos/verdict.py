"""What was expected of a round, and what came of it."""

from collections import Counter
from dataclasses import dataclass, field

LISTED = 5


@dataclass
class Round:
    """One seed's storm and what was seen after it. ``reasons()`` is empty when nothing was wrong."""

    seed: int
    with_realtime: bool
    injected: Counter[str] = field(default_factory=Counter)
    history: list[str] = field(default_factory=list)
    writes: Counter[str] = field(default_factory=Counter)
    # Committed revisions with their descriptions, and the revisions that handlers heard.
    committed: dict[int, str] = field(default_factory=dict)
    heard: set[int] = field(default_factory=set)
    by_path: Counter[str] = field(default_factory=Counter)
    twice: list[str] = field(default_factory=list)
    divergent: list[str] = field(default_factory=list)
    unwanted_logs: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    growth: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    through_realtime: int = 0
    takeovers: int = 0
    connections: int = 0
    healed: list[float] = field(default_factory=list)
    watched: int = 0
    seconds: float = 0.0
    log_tails: str = ""

    @property
    def lost(self) -> list[int]:
        return sorted(self.committed.keys() - self.heard)

    @property
    def phantoms(self) -> list[int]:
        """Heard, but in no committed transaction."""
        first = min(self.committed, default=0)
        return sorted(revision for revision in self.heard - self.committed.keys() if revision >= first > 0)

    def reasons(self) -> list[str]:
        found = []
        if self.lost:
            found.append(f"{len(self.lost)} changes LOST: {_some([self.committed[number] for number in self.lost])}")
        if self.phantoms:
            found.append(f"{len(self.phantoms)} changes heard that nobody committed: {_some(self.phantoms)}")
        if self.twice:
            found.append(f"{len(self.twice)} changes TWICE in one worker's life: {_some(self.twice)}")
        if self.divergent:
            found.append(f"{len(self.divergent)} of {self.watched} DIVERGENT: {_some(self.divergent)}")
        if self.with_realtime and self.through_realtime == 0 and self.by_path["realtime"] == 0:
            found.append("no event came through Realtime")
        found += [f"in the log {told}" for told in self.unwanted_logs]
        found += [f"a process ended: {told}" for told in self.ended]
        found += [f"growth: {told}" for told in self.growth]
        if self.problems:
            found.append(f"{len(self.problems)} problems: {_some(self.problems)}")
        return found


def _some(things: list[str] | list[int]) -> str:
    more = f" and {len(things) - LISTED} more" if len(things) > LISTED else ""
    return "\n      " + "\n      ".join(map(str, things[:LISTED])) + more
