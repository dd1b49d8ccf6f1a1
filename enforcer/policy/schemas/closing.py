"""Closes a schema: a field that it does not name is refused, in every object at every level.

An object stays open where `additionalProperties` (or `unevaluatedProperties`) is `true` or a schema, where `enum` or
`const` fixes the whole value, and where nothing at all is said of the value (`true`, `{}`). `{"type": "object"}` says
something, so it is closed. What stands beside each other and in `allOf` names fields together; of `anyOf`, `oneOf`,
`if` and `dependentSchemas` only the parts that hold do (2020-12 section 11.3). What is tested rather than required
(`not`, `if`, `contains`, `propertyNames`) is left as written: closing it would turn its meaning round.

`unevaluatedProperties` makes the engine judge twice, which doubles at every level of a recursive schema. So the closing
is handed down into `$ref`, `oneOf` and lone members, where that means the same. In a recursive `anyOf` it is handed
down too: fields of two of its members together are refused there. What remains is bounded by `Closed.deepest`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from enforcer.policy.schemas.facts import Facts
from enforcer.policy.schemas.limits import deepest_for
from enforcer.policy.schemas.node import CONDITIONAL, IN_PLACE_LISTS, IN_PLACE_MAPS, IN_PLACE_ONES, Flat, Node, inside
from enforcer.policy.schemas.references import References

Rule: TypeAlias = Callable[[Node], Node]
_TESTED = ("not", "if", "contains", "propertyNames")
_OPEN, _WITHIN, _SHUT = "o", "i", "c"  # definitions as written; closed below their root; closed whole


@dataclass(frozen=True, slots=True)
class Closed:
    """The closed schema, and how deep a value it may judge (none: as deep as any)."""

    flat: Flat
    deepest: int | None


def close(flat: Flat, references: References) -> Closed:
    """The schema that refuses unknown fields. Its root is closed even where it says nothing."""
    closing = _Closing(flat, references)
    root = flat.root
    shut = Node("", ones={"additionalProperties": Node("", never=True)}) if closing.facts.blank(root) else None
    closed = shut or closing.shut(root)
    closing.finish()
    return Closed(Flat(closed, closing.defs, flat.heavy_patterns), closing.deepest)


@dataclass(slots=True)
class _Closing:
    source: Flat
    references: References
    defs: dict[str, Node] = field(default_factory=dict)
    deepest: int | None = None
    facts: Facts = field(init=False)
    _waiting: list[tuple[str, str]] = field(default_factory=list)
    _asked: set[tuple[str, str]] = field(default_factory=set)
    _home: str | None = None

    def __post_init__(self) -> None:
        self.facts = Facts(self.source)

    def finish(self) -> None:
        """Write every definition that was asked for, and those that these ask for."""
        make = {_OPEN: self.open, _WITHIN: self.within, _SHUT: self.shut}
        while self._waiting:
            kind, name = self._waiting.pop()
            self._home = name
            self.defs[kind + name] = make[kind](self.source.defs[name])

    def open(self, node: Node) -> Node:
        """As written."""
        return self._rebuild(node, dict.fromkeys(_keywords(node), self.open), self._ref(node, _OPEN))

    def within(self, node: Node) -> Node:
        """Closed in its parts, not itself: something else applies to the same value."""
        rules: dict[str, Rule] = {}
        for key in _keywords(node):
            in_place = key in IN_PLACE_LISTS or key in IN_PLACE_ONES or key in IN_PLACE_MAPS
            rules[key] = self.open if key in _TESTED else self.within if in_place else self.shut
        for key in ("anyOf", "oneOf"):
            if key in rules:
                rules[key] = self._member
        return self._rebuild(node, rules, self._ref(node, _WITHIN))

    def _member(self, node: Node) -> Node:
        """A member of anyOf that says nothing, or fixes the whole value, leaves no field unknown."""
        inner = self.within(node)
        if (self.facts.blank(node) or self.facts.fixed(node)) and "additionalProperties" not in inner.ones:
            return replace(inner, ones={**inner.ones, "additionalProperties": Node(node.pointer)})
        return inner

    def shut(self, node: Node) -> Node:
        """Closed whole."""
        facts = self.facts
        if node.never or facts.blank(node):
            return node if node.never else Node(node.pointer)
        if not facts.takes_objects(node):
            return self.within(node)
        naming = facts.naming_keywords(node)
        if facts.opens(node) or (naming and "additionalProperties" in node.ones):
            return self.within(node)
        if not naming:
            return _bar(self.within(node), "additionalProperties")
        if len(naming) == 1 and not facts.names_itself(node) and self._can_hand_down(node, naming[0]):
            return self._hand_down(node, naming[0])
        self._bound(node)
        return _bar(self.within(node), "unevaluatedProperties")

    def _can_hand_down(self, node: Node, key: str) -> bool:
        members = node.lists.get(key, ())
        if key == "anyOf":
            return sum(self.facts.takes_objects(m) for m in members) <= 1 or self._recurs(node)
        return key in ("$ref", "oneOf") or (key == "allOf" and len(members) == 1)

    def _hand_down(self, node: Node, key: str) -> Node:
        if key == "$ref":
            return replace(self.within(replace(node, ref=None)), ref=self._ref(node, _SHUT))
        inner = self.within(replace(node, lists={k: v for k, v in node.lists.items() if k != key}))
        return replace(inner, lists={**inner.lists, key: tuple(self.shut(member) for member in node.lists[key])})

    def _bound(self, node: Node) -> None:
        conditional = any(key in CONDITIONAL for n in self.facts.in_place(node) for key in _keywords(n))
        if conditional and self._recurs(node):
            parts = sum(self._leads_home(n) for n in inside(node))
            deepest = deepest_for(parts + 2)
            self.deepest = deepest if self.deepest is None else min(deepest, self.deepest)

    def _recurs(self, node: Node) -> bool:
        return any(self._leads_home(n) for n in inside(node))

    def _leads_home(self, node: Node) -> bool:
        return self._home is not None and node.ref is not None and self.references.same_cycle(node.ref, self._home)

    def _ref(self, node: Node, kind: str) -> str | None:
        if node.ref is None:
            return None
        if (kind, node.ref) not in self._asked:
            self._asked.add((kind, node.ref))
            self._waiting.append((kind, node.ref))
        return kind + node.ref

    def _rebuild(self, node: Node, rules: dict[str, Rule], ref: str | None) -> Node:
        return replace(
            node,
            ones={key: rules[key](child) for key, child in node.ones.items()},
            lists={key: tuple(rules[key](child) for child in members) for key, members in node.lists.items()},
            maps={key: {n: rules[key](child) for n, child in named.items()} for key, named in node.maps.items()},
            ref=ref,
        )


def _keywords(node: Node) -> tuple[str, ...]:
    return (*node.ones, *node.lists, *node.maps)


def _bar(node: Node, keyword: str) -> Node:
    return replace(node, ones={**node.ones, keyword: Node(node.pointer, never=True)})
