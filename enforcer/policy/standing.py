"""Where a call stands before its arguments are looked at; the first refusal wins, in the order of DESIGN section 5.

Lists, other methods and calls pass the same functions, so what is listed is what can be called.
"""

from dataclasses import dataclass, replace

from enforcer.contract.incident import Incident
from enforcer.contract.levels import Risk
from enforcer.contract.reasons import ReasonCode
from enforcer.contract.snapshot import ToolPolicy
from enforcer.policy.call import Call
from enforcer.policy.case import Case, open_case
from enforcer.policy.decision import Decision, Facts
from enforcer.policy.grants import IndexedGrant
from enforcer.policy.index import Index, IndexedTool
from enforcer.policy.kill import kill_matches, quarantined, revoked

SEVERE = (Risk.HIGH, Risk.CRITICAL)


@dataclass(frozen=True, slots=True)
class Standing:
    """Nothing but the arguments, the rates and the risk can stop the call now. `denies` have constraints."""

    case: Case
    tool: IndexedTool
    allows: tuple[IndexedGrant, ...]
    denies: tuple[IndexedGrant, ...]
    risk: Risk


def standing(index: Index, incident: Incident | None, call: Call, facts: Facts, now: float) -> Decision | Standing:
    """The refusal that needs no arguments, or where the call stands. `now` is unix seconds."""
    if incident is None:
        return no_incident_state(index)
    case = open_case(index, incident, call, facts, now)
    refusal = passes(case)
    if refusal is not None:
        return refusal
    if case.tool is None or case.risk is None:
        return case.deny(ReasonCode.DENY_TOOL_NOT_FOUND)
    refusal = _held(case, case.tool.policy) or _ungranted(case)
    if refusal is not None:
        return refusal
    allows = tuple(g for g in case.grants if not g.denies)
    return Standing(case, case.tool, allows, tuple(g for g in case.grants if g.denies), case.risk)


def passes(case: Case) -> Decision | None:
    """Policy of this server and fresh, principal neither revoked nor quarantined, nothing killed."""
    return _ours(case) or _fresh(case) or _trusted(case) or _alive(case)


def _held(case: Case, tool: ToolPolicy) -> Decision | None:
    unpinned = tool.pin is None and not tool.declared and case.index.snapshot.trust.pins == "required"
    if tool.state in ("unreviewed", "quarantined") or unpinned:
        return case.deny_discreetly(ReasonCode.DENY_TOOL_UNREVIEWED, detail="no pin" if unpinned else tool.state)
    if tool.state != "reviewed" or case.facts.definition == "changed":
        return case.deny_discreetly(ReasonCode.DENY_TOOL_CHANGED)
    return None


def _ungranted(case: Case) -> Decision | None:
    for grant in case.grants:  # CONTRACTS section 5, steps 1 and 2
        if grant.denies and grant.constraint is None:
            return case.deny(ReasonCode.DENY_NO_PERMISSION, policy_id=grant.policy.id)
    return None if case.may_know else case.deny(ReasonCode.DENY_NO_MATCHING_RULE)


def no_incident_state(index: Index) -> Decision:
    """Without an incident state nobody knows what is killed, so everything counts as killed."""
    told = (ReasonCode.DENY_POLICY_UNAVAILABLE,)
    return Decision("deny", told, told, detail="no incident state", snapshot_version=index.snapshot.version)


def _ours(case: Case) -> Decision | None:
    server = case.index.snapshot.server_id
    if case.call.server_id == server == case.incident.server_id:
        return None
    return case.deny(ReasonCode.DENY_POLICY_UNAVAILABLE, detail="policy of another server")


def _fresh(case: Case) -> Decision | None:
    age, trust = case.facts.lease_age_s, case.index.snapshot.trust
    if age is None:
        return case.deny(ReasonCode.DENY_POLICY_UNAVAILABLE, detail="no lease")
    if not case.now < case.index.expires_at:
        return case.deny(ReasonCode.DENY_POLICY_STALE, detail="the snapshot has expired")
    limit = min(trust.stale_all_s, trust.stale_high_s) if case.risk in SEVERE else trust.stale_all_s
    if not 0 <= age <= limit:  # written so that NaN is stale
        return case.deny(ReasonCode.DENY_POLICY_STALE, detail=f"no news for more than {limit} s")
    return None


def _trusted(case: Case) -> Decision | None:
    if revoked(case.incident, case.call.caller):
        return case.deny(ReasonCode.DENY_INVALID_TOKEN, ReasonCode.INCIDENT_TOKENS_REVOKED)
    if quarantined(case.incident, case.call.caller):
        return case.deny(ReasonCode.DENY_NO_PERMISSION, ReasonCode.INCIDENT_SESSION_QUARANTINED)
    return None


def _alive(case: Case) -> Decision | None:
    killed = kill_matches(case.index, case.incident, case.call, case.risk)
    if not killed:
        return None
    decision = case.deny_discreetly(ReasonCode.DENY_KILL_SWITCH, ReasonCode.INCIDENT_KILL_SWITCH_ACTIVE)
    return replace(decision, kill_switch_ids=killed)
