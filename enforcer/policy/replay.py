"""A receipt's decision made once more, from the documents that it names and the facts that it keeps. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import msgspec

from enforcer.contract.incident import Incident, KillSwitch
from enforcer.contract.reasons import ReasonCode
from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.policy.access import access
from enforcer.policy.call import Call, Caller
from enforcer.policy.credential import at_the_credential
from enforcer.policy.decide import decide
from enforcer.policy.decision import Decision, Facts
from enforcer.policy.index import Index
from enforcer.policy.recorded import NotRecorded, facts_from_json

# What stops an allowed message behind the decision: no policy says so
_BEHIND = {
    ReasonCode.DENY_AUDIT_UNAVAILABLE,
    ReasonCode.DENY_INTERNAL_ERROR,
    ReasonCode.DENY_METHOD_NOT_ALLOWED,
    ReasonCode.DENY_MALFORMED_REQUEST,
    *(ReasonCode.DENY_POLICY_STALE, ReasonCode.DENY_POLICY_UNAVAILABLE),  # the news grew old while it waited
}
_BEHIND_A_LIST = {  # or a stream: too many at once, or no longer borne by its token
    *_BEHIND,
    *(ReasonCode.DENY_RATE_LIMIT, ReasonCode.DENY_INVALID_TOKEN),
}
Verdict = Literal["same", "behind", "other"]


@dataclass(frozen=True, slots=True)
class Question:
    """What a receipt says was asked, and of which documents. `tool` is none for what calls no tool."""

    call: Call
    tool: str | None
    facts: Facts
    now: float
    snapshot_version: int
    incident_epoch: int


@dataclass(frozen=True, slots=True)
class Replay:
    """`same`: the receipt's own result and reasons; `behind`: allowed, and stopped or refused afterwards."""

    verdict: Verdict
    decision: Decision


def question(receipt: JsonObject) -> Question:
    """Raises `NotRecorded` where policy was not asked, or not kept."""
    facts, now = facts_from_json(_part(receipt, "facts"))
    mcp, who, decision = (_part(receipt, name) for name in ("mcp", "principal", "decision"))
    version, epoch = decision.get("snapshot_version"), decision.get("incident_epoch")
    tool = mcp.get("tool_name") if mcp.get("method") == "tools/call" else None
    if not isinstance(version, int) or not isinstance(epoch, int):
        raise NotRecorded("it names no policy")
    caller = Caller(
        subject=_text(who, "sub"),
        issuer=_text(who, "issuer"),
        token_id=_text(_part(receipt, "facts"), "token_id") or None,
        session_id=_text(_part(receipt, "facts"), "session_id") or None,
    )
    call = Call(_text(receipt, "enforcer_id"), _text(mcp, "server_id"), str(tool or ""), caller)
    return Question(call, tool if isinstance(tool, str) else None, facts, now, version, epoch)


def replay(receipt: JsonObject, asked: Question, index: Index, incident: Incident) -> Replay:
    """The same question to the same policy."""
    incident = _with_stop_of_the_host(receipt, incident)
    if asked.tool is None:
        age = asked.facts.lease_age_s
        made = access(index, incident, asked.call.caller, asked.call.enforcer_id, age, asked.now)
    else:
        made = at_the_credential(index, decide(index, incident, asked.call, asked.facts, asked.now))
    return Replay(_verdict(receipt, made, _BEHIND_A_LIST if asked.tool is None else _BEHIND), made)


def _verdict(receipt: JsonObject, made: Decision, behind: Collection[str]) -> Verdict:
    decision = _part(receipt, "decision")
    reasons = decision.get("reason_codes")
    if decision.get("result") == made.result and reasons == [str(code) for code in made.reasons]:
        return "same" if decision.get("policy_id") == made.policy_id else "other"
    first = reasons[0] if isinstance(reasons, list) and reasons else ""
    stopped_later = "outcome" in receipt or first in behind
    return "behind" if made.result == "allow" and stopped_later else "other"


def _with_stop_of_the_host(receipt: JsonObject, incident: Incident) -> Incident:
    """`enforcer kill` stands in no document: the receipt names it beside what the document holds."""
    named = _part(receipt, "incident").get("kill_switch_ids")
    known = {switch.id for switch in incident.kill_switches}
    local = [id_ for id_ in named if isinstance(id_, str) and id_ not in known] if isinstance(named, list) else []
    switches = (*incident.kill_switches, *(KillSwitch(id=id_, target="all") for id_ in local))
    return msgspec.structs.replace(incident, kill_switches=switches)


def _part(receipt: JsonObject, name: str) -> JsonObject:
    found: JsonValue = receipt.get(name)
    return found if isinstance(found, dict) else {}


def _text(part: JsonObject, name: str) -> str:
    found = part.get(name)
    return found if isinstance(found, str) else ""
