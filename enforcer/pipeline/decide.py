"""Stage: the decision, and the same decision again right before the message is sent.

Nothing is awaited between reading a bucket and taking from it, so that two calls never share a token; a rate that
enforcers share is asked for before, and counted after.
"""

from collections.abc import Mapping
from dataclasses import replace

from enforcer.contract.reasons import ReasonCode
from enforcer.mcp.answers import Answer
from enforcer.mcp.methods import Treatment
from enforcer.pipeline import replies
from enforcer.pipeline.facts import disk_view
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.transaction import Transaction, Verdict
from enforcer.policy import recorded
from enforcer.policy.access import access
from enforcer.policy.call import NO_TOOL, Call
from enforcer.policy.decide import buckets_of, charged, cut_off
from enforcer.policy.decision import Decision, Definition, Facts
from enforcer.policy.index import Index
from enforcer.policy.judge import judge
from enforcer.policy.rates import Rate
from enforcer.policy.standing import standing


async def decide_call(gate: Gate, tx: Transaction) -> Answer | None:
    """A tool call by `decide`, every other method by `access`; what is allowed is charged to its rate."""
    rates = buckets_of(_index(tx), tx.call) if tx.tool is not None else {}
    elsewhere = await _left_elsewhere(gate, tx.call, rates)
    decision = _decide(gate, tx, _left(gate, tx.call, rates, elsewhere))
    while decision.result == "allow":
        names = charged(_index(tx), decision)
        if await _charge(gate, tx.call, {name: rates[name] for name in names if name in rates}):
            break
        elsewhere |= {name: 0.0 for name in names if name in elsewhere}  # others took the last token meanwhile
        decision = _decide(gate, tx, _left(gate, tx.call, rates, elsewhere))
    _keep(tx, decision)
    tx.decided_in = gate.monotonic() - tx.began
    return (
        None
        if decision.result == "allow"
        else replies.deny(gate, tx, Verdict.of(_explained(gate, decision, elsewhere)))
    )


async def decide_again(gate: Gate, tx: Transaction) -> Answer | None:
    """If policy, incident state or the tool's definition moved meanwhile, the newer word counts."""
    newest = gate.link.current(tx.server_id)
    definition = _definition(gate, tx)
    assert tx.facts is not None
    same = newest is tx.policy and definition == tx.facts.definition
    if same and refused_now(gate, tx.call, tx.facts) is None:  # news may have grown too old while it waited
        return None
    tx.policy = newest or tx.policy
    decision = _decide(gate, tx, tx.facts.rates)  # charged already
    _keep(tx, decision)
    if tx.flight is not None:
        tx.flight.facts = tx.facts
    return None if decision.result == "allow" else replies.deny(gate, tx, Verdict.of(decision))


async def _left_elsewhere(gate: Gate, call: Call, rates: Mapping[str, Rate]) -> dict[str, float]:
    """Tokens of what isn't counted here alone: by all workers in the process above, by all enforcers in Redis."""
    if not rates:
        return {}
    among_workers = {} if gate.worker_rates is None else await gate.worker_rates.left(call, rates)
    shared = _shared(rates)
    if not shared:
        return among_workers
    found = dict.fromkeys(shared, 0.0) if gate.shared_rates is None else await gate.shared_rates.left(call, shared)
    return among_workers | {name: min(tokens, among_workers.get(name, tokens)) for name, tokens in found.items()}


def _shared(rates: Mapping[str, Rate]) -> dict[str, Rate]:
    return {name: rate for name, rate in rates.items() if rate.shared}


def _left(gate: Gate, call: Call, rates: Mapping[str, Rate], elsewhere: Mapping[str, float]) -> dict[str, float]:
    """Tokens by bucket: of this process, and no more than what is left elsewhere."""
    own = gate.buckets.left(call, rates, gate.monotonic())
    return recorded.tokens({name: min(tokens, elsewhere.get(name, tokens)) for name, tokens in own.items()})


async def _charge(gate: Gate, call: Call, rates: Mapping[str, Rate]) -> bool:
    """One token of each; False, and none but those in Redis is gone, where one was not to be had."""
    gate.buckets.take(call, rates, rates, gate.monotonic())
    if await _charge_elsewhere(gate, call, rates):
        return True
    gate.buckets.give_back(call, rates, rates)
    return False


async def _charge_elsewhere(gate: Gate, call: Call, rates: Mapping[str, Rate]) -> bool:
    shared, workers = _shared(rates), gate.worker_rates if rates else None
    if workers is not None and not await workers.take(call, rates):
        return False
    if not shared or (gate.shared_rates is not None and await gate.shared_rates.take(call, shared)):
        return True
    if workers is not None:
        workers.give_back(call, rates)
    return False


def _explained(gate: Gate, decision: Decision, elsewhere: Mapping[str, float]) -> Decision:
    """A rate that can't be counted says so."""
    trouble = gate.shared_rates.problem() if gate.shared_rates is not None else ""
    trouble = (gate.worker_rates.problem() if gate.worker_rates is not None else "") or trouble
    if not elsewhere or not trouble or decision.reasons[0] is not ReasonCode.DENY_RATE_LIMIT:
        return decision
    return replace(decision, detail=f"the shared rate can't be counted, {trouble}")


def refused_now(gate: Gate, call: Call, facts: Facts) -> Decision | None:
    """Whether what is in flight would be refused by now; of its arguments only the risk and the URLs count."""
    policy = gate.link.current(call.server_id)
    if policy is None:
        lost = (ReasonCode.DENY_POLICY_UNAVAILABLE,)
        return Decision("deny", lost, lost, detail="no policy is in force any more")
    age, now = gate.link.lease_age(call.server_id), gate.wall()
    if call.tool == NO_TOOL:
        decision = access(policy.index, policy.incident, call.caller, call.enforcer_id, age, now)
        return None if decision.result == "allow" else decision
    found = standing(policy.index, policy.incident, call, replace(facts, lease_age_s=age), now)
    return found if isinstance(found, Decision) else cut_off(found)


def _decide(gate: Gate, tx: Transaction, rates: Mapping[str, float]) -> Decision:
    assert tx.policy is not None
    assert tx.admitted is not None
    index, incident = tx.policy.index, tx.policy.incident
    age, now = recorded.age(gate.link.lease_age(tx.server_id)), recorded.moment(gate.wall())
    tx.decided_at = now
    if tx.admitted.treatment is not Treatment.CALL:
        tx.facts = Facts(age)
        return access(index, incident, tx.call.caller, tx.enforcer_id, age, now)
    decision, tx.facts = judge(
        index,
        incident,
        tx.call,
        tx.arguments or {},
        before=Facts(age, _definition(gate, tx)),
        rates=rates,
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
