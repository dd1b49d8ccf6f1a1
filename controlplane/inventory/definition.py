"""A tool's definition as a reviewer reads it: proposed risk, what it takes, which arguments are paths or URLs."""

from collections.abc import Iterable
from dataclasses import dataclass

from controlplane.common.numbers import as_read
from controlplane.inventory.compile import callable_policy, own_patterns
from controlplane.inventory.models import Definition, Tool
from enforcer.contract.canonical import canonical, hash_of
from enforcer.contract.levels import Risk
from enforcer.contract.strict_json import JsonObject, parse_object
from enforcer.policy.arguments import Pointers, compile_tool
from enforcer.policy.pointers import text_of
from enforcer.policy.risk_proposal import propose
from enforcer.policy.schema import SchemaProblem

FIELDS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Proposed:
    """What the definition proposes; `above` where somebody declared less. `others`: reasons beside the first."""

    risk: str
    why: str
    above: bool
    others: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Pointers of one kind. `unchecked` where the server lacks the `guard` that they would be checked against."""

    kind: str
    pointers: tuple[str, ...]
    declared: bool
    unchecked: bool
    guard: str


@dataclass(frozen=True, slots=True)
class Reading:
    """With a `problem` the enforcer can't check the arguments of any call."""

    kinds: tuple[Found, ...] = ()
    problem: str = ""


def proposed(tool: Tool) -> Proposed:
    """By all that is known of it."""
    patterns = own_patterns() if tool.patterns is None else tool.patterns
    made = propose(seen_definition(tool) or {"name": tool.name, "inputSchema": tool.input_schema}, patterns)
    others = tuple(f"{reason.says} ({reason.risk.value})" for reason in made.reasons[1:])
    return Proposed(made.risk.value, made.why, made.risk.rank > Risk(tool.risk).rank, others, made.doubts)


def propose_for(definition: JsonObject) -> str:
    """The risk of a tool that nobody classified yet."""
    return propose(definition, own_patterns()).risk.value


def seen_definition(tool: Tool) -> JsonObject | None:
    """The newest that an enforcer saw live; nothing where none was, or it was too long to keep."""
    return _definition(tool, tool.seen)


def approved_definition(tool: Tool) -> JsonObject | None:
    """The one that is pinned."""
    return _definition(tool, tool.pin)


def schema_to_approve(tool: Tool) -> JsonObject | str:
    """What arguments would be checked against once the tool is approved, or why it can't be."""
    if tool.twice:
        return "the server lists its name more than once"
    if not tool.seen:
        declared: JsonObject = as_read(tool.input_schema)
        return declared
    definition = seen_definition(tool)
    if definition is None:
        return "its definition is too long to be kept"
    schema = definition.get("inputSchema")
    if not isinstance(schema, dict):
        return "its definition has no input schema"
    return "its input schema has a NUL in it" if schema and not storable(schema) else schema


def reading(tool: Tool) -> Reading:
    """As an enforcer of its server would take it, once it is approved."""
    schema = schema_to_approve(tool)
    if isinstance(schema, str):
        return Reading(problem=schema)
    workspace, egress = tool.server.workspace or None, tuple(tool.server.egress)
    compiled = compile_tool(callable_policy(tool, schema), workspace=workspace, egress=egress)
    if isinstance(compiled, SchemaProblem):
        return Reading(problem=f"{compiled.message}; {compiled.right}")
    paths = _found("path", compiled.path_pointers, bool(workspace), "workspace")
    return Reading((paths, _found("URL", compiled.url_pointers, bool(egress), "egress list")))


def takes(tool: Tool) -> list[str]:
    """Names of its arguments, `?` behind those that may be left out, a few of many."""
    found = schema_to_approve(tool)
    schema = found if isinstance(found, dict) else {}
    properties, required = schema.get("properties"), schema.get("required")
    names = list(properties) if isinstance(properties, dict) else []
    needed = set(required) if isinstance(required, list) and all(isinstance(r, str) for r in required) else set()
    shown = [name if name in needed else f"{name}?" for name in names[:FIELDS_SHOWN]]
    return [*shown, f"{len(names) - FIELDS_SHOWN} more"] if len(names) > FIELDS_SHOWN else shown


def mark(tools: Iterable[Tool]) -> str:
    """Of all that somebody who reviews these has before them; another mark means that it is no longer that."""
    seen: list[JsonObject] = [
        {
            "tool": [tool.server_id, tool.name],
            "state": tool.state,
            "risk": tool.risk,
            "schema": as_read(tool.input_schema),
            "pointers": [tool.path_arguments, tool.url_arguments],
            "pin": tool.pin,
            "seen": [tool.seen, tool.twice, tool.vanished_at is not None],
        }
        for tool in tools
    ]
    return hash_of({"seen": [*seen]})


def storable(schema: JsonObject) -> JsonObject:
    """Nothing for what no column takes: PostgreSQL's JSON has no NUL."""
    return {} if b"\\u0000" in canonical(schema) else schema


def fetch_definitions(tools: Iterable[Tool]) -> None:
    """Approved and newest definitions of all of these, and risk patterns, in two queries for the functions above."""
    wanted = {tool.pk: tool for tool in tools}
    hashes = {hash_ for tool in wanted.values() for hash_ in (tool.pin, tool.seen) if hash_}
    patterns = own_patterns()
    for tool in wanted.values():
        tool.bodies, tool.patterns = {}, patterns
    found = Definition.objects.filter(tool__in=wanted, hash__in=hashes).values_list("tool", "hash", "body")
    for pk, hash_, body in found:
        bodies = wanted[pk].bodies
        assert bodies is not None
        bodies[hash_] = body


def _definition(tool: Tool, wanted: str) -> JsonObject | None:
    if not wanted:
        return None
    if tool.bodies is not None:
        body = tool.bodies.get(wanted)
    else:
        body = Definition.objects.filter(tool=tool, hash=wanted).values_list("body", flat=True).first()
    return parse_object(body.encode()) if body else None


def _found(kind: str, pointers: Pointers, guarded: bool, guard: str) -> Found:
    texts = tuple(text_of(steps) for steps in pointers.steps)
    return Found(kind, texts, pointers.declared, bool(texts) and not pointers.declared and not guarded, guard)
