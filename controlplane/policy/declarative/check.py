"""The rules over a whole file. What the rows already say, repeated as it is, is warned of and never refused.

So a grant whose window has ended meanwhile can stay in a file, and a policy can always be exported and applied again.
"""

from collections.abc import Hashable, Iterable, Iterator
from datetime import datetime
from functools import cache

from controlplane.grants.specs import GrantSpec
from controlplane.inventory.specs import ToolSpec
from controlplane.policy.declarative.draft import Draft
from controlplane.policy.declarative.policy import Policy, overlaid
from controlplane.policy.declarative.problems import Fault
from controlplane.policy.declarative.rules_grants import Constraints, faults_of_grant
from controlplane.policy.declarative.rules_schemas import faults_of_schema
from controlplane.policy.declarative.rules_tools import faults_of_tool
from controlplane.policy.declarative.selections import Selections


class Rules:
    """The rules, over the objects of one policy."""

    def __init__(self, policy: Policy, now: datetime) -> None:
        self.policy, self.now = policy, now
        self.selections = Selections(policy)
        self.constraints = Constraints(self.selections)

    def tool(self, tool: ToolSpec) -> Iterator[Fault]:
        """What is wrong with a tool."""
        return faults_of_tool(tool, self.policy)

    def grant(self, grant: GrantSpec) -> Iterator[Fault]:
        """What is wrong with a grant."""
        return faults_of_grant(grant, self.policy, self.constraints, self.now)


def check(draft: Draft, rules: Rules) -> None:
    """Every tool and grant of the file against what there will be."""
    before = cache(lambda: Rules(overlaid(draft.rows, Policy()), rules.now))
    for tool in draft.said.tools.values():
        unchanged = draft.standing("tools", tool.key)
        faults = list(rules.tool(tool))
        if not faults and not unchanged:
            faults = list(faults_of_schema("input_schema", tool.input_schema))
        if faults:
            standing = before().tool(tool) if unchanged else ()
            _judge(draft, "tools", tool.key, faults, set(standing))
    for grant in draft.said.grants.values():
        unchanged = draft.standing("grants", grant.key)
        faults = list(rules.grant(grant))
        if not faults and not unchanged and grant.constraint is not None:
            faults = list(faults_of_schema("constraint", grant.constraint))
        if faults:
            standing = before().grant(grant) if unchanged else ()
            _judge(draft, "grants", grant.key, faults, set(standing))


def _judge(draft: Draft, name: str, key: Hashable, faults: Iterable[Fault], standing: set[Fault]) -> None:
    for fault in faults:
        tell = draft.warn if fault in standing else draft.wrong
        tell(name, key, *fault)
