"""Stage: the decision, and the same decision again right before the message is sent.

Nothing is awaited between reading a bucket and taking from it, so that two calls never share a token.
"""

from dataclasses import replace

from enforcer.contract.reasons import ReasonCode
from enforcer.mcp.answers import Answer
from enforcer.mcp.methods import Treatment
from enforcer.pipeline import replies
from enforcer.pipeline.facts import disk_view
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.transaction import Transaction, Verdict
from enforcer.policy.access import access
from enforcer.policy.call import NO_TOOL, Call
from enforcer.policy.decide import buckets_of, charged
from enforcer.policy.decision import Decision, Definition, Facts
from enforcer.policy.index import Index
from enforcer.policy.judge import judge
from enforcer.policy.standing import standing


async def decide_call(gate: Gate, tx: Transaction) -> Answer | None:
    """A tool call by `decide`, every other method by `access`; what is allowed is charged to its rate."""
    decision = _decide(gate, tx)
    _keep(tx, decision)
    tx.decided_in = gate.monotonic() - tx.began
    if decision.result != "allow":
        return replies.deny(gate, tx, Verdict.of(decision))
    rates = buckets_of(_index(tx), tx.call) if tx.tool is not None else {}
    gate.buckets.take(tx.call, rates, charged(_index(tx), decision), gate.monotonic())
    return None


async def decide_again(gate: Gate, tx: Transaction) -> Answer | None:
    """If policy, incident state or the tool's definition moved meanwhile, the newer word counts."""
    newest = gate.link.current(tx.server_id)
    definition = _definition(gate, tx)
    assert tx.facts is not None
    same = newest is tx.policy and definition == tx.facts.definition
    if same and refused_now(gate, tx.call, tx.facts) is None:  # news may have grown too old while it waited
        return None
    tx.policy = newest or tx.policy
    charged_already = tx.facts.rates
    decision = _decide(gate, tx, rates=dict(charged_already))
    _keep(tx, decision)
    if tx.flight is not None:
        tx.flight.facts = tx.facts
    return None if decision.result == "allow" else replies.deny(gate, tx, Verdict.of(decision))


def refused_now(gate: Gate, call: Call, facts: Facts) -> Decision | None:
    """Whether what is in flight would be refused by now; of its arguments only the risk that they raised counts."""
    policy = gate.link.current(call.server_id)
    if policy is None:
        lost = (ReasonCode.DENY_POLICY_UNAVAILABLE,)
        return Decision("deny", lost, lost, detail="no policy is in force any more")
    age, now = gate.link.lease_age(call.server_id), gate.wall()
    if call.tool == NO_TOOL:
        decision = access(policy.index, policy.incident, call.caller, call.enforcer_id, age, now)
        return None if decision.result == "allow" else decision
    found = standing(policy.index, policy.incident, call, replace(facts, lease_age_s=age), now)
    return found if isinstance(found, Decision) else None


def _decide(gate: Gate, tx: Transaction, rates: dict[str, float] | None = None) -> Decision:
    assert tx.policy is not None
    assert tx.admitted is not None
    index, incident = tx.policy.index, tx.policy.incident
    age, now = gate.link.lease_age(tx.server_id), gate.wall()
    tx.decided_at = now
    if tx.admitted.treatment is not Treatment.CALL:
        tx.facts = Facts(age)
        return access(index, incident, tx.call.caller, tx.enforcer_id, age, now)
    left = gate.buckets.left(tx.call, buckets_of(index, tx.call), gate.monotonic()) if rates is None else rates
    decision, tx.facts = judge(
        index,
        incident,
        tx.call,
        tx.arguments or {},
        before=Facts(age, _definition(gate, tx)),
        rates=left,
        real=disk_view(index.snapshot.server.workspace),
        now=now,
    )
    return decision


def _keep(tx: Transaction, decision: Decision) -> None:
    tx.verdict = Verdict.of(decision)


def _definition(gate: Gate, tx: Transaction) -> Definition:
    assert tx.policy is not None
    return gate.catalog(tx.server_id).definition(tx.policy.index, tx.tool) if tx.tool else "unseen"


def _index(tx: Transaction) -> Index:
    assert tx.policy is not None
    return tx.policy.index
