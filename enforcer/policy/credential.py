"""Whether a call that is allowed may be sent at all, by the credential that somebody chose for its server.

The client's own token never goes there. A mode that this version does not serve is refused at save, and here once more.
"""

from dataclasses import replace

from enforcer.contract.reasons import ReasonCode
from enforcer.policy.decision import Decision
from enforcer.policy.index import Index


def credential_refusal(index: Index) -> ReasonCode | None:
    """Why nothing is sent to this server; none where it may be."""
    mode = index.snapshot.server.credential.mode
    if mode == "none":
        return None
    return ReasonCode.DENY_PASSTHROUGH_BLOCKED if mode == "unset" else ReasonCode.DENY_CREDENTIAL_UNAVAILABLE


def at_the_credential(index: Index, decision: Decision) -> Decision:
    """What becomes of an allowed call behind the decision; every other decision stays."""
    refusal = credential_refusal(index) if decision.result == "allow" else None
    return decision if refusal is None else replace(decision, result="deny", reasons=(refusal,), told=(refusal,))
