"""What is refused of a tool: an unknown server, a schema that can't be checked, a pointer that protects nothing."""

from collections.abc import Iterable, Iterator
from itertools import takewhile

from controlplane.inventory.specs import ServerSpec, ToolSpec
from controlplane.policy.declarative.policy import Policy
from controlplane.policy.declarative.problems import Fault, Path
from enforcer.contract.strict_json import JsonObject
from enforcer.policy.pointers import ANY_DEPTH, EACH, PointerProblem, parse
from enforcer.policy.schema import SchemaProblem, compile_arguments, constraint_fields_unknown_to


def faults_of_tool(tool: ToolSpec, policy: Policy) -> Iterator[Fault]:
    """All of them, as a tool of that policy."""
    server = policy.servers.get(tool.server_id)
    if server is None and tool.server_id:
        yield Fault(("server",), f"server {tool.server_id!r} is not declared", "declare it")
    compiled = compile_arguments(tool.input_schema)
    if isinstance(compiled, SchemaProblem):
        yield Fault(("input_schema", *steps_of(compiled)), compiled.message, compiled.right)
    elif server is not None:
        yield from faults_of_pointers(tool, server)


def faults_of_pointers(tool: ToolSpec, server: ServerSpec) -> Iterator[Fault]:
    """Of a tool whose schema compiles."""
    for kind, pointers, guard in (
        ("path_arguments", tool.path_arguments, "workspace" if not server.workspace else ""),
        ("url_arguments", tool.url_arguments, "egress" if not server.egress else ""),
    ):
        for number, pointer in enumerate(pointers or []):
            place: Path = (kind, number)
            steps = parse(pointer)
            if isinstance(steps, PointerProblem):
                yield Fault(place, f"{pointer!r}: {steps.detail}", "like /path or /files/*/name")
            elif constraint_fields_unknown_to(_naming(steps), tool.input_schema):
                yield Fault(place, f"the schema has no {pointer}", "a pointer to one of its fields")
            elif guard:
                right = f"give server {server.id} a {guard}, or leave the pointer out"
                yield Fault(place, f"there is no {guard} to check it against", right)


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
