"""What is wrong with a policy file, one line each: `FILE:LINE: KEY: what is wrong; what would be right`."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

Path = tuple[str | int, ...]
Lines = Mapping[Path, int]
SHOWN = 20
LONGEST_QUOTE = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """Something refused (or warned of) at a path; `line` only where the text could not even be read."""

    path: Path
    what: str
    right: str
    line: int | None = None


class Fault(NamedTuple):
    """What a rule finds wrong with an object; whether it is refused depends on whether it is new."""

    below: Path
    what: str
    right: str


def key_of(path: Path) -> str:
    """`("tools", 2, "risk")` → `tools[2].risk`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_shown(part)}" for part in path)
    return text.removeprefix(".") or "file"


def line_of(path: Path, lines: Lines) -> int:
    """The line of the longest written beginning of the path."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def report(problems: Iterable[Problem], *, file: str, lines: Lines) -> list[str]:
    """The lines for the operator, sorted by place, at most `SHOWN` and one that counts the rest."""
    placed = sorted({(p.line or line_of(p.path, lines), key_of(p.path), p.what, p.right) for p in problems})
    shown = [f"{file}:{line}: {key}: {what}; {right}" for line, key, what, right in placed[:SHOWN]]
    if len(placed) > SHOWN:
        shown.append(f"{file}:{placed[SHOWN][0]}: {placed[SHOWN][1]}: and {len(placed) - SHOWN} more; mend these first")
    return shown


def nearest(wrong: str, known: Iterable[str]) -> str:
    """What would be right in place of an unknown word."""
    names = sorted(known)
    close = difflib.get_close_matches(wrong, names, n=1)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(names)}"


def quoted(text: str) -> str:
    """What somebody wrote, safe in one line and not too long."""
    return repr(text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "…")


def _shown(part: str) -> str:
    plain = part.isprintable() and len(part) <= LONGEST_QUOTE and "." not in part and " " not in part
    return part if plain else quoted(part)
