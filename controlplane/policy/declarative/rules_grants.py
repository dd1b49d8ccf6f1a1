"""What is refused of a grant: an undeclared server, an ended window, a constraint that would not bind."""

from collections.abc import Iterator
from datetime import datetime

from controlplane.grants.specs import GrantSpec
from controlplane.inventory.specs import ToolSpec
from controlplane.policy.declarative.draft import Draft
from controlplane.policy.declarative.policy import Policy
from controlplane.policy.declarative.rules_tools import steps_of
from enforcer.policy.globs import matches
from enforcer.policy.schema import SchemaProblem, compile_constraint, constraint_fields_unknown_to


def check_grants(draft: Draft, whole: Policy, now: datetime) -> None:
    """Every grant of the file against what there will be."""
    for grant in draft.said.grants.values():
        if grant.server_id and grant.server_id not in whole.servers:
            what = f"server {grant.server_id!r} is not declared"
            draft.wrong("grants", grant.key, ("server",), what, "declare it under servers:")
        _check_window(draft, grant, now)
        _check_constraint(draft, grant, whole)


def tools_of(grant: GrantSpec, policy: Policy) -> Iterator[ToolSpec]:
    """The known tools that the grant speaks of."""
    if grant.server_id:
        named = policy.tools_on(grant.server_id) if grant.server_id in policy.servers else []
        yield from (tool for tool in named if any(matches(pattern, tool.name) for pattern in grant.tools))
        return
    for server in policy.servers.values():
        if grant.trust in ("", server.trust_level_id):
            yield from (tool for tool in policy.tools_on(server.id) if grant.risk in ("", tool.risk))


def _check_window(draft: Draft, grant: GrantSpec, now: datetime) -> None:
    if grant.not_after and grant.not_after <= now:
        draft.wrong("grants", grant.key, ("not_after",), "the window has ended", "a later time, or take the grant out")
    elif grant.not_after and grant.not_before and grant.not_after <= grant.not_before:
        draft.wrong("grants", grant.key, ("not_after",), "ends before it begins", "a time after not_before")


def _check_constraint(draft: Draft, grant: GrantSpec, whole: Policy) -> None:
    if grant.constraint is None:
        return
    compiled = compile_constraint(grant.constraint)
    if isinstance(compiled, SchemaProblem):
        draft.wrong("grants", grant.key, ("constraint", *steps_of(compiled)), compiled.message, compiled.right)
        return
    for tool in tools_of(grant, whole):
        for field in constraint_fields_unknown_to(grant.constraint, tool.input_schema):
            what = f"tool {tool.server_id}/{tool.name} has no field {field}"
            draft.wrong("grants", grant.key, ("constraint",), what, "fields of every tool that the grant names")
