"""A whole `tools/call` in one go, for whoever has the arguments at hand: the gate, `enforcer check`, a simulator."""

from collections.abc import Mapping
from dataclasses import replace

from enforcer.contract.incident import Incident
from enforcer.contract.strict_json import JsonObject
from enforcer.policy.call import Call
from enforcer.policy.decide import decide
from enforcer.policy.decision import Decision, Facts
from enforcer.policy.index import Index
from enforcer.policy.preflight import Real, argument_facts
from enforcer.policy.standing import Standing, standing


def judge(
    index: Index,
    incident: Incident,
    call: Call,
    arguments: JsonObject,
    *,
    before: Facts,
    rates: Mapping[str, float],
    real: Real | None,
    now: float,
) -> tuple[Decision, Facts]:
    """The decision and the facts it was made of. `before` is what is known without the arguments.

    The arguments are looked at only where everything else allows the call. `rates` are the tokens left by bucket,
    `real` resolves a path's links on disk, `now` is unix seconds.
    """
    found = standing(index, incident, call, before, now)
    if not isinstance(found, Standing):
        return found, before
    examined, constraints = argument_facts(index, call, arguments, real)
    facts = replace(before, arguments=examined, constraints=constraints, rates=rates)
    return decide(index, incident, call, facts, now), facts
