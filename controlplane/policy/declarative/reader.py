"""Typed reading of one mapping of the file. What is wrong is collected, a stand-in returned, and reading goes on.

Every key that is asked for is a known one; `finish` refuses the rest. So the code that reads a section is its schema.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeVar

from controlplane.policy.declarative.problems import Path, Problem, nearest, quoted
from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.contract.targets import ID

T = TypeVar("T")
_NAMES = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a whole number"}
_NAMES[float] = "a number"
_CLOCK = r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[-+][0-9]{2}:[0-9]{2})"
_TIME = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}({_CLOCK})?")
MAX_TEXT = 255
MAX_NUMBER = 2**31 - 1


class Reader:
    """One mapping at `path`; problems go to the list shared by the whole file."""

    def __init__(self, value: JsonValue, path: Path, problems: list[Problem]) -> None:
        self.path = path
        self.problems = problems
        self.flawed = False
        self._value: JsonObject = value if isinstance(value, dict) else {}
        self._known: set[str] = set()
        self._whole = isinstance(value, dict)
        if not self._whole:
            self.wrong((), f"is {kind_of(value)}", "a mapping of keys and values")

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def wrong(self, key: str | Path, what: str, right: str) -> None:
        """Refuse what stands at the key (or at a path below this mapping)."""
        self.flawed = True
        below: Path = (key,) if isinstance(key, str) else key
        self.problems.append(Problem((*self.path, *below), what, right))

    def raw(self, key: str) -> JsonValue:
        """As written; None where it is absent."""
        self._known.add(key)
        return self._value.get(key)

    def text(self, key: str, *, default: str | None = None, longest: int = MAX_TEXT, free: bool = False) -> str:
        """One line without control characters (`free`: as many as wanted); required without a default."""
        value = self._typed(key, str, required=default is None)
        if value is None:
            return default or ""
        if not value.strip() and default != value:
            self.wrong(key, "is empty", "write it, or leave the key out" if default is not None else "write it")
        elif len(value) > longest:
            self.wrong(key, f"has {len(value)} characters", f"at most {longest}")
        elif not free and not value.isprintable():
            self.wrong(key, "has characters that can't be seen", "one line of printable text")
        return value

    def ident(self, key: str, *, default: str | None = None) -> str:
        """An id of CONTRACTS section 3."""
        value = self.text(key, default=default)
        if value and not ID.fullmatch(value):
            self.wrong(
                key, f"{quoted(value)} is no id", "small letters, digits, - and _, at most 63, no - or _ in front"
            )
        return value

    def choice(self, key: str, options: Iterable[str], *, default: str | None = None) -> str:
        """One of the words."""
        words = list(options)
        value = self._typed(key, str, required=default is None)
        if value is not None and value not in words:
            self.wrong(key, f"{quoted(value)} is unknown", f"one of {', '.join(words)}")
            value = None
        return str(value if value is not None else (default if default is not None else words[0]))

    def whole(self, key: str, *, default: int) -> int:
        """A whole number from 1 to 2^31-1."""
        value = self._typed(key, int)
        if value is not None and not 1 <= value <= MAX_NUMBER:
            self.wrong(key, f"{value} is out of range", f"1 to {MAX_NUMBER}")
        return default if value is None else value

    def flag(self, key: str) -> bool:
        """False where it is absent."""
        return self._typed(key, bool) or False

    def mapping(self, key: str) -> JsonObject | None:
        """An object of free form, a schema for example."""
        return self._typed(key, dict)

    def texts(self, key: str) -> list[str] | None:
        """A list of texts; None where it is absent."""
        found = self._typed(key, list)
        for number, item in enumerate(found or []):
            if not isinstance(item, str):
                self.wrong((key, number), f"is {kind_of(item)}", "text")
            elif not item or not item.isprintable() or len(item) > MAX_TEXT:
                self.wrong((key, number), f"{quoted(item)} is empty, too long or not printable", "one line of text")
        return None if found is None else [item for item in found if isinstance(item, str)]

    def time(self, key: str) -> datetime | None:
        """RFC 3339; a date alone is its first moment in UTC."""
        value = self._typed(key, str)
        if value is None:
            return None
        try:
            made = datetime.fromisoformat(value) if _TIME.fullmatch(value) else None
        except ValueError:
            made = None
        if made is None or not 1970 <= made.year <= 9000:
            self.wrong(key, f"{quoted(value)} is no time", "a time like 2027-01-31T12:00:00Z")
            return None
        return made if made.tzinfo else made.replace(tzinfo=UTC)

    def child(self, key: str) -> "Reader | None":
        """The mapping under the key."""
        self._known.add(key)
        return Reader(self._value[key], (*self.path, key), self.problems) if key in self._value else None

    def children(self, key: str) -> "list[Reader]":
        """The mappings in the list under the key."""
        items = self._typed(key, list) or []
        return [Reader(item, (*self.path, key, number), self.problems) for number, item in enumerate(items)]

    def not_served(self, key: str, *, right: str = "leave it out", empty: JsonValue = None) -> None:
        """A key of the contract that this version can't serve yet; `empty` is a value that asks for nothing."""
        self._known.add(key)
        if key in self._value and self._value[key] != empty:
            self.wrong(key, f"{key} is not served by this version", right)

    def finish(self) -> None:
        """Refuse keys that nobody asked for."""
        for key in self._value.keys() - self._known:
            self.wrong(key, "unknown key", nearest(key, self._known))

    def _typed(self, key: str, kind: type[T], *, required: bool = False) -> T | None:
        self._known.add(key)
        if key not in self._value:
            if required and self._whole:
                self.wrong(key, "is missing", f"write {key}: and {_NAMES[kind]}")
            return None
        value = self._value[key]
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
        quotes = "; put it in quotes" if kind is str and value is not None else ""
        self.wrong(key, f"is {kind_of(value)}", _NAMES[kind] + quotes)
        return None


def kind_of(value: JsonValue) -> str:
    """For people."""
    return "empty" if value is None else _NAMES[type(value)]
