"""Old beside new, word by word."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

LONGEST = 1000
MOST_PAIRS = 10_000  # finding the shortest way through takes time by pairs of words, and texts are anybody's
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of words that stayed, went or came."""

    kind: Literal["same", "gone", "new"]
    text: str


def pieces(old: str, new: str) -> list[Piece]:
    """What one reads from old to new; texts of more than `LONGEST` characters are cut first."""
    before, after = _WORD.findall(old[:LONGEST]), _WORD.findall(new[:LONGEST])
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    stop, until = len(before) - end, len(after) - end
    middle = _between(before[start:stop], after[start:until])
    made = [Piece("same", "".join(before[:start])), *middle, Piece("same", "".join(before[stop:]))]
    return [piece for piece in made if piece.text]


def _common(before: Sequence[str], after: Sequence[str]) -> int:
    pairs = enumerate(zip(before, after, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(before), len(after)))


def _between(before: Sequence[str], after: Sequence[str]) -> list[Piece]:
    if len(before) * len(after) > MOST_PAIRS:
        return [Piece("gone", "".join(before)), Piece("new", "".join(after))]
    made: list[Piece] = []
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            made.append(Piece("same", "".join(before[a:b])))
        else:
            made += [Piece("gone", "".join(before[a:b])), Piece("new", "".join(after[c:d]))]
    return made
