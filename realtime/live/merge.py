"""Two people's changes to one row put together, field by field (design rule 30). Pure: knows no forms, no database.

In: what a field was when somebody began, what they make of it, and what it is by now. Out: what it becomes, or that
only a person can say.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

# What a field was, where the change log doesn't go back so far.
UNKNOWN: Final = object()

# Comparing takes a time that grows faster than the text, and nobody edits so many paragraphs at once.
PARAGRAPHS_LIMIT = 300

# A paragraph with the empty lines before it, so that one added at the end touches no other.
_PARAGRAPH = re.compile(r"(?=\n[ \t]*\n)(?<!\n)")


class Verdict(StrEnum):
    """``KEPT``: mine; ``TAKEN``: theirs; ``WOVEN``: a text with both; ``CONFLICT``: somebody has to choose."""

    KEPT = "kept"
    TAKEN = "taken"
    WOVEN = "woven"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Merged:
    """In a conflict, the value is mine."""

    verdict: Verdict
    value: Any


def merge(base: Any, mine: Any, theirs: Any, *, is_text: bool = False) -> Merged:
    """``base`` may be ``UNKNOWN``: then every difference is a conflict."""
    if mine == theirs or (base is not UNKNOWN and mine == base):
        return Merged(Verdict.TAKEN, theirs)
    if base is not UNKNOWN and theirs == base:
        return Merged(Verdict.KEPT, mine)
    if is_text and all(isinstance(text, str) for text in (base, mine, theirs)):
        woven = merge_texts(base, mine, theirs)
        if woven is not None:
            return Merged(Verdict.WOVEN, woven)
    return Merged(Verdict.CONFLICT, mine)


def merge_texts(base: str, mine: str, theirs: str) -> str | None:
    """Both people's paragraphs; None where both changed the same one, or added something at the same place."""
    paragraphs = _paragraphs(base)
    ours, others = _paragraphs(mine), _paragraphs(theirs)
    if max(len(paragraphs), len(ours), len(others)) > PARAGRAPHS_LIMIT:
        return None
    hunks = {*_hunks(paragraphs, ours), *_hunks(paragraphs, others)}
    ordered = sorted(hunks, key=lambda hunk: (hunk.start, hunk.end))
    if any(one.meets(other) for one, other in pairwise(ordered)):
        return None
    woven: list[str] = []
    position = 0
    for hunk in ordered:
        woven += [*paragraphs[position : hunk.start], *hunk.put]
        position = hunk.end
    return "".join([*woven, *paragraphs[position:]])


@dataclass(frozen=True, slots=True)
class _Hunk:
    """What one person put in the place of the paragraphs from ``start`` to before ``end``."""

    start: int
    end: int
    put: tuple[str, ...]

    def meets(self, later: "_Hunk") -> bool:
        if self.start == self.end or later.start == later.end:
            # Something was added: beside another change nobody knows which comes first.
            return later.start <= self.end
        return later.start < self.end


def _paragraphs(text: str) -> list[str]:
    return [part for part in _PARAGRAPH.split(text) if part]


def _hunks(base: list[str], changed: list[str]) -> Iterator[_Hunk]:
    for tag, start, end, first, last in SequenceMatcher(None, base, changed, autojunk=False).get_opcodes():
        if tag != "equal":
            yield _Hunk(start, end, tuple(changed[first:last]))
