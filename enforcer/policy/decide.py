"""`decide()`: the one function that answers every `tools/call`, here and in the control plane's simulator.

Deny by default, pure and deterministic. Where the call stands comes first, then CONTRACTS section 5 steps 3 to 8.
"""

from collections.abc import Mapping
from dataclasses import replace

from enforcer.contract.incident import Incident
from enforcer.contract.reasons import ReasonCode
from enforcer.policy.access import access, visible_tools
from enforcer.policy.call import Call
from enforcer.policy.decision import Decision, Facts
from enforcer.policy.grants import IndexedGrant
from enforcer.policy.index import SERVER_BUCKET, Index
from enforcer.policy.preflight import argument_facts
from enforcer.policy.rates import Rate, has_room, wait_s
from enforcer.policy.standing import Standing, standing

__all__ = [
    "Decision",
    "Facts",
    "Standing",
    "access",
    "argument_facts",
    "buckets_of",
    "charged",
    "cut_off",
    "decide",
    "standing",
    "visible_tools",
]

EGRESS_IS_BLOCKED = "the server's egress is blocked"


def decide(index: Index, incident: Incident | None, call: Call, facts: Facts, now: float) -> Decision:
    """Allow, deny or require approval. `facts` says what was found out so far; `now` is unix seconds."""
    at = standing(index, incident, call, facts, now)
    if isinstance(at, Decision):
        return at
    refusal = _arguments(at) or cut_off(at) or _denied_by_constraint(at)
    if refusal is not None:
        return refusal
    fitting = tuple(g for g in at.allows if _constraint_holds(g, facts))
    if not fitting:
        return at.case.deny(ReasonCode.DENY_ARGUMENT_CONSTRAINT)
    if not _room(SERVER_BUCKET, index.server_rate, facts):
        return _out_of_rate(at, {SERVER_BUCKET: index.server_rate})
    roomy = tuple(g for g in fitting if _room(g.policy.id, g.rate, facts))
    if not roomy:
        return _out_of_rate(at, {g.policy.id: g.rate for g in fitting})
    return _weigh(at, min(roomy, key=lambda g: (-g.policy.max_risk.rank, g.policy.id)))


def buckets_of(index: Index, call: Call) -> dict[str, Rate]:
    """The buckets that a call may take from, for `Facts.rates`: the server's and those of the grants that allow it."""
    tool = index.tools.get(call.tool)
    principal = index.principal(call.caller.subject, call.caller.issuer)
    mine = () if tool is None else principal.grants_for(tool.policy, tool.policy.risk)
    found = {g.policy.id: g.rate for g in mine if g.rate is not None and not g.denies}
    return found if index.server_rate is None else {**found, SERVER_BUCKET: index.server_rate}


def charged(index: Index, decision: Decision) -> tuple[str, ...]:
    """The buckets that an allowed call takes one token from."""
    if decision.result != "allow" or decision.policy_id is None:
        return ()
    return (SERVER_BUCKET, decision.policy_id) if index.server_rate is not None else (decision.policy_id,)


def _arguments(at: Standing) -> Decision | None:
    examined = at.case.facts.arguments
    if examined is None:
        return at.case.deny(ReasonCode.DENY_INTERNAL_ERROR, detail="the arguments were not examined")
    if examined.problem is None:
        return None
    code, detail = examined.problem
    return at.case.deny(ReasonCode(code), detail=detail)


def cut_off(at: Standing) -> Decision | None:
    """Where the server's egress is blocked, no call that names a URL passes, whatever its host."""
    examined = at.case.facts.arguments
    if not at.case.incident.egress_blocked or examined is None or not examined.names_url:
        return None
    return at.case.deny(ReasonCode.DENY_EGRESS_BLOCKED, detail=EGRESS_IS_BLOCKED)


def _denied_by_constraint(at: Standing) -> Decision | None:
    for grant in at.denies:
        if at.case.facts.constraints.get(grant.policy.id, "error") != "fail":
            return at.case.deny(ReasonCode.DENY_NO_PERMISSION, policy_id=grant.policy.id)
    return None


def _constraint_holds(grant: IndexedGrant, facts: Facts) -> bool:
    return grant.constraint is None or facts.constraints.get(grant.policy.id) == "pass"


def _room(bucket: str, rate: Rate | None, facts: Facts) -> bool:
    return rate is None or (has_room(rate.count) and has_room(facts.rates.get(bucket, rate.count)))


def _out_of_rate(at: Standing, buckets: Mapping[str, Rate | None]) -> Decision:
    left = at.case.facts.rates
    waits = [wait_s(rate, left.get(name, rate.count)) for name, rate in buckets.items() if rate is not None]
    known = [wait for wait in waits if wait is not None]
    return replace(at.case.deny(ReasonCode.DENY_RATE_LIMIT), retry_after_s=min(known, default=None))


def _weigh(at: Standing, grant: IndexedGrant) -> Decision:
    allowed = min(grant.policy.max_risk, at.case.index.snapshot.trust.ceiling, key=lambda r: r.rank)
    if at.risk.rank <= allowed.rank:
        return at.case.answer("allow", ReasonCode.ALLOW_POLICY_MATCH, policy_id=grant.policy.id)
    detail = f"{at.risk} is above {allowed}"
    return at.case.answer("require_approval", ReasonCode.REQUIRE_APPROVAL, detail=detail, policy_id=grant.policy.id)
