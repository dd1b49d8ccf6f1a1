"""`Mcp-Param-*`: arguments that a tool's schema asks to be repeated in headers (`x-mcp-header`, MCP_WIRE section 8)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.mcp.admitted import Admitted
from enforcer.mcp.faults import Fault, Refusal
from enforcer.mcp.headers import decode_value, encode_value
from enforcer.mcp.requests import HttpRequest, Twice

PREFIX = "Mcp-Param-"
_KEY = "x-mcp-header"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 section 5.6.2
_DECIMAL = re.compile(r"(-?[0-9]{1,40})(?:\.0{1,40})?")
_TYPES = ("string", "integer", "boolean")
# Keywords of which the value is data, not a schema: a property named like the annotation there means nothing.
_DATA = frozenset({"default", "examples", "const", "enum", "required"})


_MAPS = frozenset({"patternProperties", "dependentSchemas", "$defs", "definitions"})  # their values are schemas


@dataclass(frozen=True, slots=True)
class HeaderParam:
    """One annotated argument: its path of property names, and the name that follows `Mcp-Param-`."""

    path: tuple[str, ...]
    name: str
    kind: str

    @property
    def header(self) -> str:
        """The whole header name."""
        return PREFIX + self.name


def header_params(schema: JsonObject) -> tuple[HeaderParam, ...] | None:
    """What the schema declares; None where a declaration is invalid, which makes the whole tool invalid."""
    made: list[HeaderParam] = []
    for path, node in _positions(schema):
        if _KEY not in node:
            continue
        name, kind = node[_KEY], node.get("type")
        if not path or not isinstance(name, str) or not _TOKEN.fullmatch(name) or kind not in _TYPES:
            return None
        made.append(HeaderParam(path, name, str(kind)))
    names = {param.name.lower() for param in made}
    return tuple(made) if len(names) == len(made) else None


def _positions(schema: JsonObject) -> Iterator[tuple[tuple[str, ...] | None, JsonObject]]:
    """Every object that may be a schema, with its path through `properties` alone, else None."""
    open_ends: list[tuple[tuple[str, ...] | None, JsonValue]] = [((), schema)]
    while open_ends:
        path, node = open_ends.pop()
        if isinstance(node, list):
            open_ends.extend((None, item) for item in node)
        if not isinstance(node, dict):
            continue
        yield path, node
        for keyword, value in node.items():
            if keyword == "properties" and isinstance(value, dict):
                open_ends.extend(((*path, name) if path is not None else None, sub) for name, sub in value.items())
            elif keyword in _MAPS and isinstance(value, dict):
                open_ends.extend((None, sub) for sub in value.values())
            elif keyword not in _DATA:
                open_ends.append((None, value))


def check_param_headers(
    declared: Sequence[HeaderParam] | None, admitted: Admitted, request: HttpRequest
) -> Refusal | None:
    """Of a `tools/call` whose tool is known. Other `Mcp-Param-*` mean nothing, and in the handshake era all of them."""
    if admitted.era == "legacy":
        return None
    if declared is None:
        return admitted.refuse(Fault.HEADER_MISMATCH, "The tool's schema asks for headers that can't be.")
    for param in declared:
        sent, value = request.one(param.header.lower()), _rendered(_at(admitted.arguments, param.path))
        if value is None and sent is None:
            continue
        if value is None or not _same(param, value, sent):
            sentence = f"The header {param.header} must be the argument that the tool's schema names."
            return admitted.refuse(Fault.HEADER_MISMATCH, sentence)
    return None


def param_headers(declared: Sequence[HeaderParam], arguments: JsonObject) -> tuple[tuple[str, str], ...]:
    """The headers to send, made from the arguments alone."""
    made = ((param.header, _rendered(_at(arguments, param.path))) for param in declared)
    return tuple((header, encode_value(value)) for header, value in made if value is not None)


def _same(param: HeaderParam, value: str, sent: str | Twice | None) -> bool:
    decoded = decode_value(sent)
    if decoded is None:
        return False
    if param.kind == "integer":
        ours, theirs = _DECIMAL.fullmatch(value), _DECIMAL.fullmatch(decoded)
        return ours is not None and theirs is not None and int(ours.group(1)) == int(theirs.group(1))
    return decoded == value


def _at(arguments: JsonObject, path: tuple[str, ...]) -> JsonValue:
    node: JsonValue = arguments
    for key in path:
        if not isinstance(node, dict):
            return None
        node = node.get(key)
    return node


def _rendered(value: JsonValue) -> str | None:
    """As text; None for null and for what has none (the schema refuses those later)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, str | int | float) else None
