"""What a subschema says of an object as a whole: nothing, everything, which fields it names."""

from collections.abc import Iterator

from enforcer.policy.schemas.node import Flat, Node

_OPENING = ("additionalProperties", "unevaluatedProperties")


class Facts:
    """Questions about the nodes of one schema. References in place must not be endless (`survey`)."""

    def __init__(self, flat: Flat) -> None:
        self._defs = flat.defs
        self._names: dict[Node, bool] = {}

    def blank(self, node: Node) -> bool:
        """Whether it says nothing at all, so that every value fits."""
        if node.ref is None:
            return node.says_nothing()
        alone = not (node.plain or node.ones or node.lists or node.maps)
        return alone and self.blank(self._defs[node.ref])

    def fixed(self, node: Node) -> bool:
        """Whether it lists the values that fit, whole."""
        if "enum" in node.plain or "const" in node.plain:
            return True
        return node.ref is not None and self.fixed(self._defs[node.ref])

    def opens(self, node: Node) -> bool:
        """Whether it says itself that fields it does not name are wanted, or fixes them all."""
        wanted = any(key in node.ones and not node.ones[key].never for key in _OPENING)
        return wanted or "enum" in node.plain or "const" in node.plain

    def names_itself(self, node: Node) -> bool:
        """Whether it names a field, references and in-place members aside."""
        return bool(node.maps.get("properties") or node.maps.get("patternProperties")) or self.opens(node)

    def names(self, node: Node) -> bool:
        """Whether anything in place names a field."""
        if node not in self._names:
            self._names[node] = self.names_itself(node) or bool(self.naming_keywords(node))
        return self._names[node]

    def naming_keywords(self, node: Node) -> tuple[str, ...]:
        """The in-place keywords, `$ref` among them, through which fields are named."""
        found = ["$ref"] if node.ref is not None and self.names(self._defs[node.ref]) else []
        for key in ("allOf", "anyOf", "oneOf"):
            members = node.lists.get(key, ())
            found += [key] if any(self.names(m) or (key != "allOf" and self.blank(m)) for m in members) else []
        found += [key for key in ("if", "then", "else") if key in node.ones and self.names(node.ones[key])]
        if any(self.names(m) for m in node.maps.get("dependentSchemas", {}).values()):
            found.append("dependentSchemas")
        return tuple(found)

    def takes_objects(self, node: Node) -> bool:
        """False only where no object can fit."""
        if node.never:
            return False
        kinds = node.plain.get("type", "object")
        if kinds != "object" and not (isinstance(kinds, list) and "object" in kinds):
            return False
        values = node.plain.get("enum", [node.plain["const"]] if "const" in node.plain else None)
        if isinstance(values, list) and not any(isinstance(value, dict) for value in values):
            return False
        inner = [*node.lists.get("allOf", ()), *([self._defs[node.ref]] if node.ref is not None else ())]
        return all(self.takes_objects(member) for member in inner)

    def in_place(self, *nodes: Node) -> Iterator[Node]:
        """The nodes and all that applies to the same value as they do, each once, references followed."""
        pending, seen = list(nodes), set(nodes)
        while pending:
            node = pending.pop()
            yield node
            further = [*node.in_place(), *([self._defs[node.ref]] if node.ref is not None else ())]
            pending.extend(n for n in further if n not in seen)
            seen.update(further)
