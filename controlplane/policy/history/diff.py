"""What changed from one version of a document to the next: objects that came, went or changed, in the words of each."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from controlplane.policy.history.wider import Reach, reach
from controlplane.policy.history.words import LONGEST, Piece, pieces
from enforcer.contract.strict_json import JsonObject, JsonValue

LISTS = {
    "grants": ("id",),
    "tools": ("name",),
    "principals": ("issuer", "subject"),
    "identity_providers": ("issuer",),
    "token_keys": (),
    "critical_patterns": (),
    "kill_switches": ("id",),
    "revoked_principals": ("issuer", "subject"),
    "revoked_tokens": (),
    "quarantined": (),
}
SINGLE = ("trust", "server", "egress_blocked")
NOUNS = {
    "grants": "grant", "tools": "tool", "principals": "principal", "identity_providers": "identity provider",
    "token_keys": "key of our own tokens",
    "critical_patterns": "risk pattern", "kill_switches": "kill switch", "revoked_principals": "revoked principal",
    "revoked_tokens": "revoked token", "quarantined": "quarantine",
    "egress_blocked": "block of all egress", "trust": "trust level", "server": "server",
}  # fmt: skip
SHOWN = 100


@dataclass(frozen=True, slots=True)
class Field:
    """A key of an object whose value changed."""

    name: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One object."""

    noun: str
    name: str
    kind: Literal["added", "removed", "changed"]
    reach: Reach
    fields: tuple[Field, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first `SHOWN`, what got wider first; `total` counts all."""

    entries: tuple[Entry, ...]
    total: int

    @property
    def more(self) -> int:
        """How many are left out."""
        return self.total - len(self.entries)


def difference(old: JsonObject, new: JsonObject) -> Difference:
    """From `old` to `new`, payloads of the same kind; numbers and times of the documents themselves say nothing."""
    found = list(_changed(old, new))
    found.sort(key=lambda row: (reach(row[0], row[2], row[3]) != "wider", row[0], row[1]))
    return Difference(tuple(_entry(*row) for row in found[:SHOWN]), len(found))


def _changed(old: JsonObject, new: JsonObject) -> Iterator[tuple[str, str, JsonValue, JsonValue]]:
    for section, keys in LISTS.items():
        before, after = _by_name(old.get(section), keys), _by_name(new.get(section), keys)
        for name in before.keys() | after.keys():
            if before.get(name) != after.get(name):
                yield section, name, before.get(name), after.get(name)
    for section in SINGLE:
        if old.get(section) != new.get(section):
            yield section, "", old.get(section), new.get(section)


def _by_name(value: JsonValue, keys: tuple[str, ...]) -> dict[str, JsonValue]:
    items = value if isinstance(value, list) else []
    return {_name(item, keys): item for item in items}


def _name(item: JsonValue, keys: tuple[str, ...]) -> str:
    if isinstance(item, dict):
        return " ".join(str(item.get(key, "")) for key in keys)
    return str(item)


def _entry(section: str, name: str, old: JsonValue, new: JsonValue) -> Entry:
    way = reach(section, old, new)
    if old is None or new is None:
        there = new if old is None else old
        kind: Literal["added", "removed"] = "added" if old is None else "removed"
        text = "" if isinstance(there, str) else _text(there)
        return Entry(NOUNS[section], name, kind, way, text=text)
    return Entry(NOUNS[section], name, "changed", way, fields=tuple(_fields(old, new)))


def _fields(old: JsonValue, new: JsonValue) -> Iterator[Field]:
    before, after = (side if isinstance(side, dict) else {} for side in (old, new))
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Field(name, tuple(pieces(_text(before.get(name)), _text(after.get(name)))))


def _text(value: JsonValue) -> str:
    """Short where it is one word, JSON otherwise; nothing for what isn't there."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
