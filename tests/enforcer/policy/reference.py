"""A second, naive `decide`, from DESIGN section 5 and CONTRACTS sections 4 and 5 alone: no index, no shortcuts."""

import re
from datetime import datetime

from enforcer.contract.incident import Incident
from enforcer.contract.reasons import ReasonCode as R
from enforcer.contract.snapshot import GrantPolicy, Snapshot, ToolPolicy
from enforcer.policy.call import Call
from enforcer.policy.decision import Facts

RANKS = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
Answer = tuple[str, tuple[R, ...], tuple[R, ...], str | None]  # result, reasons, told, policy id


def decide_reference(snapshot: Snapshot, incident: Incident | None, call: Call, facts: Facts, now: float) -> Answer:
    if incident is None or snapshot.server_id != call.server_id or incident.server_id != call.server_id:
        return deny(R.DENY_POLICY_UNAVAILABLE)
    tool = next((t for t in snapshot.tools if t.name == call.tool), None)
    critical = tool is not None and facts.arguments is not None and facts.arguments.risk == "CRITICAL"
    risk = "CRITICAL" if critical else tool.risk if tool else None
    grants = matching(snapshot, call, tool, risk, now)
    allows = [g for g in grants if g.effect == "allow"]
    hidden = R.DENY_TOOL_NOT_FOUND if tool is None else None if allows else R.DENY_NO_MATCHING_RULE

    stale = stale_reason(snapshot, facts, risk, now)
    if stale:
        return deny(stale)
    who = call.caller
    gone = [(r.subject, r.issuer) for r in incident.revoked_principals]
    if who.token_id in incident.revoked_tokens or (who.subject, who.issuer) in gone:
        return deny(R.DENY_INVALID_TOKEN, R.INCIDENT_TOKENS_REVOKED)
    known = [f"principal:{who.subject}", f"session:{who.session_id}"]
    if any(q in known or q.split(":")[0] not in ("principal", "session") for q in incident.quarantined):
        return deny(R.DENY_NO_PERMISSION, R.INCIDENT_SESSION_QUARANTINED)
    if any(kills(k.target, snapshot, call, tool, risk) for k in incident.kill_switches):
        return deny(R.DENY_KILL_SWITCH, R.INCIDENT_KILL_SWITCH_ACTIVE, hidden=hidden)
    if tool is None:
        return deny(R.DENY_TOOL_NOT_FOUND)
    unpinned = not tool.declared and not tool.pin and snapshot.trust.pins == "required"
    if unpinned or tool.state in ("unreviewed", "quarantined"):
        return deny(R.DENY_TOOL_UNREVIEWED, hidden=hidden)
    if tool.state == "changed" or facts.definition == "changed":
        return deny(R.DENY_TOOL_CHANGED, hidden=hidden)
    return by_grants(snapshot, incident, facts, risk or "CRITICAL", grants)


def by_grants(snapshot: Snapshot, incident: Incident, facts: Facts, risk: str, grants: list[GrantPolicy]) -> Answer:
    denies = sorted((g for g in grants if g.effect == "deny"), key=lambda g: g.id)
    allows = [g for g in grants if g.effect == "allow"]
    for grant in denies:  # (1)
        if grant.constraint is None:
            return deny(R.DENY_NO_PERMISSION, by=grant.id)
    if not allows:  # (2)
        return deny(R.DENY_NO_MATCHING_RULE)
    if facts.arguments is None:
        return deny(R.DENY_INTERNAL_ERROR)
    if facts.arguments.problem:  # (3)
        return deny(R(facts.arguments.problem[0]))
    if incident.egress_blocked and facts.arguments.names_url:
        return deny(R.DENY_EGRESS_BLOCKED)
    for grant in denies:  # (4)
        if facts.constraints.get(grant.id) != "fail":
            return deny(R.DENY_NO_PERMISSION, by=grant.id)
    held = [g for g in allows if g.constraint is None or facts.constraints.get(g.id) == "pass"]  # (5)
    if not held:
        return deny(R.DENY_ARGUMENT_CONSTRAINT)
    held = [g for g in held if room(g.id, g.rate, facts)]  # (6)
    if not held or not room("server", snapshot.server.limits.rate, facts):
        return deny(R.DENY_RATE_LIMIT)
    highest = max(RANKS.index(g.max_risk) for g in held)  # (7)
    named = min(g.id for g in held if RANKS.index(g.max_risk) == highest)
    if RANKS.index(risk) > highest or RANKS.index(risk) > RANKS.index(snapshot.trust.ceiling):  # (8)
        return ("require_approval", (R.REQUIRE_APPROVAL,), (R.REQUIRE_APPROVAL,), named)
    return ("allow", (R.ALLOW_POLICY_MATCH,), (R.ALLOW_POLICY_MATCH,), named)


def deny(*reasons: R, hidden: R | None = None, by: str | None = None) -> Answer:
    return ("deny", reasons, (hidden,) if hidden else reasons, by)


def stale_reason(snapshot: Snapshot, facts: Facts, risk: str | None, now: float) -> R | None:
    if (age := facts.lease_age_s) is None:
        return R.DENY_POLICY_UNAVAILABLE
    fresh = now < seconds(snapshot.expires_at) and 0 <= age <= snapshot.trust.stale_all_s
    if risk in ("HIGH", "CRITICAL"):
        fresh = fresh and age <= snapshot.trust.stale_high_s
    return None if fresh else R.DENY_POLICY_STALE


def matching(
    snapshot: Snapshot, call: Call, tool: ToolPolicy | None, risk: str | None, now: float
) -> list[GrantPolicy]:
    who = [p for p in snapshot.principals if (p.subject, p.issuer) == (call.caller.subject, call.caller.issuer)]
    if tool is None or not who:
        return []
    mine = [g for g in snapshot.grants if g.id in who[0].grants]
    return [g for g in mine if in_window(g, now) and selects(g, tool, risk)]


def selects(grant: GrantPolicy, tool: ToolPolicy, risk: str | None) -> bool:
    risks = [tool.risk, risk] if grant.effect == "deny" else [tool.risk]
    by_risk = grant.risk is None or grant.risk in risks
    if grant.tools:
        return by_risk and any(glob(pattern, tool.name) for pattern in grant.tools)
    return by_risk and grant.risk is not None


def in_window(grant: GrantPolicy, now: float) -> bool:
    try:
        after = grant.not_before is None or seconds(grant.not_before) <= now
        before = grant.not_after is None or now < seconds(grant.not_after)
    except ValueError:
        return grant.effect == "deny"
    return after and before


def kills(target: str, snapshot: Snapshot, call: Call, tool: ToolPolicy | None, risk: str | None) -> bool:
    kind, _, name = target.partition(":")
    who = call.caller
    mine = [p.groups for p in snapshot.principals if (p.subject, p.issuer) == (who.subject, who.issuer)]
    if kind == "tool" and "/" in name:
        return name.split("/", 1)[0] == call.server_id and glob(name.split("/", 1)[1], call.tool)
    concerned: dict[str, list[str | None]] = {
        "server": [call.server_id],
        "credential": [call.server_id],
        "risk": [tool.risk if tool else None, risk],
        "trust": [snapshot.trust.name],
        "principal": [who.subject],
        "group": [*mine[0]] if mine else [],
        "session": [who.session_id],
        "enforcer": [call.enforcer_id],
    }
    return kind not in concerned or name in concerned[kind]


def room(bucket: str, rate: str | None, facts: Facts) -> bool:
    if rate is None:
        return True
    return (
        re.fullmatch(r"[1-9][0-9]*/(second|minute|hour|day)( shared)?", rate) is not None
        and facts.rates.get(bucket, 1) >= 1
    )


def glob(pattern: str, name: str) -> bool:
    return (
        re.fullmatch("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern), name, re.DOTALL) is not None
    )


def seconds(text: str) -> float:
    if not text.endswith("Z"):
        raise ValueError(text)
    return datetime.fromisoformat(text).timestamp()
