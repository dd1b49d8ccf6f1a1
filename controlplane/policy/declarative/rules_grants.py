"""What is refused of a grant: an undeclared server, an ended window, a constraint that would not bind."""

from collections.abc import Iterator
from datetime import datetime

from controlplane.grants.specs import GrantSpec
from controlplane.inventory.specs import ToolSpec
from controlplane.policy.declarative.policy import Policy
from controlplane.policy.declarative.problems import Fault
from controlplane.policy.declarative.rules_tools import steps_of
from controlplane.policy.declarative.selections import Selections
from enforcer.contract.canonical import canonical
from enforcer.contract.strict_json import JsonObject
from enforcer.policy.schema import SchemaProblem, compile_constraint, constraint_fields_unknown_to


def faults_of_grant(grant: GrantSpec, policy: Policy, constraints: "Constraints", now: datetime) -> Iterator[Fault]:
    """All of them, as a grant of that policy."""
    if grant.server_id and grant.server_id not in policy.servers:
        yield Fault(("server",), f"server {grant.server_id!r} is not declared", "declare it under servers:")
    if grant.not_after and grant.not_after <= now:
        yield Fault(("not_after",), "the window has ended", "a later time, or take the grant out")
    elif grant.not_after and grant.not_before and grant.not_after <= grant.not_before:
        yield Fault(("not_after",), "ends before it begins", "a time after not_before")
    yield from constraints.faults(grant)


class Constraints:
    """The constraints of one policy; one that many grants have is looked at once for each tool."""

    def __init__(self, selections: Selections) -> None:
        self._selections = selections
        self._problems: dict[bytes, SchemaProblem | None] = {}
        self._unknown: dict[tuple[bytes, str, str], list[str]] = {}

    def faults(self, grant: GrantSpec) -> Iterator[Fault]:
        """Of a grant's constraint, if it has one."""
        if grant.constraint is None:
            return
        problem = self._problem(grant.constraint)
        if problem:
            yield Fault(("constraint", *steps_of(problem)), problem.message, problem.right)
            return
        for tool in self._selections.of(grant):
            for name in self.unknown_to(tool, grant.constraint):
                what = f"tool {tool.server_id}/{tool.name} has no field {name}"
                yield Fault(("constraint",), what, "fields of every tool that the grant names")

    def unknown_to(self, tool: ToolSpec, constraint: JsonObject) -> list[str]:
        """The fields that the constraint names and the tool lacks."""
        key = (canonical(constraint), *tool.key)
        if key not in self._unknown:
            self._unknown[key] = constraint_fields_unknown_to(constraint, tool.input_schema)
        return self._unknown[key]

    def _problem(self, constraint: JsonObject) -> SchemaProblem | None:
        key = canonical(constraint)
        if key not in self._problems:
            compiled = compile_constraint(constraint)
            self._problems[key] = compiled if isinstance(compiled, SchemaProblem) else None
        return self._problems[key]
