"""The incident state against one call: kill switches, revocations, quarantines.

Pure and fail closed: a target or a quarantine that can't be read concerns everybody.
"""

from functools import lru_cache

from enforcer.contract.incident import Incident, RevokedPrincipal
from enforcer.contract.levels import Risk
from enforcer.contract.targets import Target, parse_target
from enforcer.policy.call import Call, Caller
from enforcer.policy.globs import matches
from enforcer.policy.index import Index

_parse = lru_cache(maxsize=4096)(parse_target)


def kill_matches(index: Index, incident: Incident, call: Call, risk: Risk | None = None) -> tuple[str, ...]:
    """Ids of the switches that stop this call; `risk` is the call's where it is above the tool's.

    A call without a tool (a list, a ping) is stopped by none of the `tool:` and `risk:` targets.
    """
    return tuple(k.id for k in incident.kill_switches if _stops(_parse(k.target), index, call, risk))


def _stops(target: Target | str, index: Index, call: Call, risk: Risk | None) -> bool:
    if isinstance(target, str):
        return True
    name = target.name
    match target.kind:
        case "server" | "credential":
            return name == call.server_id
        case "enforcer":
            return name == call.enforcer_id
        case "trust":
            return name == index.snapshot.trust.name
        case "tool":
            return bool(call.tool) and target.server == call.server_id and matches(name, call.tool)
        case "risk":
            tool = index.tools.get(call.tool)
            return name == risk or (tool is not None and name == tool.policy.risk)
        case "principal":
            return name == call.caller.subject
        case "group":
            return name in index.principal(call.caller.subject, call.caller.issuer).groups
        case "session":
            return name == call.caller.session_id
        case _:  # all
            return True


def revoked(incident: Incident, caller: Caller) -> bool:
    """Whether the principal's tokens, or this very one, were revoked."""
    if caller.token_id is not None and caller.token_id in incident.revoked_tokens:
        return True
    return RevokedPrincipal(subject=caller.subject, issuer=caller.issuer) in incident.revoked_principals


def quarantined(incident: Incident, caller: Caller) -> bool:
    """Whether the principal or the session is set apart."""
    return any(_sets_apart(entry, caller) for entry in incident.quarantined)


def _sets_apart(entry: str, caller: Caller) -> bool:
    kind, _, name = entry.partition(":")
    if kind == "principal" and name:
        return name == caller.subject
    if kind == "session" and name:
        return name == caller.session_id
    return True
