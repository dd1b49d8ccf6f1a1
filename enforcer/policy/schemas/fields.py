"""Which fields a schema names at each place: what a value has beyond them, what a constraint asks beyond them.

A field counts as named where any member of anyOf, oneOf, if … names it: what is reported here is unknown for certain.
"""

from collections.abc import Iterable, Iterator

from enforcer.contract.strict_json import JsonValue
from enforcer.policy.pointers import EACH, Place
from enforcer.policy.schemas.engine import fits
from enforcer.policy.schemas.facts import Facts
from enforcer.policy.schemas.node import Flat, Node

_Position = tuple[Node, ...]


class Fields:
    """The fields of one schema as written."""

    def __init__(self, flat: Flat) -> None:
        self.facts = Facts(flat)
        self.root = flat.root

    def is_open(self, position: _Position, *, root: bool = False) -> bool:
        """Whether a field that is not named may be there."""
        if all(self.facts.blank(node) for node in position):
            return not root
        members = list(self.facts.in_place(*position))
        return any(self.facts.opens(n) or self._has_blank_member(n) for n in members)

    def _has_blank_member(self, node: Node) -> bool:
        return any(self.facts.blank(m) for key in ("anyOf", "oneOf") for m in node.lists.get(key, ()))

    def of_field(self, position: _Position, name: str) -> _Position:
        """What applies to the field's value; empty where nothing names it."""
        found: list[Node] = []
        for node in self.facts.in_place(*position):
            found += _own_field(node, name)
        return tuple(dict.fromkeys(found))

    def of_item(self, position: _Position, number: int | None) -> _Position:
        """What applies to an item of a list; `number` none: to any."""
        found: list[Node] = []
        for node in self.facts.in_place(*position):
            first = node.lists.get("prefixItems", ())
            found += first if number is None else first[number : number + 1]
            if number is None or number >= len(first):
                found += [node.ones[key] for key in ("items", "unevaluatedItems") if key in node.ones]
        return tuple(dict.fromkeys(found))

    def unknown_in(self, value: JsonValue) -> Iterator[Place]:
        """The places of fields that nothing names."""
        yield from self._unknown(value, (self.root,), (), root=True)

    def _unknown(self, value: JsonValue, position: _Position, at: Place, *, root: bool = False) -> Iterator[Place]:
        if isinstance(value, dict):
            is_open = self.is_open(position, root=root)
            for name, child in value.items():
                below = self.of_field(position, name)
                if below:
                    yield from self._unknown(child, below, (*at, name))
                elif not is_open:
                    yield (*at, name)
        elif isinstance(value, list):
            for number, child in enumerate(value):
                below = self.of_item(position, number)
                if below:
                    yield from self._unknown(child, below, (*at, number))


def _own_field(node: Node, name: str) -> Iterator[Node]:
    named = False
    if name in node.maps.get("properties", {}):
        named = True
        yield node.maps["properties"][name]
    for pattern, child in node.maps.get("patternProperties", {}).items():
        if fits(pattern, name):
            named = True
            yield child
    if not named:
        for key in ("additionalProperties", "unevaluatedProperties"):
            if key in node.ones and not node.ones[key].never:
                yield node.ones[key]


def asked_but_unknown(constraint: Flat, schema: Flat) -> Iterator[Place]:
    """The fields that the constraint names and the schema neither names nor leaves open."""
    asked, known = Fields(constraint), Fields(schema)
    pending: list[tuple[_Position, _Position, Place]] = [((constraint.root,), (schema.root,), ())]
    seen: set[tuple[_Position, _Position]] = set()
    while pending:
        wanted, there, at = pending.pop()
        if (wanted, there) in seen:
            continue
        seen.add((wanted, there))
        is_open = known.is_open(there, root=not at)
        members = list(_with_tests(asked.facts, wanted))
        for name in _named(members):
            below = known.of_field(there, name)
            if below:
                pending.append((asked.of_field(tuple(members), name), below, (*at, name)))
            elif not is_open:
                yield (*at, name)
        items, known_items = asked.of_item(tuple(members), None), known.of_item(there, None)
        if items and known_items:
            pending.append((items, known_items, (*at, EACH)))


def _with_tests(facts: Facts, position: _Position) -> Iterator[Node]:
    """As in place, and what is tested by `not` too: a constraint may say what must not be there."""
    pending = list(position)
    seen: set[Node] = set()
    while pending:
        for node in facts.in_place(pending.pop()):
            if node not in seen:
                seen.add(node)
                yield node
                pending += [node.ones["not"]] if "not" in node.ones else []


def _named(members: Iterable[Node]) -> dict[str, None]:
    names: dict[str, None] = {}
    for node in members:
        names.update(dict.fromkeys(node.maps.get("properties", {})))
        names.update(dict.fromkeys(_texts(node.plain.get("required"))))
        needed = node.plain.get("dependentRequired")
        for name, others in needed.items() if isinstance(needed, dict) else ():
            names.update(dict.fromkeys([name, *_texts(others)]))
    return names


def _texts(value: JsonValue) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
