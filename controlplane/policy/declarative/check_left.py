"""What the file leaves alone must not break by what it says: a tool that loses its workspace, a constraint its field.

Such an object isn't named in the file, so the problem is told where the file takes away what it stands on.
"""

from collections.abc import Hashable, Iterable, Iterator

from controlplane.inventory.specs import ToolSpec
from controlplane.policy.declarative.check import Rules
from controlplane.policy.declarative.draft import Draft
from controlplane.policy.declarative.policy import Policy, ToolKey, overlaid
from controlplane.policy.declarative.problems import Path
from controlplane.policy.declarative.rules_tools import faults_of_pointers
from controlplane.policy.declarative.selections import Selections
from enforcer.contract.strict_json import JsonObject
from enforcer.policy.schema import constraint_fields_unknown_to

Place = tuple[str, Hashable, Path]


def check_left(draft: Draft, rules: Rules) -> None:
    """Tools and grants of the rows that the file doesn't name."""
    _check_pointers(draft, rules)
    touched = dict(_touched(draft, rules))
    if touched:
        _check_constraints(draft, rules, touched)


def _check_pointers(draft: Draft, rules: Rules) -> None:
    for server in draft.said.servers.values():
        was = draft.rows.servers.get(server.id)
        if was is None or (was.workspace, was.egress) == (server.workspace, server.egress):
            continue
        for tool in rules.selections.named(server.id, "*"):
            if tool.key in draft.said.tools:
                continue
            for fault in set(faults_of_pointers(tool, server)) - set(faults_of_pointers(tool, was)):
                key = "workspace" if fault.below[0] == "path_arguments" else "egress"
                what = f"tool {tool.server_id}/{tool.name}, left as it is, needs one"
                draft.wrong("servers", server.id, (key,), what, f"keep the {key}, or change the tool too")


def _touched(draft: Draft, rules: Rules) -> Iterator[tuple[ToolKey, Place]]:
    """Tools that a grant may find changed, or find at all, each with where the file does that."""
    rows = draft.rows
    for server in draft.said.servers.values():
        was = rows.servers.get(server.id)
        if was is None or was.trust_level_id != server.trust_level_id:
            for tool in rules.selections.named(server.id, "*"):
                yield tool.key, ("servers", server.id, ("trust_level",))
    for key, tool in draft.said.tools.items():
        if tool != (rows.tools.get(key) or rows.discovered.get(key)):
            yield key, ("tools", key, ("input_schema",))


def _check_constraints(draft: Draft, rules: Rules, touched: dict[ToolKey, Place]) -> None:
    now, were = _only(rules.policy, touched), _only(overlaid(draft.rows, Policy()), touched)
    for grant in draft.rows.grants.values():
        if grant.constraint is None or grant.key in draft.said.grants:
            continue
        known = {(tool.key, name) for tool in were.of(grant) for name in _unknown(grant.constraint, tool)}
        for tool in now.of(grant):
            for name in _unknown(grant.constraint, tool):
                if (tool.key, name) not in known:
                    what = f"tool {tool.server_id}/{tool.name} has no field {name}, which grant {grant.key} constrains"
                    draft.wrong(*touched[tool.key], what, "keep the field, or change that grant too")


def _only(policy: Policy, keys: Iterable[ToolKey]) -> Selections:
    tools = {key: policy.tools[key] for key in keys if key in policy.tools}
    return Selections(Policy(servers=policy.servers, tools=tools))


def _unknown(constraint: JsonObject, tool: ToolSpec) -> list[str]:
    return constraint_fields_unknown_to(constraint, tool.input_schema)
