"""What the arguments of one call say: against the tool, and against each constraint that could decide."""

import orjson

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.policy.arguments import ArgumentFacts, examine
from enforcer.policy.call import Call
from enforcer.policy.case import effective_risk
from enforcer.policy.decision import Check
from enforcer.policy.grants import IndexedGrant
from enforcer.policy.index import Index
from enforcer.policy.paths import Real
from enforcer.policy.schema import MAX_TEXT, CompiledSchema

__all__ = ["Real", "argument_facts"]


def argument_facts(
    index: Index, call: Call, arguments: JsonObject, real: Real | None
) -> tuple[ArgumentFacts, dict[str, Check]]:
    """For a call that stands. `real` resolves a path's links on disk, none where the disk can't be seen.

    Raises `KeyError` for a tool that the index lacks.
    """
    tool = index.tools[call.tool]
    found = examine(tool.compiled, arguments, real=real)
    if found.problem is not None:  # step 3 refuses, no constraint is asked
        return found, {}
    risk = effective_risk(tool.policy.risk, found)
    mine = index.principal(call.caller.subject, call.caller.issuer).grants_for(tool.policy, risk)
    return found, {g.policy.id: _check(g, arguments, found) for g in mine if g.constraint is not None}


def _check(grant: IndexedGrant, sent: JsonObject, found: ArgumentFacts) -> Check:
    """An allow must hold for what was resolved; a deny applies to what was sent or resolved, or can't be judged."""
    constraint = grant.constraint
    if not isinstance(constraint, CompiledSchema):
        return "error"
    read = (found.resolved, sent) if grant.denies else (found.resolved,)
    answers = {_judged(constraint, arguments) for arguments in read}
    return "pass" if "pass" in answers else "error" if "error" in answers else "fail"


def _judged(constraint: CompiledSchema, arguments: JsonValue) -> Check:
    if constraint.satisfied(arguments):
        return "pass"
    too_much = constraint.flat.heavy_patterns and len(orjson.dumps(arguments)) > MAX_TEXT
    return "error" if too_much else "fail"  # `satisfied` says no to what it doesn't look at
