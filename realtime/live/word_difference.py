"""How a text became another, word by word."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
# Comparing takes the square of this in the worst case.
MOST_WORDS = 3_000
# Of what stayed the same, so much is shown beside a change.
CONTEXT = 60
LEFT_OUT = " … "


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text; ``what`` is "same", "gone" or "new"."""

    what: str
    text: str


@lru_cache(maxsize=512)
def word_difference(was: str, now: str) -> tuple[Piece, ...]:
    """The pieces of both texts in reading order; of long stretches that stayed, only the ends."""
    before, after = _WORDS.findall(was), _WORDS.findall(now)
    if max(len(before), len(after)) > MOST_WORDS:
        return tuple(piece for piece in (Piece("gone", was), Piece("new", now)) if piece.text)
    return tuple(_shortened(list(_pieces(before, after))))


def _pieces(before: list[str], after: list[str]) -> Iterator[Piece]:
    for tag, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Piece("same", "".join(before[i:j]))
            continue
        if i < j:
            yield Piece("gone", "".join(before[i:j]))
        if k < m:
            yield Piece("new", "".join(after[k:m]))


def _shortened(pieces: list[Piece]) -> Iterator[Piece]:
    for index, piece in enumerate(pieces):
        text = piece.text
        if piece.what == "same":
            is_first, is_last = index == 0, index == len(pieces) - 1
            if is_first and len(text) > CONTEXT:
                text = LEFT_OUT + text[-CONTEXT:]
            elif is_last and len(text) > CONTEXT:
                text = text[:CONTEXT] + LEFT_OUT
            elif len(text) > 2 * CONTEXT:
                text = text[:CONTEXT] + LEFT_OUT + text[-CONTEXT:]
        yield Piece(piece.what, text)
