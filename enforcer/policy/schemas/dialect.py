"""Reads a JSON Schema of draft 2020-12 or draft-07 into nodes, and refuses what can't be checked safely or in one way.

Nothing is fetched: `$ref` leads to a place in the same document or the schema is refused; so are dynamic references,
`$id` below the root (it would move what `$ref` means), keywords of another draft, and, in draft-07, rules beside `$ref`
(that draft ignores them). An unknown keyword is left out of a tool's schema; in a constraint it is refused, because a
misspelt rule would rule nothing. `format` is not asserted (2020-12 section 7.2.1).
"""

from urllib.parse import unquote

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.policy.pointers import text_of, unescape
from enforcer.policy.schemas.engine import check_pattern, check_plain
from enforcer.policy.schemas.limits import MAX_DEPTH, MAX_SUBSCHEMAS, check_size
from enforcer.policy.schemas.node import Flat, Node, UnfitError, word_set

_DIALECTS = {
    "https://json-schema.org/draft/2020-12/schema": False,
    "http://json-schema.org/draft-07/schema": True,
}
_PLAIN = word_set(
    "type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern"
    " maxItems minItems uniqueItems maxContains minContains maxProperties minProperties required"
    " dependentRequired"
)
_ONES = word_set(
    "not if then else contains propertyNames additionalProperties items unevaluatedItems unevaluatedProperties"
)
_LISTS = word_set("allOf anyOf oneOf prefixItems")
_MAPS = word_set("properties patternProperties dependentSchemas")
_CONTAINERS = word_set("$defs definitions")
_HINTS = word_set("title description format")
_SILENT = word_set(
    "default examples $comment deprecated readOnly writeOnly contentEncoding contentMediaType contentSchema"
    " $schema $id $anchor $vocabulary $dynamicAnchor $ref"
)
_RULES = _PLAIN | _ONES | _LISTS | _MAPS
_NOT_IN_7 = word_set(
    "prefixItems dependentSchemas dependentRequired unevaluatedItems unevaluatedProperties minContains maxContains"
)
_ONLY_IN_7 = {"additionalItems": "items beside prefixItems", "dependencies": "dependentRequired or dependentSchemas"}
_NEVER = word_set("$dynamicRef $recursiveRef")


def translate(schema: JsonObject, *, strict: bool) -> Flat:
    """Raises `UnfitError`. `strict` refuses unknown keywords."""
    check_size(schema)
    reader = _Reader(schema, draft7=_is_draft7(schema), strict=strict)
    root = reader.node(schema, "", 0)
    reader.read_definitions()
    return Flat(root, reader.defs, reader.heavy)


def _is_draft7(schema: JsonObject) -> bool:
    named = schema.get("$schema", "https://json-schema.org/draft/2020-12/schema")
    draft7 = _DIALECTS.get(named.removesuffix("#")) if isinstance(named, str) else None
    if draft7 is None:
        raise UnfitError("/$schema", "is not a dialect that is checked here", "use draft 2020-12 or draft-07")
    return draft7


class _Reader:
    def __init__(self, source: JsonObject, *, draft7: bool, strict: bool) -> None:
        self.source = source
        self.draft7 = draft7
        self.strict = strict
        self.defs: dict[str, Node] = {}
        self.heavy = False
        self._names: dict[str, str] = {}
        self._waiting: list[tuple[str, JsonValue]] = []
        self._count = 0

    def read_definitions(self) -> None:
        """Read what references and `$defs` named, until nothing new is named."""
        while self._waiting:
            pointer, value = self._waiting.pop()
            self.defs[self._names[pointer]] = self.node(value, pointer, 0)

    def node(self, value: JsonValue, at: str, depth: int) -> Node:
        """One subschema and all in it."""
        self._count += 1
        if self._count > MAX_SUBSCHEMAS or depth > MAX_DEPTH:
            raise UnfitError(at, "is too large", f"at most {MAX_SUBSCHEMAS} subschemas, {MAX_DEPTH} deep")
        if isinstance(value, bool):
            return Node(at, never=not value)
        if not isinstance(value, dict):
            raise UnfitError(at, "is not a schema", "a schema is an object, true or false")
        self._refuse_relocation(value, at)
        node = Node(at, plain=self._plain(value, at))
        for key, content in sorted(value.items(), key=lambda item: item[0] == "additionalItems"):  # after items
            self._keyword(node, key, content, f"{at}{text_of((key,))}", depth + 1)
        return self._with_reference(node, value, at)

    def _keyword(self, node: Node, key: str, content: JsonValue, at: str, depth: int) -> None:
        if key in _NEVER:
            raise UnfitError(at, "leads to a place that depends on the caller", "use $ref")
        if key in (_NOT_IN_7 if self.draft7 else _ONLY_IN_7):
            right = "declare $schema 2020-12" if self.draft7 else f"use {_ONLY_IN_7[key]}, or declare $schema draft-07"
            raise UnfitError(at, f"{key} is not of this schema's draft", right)
        if self.draft7 and key in ("items", "additionalItems", "dependencies"):
            self._draft7_keyword(node, key, content, at, depth)
        elif key in _ONES:
            node.ones[key] = self.node(content, at, depth)
        elif key in _LISTS:
            node.lists[key] = self._list(content, at, depth)
        elif key in _MAPS:
            node.maps[key] = self._map(content, at, depth, patterns=key == "patternProperties")
        elif key in _CONTAINERS:
            self._container(content, at)
        elif key in _HINTS:
            node.hints[key] = content
        elif self.strict and key not in _PLAIN and key not in _SILENT:
            raise UnfitError(at, "is not a keyword of JSON Schema", "correct its spelling, or leave it out")

    def _draft7_keyword(self, node: Node, key: str, content: JsonValue, at: str, depth: int) -> None:
        if key == "dependencies":
            self._dependencies(node, content, at, depth)
        elif key == "items" and isinstance(content, list):
            node.lists["prefixItems"] = self._list(content, at, depth)
        elif key == "items" or "prefixItems" in node.lists:
            node.ones["items"] = self.node(content, at, depth)

    def _dependencies(self, node: Node, content: JsonValue, at: str, depth: int) -> None:
        members = _object(content, at)
        lists = {name: value for name, value in members.items() if isinstance(value, list)}
        others: JsonObject = {name: value for name, value in members.items() if name not in lists}
        if lists:
            node.plain["dependentRequired"] = {**lists}
            check_plain({"dependentRequired": {**lists}}, at)
        if others:
            node.maps["dependentSchemas"] = self._map(others, at, depth, patterns=False)

    def _list(self, content: JsonValue, at: str, depth: int) -> tuple[Node, ...]:
        if not isinstance(content, list) or not content:
            raise UnfitError(at, "is not a list of schemas", "write at least one schema in it")
        return tuple(self.node(member, f"{at}/{number}", depth) for number, member in enumerate(content))

    def _map(self, content: JsonValue, at: str, depth: int, *, patterns: bool) -> dict[str, Node]:
        members = _object(content, at)
        for name in members if patterns else ():
            self.heavy |= check_pattern(name, f"{at}{text_of((name,))}")
        return {name: self.node(member, f"{at}{text_of((name,))}", depth) for name, member in members.items()}

    def _container(self, content: JsonValue, at: str) -> None:
        for name, member in _object(content, at).items():
            self._define(f"{at}{text_of((name,))}", member)

    def _plain(self, value: JsonObject, at: str) -> JsonObject:
        plain: JsonObject = {key: content for key, content in value.items() if key in _PLAIN}
        pattern = plain.get("pattern")
        if isinstance(pattern, str):
            self.heavy |= check_pattern(pattern, f"{at}/pattern")
        check_plain(plain, at)
        return plain

    def _refuse_relocation(self, value: JsonObject, at: str) -> None:
        if at and isinstance(value.get("$id"), str):
            raise UnfitError(f"{at}/$id", "would change what $ref means", "leave $id out below the root")
        if at and value.get("$schema", self.source.get("$schema")) != self.source.get("$schema"):
            raise UnfitError(f"{at}/$schema", "changes the dialect inside a schema", "leave $schema out below the root")

    def _with_reference(self, node: Node, value: JsonObject, at: str) -> Node:
        if "$ref" not in value:
            return node
        if self.draft7 and any(key in _RULES or key in _ONLY_IN_7 for key in value):
            raise UnfitError(at, "has rules beside $ref, which draft-07 ignores", "put both into allOf")
        name = self._target(value["$ref"], f"{at}/$ref")
        return Node(at, node.plain, node.ones, node.lists, node.maps, name, hints=node.hints)

    def _target(self, ref: JsonValue, at: str) -> str:
        if not isinstance(ref, str) or not ref.startswith("#"):
            raise UnfitError(at, "leads out of this schema, and nothing is ever fetched", "put it under $defs")
        pointer = unquote(ref[1:])
        if pointer and not pointer.startswith("/"):
            raise UnfitError(at, "names an anchor", "write the place as #/$defs/NAME")
        found: JsonValue = self.source
        for step in pointer.split("/")[1:]:
            found = _step(found, unescape(step), at)
        return self._define(pointer, found)

    def _define(self, pointer: str, value: JsonValue) -> str:
        if pointer not in self._names:
            self._names[pointer] = str(len(self._names))
            self._waiting.append((pointer, value))
        return self._names[pointer]


def _step(value: JsonValue, step: str, at: str) -> JsonValue:
    if isinstance(value, dict) and step in value:
        return value[step]
    if isinstance(value, list) and step.isascii() and step.isdigit() and len(step) < 9 and int(step) < len(value):
        return value[int(step)]
    raise UnfitError(at, "leads nowhere", "name a place that is in this schema")


def _object(content: JsonValue, at: str) -> JsonObject:
    if not isinstance(content, dict):
        raise UnfitError(at, "is not an object", "write an object of schemas")
    return content
