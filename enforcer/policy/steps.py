"""The way of one decision, step by step: for whoever asks why. Told of what `decide` was given and what it answered.

The order is the one in which `standing`, `decide` and `at_the_credential` look, so the step that stopped says that all
before it passed.
"""

from dataclasses import dataclass
from typing import Literal

from enforcer.contract.reasons import EXPLANATIONS, ReasonCode
from enforcer.policy.call import Call
from enforcer.policy.decision import Decision, Facts
from enforcer.policy.index import SERVER_BUCKET, Index

Outcome = Literal["passed", "stopped", "approval", "unreached"]
_R = ReasonCode
STEPS: tuple[tuple[str, tuple[ReasonCode, ...]], ...] = (
    ("policy", (_R.DENY_POLICY_UNAVAILABLE, _R.DENY_POLICY_STALE)),
    ("principal", (_R.DENY_INVALID_TOKEN,)),
    ("kill switch", (_R.DENY_KILL_SWITCH,)),
    ("tool", (_R.DENY_TOOL_NOT_FOUND,)),
    ("review", (_R.DENY_TOOL_UNREVIEWED, _R.DENY_TOOL_CHANGED)),
    ("grants", (_R.DENY_NO_MATCHING_RULE,)),
    ("schema", (_R.DENY_UNKNOWN_FIELDS, _R.DENY_INVALID_ARGUMENTS, _R.DENY_INTERNAL_ERROR)),
    ("paths", (_R.DENY_PATH_TRAVERSAL,)),
    ("URLs", (_R.DENY_EGRESS_BLOCKED,)),
    ("denies", ()),
    ("constraint", (_R.DENY_ARGUMENT_CONSTRAINT,)),
    ("rate", (_R.DENY_RATE_LIMIT,)),
    ("risk", (_R.REQUIRE_APPROVAL,)),
    ("credential", (_R.DENY_PASSTHROUGH_BLOCKED, _R.DENY_CREDENTIAL_UNAVAILABLE)),
)
NAMES = tuple(name for name, _ in STEPS)
_STOPS = {code: name for name, codes in STEPS for code in codes}


@dataclass(frozen=True, slots=True)
class Step:
    """One look of the decision. `said` tells what was found there; empty where there is nothing to add."""

    name: str
    outcome: Outcome
    said: str = ""


def steps(index: Index, call: Call, facts: Facts, decision: Decision, now: float) -> tuple[Step, ...]:
    """Every step in order; those after the one that stopped were not reached. `now` is that of the decision."""
    end = stopped_at(index, decision)
    found: list[Step] = []
    over = False
    for name in NAMES:
        if over:
            found.append(Step(name, "unreached"))
            continue
        over = name == end
        how: Outcome = "passed" if not over else "approval" if decision.result == "require_approval" else "stopped"
        found.append(Step(name, how, _why(decision) if over else _said(name, index, call, facts, decision, now)))
    return tuple(found)


def stopped_at(index: Index, decision: Decision) -> str | None:
    """The name of the step that refused or asked; none where the call is allowed."""
    if decision.result == "allow":
        return None
    main = decision.reasons[0]
    if main is not ReasonCode.DENY_NO_PERMISSION:
        return _STOPS[main]
    if ReasonCode.INCIDENT_SESSION_QUARANTINED in decision.reasons:
        return "principal"
    deny = next((grant for grant in index.snapshot.grants if grant.id == decision.policy_id), None)
    return "denies" if deny is not None and deny.constraint is not None else "grants"


def _why(decision: Decision) -> str:
    more_exact = next((code for code in decision.reasons if code is _R.INCIDENT_SESSION_QUARANTINED), None)
    said = EXPLANATIONS[more_exact or decision.reasons[0]].message
    about = [decision.detail, *decision.kill_switch_ids]
    if decision.policy_id and decision.reasons[0] is _R.DENY_NO_PERMISSION:
        about.append(f"grant {decision.policy_id}")
    if decision.retry_after_s is not None:
        about.append(f"again in {decision.retry_after_s:.1f} s")
    known = [each for each in about if each]
    return f"{said} ({', '.join(known)})" if known else said


def _said(name: str, index: Index, call: Call, facts: Facts, decision: Decision, now: float) -> str:
    looked = facts.arguments
    if name == "policy":
        return "" if facts.lease_age_s is None else f"news {facts.lease_age_s:.1f} s old"
    if name == "grants":
        tool = index.tools[call.tool].policy
        mine = index.principal(call.caller.subject, call.caller.issuer).grants_for(tool, decision.risk or tool.risk)
        return ", ".join(grant.policy.id for grant in mine if not grant.denies and grant.holds_at(now))
    if name == "paths" and looked is not None:
        return ", ".join(f"{pointer} is {path}" for pointer, path in looked.paths)
    if name == "URLs" and looked is not None:
        return ", ".join(f"{pointer} is on {host}" for pointer, host in looked.urls)
    if name == "constraint":
        return ", ".join(f"{grant}: {answer}" for grant, answer in sorted(facts.constraints.items()))
    if name == "rate":
        return ", ".join(f"{_bucket(bucket)}: {max(0, left):g} left" for bucket, left in sorted(facts.rates.items()))
    if name == "risk" and decision.risk is not None:
        return f"{decision.risk}, by grant {decision.policy_id}"
    return ""


def _bucket(name: str) -> str:
    return "the server's" if name == SERVER_BUCKET else name
