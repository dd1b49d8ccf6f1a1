"""A tool's definition as a reviewer reads it: proposed risk, what it takes, which arguments are paths or URLs."""

from collections.abc import Iterable
from dataclasses import dataclass

from controlplane.inventory.compile import tool_policy
from controlplane.inventory.models import Tool
from enforcer.contract.canonical import hash_of
from enforcer.contract.levels import Risk
from enforcer.contract.strict_json import JsonObject
from enforcer.policy.arguments import Pointers, compile_tool
from enforcer.policy.pointers import text_of
from enforcer.policy.risk import propose
from enforcer.policy.schema import SchemaProblem

FIELDS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Proposed:
    """What name and schema propose; `above` where somebody declared less."""

    risk: str
    why: str
    above: bool


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
    """By name and schema, which is all that is known of it."""
    risk, why = propose(tool.name, "", {}, tool.input_schema)
    return Proposed(risk.value, why, risk.rank > Risk(tool.risk).rank)


def reading(tool: Tool) -> Reading:
    """As an enforcer of its server will take it."""
    workspace, egress = tool.server.workspace or None, tuple(tool.server.egress)
    compiled = compile_tool(tool_policy(tool), workspace=workspace, egress=egress)
    if isinstance(compiled, SchemaProblem):
        return Reading(problem=f"{compiled.message}; {compiled.right}")
    paths = _found("path", compiled.path_pointers, bool(workspace), "workspace")
    return Reading((paths, _found("URL", compiled.url_pointers, bool(egress), "egress list")))


def takes(tool: Tool) -> list[str]:
    """Names of its arguments, `?` behind those that may be left out, a few of many."""
    schema = tool.input_schema if isinstance(tool.input_schema, dict) else {}
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
            "schema": tool.input_schema,
            "pointers": [tool.path_arguments, tool.url_arguments],
            "pin": tool.pin,
        }
        for tool in tools
    ]
    return hash_of({"seen": [*seen]})


def _found(kind: str, pointers: Pointers, guarded: bool, guard: str) -> Found:
    texts = tuple(text_of(steps) for steps in pointers.steps)
    return Found(kind, texts, pointers.declared, bool(texts) and not pointers.declared and not guarded, guard)
