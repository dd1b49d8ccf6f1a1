"""What is refused of a tool: an unknown server, a schema that can't be checked, a pointer that protects nothing."""

from collections.abc import Iterable
from itertools import takewhile

from controlplane.inventory.specs import ServerSpec, ToolSpec
from controlplane.policy.declarative.draft import Draft
from controlplane.policy.declarative.policy import Policy
from controlplane.policy.declarative.problems import Path
from enforcer.contract.strict_json import JsonObject
from enforcer.policy.pointers import ANY_DEPTH, EACH, PointerProblem, parse
from enforcer.policy.schema import SchemaProblem, compile_arguments, constraint_fields_unknown_to


def check_tools(draft: Draft, whole: Policy) -> None:
    """Every tool of the file against what there will be."""
    for key, tool in draft.said.tools.items():
        server = whole.servers.get(tool.server_id)
        if server is None and tool.server_id:
            draft.wrong("tools", key, ("server",), f"server {tool.server_id!r} is not declared", "declare it")
        compiled = compile_arguments(tool.input_schema)
        if isinstance(compiled, SchemaProblem):
            draft.wrong("tools", key, ("input_schema", *steps_of(compiled)), compiled.message, compiled.right)
        elif server is not None:
            _check_pointers(draft, tool, server)


def _check_pointers(draft: Draft, tool: ToolSpec, server: ServerSpec) -> None:
    for kind, pointers, guard in (
        ("path_arguments", tool.path_arguments, "workspace" if not server.workspace else ""),
        ("url_arguments", tool.url_arguments, "egress" if not server.egress else ""),
    ):
        for number, pointer in enumerate(pointers or []):
            place: Path = (kind, number)
            steps = parse(pointer)
            if isinstance(steps, PointerProblem):
                draft.wrong("tools", tool.key, place, f"{pointer!r}: {steps.detail}", "like /path or /files/*/name")
            elif constraint_fields_unknown_to(_naming(steps), tool.input_schema):
                draft.wrong("tools", tool.key, place, f"the schema has no {pointer}", "a pointer to one of its fields")
            elif guard:
                right = f"give server {server.id} a {guard}, or leave the pointer out"
                draft.wrong("tools", tool.key, place, f"there is no {guard} to check it against", right)


def steps_of(problem: SchemaProblem) -> Path:
    """Where in the schema the problem is."""
    steps = parse(problem.pointer)
    return () if isinstance(steps, PointerProblem) else steps


def _naming(steps: Iterable[str]) -> JsonObject:
    """A schema that names exactly the field at the steps, as far as they are names."""
    schema: JsonObject = {}
    for step in reversed(list(takewhile(lambda step: step not in (EACH, ANY_DEPTH), steps))):
        schema = {"properties": {step: schema}}
    return schema
