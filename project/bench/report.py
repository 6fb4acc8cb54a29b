"""Figures as tables: for people, as JSON, and for docs/PERFORMANCE.md."""

import json
import os
import platform
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Table:
    title: str
    rows: list[dict[str, Any]]
    note: str = ""

    def __str__(self) -> str:
        names = list(self.rows[0])
        cells = [names, *([_text(row[name]) for name in names] for row in self.rows)]
        widths = [max(len(line[place]) for line in cells) for place in range(len(names))]
        lines = [
            "  ".join(
                cell.ljust(width) if not place else cell.rjust(width) for place, (cell, width) in enumerate(pairs)
            )
            for pairs in (list(zip(line, widths, strict=True)) for line in cells)
        ]
        return "\n".join([self.title, *lines, self.note]).rstrip() + "\n"

    def markdown(self) -> str:
        names = list(self.rows[0])
        lines = [f"| {' | '.join(names)} |", "|---" + "|---:" * (len(names) - 1) + "|"]
        lines += [f"| {' | '.join(_text(row[name]) for name in names)} |" for row in self.rows]
        return f"### {self.title}\n\n" + "\n".join(lines) + (f"\n\n{self.note}" if self.note else "") + "\n"


def _text(value: Any) -> str:
    return "–" if value is None else f"{value:,}" if isinstance(value, int | float) else str(value)


def middle(values: Iterable[float]) -> float:
    return statistics.median(list(values))


def spread(values: Iterable[float]) -> str:
    """From the smallest to the largest."""
    known = list(values)
    return f"{min(known):.1f} to {max(known):.1f}"


def machine() -> str:
    """One sentence."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GB of memory, Linux {platform.release()}, Python"
        f" {platform.python_version()}; load {load:.1f} when it began. Everything ran on this one machine."
    )


def as_json(tables: Iterable[Table]) -> str:
    return json.dumps([asdict(table) for table in tables], ensure_ascii=False)


def from_json(text: str) -> list[Table]:
    return [Table(**told) for told in json.loads(text)]
