"""Where a key stands in a TOML text, so that an error can name its line. `tomllib` reads the values."""

import re

Path = tuple[str | int, ...]
_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""\s*(?:"([^"]+)"|'([^']+)'|([A-Za-z0-9_-]+))\s*[=.]""")


def line_of(text: str, path: Path) -> int:
    """The line (from 1) of the longest written beginning of `path`; 1 where nothing of it is written."""
    places = _places(text)
    for length in range(len(path), 0, -1):
        if path[:length] in places:
            return places[path[:length]]
    return 1


def _places(text: str) -> dict[Path, int]:
    places: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            table = _enter(header.group(2), repeated=header.group(1) == "[[", counts=counts)
            places.setdefault(table, number)
        elif key := _KEY.match(line):
            name = key.group(1) or key.group(2) or key.group(3)
            places.setdefault((*table, name), number)
    return places


def _enter(header: str, *, repeated: bool, counts: dict[Path, int]) -> Path:
    names: Path = tuple(part.strip().strip("\"'") for part in header.split("."))
    if not repeated:
        return names
    counts[names] = counts.get(names, -1) + 1
    return (*names, counts[names])
