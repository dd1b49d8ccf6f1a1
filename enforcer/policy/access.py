"""What a caller may do besides calling a tool: reach the server at all, and see the tools that it could call."""

from collections.abc import Collection

from enforcer.contract.incident import Incident
from enforcer.contract.reasons import ReasonCode
from enforcer.policy.call import NO_TOOL, Call, Caller
from enforcer.policy.case import open_case
from enforcer.policy.decision import Decision, Facts
from enforcer.policy.index import Index
from enforcer.policy.standing import Standing, no_incident_state, passes, standing


def access(
    index: Index, incident: Incident | None, caller: Caller, enforcer_id: str, lease_age_s: float | None, now: float
) -> Decision:
    """For lists, pings and every method that calls no tool: policy fresh, caller trusted, nothing of it killed."""
    if incident is None:
        return no_incident_state(index)
    call = Call(enforcer_id, index.snapshot.server_id, NO_TOOL, caller)
    case = open_case(index, incident, call, Facts(lease_age_s), now)
    return passes(case) or case.answer("allow", ReasonCode.ALLOW_POLICY_MATCH)


def visible_tools(
    index: Index,
    incident: Incident | None,
    caller: Caller,
    enforcer_id: str,
    lease_age_s: float | None,
    now: float,
    among: Collection[str] | None = None,
) -> frozenset[str]:
    """Names of the tools, of all or of those given, whose call only its arguments, rates or risk could stop."""
    facts = Facts(lease_age_s)
    server_id, principal = index.snapshot.server_id, index.principal(caller.subject, caller.issuer)
    names = principal.spoken_of(index.tools if among is None else among)
    calls = (Call(enforcer_id, server_id, name, caller) for name in names)
    return frozenset(c.tool for c in calls if isinstance(standing(index, incident, c, facts, now), Standing))
