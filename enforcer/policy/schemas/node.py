"""A JSON Schema as this package holds it: one dialect (2020-12), every reference to a numbered definition of its own.

`properties` and the like apply to a part of a value; `allOf` and the like apply to the value itself ("in place").
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from enforcer.contract.strict_json import JsonObject, JsonValue

IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")
IN_PLACE_ONES = ("if", "then", "else")
IN_PLACE_MAPS = ("dependentSchemas",)
CONDITIONAL = ("anyOf", "oneOf", "if", "then", "else", "dependentSchemas", "not")


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """Why a schema is refused: where in it (JSON pointer), what is wrong, what would be right."""

    pointer: str
    message: str
    right: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.message}; {self.right}"


class UnfitError(Exception):
    """Carries a problem out of the recursion of this package; its callers make it a value."""

    def __init__(self, pointer: str, message: str, right: str) -> None:
        super().__init__(message)
        self.problem = SchemaProblem(pointer, message, right)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One subschema. `plain` are the keywords that hold no schema. `never` is the schema `false`."""

    pointer: str
    plain: JsonObject = field(default_factory=dict)
    ones: dict[str, "Node"] = field(default_factory=dict)
    lists: dict[str, tuple["Node", ...]] = field(default_factory=dict)
    maps: dict[str, dict[str, "Node"]] = field(default_factory=dict)
    ref: str | None = None
    never: bool = False
    hints: JsonObject = field(default_factory=dict)

    def children(self) -> Iterator["Node"]:
        """Every direct subschema."""
        yield from self.ones.values()
        for members in self.lists.values():
            yield from members
        for named in self.maps.values():
            yield from named.values()

    def in_place(self) -> Iterator["Node"]:
        """The direct subschemas that can name fields of the same value; what `ref` leads to isn't among them."""
        for key in IN_PLACE_LISTS:
            yield from self.lists.get(key, ())
        for key in IN_PLACE_ONES:
            if key in self.ones:
                yield self.ones[key]
        for key in IN_PLACE_MAPS:
            yield from self.maps.get(key, {}).values()

    def says_nothing(self) -> bool:
        """Whether it is `true` or `{}`."""
        return not (self.never or self.ref or self.plain or self.ones or self.lists or self.maps)

    def emit(self) -> "JsonObject | bool":
        """The schema as JSON, references as `#/$defs/NAME`."""
        if self.never:
            return False
        out: dict[str, JsonValue] = dict(self.plain)
        for key, one in self.ones.items():
            out[key] = one.emit()
        for key, members in self.lists.items():
            out[key] = [member.emit() for member in members]
        for key, named in self.maps.items():
            out[key] = {name: child.emit() for name, child in named.items()}
        if self.ref is not None:
            out["$ref"] = f"#/$defs/{self.ref}"
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Flat:
    """A whole schema: its root and the definitions that anything in it refers to."""

    root: Node
    defs: dict[str, Node]
    heavy_patterns: bool = False

    def everything(self) -> Iterator[Node]:
        """The root and each definition, not what is inside them."""
        yield self.root
        yield from self.defs.values()

    def emit(self) -> JsonObject:
        """The whole as one JSON document."""
        root = self.root.emit()
        document: JsonObject = root if isinstance(root, dict) else {"not": {}}
        document["$defs"] = {name: node.emit() for name, node in self.defs.items()}
        return document


def inside(node: Node) -> Iterator[Node]:
    """The node and every subschema in it, references not followed."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(node.children())


def word_set(words: str) -> frozenset[str]:
    """Words written with spaces between them."""
    return frozenset(words.split())
