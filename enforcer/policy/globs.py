"""Globs of grants and targets (CONTRACTS section 5), on the whole name.

`*` is any run of characters, `/` included, `?` is one, nothing else is special. The leftmost place of each piece
between two stars is always a right one, so no choice is undone: time is at most pattern length times name length.
"""

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Glob:
    """A compiled pattern: the pieces between its stars."""

    head: str
    middle: tuple[str, ...]
    tail: str | None  # none: the pattern has no star

    def matches(self, name: str) -> bool:
        """Whether the pattern fits the whole name, byte for byte."""
        if self.tail is None:
            return len(name) == len(self.head) and _fits(self.head, name, 0)
        end = len(name) - len(self.tail)
        at = len(self.head)
        if at > end or not _fits(self.head, name, 0) or not _fits(self.tail, name, end):
            return False
        for piece in self.middle:
            found = _find(piece, name, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True


@lru_cache(maxsize=4096)
def compile_glob(pattern: str) -> Glob:
    """Every text is a pattern."""
    head, *rest = pattern.split("*")
    if not rest:
        return Glob(head, (), None)
    return Glob(head, tuple(piece for piece in rest[:-1] if piece), rest[-1])


def is_plain(pattern: str) -> bool:
    """Whether it fits nothing but itself."""
    return "*" not in pattern and "?" not in pattern


def matches(pattern: str, name: str) -> bool:
    """Whether the pattern fits the whole name."""
    return compile_glob(pattern).matches(name)


def _find(piece: str, name: str, start: int, end: int) -> int:
    if "?" not in piece:
        return name.find(piece, start, end)
    return next((at for at in range(start, end - len(piece) + 1) if _fits(piece, name, at)), -1)


def _fits(piece: str, name: str, at: int) -> bool:
    if "?" not in piece:
        return name.startswith(piece, at)
    return all(wanted in ("?", got) for wanted, got in zip(piece, name[at : at + len(piece)], strict=True))
