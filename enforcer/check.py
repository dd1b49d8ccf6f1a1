"""`enforcer check`: what the gate would answer, from the verified copy on disk. Touches neither journal nor rates."""

import sys

from enforcer.config import Config
from enforcer.contract import strict_json
from enforcer.contract.reasons import ReasonCode, explanation
from enforcer.contract.strict_json import JsonObject
from enforcer.errors import ConfigurationError
from enforcer.identity.tokens import TokenProblem, verify_token
from enforcer.link import clocks, store
from enforcer.link.local_stop import read_stop, with_stop
from enforcer.link.state import Applied, applied
from enforcer.pipeline.facts import disk_view
from enforcer.policy.access import access
from enforcer.policy.call import Call, Caller
from enforcer.policy.credential import at_the_credential
from enforcer.policy.decision import Decision, Facts
from enforcer.policy.index import build_index
from enforcer.policy.judge import judge
from enforcer.policy.steps import Step, steps


def check(config: Config, *, token: str, server: str | None, tool: str, arguments: str) -> int:
    """Prints the decision; exit code 0 where the call would pass, 1 where it would not."""
    server_id = config.server_named(server)
    sent = _arguments(arguments)
    known = _on_disk(config, server_id)
    if known is None:
        return _say("deny", (ReasonCode.DENY_POLICY_UNAVAILABLE,), f"no verified policy in {config.data_dir}")
    policy, age = known
    now = clocks.read_clocks().wall
    caller = verify_token(token, snapshot=policy.index.snapshot, now=now)
    if isinstance(caller, TokenProblem):
        return _say("deny", (ReasonCode.DENY_INVALID_TOKEN, ReasonCode.DENY_NO_AUTHN), caller.detail)
    call = Call(config.enforcer_id, server_id, tool, caller)
    decision, facts = _decide(policy, call, sent, age, now)
    decision = at_the_credential(policy.index, decision)
    way = [_step(each) for each in steps(policy.index, call, facts, decision, now)]
    return _say(decision.result, decision.reasons, "\n".join((_about(decision, caller), *way)))


def _decide(policy: Applied, call: Call, sent: JsonObject, age: float | None, now: float) -> tuple[Decision, Facts]:
    index, incident = policy.index, policy.incident
    at_all = access(index, incident, call.caller, call.enforcer_id, age, now)
    if ReasonCode.DENY_INVALID_TOKEN in at_all.reasons:
        return at_all, Facts(age)
    real = disk_view(index.snapshot.server.workspace)
    return judge(index, incident, call, sent, before=Facts(age), rates={}, real=real, now=now)


def _step(step: Step) -> str:
    how = {"passed": "ok", "stopped": "NO", "approval": "ASK", "unreached": "-"}[step.outcome]
    return f"  {step.name:<12} {how:<4} {step.said}".rstrip()


def _on_disk(config: Config, server_id: str) -> tuple[Applied, float | None] | None:
    """The policy in force as the disk has it, and the age of its lease."""
    roots = {key.keyid: key for key in config.root_keys}
    memory = store.read(config.data_dir / store.NAME, (server_id,), roots, build_index)
    if not isinstance(memory, store.Memory) or server_id not in memory.servers:
        return None
    pair, now = memory.servers[server_id].applied, clocks.read_clocks()
    if pair is None:
        return None
    policy = with_stop(applied(pair), read_stop(config.data_dir))
    behind = memory.greatest_wall - now.wall > clocks.BEHIND_S
    return policy, None if behind else clocks.since(policy.issued_at, policy.arrived, now)


def _arguments(text: str) -> JsonObject:
    try:
        return strict_json.parse_object(text.encode("utf-8", "surrogateescape"))
    except strict_json.StrictJsonError as problem:
        raise ConfigurationError(f"command line:1: --args: {problem}; write a JSON object") from None


def _about(decision: Decision, caller: Caller) -> str:
    parts = [
        f"principal {caller.subject!r} of {caller.issuer}",
        f"snapshot {decision.snapshot_version}",
        f"incident epoch {decision.incident_epoch}",
        f"risk {decision.risk or 'unknown'}",
        f"grant {decision.policy_id or 'none'}",
        *([decision.detail] if decision.detail else []),
    ]
    return ", ".join(parts)


def _say(result: str, reasons: tuple[ReasonCode, ...], about: str) -> int:
    message, remedy = explanation(reasons)
    sys.stdout.write(f"{result}  {' '.join(reasons)}\n{message} {remedy}\n{about}\n")
    return 0 if result == "allow" else 1
