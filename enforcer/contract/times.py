"""Times in documents and receipts: RFC 3339, UTC, milliseconds, `Z`. In the programs: float seconds since 1970."""

import re
from datetime import UTC, datetime

_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")


def to_text(seconds: float) -> str:
    """`1700000000.5` → `2023-11-14T22:13:20.500Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_text(text: str) -> float:
    """The inverse; raises `ValueError` for any other shape."""
    if not _SHAPE.fullmatch(text):
        raise ValueError(f"{text!r} is not a time like 2026-01-31T12:00:00Z")
    return datetime.fromisoformat(text).timestamp()
