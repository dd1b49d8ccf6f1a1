"""One call beside everything that is known about it, and how a refusal of it is worded."""

from dataclasses import dataclass, replace
from itertools import islice

from enforcer.contract.incident import Incident
from enforcer.contract.levels import Risk
from enforcer.contract.reasons import ReasonCode
from enforcer.policy.arguments import ArgumentFacts
from enforcer.policy.call import NO_TOOL, Call
from enforcer.policy.decision import Decision, Facts, Result
from enforcer.policy.grants import IndexedGrant
from enforcer.policy.index import Index, IndexedTool


@dataclass(frozen=True, slots=True)
class Case:
    """`tool` is none where the server has no such tool; `grants` are those in force that speak of the tool."""

    index: Index
    incident: Incident
    call: Call
    facts: Facts
    now: float
    tool: IndexedTool | None
    risk: Risk | None
    grants: tuple[IndexedGrant, ...]

    @property
    def may_know(self) -> bool:
        """Whether the caller may learn that something is killed, held or changed (CONTRACTS section 4)."""
        return any(not g.denies for g in self.grants)

    def answer(self, result: Result, *reasons: ReasonCode, detail: str = "", policy_id: str | None = None) -> Decision:
        """A decision that the caller is told as it is."""
        return Decision(
            result=result,
            reasons=reasons,
            told=reasons,
            policy_id=policy_id,
            risk=self.risk,
            detail=detail,
            snapshot_version=self.index.snapshot.version,
            incident_epoch=self.incident.epoch,
        )

    def deny(self, *reasons: ReasonCode, detail: str = "", policy_id: str | None = None) -> Decision:
        """A refusal that the caller is told as it is."""
        return self.answer("deny", *reasons, detail=detail, policy_id=policy_id)

    def deny_discreetly(self, *reasons: ReasonCode, detail: str = "") -> Decision:
        """A refusal whose reason is told only to those who may know it."""
        decision = self.deny(*reasons, detail=detail)
        return decision if self.may_know else replace(decision, told=(self._nothing_here,))

    @property
    def _nothing_here(self) -> ReasonCode:
        unknown = bool(self.call.tool) and self.tool is None
        return ReasonCode.DENY_TOOL_NOT_FOUND if unknown else ReasonCode.DENY_NO_MATCHING_RULE


def open_case(index: Index, incident: Incident, call: Call, facts: Facts, now: float) -> Case:
    """Look up the tool and the grants of the caller that speak of it; without a tool, one that allows anything."""
    principal = index.principal(call.caller.subject, call.caller.issuer)
    if call.tool == NO_TOOL:
        allowing = (g for g in principal.grants if not g.denies and g.holds_at(now))
        return Case(index, incident, call, facts, now, None, None, tuple(islice(allowing, 1)))
    tool = index.tools.get(call.tool)
    if tool is None:
        return Case(index, incident, call, facts, now, None, None, ())
    risk = effective_risk(tool.policy.risk, facts.arguments)
    grants = _in_force(principal.grants_for(tool.policy, risk), now)
    return Case(index, incident, call, facts, now, tool, risk, grants)


def _in_force(grants: tuple[IndexedGrant, ...], now: float) -> tuple[IndexedGrant, ...]:
    return tuple(g for g in grants if g.holds_at(now))


def effective_risk(declared: Risk, arguments: ArgumentFacts | None) -> Risk:
    """The declared risk wins over any proposal but a CRITICAL default pattern (CONTRACTS section 5)."""
    return Risk.CRITICAL if arguments is not None and arguments.risk is Risk.CRITICAL else declared
